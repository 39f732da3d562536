// What the pointer and the keys do over charts: one place across is read off in all of them at once.

import { place, short } from "./chart_data.js";
import { nearest, pointAt, stretch } from "./chart_lines.js";

const MOST_LINES = 12;
const LEAST_STRETCH = 0.02;

const readout = document.createElement("div");
readout.className = "readout";
readout.hidden = true;
readout.setAttribute("role", "status");
document.body.append(readout);

let here = null;

// `chosen` is told of a stretch that was dragged over, and gets null where the whole is wanted again.
export function watch(figure, chosen) {
  const plot = figure.querySelector(".plot");
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  const does = "arrow keys read it off, drag to see a part in detail";
  plot.setAttribute("aria-label", `${figure.dataset.metric}: ${does}`);
  let from = null;
  const portion = (event) => {
    const box = plot.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  plot.addEventListener("pointermove", (event) => {
    if (!figure.drawn?.scale) return;
    const at = portion(event);
    if (from !== null) stretch(figure, from, at);
    show(figure, figure.drawn.scale.of(at), event.clientX, event.clientY, event);
  });
  plot.addEventListener("pointerleave", () => {
    if (from === null) hide();
  });
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch" || !figure.drawn?.scale) return;
    from = portion(event);
    plot.setPointerCapture(event.pointerId);
  });
  plot.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const ends = [from, portion(event)].sort((a, b) => a - b);
    from = null;
    stretch(figure, null);
    if (ends[1] - ends[0] > LEAST_STRETCH) chosen(ends.map(figure.drawn.scale.of));
  });
  plot.addEventListener("dblclick", () => chosen(null));
  plot.addEventListener("keydown", (event) => key(figure, plot, event, chosen));
  plot.addEventListener("blur", hide);
}

function key(figure, plot, event, chosen) {
  if (!figure.drawn?.scale) return;
  const points = figure.drawn.lines[0]?.points ?? [];
  const last = points.length - 1;
  if (last < 0) return;
  const current = here === null ? -1 : points.indexOf(nearest(points, here));
  const next = {
    ArrowRight: Math.min(last, current + 1), ArrowLeft: Math.max(0, current - 1), Home: 0, End: last,
  }[event.key];
  if (event.key === "Escape") {
    if (readout.hidden) chosen(null);
    hide();
  } else if (next !== undefined) {
    event.preventDefault();
    const box = plot.getBoundingClientRect();
    const { left, right } = figure.drawn.scale;
    const portion = right > left ? (points[next].x - left) / (right - left) : 0.5;
    show(figure, points[next].x, box.left + portion * box.width, box.top + box.height / 3);
  }
}

function inView() {
  return [...document.querySelectorAll(".chart")].filter((figure) => {
    if (!figure.drawn) return false;
    const box = figure.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight && box.height > 0;
  });
}

function show(figure, x, left, top, event = null) {
  const own = figure.drawn.lines[0] && nearest(figure.drawn.lines[0].points, x);
  here = figure.drawn.lines.length === 1 && own ? own.x : x;
  for (const other of inView()) pointAt(other, here);
  readout.replaceChildren(heading(figure, x), values(figure, x, event));
  readout.hidden = false;
  const box = readout.getBoundingClientRect();
  const beside = left + 16 + box.width > innerWidth ? left - 16 - box.width : left + 16;
  readout.style.left = `${Math.max(4, beside)}px`;
  readout.style.top = `${Math.max(4, Math.min(top + 12, innerHeight - box.height - 4))}px`;
}

export function hide() {
  here = null;
  readout.hidden = true;
  for (const figure of inView()) pointAt(figure, null);
}

function heading(figure, x) {
  const made = document.createElement("div");
  made.className = "quiet";
  const point = figure.drawn.lines.length === 1 ? nearest(figure.drawn.lines[0].points, x) : null;
  const { settings } = figure.drawn;
  const words = settings.acrossMetric || { step: "step", time: "", relative: "after" }[settings.x];
  made.textContent = `${words} ${place(point ? point.x : x, settings)}`.trim();
  return made;
}

// The values of the lines there, those nearest to the pointer first: exact, with what smoothing made of them.
function values(figure, x, event) {
  const { lines, settings, scale } = figure.drawn;
  const found = lines
    .map((line) => ({ line, point: nearest(line.points, x) }))
    .filter((each) => each.point);
  if (event && lines.length > 1) {
    const box = figure.querySelector(".plot").getBoundingClientRect();
    const down = (100 * (event.clientY - box.top)) / box.height;
    const away = ({ point }) => (point.y === null ? Infinity : Math.abs(scale.y(point.y) - down));
    found.sort((a, b) => away(a) - away(b));
  }
  const list = document.createElement("dl");
  for (const { line, point } of found.slice(0, MOST_LINES)) {
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.className = `c${line.colour}`;
    name.textContent = lines.length === 1 && !line.runs ? figure.dataset.metric : line.name;
    value.textContent = exact(point, settings);
    list.append(name, value);
  }
  if (found.length > MOST_LINES) {
    const more = document.createElement("dt");
    more.className = "quiet";
    more.textContent = `${found.length - MOST_LINES} more`;
    list.append(more);
  }
  return list;
}

function exact(point, settings) {
  const smoothed = settings.smooth && point.y !== null ? ` (smoothed ${short(point.y)})` : "";
  if (point.low === undefined) return `${point.raw}${smoothed}`;
  return `${short(point.raw)}${smoothed} (${short(point.low)} to ${short(point.high)}, ${point.runs} runs)`;
}

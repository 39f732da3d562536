// Parallel coordinates: an axis for each column, a line for each run; a stretch of an axis picks runs.
// Drawn here and not by Plotly, whose own need WebGL, which not every machine has.

import { short } from "./chart_data.js";
import { axis, cut } from "./chart_figures.js";
import { words } from "./chart_values.js";

const SVG = "http://www.w3.org/2000/svg";
const TOP = 40;
const BOTTOM = 24;
const SIDE = 70;
const LEAST_BETWEEN = 110;
const MOST_NAMES = 12;
// Plotly's Viridis, as the other charts have it.
const VIRIDIS = [
  "#440154", "#482878", "#3e4989", "#31688e", "#26828e",
  "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
];

function element(name, attributes, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

// Draws a figure; what the colours mean, or null where no run has all values. `pointed` is told of runs.
export function drawParallel(figure, values, pointed) {
  const columns = figure.dataset.axes.split("&").map(decodeURIComponent);
  const colouredBy = figure.dataset.colour ?? columns[columns.length - 1];
  const axes = columns.map((column) => scaled(values, column));
  const shown = values.runs
    .map((run, index) => ({ run, index }))
    .filter(({ index }) => axes.every((each) => each.part[index] !== null));
  if (!shown.length) return null;
  const plot = figure.querySelector(".plot");
  plot.classList.add("of-axes");
  const width = Math.max(plot.clientWidth, 2 * SIDE + LEAST_BETWEEN * (axes.length - 1));
  const height = plot.clientHeight;
  const x = (number) => SIDE + (number * (width - 2 * SIDE)) / (axes.length - 1);
  const y = (part) => height - BOTTOM - part * (height - TOP - BOTTOM);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(element("title", {}, `${shown.length} runs by ${columns.map(words).join(", ")}`));
  const colours = scaled(values, colouredBy);
  const lines = shown.map(({ run, index }) => {
    const corners = axes.map((each, number) => `${x(number).toFixed(1)} ${y(each.part[index]).toFixed(1)}`);
    const stroke = viridis(colours.part[index]);
    const line = element("path", { class: "run", d: `M${corners.join("L")}`, stroke });
    line.append(element("title", {}, run.name));
    line.addEventListener("pointerenter", () => point(run.id));
    line.addEventListener("pointerleave", () => point(null));
    line.addEventListener("click", () => {
      location.href = `/runs/${encodeURIComponent(run.id)}`;
    });
    svg.append(line);
    return { line, run, index };
  });
  function point(id) {
    for (const { line, run } of lines) line.classList.toggle("is-here", run.id === id);
    pointed(id);
  }
  const stretches = new Map();
  const brush = () => {
    for (const { line, run, index } of lines) {
      const isIn = [...stretches].every(([number, [low, high]]) => {
        const part = axes[number].part[index];
        return part >= low && part <= high;
      });
      line.classList.toggle("is-out", !isIn);
      run.row.hidden = !isIn;
    }
    figure.dataset.left = lines.filter(({ run }) => !run.row.hidden).length;
  };
  axes.forEach((each, number) => {
    drawAxis(svg, each, { x: x(number), y, height, name: words(columns[number]) }, (stretch) => {
      if (stretch) stretches.set(number, stretch);
      else stretches.delete(number);
      brush();
    });
  });
  plot.replaceChildren(svg);
  brush();
  return { name: words(colouredBy), low: colours.low, high: colours.high };
}

// A column as parts from 0 to 1 of its axis, null where a run has no value, with what is written beside it.
function scaled(values, column) {
  const { data, look } = axis(values, column);
  if (look.type === "category") {
    const names = [...new Set(data.filter((name) => name))];
    names.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    const last = Math.max(1, names.length - 1);
    const every = Math.ceil(names.length / MOST_NAMES);
    const marks = names.map((name, index) => [index / last, name]).filter((_, index) => index % every === 0);
    const part = data.map((name) => (name ? names.indexOf(name) / last : null));
    return { part, marks, low: names[0] ?? "", high: names[names.length - 1] ?? "" };
  }
  const of = look.type === "log" ? Math.log10 : (value) => value;
  const back = look.type === "log" ? (value) => 10 ** value : (value) => value;
  const known = data.filter((value) => value !== null);
  const [low, high] = [of(Math.min(...known)), of(Math.max(...known))];
  const part = (value) => (high > low ? (of(value) / 2 - low / 2) / (high / 2 - low / 2) : 0.5);
  const at = (each) => [each, short3(back(low * (1 - each) + high * each))];
  const marks = high > low ? [0, 0.25, 0.5, 0.75, 1].map(at) : [[0.5, short3(back(low))]];
  const parts = data.map((value) => (value === null ? null : part(value)));
  return { part: parts, marks, low: back(low), high: back(high) };
}

const short3 = (value) => short(Number(value.toPrecision(3)));

function viridis(part) {
  return VIRIDIS[Math.round((part ?? 0) * (VIRIDIS.length - 1))];
}

function drawAxis(svg, { marks }, { x, y, height, name }, chosen) {
  const heading = element("text", { class: "name", x, y: 16, "text-anchor": "middle" }, cut(name, 16));
  heading.append(element("title", {}, name));
  svg.append(heading, element("path", { class: "axis", d: `M${x} ${y(0)}V${y(1)}` }));
  for (const [part, text] of marks) svg.append(element("text", { x: x + 6, y: y(part) + 4 }, cut(text, 14)));
  const length = y(0) - y(1) + 16;
  const grip = element("rect", { class: "grip", x: x - 12, y: y(1) - 8, width: 24, height: length });
  const area = element("rect", { class: "brush", x: x - 6, width: 12, y: 0, height: 0 });
  svg.append(area, grip);
  let from = null;
  const part = (event) => {
    const box = svg.getBoundingClientRect();
    const down = ((event.clientY - box.top) * height) / box.height;
    return Math.max(0, Math.min(1, (y(0) - down) / (y(0) - y(1))));
  };
  const show = (low, high) => {
    area.setAttribute("y", y(high));
    area.setAttribute("height", y(low) - y(high));
  };
  grip.addEventListener("pointerdown", (event) => {
    from = part(event);
    grip.setPointerCapture(event.pointerId);
  });
  grip.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = part(event);
    show(Math.min(from, to), Math.max(from, to));
  });
  grip.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const ends = [from, part(event)].sort((a, b) => a - b);
    from = null;
    const isStretch = ends[1] - ends[0] > 0.02;
    if (!isStretch) show(0, 0);
    chosen(isStretch ? ends : null);
  });
}

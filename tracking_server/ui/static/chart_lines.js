// Draws lines into a chart's box: light enough for a thousand of them. Plotly comes when one is enlarged.

import { limits, place, short } from "./chart_data.js";

const WIDTH = 300;
const HEIGHT = 100;
const MARGIN = 0.05;
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Halves, since the difference may be more than a number can be.
function part(value, low, high) {
  const width = high / 2 - low / 2;
  return width > 0 ? (value / 2 - low / 2) / width : 0.5;
}

// Where values and places lie in the box; `of` gives back the place of a point of the screen.
function scales(lines, settings) {
  const xs = lines.flatMap((line) => line.points.map((point) => point.x));
  if (!xs.length) return null;
  let [left, right] = [Infinity, -Infinity];
  for (const x of xs) {
    if (x < left) left = x;
    if (x > right) right = x;
  }
  if (settings.from !== null) left = settings.from;
  if (settings.to !== null) right = settings.to;
  const ends = limits(lines, settings);
  const scaled = settings.log ? Math.log10 : (y) => y;
  const [low, high] = ends ? ends.map(scaled) : [0, 1];
  return {
    left, right, ends,
    x: (x) => part(x, left, right) * WIDTH,
    y: (y) => {
      const down = 1 - MARGIN - (1 - 2 * MARGIN) * part(scaled(y), low, high);
      return Math.max(-1, Math.min(2, Number.isNaN(down) ? 2 : down)) * HEIGHT;
    },
    of: (portion) => left + portion * (right - left),
  };
}

// Lines between neighbours, broken where a value is no number; and the points that stand alone.
function path(points, scale, value = (point) => point.y) {
  const parts = { line: "", dots: "" };
  let corners = [];
  const end = () => {
    if (corners.length === 1) parts.dots += `M${corners[0]}h0`;
    else if (corners.length) parts.line += `M${corners.join("L")}`;
    corners = [];
  };
  for (const point of points) {
    const y = value(point);
    if (y === null || y === undefined) end();
    else corners.push(`${scale.x(point.x).toFixed(1)} ${scale.y(y).toFixed(1)}`);
  }
  end();
  return parts;
}

function band(points, scale) {
  const known = points.filter((point) => point.low !== undefined);
  if (known.length < 2) return "";
  const corner = (x, y) => `${scale.x(x).toFixed(1)} ${scale.y(y).toFixed(1)}`;
  const above = known.map((point) => corner(point.x, point.high));
  const below = known.map((point) => corner(point.x, point.low)).reverse();
  return `M${[...above, ...below].join("L")}Z`;
}

// Lines: {name, colour, points}. What was drawn before is replaced.
export function draw(figure, lines, settings, title) {
  const plot = figure.querySelector(".plot");
  const scale = scales(lines, settings);
  figure.drawn = { lines, settings, scale };
  const texts = figure.querySelectorAll(".across span");
  if (!scale) {
    plot.replaceChildren(label("nothing", "No points here"));
    texts[0].textContent = "";
    texts[2].textContent = "";
    return;
  }
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const words = element("title", {});
  words.textContent = title;
  svg.append(words, element("path", { class: "rule", d: "M0 50H300" }));
  for (const line of lines) {
    const colour = `c${line.colour}`;
    const area = band(line.points, scale);
    if (area) svg.append(element("path", { class: `band ${colour}`, d: area }));
    if (settings.smooth && line.points.some((point) => point.plain !== undefined)) {
      const raw = path(line.points, scale, (each) => each.plain).line;
      svg.append(element("path", { class: `line raw ${colour}`, d: raw }));
    }
    const shape = path(line.points, scale);
    const drawn = element("path", { class: `line ${colour}`, d: shape.line });
    drawn.dataset.run = line.run ?? "";
    svg.append(drawn);
    if (shape.dots) svg.append(element("path", { class: `dots ${colour}`, d: shape.dots }));
    const odd = line.points.filter((point) => point.y === null && point.raw !== "no value");
    if (odd.length) {
      const marks = odd.map((point) => `M${scale.x(point.x).toFixed(1)} ${HEIGHT - 4}h0`).join("");
      svg.append(element("path", { class: "odd", d: marks }));
    }
  }
  const beside = [];
  if (scale.ends) {
    const [low, high] = scale.ends;
    beside.push(label("high", short(high)));
    if (low !== high) beside.push(label("low", short(low)));
  }
  plot.replaceChildren(svg, ...beside);
  texts[0].textContent = place(scale.left, settings);
  texts[2].textContent = scale.right === scale.left ? "" : place(scale.right, settings);
}

function label(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

// The point of a line that is nearest to a place across.
export function nearest(points, x) {
  if (!points.length) return null;
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].x < x) low = middle + 1;
    else high = middle;
  }
  const before = points[low - 1];
  return before && x - before.x < points[low].x - x ? before : points[low];
}

// A rule at a place across, and a dot on every line; null takes them away.
export function pointAt(figure, x) {
  const svg = figure.querySelector(".plot > svg");
  const { lines, scale } = figure.drawn ?? {};
  if (!svg || !scale) return;
  for (const old of svg.querySelectorAll(".here, .point")) old.remove();
  if (x === null || x < scale.left || x > scale.right) return;
  svg.append(element("path", { class: "here", d: `M${scale.x(x).toFixed(1)} 0V${HEIGHT}` }));
  for (const line of lines.slice(0, 30)) {
    const point = nearest(line.points, x);
    if (point && point.y !== null) {
      const d = `M${scale.x(point.x).toFixed(1)} ${scale.y(point.y).toFixed(1)}h0`;
      svg.append(element("path", { class: `point c${line.colour}`, d }));
    }
  }
}

// A stretch that is being chosen, as parts of the width.
export function stretch(figure, from, to) {
  const svg = figure.querySelector(".plot > svg");
  svg?.querySelector(".chosen")?.remove();
  if (from === null || !svg) return;
  const [left, right] = [Math.min(from, to) * WIDTH, Math.max(from, to) * WIDTH];
  svg.append(element("rect", { class: "chosen", x: left, y: 0, width: right - left, height: HEIGHT }));
}

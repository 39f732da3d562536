// Series from the server, and what settings make of them. As curve.py does it.

import { moment } from "./page.js";

const RUNS_AT_ONCE = 50;
const MOST_PLACES = 500;

// The series of one metric for some runs; `within` asks for a stretch of the axis, in more detail.
export async function fetchSeries(runs, metric, { x = "step", points = 500, from = null, to = null } = {}) {
  const parts = [];
  for (let first = 0; first < runs.length; first += RUNS_AT_ONCE) {
    const query = new URLSearchParams({ metric, points, x });
    for (const run of runs.slice(first, first + RUNS_AT_ONCE)) query.append("run", run);
    if (from !== null) query.set("from", from);
    if (to !== null) query.set("to", to);
    parts.push(`/series?${query}`);
  }
  const replies = await Promise.all(parts.map((address) => fetch(address)));
  const found = await Promise.all(replies.map((reply) => reply.json()));
  const wrong = found.find((reply) => reply.error_code);
  if (wrong) throw new Error(wrong.message);
  return found.flatMap((reply) => reply.series);
}

// Points {x, y, raw, step, at}: y is null where a value has no place on the axis, and raw is what was logged.
export function prepare(series, settings, across = null) {
  const points = [];
  let place = -1;
  series.values.forEach((raw, index) => {
    const step = series.steps[index];
    const at = series.timestamps[index];
    let x = step;
    if (settings.acrossMetric) {
      if (!across) return;
      while (place + 1 < across.steps.length && across.steps[place + 1] <= step) place += 1;
      x = place < 0 ? NaN : across.values[place];
      if (typeof x !== "number" || Number.isNaN(x)) return;
    } else if (settings.x === "time") x = at;
    else if (settings.x === "relative") x = (at - series.start_time) / 1000;
    points.push({ x, y: typeof raw === "number" ? raw : null, raw, step, at });
  });
  points.sort((a, b) => a.x - b.x);
  smooth(points, settings.smooth);
  if (settings.log) {
    for (const point of points) {
      point.plain = point.plain > 0 ? point.plain : null;
      if (!(point.y > 0)) point.y = null;
    }
  }
  return points;
}

function smooth(points, smoothing) {
  let mean = 0;
  let weight = 0;
  for (const point of points) {
    point.plain = point.y;
    if (point.y === null || !smoothing) continue;
    mean = smoothing * mean + (1 - smoothing) * point.y;
    weight = smoothing * weight + (1 - smoothing);
    point.y = mean / weight;
  }
}

// The least and the greatest value that a chart shows.
export function limits(lines, settings) {
  const values = lines.flatMap((line) => line.points.map((point) => point.y)).filter((y) => y !== null);
  for (const line of lines) {
    for (const point of line.points) {
      if (point.low !== undefined) values.push(point.low, point.high);
      if (settings.smooth && typeof point.plain === "number") values.push(point.plain);
    }
  }
  if (!values.length) return null;
  values.sort((a, b) => a - b);
  const cut = settings.withoutOutliers ? Math.floor(values.length * 0.05) : 0;
  const [low, high] = [values[cut], values[values.length - 1 - cut]];
  // What arithmetic alone makes different is not a curve.
  return high / 2 - low / 2 <= 1e-12 * Math.max(Math.abs(low), Math.abs(high)) ? [low, low] : [low, high];
}

// Lines of runs of one group as one: its mean, from the least to the greatest or a deviation to both sides.
export function grouped(lines, band) {
  const all = new Set(lines.flatMap((line) => line.points.map((point) => point.x)));
  const places = [...all].sort((a, b) => a - b);
  const every = Math.ceil(places.length / MOST_PLACES);
  const steps = places.filter((_, index) => index % every === 0 || index === places.length - 1);
  const cursors = lines.map(() => 0);
  return steps.map((x) => {
    const values = [];
    lines.forEach(({ points }, index) => {
      if (!points.length || x < points[0].x || x > points[points.length - 1].x) return;
      while (cursors[index] + 1 < points.length && points[cursors[index] + 1].x <= x) cursors[index] += 1;
      const y = between(points[cursors[index]], points[cursors[index] + 1], x);
      if (y !== null) values.push(y);
    });
    if (!values.length) return { x, y: null, raw: "no value", step: x };
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0));
    const [low, high] =
      band === "std" ? [mean - spread, mean + spread] : [Math.min(...values), Math.max(...values)];
    return { x, y: mean, raw: mean, step: x, low, high, runs: values.length };
  });
}

// The value of a line at a place between two of its points.
function between(before, after, x) {
  if (!after || before.y === null || after.y === null || after.x === before.x) return before.y;
  const part = (x - before.x) / (after.x - before.x);
  return before.y * (1 - part) + after.y * part;
}

// As `wording.number` on the server: six significant digits.
export function short(value) {
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const digits = size >= 1e6 || size < 1e-4 ? value.toExponential(5) : value.toPrecision(6);
  const [mantissa, exponent] = digits.split("e");
  const plain = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return exponent === undefined ? plain : `${plain}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
}

export function place(x, settings) {
  if (settings.acrossMetric) return short(x);
  if (settings.x === "time") return moment(new Date(x));
  if (settings.x === "relative") return span(x);
  return Math.round(x).toLocaleString("en");
}

// As `wording.span` on the server.
function span(seconds) {
  if (seconds < 0) return `-${span(-seconds)}`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(Math.floor(seconds % 60))} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

// Everything that a chart shows, a line a point, as a file.
export function csv(metric, lines) {
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const rows = ["run,metric,step,timestamp,value"];
  for (const line of lines) {
    for (const point of line.points) {
      rows.push([quoted(line.name), quoted(metric), point.step, point.at ?? "", point.raw].join(","));
    }
  }
  return `${rows.join("\n")}\n`;
}

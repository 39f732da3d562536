// Charts of the latest values of many runs, as Plotly's traces.

import { colour, layout, token } from "./chart_plotly.js";
import { words } from "./chart_values.js";

const WIDE_RANGE = 100;
const BINS = 20;
const MOST_NAMED = 40;

// What to draw for a figure: traces and a layout; null where no run has the values.
export function traces(figure, values) {
  const make = { bar, scatter, histogram, box, contour }[figure.dataset.kind];
  return make(figure.dataset, values);
}

// The runs that have a value in each of some columns.
function known(...columns) {
  const indices = [];
  columns[0].forEach((_, index) => {
    if (columns.every((column) => column[index] !== null && column[index] !== "")) indices.push(index);
  });
  return indices;
}

// A column as an axis: numbers where all are, words otherwise; logarithmic where it spans very much.
export function axis(values, column) {
  const numbers = values.numbers(column);
  if (!numbers) return { data: values.texts(column), look: { type: "category" } };
  const positive = numbers.filter((value) => value !== null);
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const type = low > 0 && high / low >= WIDE_RANGE ? "log" : "linear";
  return { data: numbers, look: { type } };
}

// The same as Plotly takes it: with a title, and words that it takes for no HTML.
function plotlyAxis(values, column) {
  const { data, look } = axis(values, column);
  const titled = { ...look, title: { text: title(column) } };
  if (look.type !== "category") return { data, look: titled };
  const names = [...new Set(data.filter((name) => name))];
  const ticktext = names.map((name) => escaped(cut(name, 20)));
  const labels = { tickmode: "array", tickvals: names.map(escaped), ticktext };
  return { data: data.map(escaped), look: { ...titled, ...(names.length > MOST_NAMED ? {} : labels) } };
}

const title = (column) => escaped(cut(words(column), 50));

export function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function bar({ y }, values) {
  const numbers = values.numbers(y);
  if (!numbers) return null;
  const indices = known(numbers);
  const shown = indices.map((index) => values.runs[index]);
  return {
    traces: [{
      type: "bar", orientation: "h", customdata: shown.map((run) => [run.id, escaped(run.name)]),
      y: shown.map((run) => run.id), x: indices.map((index) => numbers[index]),
      marker: { color: shown.map((run) => colour(run.colour)) },
      hovertemplate: "%{customdata[1]}: %{x}<extra></extra>",
    }],
    layout: layout({
      yaxis: {
        autorange: "reversed", tickmode: "array", tickvals: shown.map((run) => run.id),
        ticktext: shown.map((run) => escaped(cut(run.name, 22))),
        ...(shown.length > MOST_NAMED ? { showticklabels: false } : {}),
      },
    }),
    heightPx: shown.length > MOST_NAMED ? null : 50 + 20 * shown.length,
  };
}

function scatter({ x, y, colour: third }, values) {
  const [across, up] = [plotlyAxis(values, x), plotlyAxis(values, y)];
  const indices = known(across.data, up.data);
  if (!indices.length) return null;
  const shown = indices.map((index) => values.runs[index]);
  const thirds = third ? values.numbers(third) : null;
  const categories = third && !thirds ? [...new Set(values.texts(third))] : [];
  const thirdTexts = third ? values.texts(third) : [];
  const of = (index) => (thirds ? thirds[index] : colour(categories.indexOf(thirdTexts[index]) % 10));
  const said = (at) => escaped(cut(thirdTexts[indices[at]] ?? "", 60));
  const customdata = shown.map((run, at) => [run.id, escaped(run.name), said(at)]);
  const marker = third
    ? {
        color: indices.map(of), size: 9,
        ...(thirds ? { colorscale: "Viridis", showscale: false } : {}),
      }
    : { color: shown.map((run) => colour(run.colour)), size: 9 };
  return {
    traces: [{
      type: "scatter", mode: "markers", customdata,
      x: indices.map((index) => across.data[index]), y: indices.map((index) => up.data[index]), marker,
      hovertemplate: `%{customdata[1]}<br>${title(x)}: %{x}<br>${title(y)}: %{y}` +
        `${third ? `<br>${title(third)}: %{customdata[2]}` : ""}<extra></extra>`,
    }],
    layout: layout({ xaxis: across.look, yaxis: up.look, hovermode: "closest" }),
    scale: thirds ? scaleOf(third, indices.map((index) => thirds[index])) : null,
  };
}

// What the colours of a chart go from and to. Plotly's own bar of them writes styles that no page may have.
function scaleOf(column, numbers) {
  const known = numbers.filter((value) => value !== null);
  return { name: words(column), low: Math.min(...known), high: Math.max(...known) };
}

function groups(values, group, numbers) {
  const found = new Map();
  const names = group ? values.texts(group) : null;
  numbers.forEach((value, index) => {
    if (value === null) return;
    const name = names ? escaped(cut(names[index], 30)) || "(none)" : "all runs";
    found.set(name, [...(found.get(name) ?? []), index]);
  });
  return [...found].sort(([one], [other]) => one.localeCompare(other, undefined, { numeric: true }));
}

function histogram({ y, group }, values) {
  const numbers = values.numbers(y);
  if (!numbers) return null;
  const all = numbers.filter((value) => value !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const size = (high - low) / BINS || 1;
  const found = groups(values, group, numbers).map(([name, indices], index) => ({
    type: "histogram", name, x: indices.map((each) => numbers[each]), opacity: group ? 0.65 : 1,
    xbins: { start: low, end: high + size, size }, autobinx: false,
    marker: { color: colour(index % 10) }, hovertemplate: `%{x}: %{y} runs<extra>${name}</extra>`,
  }));
  return {
    traces: found,
    layout: layout({
      barmode: "overlay", bargap: 0.03, showlegend: Boolean(group),
      xaxis: { title: { text: title(y) } }, yaxis: { title: { text: "runs" } },
    }),
  };
}

function box({ y, group }, values) {
  const numbers = values.numbers(y);
  if (!numbers) return null;
  const found = groups(values, group, numbers).map(([name, indices], index) => ({
    type: "box", name, y: indices.map((each) => numbers[each]),
    boxpoints: indices.length <= 200 ? "all" : "outliers", jitter: 0.4, pointpos: 0,
    marker: { color: colour(index % 10), size: 4 }, line: { width: 1.5 },
    customdata: indices.map((each) => [values.runs[each].id, escaped(values.runs[each].name)]),
    hovertemplate: "%{customdata[1]}: %{y}<extra></extra>",
  }));
  const xaxis = { type: "category", title: { text: group ? title(group) : "" } };
  return { traces: found, layout: layout({ xaxis, yaxis: { title: { text: title(y) } } }) };
}

function contour({ x, y, z }, values) {
  const [across, up, height] = [plotlyAxis(values, x), plotlyAxis(values, y), plotlyAxis(values, z)];
  const indices = known(across.data, up.data, height.data);
  if (!indices.length || height.look.type === "category") return null;
  const of = (each) => indices.map((index) => each.data[index]);
  const shown = indices.map((index) => values.runs[index]);
  const heights = of(height);
  const scale = { colorscale: "Viridis", showscale: false };
  const field = surface(of(across), of(up), of(height), across.look.type, up.look.type);
  const points = {
    type: "scatter", mode: "markers", x: of(across), y: of(up),
    customdata: shown.map((run, at) => [run.id, escaped(run.name), heights[at]]),
    marker: { size: 6, color: token("--paper"), line: { color: token("--ink"), width: 1 } },
    hovertemplate: `%{customdata[1]}<br>${title(z)}: %{customdata[2]}<extra></extra>`,
  };
  const flat = { contours: { coloring: "heatmap" }, line: { width: 0.5 }, hoverinfo: "skip" };
  const traces = field ? [{ type: "contour", ...field, ...scale, ...flat }, points] : [points];
  const look = layout({ xaxis: across.look, yaxis: up.look, hovermode: "closest" });
  return { traces, layout: look, scale: scaleOf(z, of(height)) };
}

// A surface through scattered points, each as strong as it is near; null where there are no two places.
function surface(xs, ys, zs, xType, yType) {
  if (xType === "category" || yType === "category") return { x: xs, y: ys, z: zs, connectgaps: true };
  const place = (values, type) => (type === "log" ? values.map(Math.log10) : values);
  const [us, vs] = [place(xs, xType), place(ys, yType)];
  const line = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low < high ? Array.from({ length: 40 }, (_, index) => low + ((high - low) * index) / 39) : null;
  };
  const [across, up] = [line(us), line(vs)];
  if (!across || !up) return null;
  const [width, height] = [across[39] - across[0], up[39] - up[0]];
  const z = up.map((v) => across.map((u) => {
    let [sum, weights] = [0, 0];
    us.forEach((own, index) => {
      const away = ((own - u) / width) ** 2 + ((vs[index] - v) / height) ** 2;
      const weight = 1 / (away + 1e-4) ** 1.5;
      sum += weight * zs[index];
      weights += weight;
    });
    return sum / weights;
  }));
  const back = (values, type) => (type === "log" ? values.map((value) => 10 ** value) : values);
  return { x: back(across, xType), y: back(up, yType), z };
}

// Plotly reads some HTML in its texts.
export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "% {");
}

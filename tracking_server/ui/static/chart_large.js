// One chart in the whole window: by Plotly, with a finer series wherever one looks closer.

import { csv, limits } from "./chart_data.js";
import { cut, escaped } from "./chart_figures.js";
import { hide } from "./chart_pointer.js";
import {
  colour, config, fileName, layout, onTheme, plotly, save, seeThrough, token,
} from "./chart_plotly.js";

const MOST_NAMED = 50;

let dialog = null;
let shown = null;

function made() {
  if (dialog) return dialog;
  dialog = document.createElement("dialog");
  dialog.className = "large-chart";
  dialog.setAttribute("aria-labelledby", "large-title");
  const header = document.createElement("header");
  const title = document.createElement("h2");
  title.id = "large-title";
  const button = (words, act) => {
    const each = document.createElement("button");
    each.type = "button";
    each.textContent = words;
    each.addEventListener("click", act);
    return each;
  };
  const figure = document.createElement("div");
  figure.className = "figure";
  header.append(
    title,
    button("PNG", () => {
      window.Plotly?.downloadImage(figure, { format: "png", scale: 2, filename: fileName(shown.title) });
    }),
    button("CSV", () => save(`${fileName(shown.title)}.csv`, shown.csv(), "text/csv")),
    button("Whole range", () => shown.reset()),
    button("Close", () => dialog.close()),
  );
  dialog.append(header, figure);
  dialog.addEventListener("close", () => {
    window.Plotly?.purge(figure);
    shown = null;
  });
  document.body.append(dialog);
  onTheme(() => shown?.redraw());
  return dialog;
}

// `load(from, to)` gives the lines of a stretch of the axis, of the whole for null.
export async function enlarge(title, lines, settings, load) {
  const box = made();
  const figure = box.querySelector(".figure");
  box.querySelector("h2").textContent = title;
  let current = lines;
  let asked = 0;
  const draw = async (range = undefined) => {
    const Plotly = await plotly();
    if (!box.open) return;
    const drawn = current.flatMap((line) => traces(line, settings));
    await Plotly.react(figure, drawn, look(current, settings, range), config);
  };
  const zoom = async (from, to) => {
    asked += 1;
    const own = asked;
    const found = await load(from, to);
    if (own !== asked || !box.open) return;
    current = found;
    await draw(from === null ? undefined : [from, to]);
  };
  shown = { title, csv: () => csv(title, current), reset: () => zoom(null, null), redraw: () => draw() };
  hide();
  box.showModal();
  await draw();
  if (!box.open) return;
  figure.removeAllListeners?.("plotly_relayout");
  figure.on?.("plotly_relayout", (event) => {
    if (event["xaxis.autorange"]) zoom(null, null);
    else if (event["xaxis.range[0]"] !== undefined) {
      const ends = [event["xaxis.range[0]"], event["xaxis.range[1]"]];
      const read = (end) => (settings.x === "time" ? Date.parse(String(end).replace(" ", "T")) : Number(end));
      if (!settings.acrossMetric) zoom(...ends.map(read));
    }
  });
  await zoom(null, null);
}

// Plotly takes dates in the reader's own zone as texts.
function date(at) {
  const there = new Date(at);
  return new Date(at - there.getTimezoneOffset() * 60_000).toISOString().replace("Z", "");
}

function traces(line, settings) {
  const stroke = colour(line.colour);
  const isTime = settings.x === "time" && !settings.acrossMetric;
  const xs = line.points.map((point) => (isTime ? date(point.x) : point.x));
  const mode = line.points.length < 60 ? "lines+markers" : "lines";
  const name = escaped(cut(line.name, 30));
  const main = {
    type: "scatter", mode, name, x: xs, y: line.points.map((point) => point.y),
    line: { color: stroke, width: 2 }, marker: { size: 5, color: stroke },
    customdata: line.points.map((point) => [String(point.raw), point.step]),
    hovertemplate: "%{customdata[0]} at step %{customdata[1]}<extra>%{fullData.name}</extra>",
  };
  const found = [main];
  if (settings.smooth && !line.runs) {
    const plain = line.points.map((point) => point.plain);
    const thin = { color: seeThrough(stroke, 0.3), width: 1 };
    found.unshift({ type: "scatter", mode: "lines", x: xs, y: plain, line: thin, hoverinfo: "skip" });
  }
  if (line.runs) {
    const area = seeThrough(stroke, 0.18);
    const edge = { type: "scatter", mode: "lines", x: xs, line: { width: 0 }, hoverinfo: "skip" };
    found.unshift(
      { ...edge, y: line.points.map((point) => point.low ?? null) },
      { ...edge, y: line.points.map((point) => point.high ?? null), fill: "tonexty", fillcolor: area },
    );
  }
  return found;
}

function look(lines, settings, range) {
  const ends = settings.withoutOutliers ? limits(lines, settings) : null;
  const scaled = ends && settings.log ? ends.map(Math.log10) : ends;
  const names = { step: "step", time: "time of day", relative: "seconds since the start" };
  const words = settings.acrossMetric || names[settings.x];
  const shownRange = range && settings.x === "time" ? range.map(date) : range;
  return layout({
    showlegend: lines.length > 1 && lines.length <= MOST_NAMED,
    hovermode: lines.length > 20 ? "closest" : "x unified",
    xaxis: {
      title: { text: escaped(words) }, spikecolor: token("--edge"), spikethickness: 1, spikedash: "solid",
      ...(shownRange ? { range: shownRange } : { autorange: true }),
    },
    yaxis: { type: settings.log ? "log" : "linear", ...(scaled ? { range: scaled } : {}) },
  });
}

// The charts of an experiment's runs.

import { Cards } from "./chart_cards.js";
import { traces } from "./chart_figures.js";
import { short } from "./chart_data.js";
import { drawParallel } from "./chart_parallel.js";
import { config, fileName, onTheme, plotly } from "./chart_plotly.js";
import { Values } from "./chart_values.js";

const table = document.querySelector(".chart-values");
const figures = [...document.querySelectorAll(".chart")];
if (table) start(new Values(table));

function start(values) {
  const cards = new Cards({
    form: document.querySelector(".chart-settings"),
    runsOf: ({ dataset }) => {
      const names = dataset.group ? values.texts(dataset.group) : null;
      return values.runs.map((run, index) => ({ ...run, group: names?.[index] || "(none)" }));
    },
  });
  const drawn = new Set();
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && !drawn.has(target)) {
        drawn.add(target);
        drawValues(target, values);
      }
    }
  }, { rootMargin: "200px" });
  for (const figure of figures) {
    if (figure.dataset.kind === "line") cards.add(figure);
    else if (figure.dataset.kind === "images") slide(figure);
    else seen.observe(figure);
  }
  onTheme(() => {
    for (const figure of drawn) drawValues(figure, values);
  });
}

async function drawValues(figure, values) {
  const plot = figure.querySelector(".plot");
  if (figure.dataset.kind === "parallel") {
    const scale = drawParallel(figure, values, (id) => mark(values, id));
    figure.querySelector(".across").replaceChildren(...(scale ? [scaleBar(scale)] : []));
    if (!scale) plot.replaceChildren(nothing("No run here has all of these values"));
    figure.dataset.drawn = "";
    return;
  }
  const made = traces(figure, values);
  if (!made) {
    plot.replaceChildren(nothing("No run here has these values"));
    return;
  }
  let Plotly;
  try {
    Plotly = await plotly();
  } catch (error) {
    plot.replaceChildren(nothing(error.message));
    return;
  }
  if (!plot.classList.contains("drawn-large")) {
    plot.replaceChildren();
    plot.classList.add("drawn-large");
    if (made.heightPx) plot.style.height = `${Math.max(256, made.heightPx)}px`;
    savable(figure, plot);
  }
  figure.querySelector(".across").replaceChildren(...(made.scale ? [scaleBar(made.scale)] : []));
  await Plotly.react(plot, made.traces, made.layout, config);
  figure.dataset.drawn = "";
  plot.removeAllListeners("plotly_click");
  plot.on("plotly_click", ({ points }) => {
    const run = points[0]?.customdata?.[0];
    if (run) location.href = `/runs/${encodeURIComponent(run)}`;
  });
  plot.removeAllListeners("plotly_hover");
  plot.on("plotly_hover", ({ points }) => mark(values, points?.[0]?.customdata?.[0]));
  plot.on("plotly_unhover", () => mark(values, null));
}

// The run that is pointed at, in the table too.
function mark(values, id) {
  for (const run of values.runs) run.row.classList.toggle("is-here", run.id === id);
}

function savable(figure, plot) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "PNG";
  button.title = "Save as PNG";
  button.setAttribute("aria-label", `Save ${figure.dataset.title} as PNG`);
  button.addEventListener("click", () => {
    window.Plotly.downloadImage(plot, { format: "png", scale: 2, filename: fileName(figure.dataset.title) });
  });
  figure.querySelector("figcaption .arrange").before(button);
}

function scaleBar({ name, low, high }) {
  const made = document.createElement("div");
  made.className = "scale";
  const words = document.createElement("b");
  words.textContent = `${name} ${short(low)}`;
  const end = document.createElement("span");
  end.textContent = short(high);
  made.append(words, document.createElement("i"), end);
  return made;
}

function nothing(text) {
  const made = document.createElement("span");
  made.className = "nothing";
  made.textContent = text;
  return made;
}

// The slider shows its step while it is moved, and the page when it is let go.
function slide(figure) {
  const input = figure.querySelector('input[type="range"]');
  if (!input) return;
  const shown = figure.querySelector("output");
  input.addEventListener("input", () => {
    shown.textContent = input.value;
  });
  input.addEventListener("change", () => input.form.requestSubmit());
}

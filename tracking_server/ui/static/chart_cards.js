// Charts of lines on a page: fetched when they come into view, and again while their runs go on.

import { fetchSeries, grouped, prepare, short } from "./chart_data.js";
import { draw } from "./chart_lines.js";
import { watch } from "./chart_pointer.js";
import { enlarge } from "./chart_large.js";
import * as choices from "./chart_settings.js";

const POINTS = 500;
const POINTS_OF_MANY = 200;
const POINTS_OF_ALL = 20_000;
const LEAST_POINTS = 40;
const FINE_POINTS = 2000;
const LIVE_EVERY_MS = 5000;

// `runsOf(figure)` names the runs of a chart: {id, name, colour, group}.
export class Cards {
  constructor({ runsOf, form }) {
    this.runsOf = runsOf;
    this.settings = choices.read(new URLSearchParams(location.search));
    this.inView = new Set();
    this.running = new Set();
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "200px" });
    if (form) choices.listen(form, (settings) => this.changed(settings));
    this.zoomed = document.querySelector(".zoomed");
    this.sayZoom();
    this.live();
  }

  add(figure) {
    this.observer.observe(figure);
  }

  // Of a thousand charts few are ever seen: each is furnished when it is.
  prepareFigure(figure) {
    figure.isPrepared = true;
    if (!figure.querySelector(".plot")) figure.append(...box());
    watch(figure, (stretch) => this.zoom(stretch));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "⤢";
    button.title = "Enlarge";
    button.setAttribute("aria-label", `Enlarge ${figure.dataset.metric}`);
    button.addEventListener("click", () => this.enlarge(figure));
    const caption = figure.querySelector("figcaption");
    caption.insertBefore(button, caption.querySelector(".arrange"));
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) this.inView.delete(target);
      else {
        if (!target.isPrepared) this.prepareFigure(target);
        this.inView.add(target);
        if (!target.current) this.load(target);
      }
    }
  }

  zoom(stretch) {
    if (this.settings.acrossMetric) return;
    const [from, to] = stretch ?? [null, null];
    this.changed(choices.change({ from, to }));
  }

  changed(settings) {
    const fetched = ["x", "acrossMetric", "from", "to"];
    const again = fetched.some((name) => settings[name] !== this.settings[name]);
    this.settings = settings;
    this.sayZoom();
    for (const figure of document.querySelectorAll(".chart[data-metric]")) {
      if (again) figure.current = false;
      if (this.inView.has(figure)) {
        if (again || !figure.series) this.load(figure);
        else this.redraw(figure);
      } else figure.current = false;
    }
  }

  sayZoom() {
    if (!this.zoomed) return;
    this.zoomed.hidden = this.settings.from === null && this.settings.to === null;
    if (this.zoomed.hidden) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = "Whole range";
    button.addEventListener("click", () => this.zoom(null));
    this.zoomed.replaceChildren(" · a part of the axis is shown ", button);
  }

  async fetch(figure, { points, from, to }) {
    const runs = this.runsOf(figure).map((run) => run.id);
    const { x, acrossMetric } = this.settings;
    const ofMany = Math.max(LEAST_POINTS, Math.min(POINTS_OF_MANY, Math.floor(POINTS_OF_ALL / runs.length)));
    const few = runs.length > 10 ? ofMany : points;
    const asked = { x, points: few, from, to };
    return Promise.all([
      fetchSeries(runs, figure.dataset.metric, asked),
      acrossMetric ? fetchSeries(runs, acrossMetric, { points: few }) : [],
    ]);
  }

  async load(figure) {
    figure.current = true;
    const { from, to } = this.settings;
    const asked = (figure.asked ?? 0) + 1;
    figure.asked = asked;
    try {
      const found = await this.fetch(figure, { points: POINTS, from, to });
      if (figure.asked !== asked) return;
      figure.series = found;
      this.redraw(figure);
    } catch (error) {
      figure.current = false;
      if (!figure.drawn) figure.querySelector(".plot").replaceChildren(problem(error));
    }
  }

  lines(figure, [series, across]) {
    const runs = new Map(this.runsOf(figure).map((run) => [run.id, run]));
    const acrossOf = new Map(across.map((each) => [each.run_id, each]));
    const lines = series.map((each) => {
      const run = runs.get(each.run_id);
      return {
        name: run.name ?? each.run_name, colour: run.colour, run: each.run_id, group: run.group,
        points: prepare(each, this.settings, acrossOf.get(each.run_id)),
      };
    });
    const { band } = figure.dataset;
    if (!figure.dataset.group) return lines.filter((line) => line.points.length);
    const groups = new Map();
    for (const line of lines) groups.set(line.group, [...(groups.get(line.group) ?? []), line]);
    return [...groups].map(([name, members], index) => ({
      name: `${name} (${members.length})`, colour: index % choices.COLOURS, runs: members.length,
      points: grouped(members, band),
    }));
  }

  redraw(figure) {
    const [series] = figure.series;
    for (const each of series) {
      if (each.status === "RUNNING") this.running.add(figure);
    }
    if (!series.some((each) => each.status === "RUNNING")) this.running.delete(figure);
    const lines = this.lines(figure, figure.series);
    const last = figure.querySelector(".last");
    const whole = this.settings.from === null && this.settings.to === null;
    const values = series.length === 1 ? series[0].values : [];
    if (last && values.length && whole && this.settings.x === "step" && !this.settings.acrossMetric) {
      last.textContent = short(values[values.length - 1]);
    }
    const many = lines.length > 1 ? `, ${lines.length} lines` : "";
    draw(figure, lines, this.settings, `${figure.dataset.metric}${many}`);
    const words = { step: "step", time: "time of day", relative: "since the start" };
    figure.querySelector(".across span:nth-child(2)").textContent =
      this.settings.acrossMetric || words[this.settings.x];
  }

  async enlarge(figure) {
    if (!figure.series) await this.load(figure);
    const load = async (from, to) => {
      const found = await this.fetch(figure, { points: FINE_POINTS, from, to });
      return this.lines(figure, found);
    };
    const settings = { ...this.settings, from: null, to: null };
    await enlarge(figure.dataset.metric, this.lines(figure, figure.series), settings, load);
  }

  // While a run goes on, what is in view is fetched again; where that takes long, less often.
  live() {
    let wait = LIVE_EVERY_MS;
    const tick = async () => {
      const began = performance.now();
      const going = [...this.running].filter((figure) => this.inView.has(figure));
      if (!document.hidden && going.length) await Promise.all(going.map((figure) => this.load(figure)));
      wait = Math.max(LIVE_EVERY_MS, 10 * (performance.now() - began));
      setTimeout(tick, wait);
    };
    setTimeout(tick, wait);
  }
}

// As the server makes it where it draws a line itself.
function box() {
  const plot = document.createElement("div");
  plot.className = "plot";
  const across = document.createElement("div");
  across.className = "across";
  across.append(...[1, 2, 3].map(() => document.createElement("span")));
  return [plot, across];
}

function problem(error) {
  const made = document.createElement("span");
  made.className = "nothing";
  made.textContent = `This could not be fetched: ${error.message}`;
  return made;
}

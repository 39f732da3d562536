// What is under the pointer in the drawings of a sweep: a trial, and a click leads to its run.

const REACH_PX = 24;
const MOST_FACTS = 13;
const MOST_LETTERS = 40;

// `forget` has what is known of trials fetched anew.
export function startPointer(sweep, detailsAddress) {
  const readout = Object.assign(document.createElement("div"), { className: "readout", hidden: true });
  document.body.append(readout);
  let details = null;
  let pointed = null;

  async function known(number) {
    details ??= fetch(detailsAddress + location.search).then((reply) => reply.json()).catch(() => ({}));
    return (await details)[number];
  }

  async function show(number, event) {
    pointed = number;
    const trial = await known(number);
    if (pointed !== number || !trial) return;
    readout.replaceChildren(made("strong", trial.name), factsOf(trial));
    readout.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - readout.offsetWidth - 8);
    const top = Math.min(event.clientY + 14, innerHeight - readout.offsetHeight - 8);
    readout.style.left = `${left}px`;
    readout.style.top = `${Math.max(8, top)}px`;
  }

  function away() {
    pointed = null;
    readout.hidden = true;
    unmark();
  }

  sweep.addEventListener("pointermove", (event) => {
    const number = under(event);
    if (number === null) return away();
    unmark();
    event.target.closest(".line")?.classList.add("pointed");
    show(number, event);
  });
  sweep.addEventListener("pointerleave", away);
  sweep.addEventListener("click", async (event) => {
    if (event.target.closest("a, button, .handle, input")) return;
    const number = under(event);
    const trial = number === null ? undefined : await known(number);
    if (trial) location.assign(`/runs/${encodeURIComponent(trial.run)}`);
  });
  return { forget: () => (details = null) };
}

function made(name, textContent) {
  return Object.assign(document.createElement(name), { textContent });
}

function factsOf(trial) {
  const list = document.createElement("dl");
  const facts = [["value", trial.value || trial.state], ...trial.params].slice(0, MOST_FACTS);
  list.append(...facts.flatMap(([name, value]) => [made("dt", name.slice(0, MOST_LETTERS)), made("dd", value)]));
  return list;
}

function unmark() {
  document.querySelector(".line.pointed")?.classList.remove("pointed");
}

function under(event) {
  const line = event.target.closest(".line");
  if (line) return line.dataset.trial;
  const plot = event.target.closest(".plot");
  return plot ? nearest(plot, event) : null;
}

function nearest(plot, event) {
  const { left, top, width, height } = plot.getBoundingClientRect();
  let found = null;
  let best = REACH_PX * REACH_PX;
  for (const path of plot.querySelectorAll("[data-trials]")) {
    for (const dot of dotsOf(path)) {
      const [from, to] = [dot.x, dot.to].map((x) => left + (x / 1000) * width);
      const dx = event.clientX < from ? from - event.clientX : Math.max(0, event.clientX - to);
      const dy = top + (dot.y / 1000) * height - event.clientY;
      const far = dx * dx + dy * dy;
      if (far < best) [best, found] = [far, dot.number];
    }
  }
  return found;
}

const dotsOfPaths = new WeakMap();

// Where the trials of a path are, in thousandths of the plot: a curve is of one trial, dots and bars of many.
function dotsOf(path) {
  if (!dotsOfPaths.has(path)) {
    const numbers = path.dataset.trials.split(",");
    const isCurve = numbers.length === 1 && !path.matches(".dots, .bars");
    const place = isCurve ? /([\d.-]+) ([\d.-]+)/g : /M([\d.-]+) ([\d.-]+)(?:H([\d.-]+))?/g;
    const found = [...path.getAttribute("d").matchAll(place)].map(([, x, y, to], index) => {
      return { x: Number(x), y: Number(y), to: Number(to ?? x), number: numbers[isCurve ? 0 : index] };
    });
    dotsOfPaths.set(path, found);
  }
  return dotsOfPaths.get(path);
}

// Brushes along the axes of all parameters: they fill the fields of the filter.

const SVG = "http://www.w3.org/2000/svg";
const LEAST_SHARE = 0.015; // less of an axis is a click, which takes the brush away

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function numberAt({ low, high, kind }, share) {
  const at = Number(low) + (Number(high) - Number(low)) * share;
  return Number((kind === "log" ? 10 ** at : at).toPrecision(5));
}

function shareOf({ low, high, kind }, number) {
  const at = kind === "log" ? Math.log10(number) : number;
  return (at - Number(low)) / (Number(high) - Number(low));
}

function draw(axis, from, to) {
  let brush = axis.querySelector(".brush");
  if (!brush) {
    brush = shape("rect", { class: "brush", width: 14, transform: "translate(-7 0)" });
    axis.append(brush);
  }
  const top = Math.max(0, 1 - Math.max(from, to));
  const bottom = Math.min(1, 1 - Math.min(from, to));
  brush.setAttribute("x", axis.querySelector("line").getAttribute("x1"));
  brush.setAttribute("y", `${100 * top}%`);
  brush.setAttribute("height", `${100 * Math.max(0, bottom - top)}%`);
}

// `show` gives brushes to axes that have none yet.
export function startBrushes(filter) {
  function fieldsOf({ dataset }) {
    const names = "value" in dataset ? ["low", "high"] : [`min.${dataset.name}`, `max.${dataset.name}`];
    return names.map((name) => filter.field(name));
  }

  function show() {
    if (filter === null) return;
    for (const axis of document.querySelectorAll("#parallel .upright:not(.can-brush)")) prepare(axis);
  }

  function prepare(axis) {
    axis.classList.add("can-brush");
    const x = axis.querySelector("line").getAttribute("x1");
    const handle = shape("rect", { class: "handle", x, width: 28, height: "100%", transform: "translate(-14 0)" });
    const [low, high] = axis.dataset.kind === "names" ? [] : fieldsOf(axis);
    if (low && high && (low.value || high.value)) {
      const share = (field, end) => (field.value ? shareOf(axis.dataset, Number(field.value)) : end);
      draw(axis, share(low, 0), share(high, 1));
    }
    axis.append(handle);
    handle.addEventListener("pointerdown", (event) => drag(event, axis, handle));
  }

  function drag(begun, axis, handle) {
    begun.preventDefault();
    handle.setPointerCapture(begun.pointerId);
    const box = axis.querySelector("line").getBoundingClientRect();
    const share = (event) => Math.max(0, Math.min(1, 1 - (event.clientY - box.top) / box.height));
    const from = share(begun);
    const move = (event) => draw(axis, from, share(event));
    const end = (event) => {
      handle.removeEventListener("pointermove", move);
      choose(axis, Math.min(from, share(event)), Math.max(from, share(event)));
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
  }

  function choose(axis, from, to) {
    const isClick = to - from < LEAST_SHARE;
    if (axis.dataset.kind === "names") {
      const half = shareOf(axis.dataset, 0.5) - shareOf(axis.dataset, 0);
      filter.boxes(`is.${axis.dataset.name}`).forEach((box, place) => {
        const at = shareOf(axis.dataset, place);
        box.checked = !isClick && at + half > from && at - half < to;
      });
    } else {
      const [low, high] = fieldsOf(axis);
      if (!low || !high) return;
      low.value = isClick ? "" : numberAt(axis.dataset, from);
      high.value = isClick ? "" : numberAt(axis.dataset, to);
    }
    filter.apply();
  }

  show();
  return { show };
}

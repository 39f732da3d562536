// The page of a sweep: follows it while it runs, filters by brushes, says what is under the pointer.

const sweep = document.getElementById("sweep");
const POLL_MS = 3_000;

if (sweep) {
  document.documentElement.classList.add("is-scripted");
  const own = `/runs/${encodeURIComponent(sweep.dataset.run)}/sweep`;
  let version = sweep.dataset.version;
  let details = null;

  // Parts of the page are taken from the page itself, as the server renders it for an address.

  async function pageAt(address) {
    const reply = await fetch(address, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(`${reply.status}`);
    return new DOMParser().parseFromString(await reply.text(), "text/html");
  }

  function isRead(part) {
    const selected = document.getSelection();
    const holdsSelection = selected && !selected.isCollapsed && part.contains(selected.anchorNode);
    return part.contains(document.activeElement) || holdsSelection;
  }

  function take(fresh, ids) {
    for (const id of ids) {
      const mine = document.getElementById(id);
      const theirs = fresh.getElementById(id);
      if (mine && theirs && mine.innerHTML !== theirs.innerHTML) {
        mine.replaceChildren(...theirs.childNodes);
        mine.toggleAttribute("data-pending", theirs.hasAttribute("data-pending"));
      }
    }
    brushes();
  }

  function liveIds() {
    return [...document.querySelectorAll("[data-live]")].filter((part) => !isRead(part)).map((part) => part.id);
  }

  // Following.

  async function follow() {
    const state = await (await fetch(`${own}/state`)).json();
    const isPending = document.querySelector("[data-pending]");
    if (state.version !== version || isPending) {
      const fresh = await pageAt(location.href);
      const theirs = fresh.getElementById("sweep");
      version = theirs ? theirs.dataset.version : state.version;
      details = null;
      take(fresh, liveIds());
      const table = fresh.getElementById("trials");
      const isNew = table && rows(table) !== rows(document.getElementById("trials"));
      document.getElementById("news").hidden = !isNew;
      if (!state.running) delete sweep.dataset.running;
    }
  }

  // What one reads in the table: relative times and durations that count on are no news.
  function rows(table) {
    return [...table.querySelectorAll("tbody tr")].map((row) => row.querySelector("th").textContent + row.cells[1].textContent).join("\n")
      + (table.querySelector("[role=status]")?.textContent ?? "");
  }

  let failures = 0;
  async function keepFollowing() {
    if ("running" in sweep.dataset || document.querySelector("[data-pending]")) {
      if (!document.hidden) {
        try {
          await follow();
          failures = 0;
        } catch {
          failures += 1; // the server is away: asked again, less often
        }
      }
      setTimeout(keepFollowing, POLL_MS * Math.min(10, 1 + failures));
    }
  }
  setTimeout(keepFollowing, document.querySelector("[data-pending]") ? 700 : POLL_MS);

  document.querySelector("#news button").addEventListener("click", async () => {
    await go(location.href, false);
    document.getElementById("news").hidden = true;
  });

  // Filtering, sorting and paging without leaving the place where one is.

  let latest = 0;
  let query = location.search;

  async function go(address, isNew = true) {
    const mine = ++latest;
    if (isNew) history.pushState(null, "", address);
    query = location.search;
    try {
      const fresh = await pageAt(address);
      if (mine !== latest) return; // something else was asked for meanwhile
      if (fresh.getElementById("trials") === null) throw new Error("another page");
      take(fresh, ["trials", "parallel"]);
    } catch {
      if (mine === latest) location.assign(address);
    }
  }

  const form = document.getElementById("filter");

  function filteredAddress() {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value !== "") fields.append(name, value);
    return `${own}?${fields}`;
  }

  if (form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go(filteredAddress());
    });
    form.addEventListener("change", () => go(filteredAddress()));
    document.getElementById("clear").addEventListener("click", (event) => {
      event.preventDefault();
      clear();
      go(filteredAddress());
    });
  }

  function clear() {
    for (const field of form.querySelectorAll("fieldset input")) {
      if (field.type === "checkbox") field.checked = false;
      else field.value = "";
    }
  }

  document.getElementById("trials").addEventListener("click", (event) => {
    const link = event.target.closest("thead a, .pager a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const words = link.textContent.replace(/ [↑↓]$/, "");
    go(link.href).then(() => {
      for (const again of document.querySelectorAll("#trials thead a, #trials .pager a")) {
        if (again.textContent.replace(/ [↑↓]$/, "") === words) again.focus();
      }
      form?.querySelectorAll('input[name="sort"]').forEach((field) => field.remove());
      const sort = new URL(link.href).searchParams.get("sort");
      if (sort && form) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "sort", value: sort }));
    });
  });

  addEventListener("popstate", () => {
    if (query !== location.search) location.reload(); // else a link within the page led to a place of it
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("#objective select, #choose-pair select")) event.target.form.requestSubmit();
  });

  // Brushes along the axes: they fill the fields of the filter.

  const SVG = "http://www.w3.org/2000/svg";

  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function fieldsOf(axis) {
    const name = axis.dataset.name;
    const [low, high] = "value" in axis.dataset ? ["low", "high"] : [`min.${name}`, `max.${name}`];
    return [form.elements.namedItem(low), form.elements.namedItem(high)];
  }

  function numberAt(axis, share) {
    const low = Number(axis.dataset.low);
    const at = low + (Number(axis.dataset.high) - low) * share;
    return Number((axis.dataset.kind === "log" ? 10 ** at : at).toPrecision(5));
  }

  function shareOf(axis, number) {
    const at = axis.dataset.kind === "log" ? Math.log10(number) : number;
    const low = Number(axis.dataset.low);
    return (at - low) / (Number(axis.dataset.high) - low);
  }

  function drawBrush(axis, line, from, to) {
    let brush = axis.querySelector(".brush");
    if (!brush) {
      brush = shape("rect", { class: "brush", width: 14 });
      axis.append(brush);
    }
    const [top, bottom] = [1 - Math.max(from, to), 1 - Math.min(from, to)];
    brush.setAttribute("x", line.getAttribute("x1"));
    brush.setAttribute("transform", "translate(-7 0)");
    brush.setAttribute("y", `${100 * Math.max(0, top)}%`);
    brush.setAttribute("height", `${100 * Math.max(0, Math.min(1, bottom) - Math.max(0, top))}%`);
  }

  function brushes() {
    if (!form) return;
    for (const axis of document.querySelectorAll("#parallel .upright:not(.can-brush)")) {
      axis.classList.add("can-brush");
      const line = axis.querySelector("line");
      const handle = shape("rect", { class: "handle", x: line.getAttribute("x1"), width: 28, height: "100%", transform: "translate(-14 0)" });
      if (axis.dataset.kind !== "names") {
        const [low, high] = fieldsOf(axis);
        if (low && high && (low.value || high.value)) {
          drawBrush(axis, line, low.value ? shareOf(axis, Number(low.value)) : 0, high.value ? shareOf(axis, Number(high.value)) : 1);
        }
      }
      axis.append(handle);
      handle.addEventListener("pointerdown", (event) => dragged(event, axis, line, handle));
    }
  }

  function dragged(begun, axis, line, handle) {
    begun.preventDefault();
    handle.setPointerCapture(begun.pointerId);
    const box = line.getBoundingClientRect();
    const share = (event) => Math.max(0, Math.min(1, 1 - (event.clientY - box.top) / box.height));
    const from = share(begun);
    const move = (event) => drawBrush(axis, line, from, share(event));
    const end = (event) => {
      handle.removeEventListener("pointermove", move);
      chosen(axis, Math.min(from, share(event)), Math.max(from, share(event)));
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
  }

  function chosen(axis, from, to) {
    const isClick = to - from < 0.015;
    if (axis.dataset.kind === "names") {
      const boxes = [...form.querySelectorAll('input[type="checkbox"]')].filter((box) => box.name === `is.${axis.dataset.name}`);
      const low = Number(axis.dataset.low);
      const span = Number(axis.dataset.high) - low;
      boxes.forEach((box, place) => {
        const at = (place - low) / span;
        const half = 0.5 / span;
        box.checked = !isClick && at + half > from && at - half < to;
      });
    } else {
      const [low, high] = fieldsOf(axis);
      if (!low || !high) return;
      low.value = isClick ? "" : numberAt(axis, from);
      high.value = isClick ? "" : numberAt(axis, to);
    }
    document.getElementById("filters").open = true;
    go(filteredAddress());
  }

  brushes();

  // What is under the pointer.

  const hint = Object.assign(document.createElement("div"), { className: "hint", hidden: true });
  document.body.append(hint);
  const dotsOf = new WeakMap();

  function dots(path) {
    let known = dotsOf.get(path);
    if (!known) {
      const numbers = path.dataset.trials.split(",");
      const places = [...path.getAttribute("d").matchAll(/M([\d.-]+) ([\d.-]+)(?:H([\d.-]+))?/g)];
      const isOne = numbers.length === 1 && !path.classList.contains("dots") && !path.classList.contains("bars");
      known = isOne
        ? [...path.getAttribute("d").matchAll(/([\d.-]+) ([\d.-]+)/g)].map((p) => ({ x: +p[1], y: +p[2], number: numbers[0] }))
        : places.map((p, n) => ({ x: +p[1], y: +p[2], to: p[3] === undefined ? undefined : +p[3], number: numbers[n] }));
      dotsOf.set(path, known);
    }
    return known;
  }

  function nearest(plot, event) {
    const { left, top, width, height } = plot.getBoundingClientRect();
    let found = null;
    let best = 24 * 24;
    for (const path of plot.querySelectorAll("[data-trials]")) {
      for (const dot of dots(path)) {
        const at = (x) => left + (x / 1000) * width;
        const [from, to] = [at(dot.x), at(dot.to ?? dot.x)];
        const dx = event.clientX < from ? from - event.clientX : Math.max(0, event.clientX - to);
        const dy = top + (dot.y / 1000) * height - event.clientY;
        const far = dx * dx + dy * dy;
        if (far < best) [best, found] = [far, dot.number];
      }
    }
    return found;
  }

  async function known(number) {
    details ??= fetch(`${own}/trials${location.search}`).then((reply) => reply.json()).catch(() => ({}));
    return (await details)[number];
  }

  let pointed = null;

  async function show(number, event) {
    pointed = number;
    const trial = await known(number);
    if (pointed !== number || !trial) return;
    const title = Object.assign(document.createElement("strong"), { textContent: trial.name });
    const list = document.createElement("dl");
    const pairs = [["value", trial.value || trial.state], ...trial.params];
    for (const [name, value] of pairs.slice(0, 13)) {
      list.append(Object.assign(document.createElement("dt"), { textContent: name.slice(0, 40) }));
      list.append(Object.assign(document.createElement("dd"), { textContent: value }));
    }
    hint.replaceChildren(title, list);
    hint.hidden = false;
    hint.style.left = `${Math.min(event.clientX + 14, innerWidth - hint.offsetWidth - 8)}px`;
    hint.style.top = `${Math.max(8, Math.min(event.clientY + 14, innerHeight - hint.offsetHeight - 8))}px`;
  }

  function away() {
    pointed = null;
    hint.hidden = true;
    document.querySelector(".line.pointed")?.classList.remove("pointed");
  }

  function under(event) {
    const line = event.target.closest(".line");
    if (line) return line.dataset.trial;
    const plot = event.target.closest(".plot");
    return plot ? nearest(plot, event) : null;
  }

  sweep.addEventListener("pointermove", (event) => {
    const number = under(event);
    if (number === null) return away();
    document.querySelector(".line.pointed")?.classList.remove("pointed");
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
}

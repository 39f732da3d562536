// Parts of a page change in place: the server renders the page for an address, and its parts are put where the
// present ones are; the address follows. Links and forms that do this are marked `data-swap`.

const PAUSE_MS = 200;

// The page at an address, and the address that it has after redirects. Throws where there is no page.
export async function pageAt(address) {
  const reply = await fetch(address, { headers: { Accept: "text/html" } });
  if (!reply.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(`${reply.status}`);
  return { address: reply.url, page: new DOMParser().parseFromString(await reply.text(), "text/html") };
}

// Puts in place the parts (ids of elements) that differ; false where the page has none of them.
export function replace(page, ids) {
  let isThere = false;
  for (const id of ids) {
    const mine = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (mine === null || fresh === null) continue;
    isThere = true;
    if (mine.innerHTML === fresh.innerHTML) continue;
    const putBack = heldOf(mine);
    mine.replaceChildren(...fresh.childNodes);
    putBack();
  }
  return isThere;
}

// What the reader was at in a part: how far tables were scrolled, what was unfolded, and what had the focus.
function heldOf(part) {
  const places = [...part.querySelectorAll(".wide")].map((table) => [
    table.getAttribute("aria-label"), table.scrollLeft, table.scrollTop,
  ]);
  const unfolded = [...part.querySelectorAll("details[open]")].map((details) => [
    details.id, wayTo(details, part), details.firstElementChild.textContent,
  ]);
  const isWithin = part.contains(document.activeElement) && document.activeElement !== part;
  const active = isWithin ? document.activeElement : null;
  const way = active === null ? [] : wayTo(active, part);
  return () => {
    for (const [label, left, top] of places) {
      const table = part.querySelector(`.wide[aria-label="${CSS.escape(label)}"]`);
      table?.scrollTo({ left, top, behavior: "instant" });
    }
    for (const [id, way, summary] of unfolded) {
      const again = id ? document.getElementById(id) : atTheSamePlace(part, way, "details");
      if (again && (id || again.firstElementChild.textContent === summary)) again.open = true;
    }
    if (active === null) return;
    const again = counterpart(part, active) ?? atTheSamePlace(part, way, active.localName);
    again?.focus({ preventScroll: true });
    if (!part.contains(document.activeElement)) {
      part.tabIndex = -1; // gone: the keys go on from where it was, not from the top of the page
      part.focus({ preventScroll: true });
    }
    if (again?.matches('input[type="search"]')) {
      again.value = active.value;
      again.setSelectionRange(active.selectionStart, active.selectionEnd);
    }
  };
}

// What took the place of an element: it has the same id, the same place in the row of a run, or the same words.
function counterpart(part, element) {
  if (element.id) return document.getElementById(element.id);
  const row = element.closest("tr[data-run]")?.dataset.run;
  const others = [...part.querySelectorAll(element.localName)];
  if (row === undefined) return others.find((other) => words(element) && words(other) === words(element));
  const isIn = (other) => other.closest("tr[data-run]")?.dataset.run === row;
  return others.find((other) => isIn(other) && other.className === element.className);
}

// The places of an element and of what holds it among their siblings, from `part` down.
function wayTo(element, part) {
  const way = [];
  for (let at = element; at !== part; at = at.parentElement) way.unshift([...at.parentElement.children].indexOf(at));
  return way;
}

function atTheSamePlace(part, way, name) {
  const found = way.reduce((at, index) => at?.children[index], part);
  return found?.localName === name ? found : null;
}

function words(element) {
  return element.textContent.replace(/ [↑↓]$/, "");
}

// Where a form leads: fields that are empty are left out, but for that of the button.
function addressOf(form, submitter = null) {
  const fields = [...new FormData(form, submitter)];
  const target = new URL(form.getAttribute("action") ?? location.pathname, location.href);
  target.search = new URLSearchParams(fields.filter(([name, value]) => value !== "" || name === submitter?.name));
  return target.href;
}

// `go(address, {as})` shows the parts at an address; the history gets a step ("push"), another last one
// ("replace"), or stays as it is ("same").
// `before()` is called first, `after(page)` once the parts are there.
export function swapper(ids, { before = () => {}, after = () => {} } = {}) {
  const main = document.getElementById(ids[0]);
  let latest = 0;
  return async function go(address, { as = "push" } = {}) {
    const mine = ++latest;
    before();
    main.setAttribute("aria-busy", "true");
    const found = await pageAt(address).catch(() => null);
    if (mine !== latest) return;
    main.removeAttribute("aria-busy");
    if (found === null || !replace(found.page, ids)) {
      if (as !== "replace") location.assign(address); // whatever is the matter, the browser says it
      return;
    }
    const shown = new URL(found.address);
    shown.hash = new URL(address, location.href).hash;
    if (as === "push") history.pushState({}, "", shown);
    else if (as === "replace") history.replaceState(history.state, "", shown);
    document.title = found.page.title;
    dispatchEvent(new Event("swapped"));
    after(found.page);
  };
}

// Lets `data-swap` and the buttons of the browser lead to `go`.
export function startSwaps(go, { back = () => go(location.href, { as: "same" }) } = {}) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-swap]");
    if (!link || !isPlain(event)) return;
    event.preventDefault();
    go(link.href);
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !event.target.matches("form[data-swap]")) return;
    event.preventDefault();
    go(addressOf(event.target, event.submitter));
  });
  let shown = location.pathname + location.search;
  addEventListener("popstate", () => {
    const before = shown;
    shown = location.pathname + location.search;
    // A link within the page goes to a place of it, and no other part.
    if (before !== shown) back();
  });
  addEventListener("swapped", () => {
    shown = location.pathname + location.search;
  });
}

// A click that is not meant for another tab or window.
export function isPlain(event) {
  const isHeld = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  return !event.defaultPrevented && event.button === 0 && !isHeld;
}

// The field of a search, by its id, is followed while one types, without a step in the history.
export function startTyping(id, go) {
  let waiting = 0;
  document.addEventListener("input", (event) => {
    if (event.target.id !== id) return;
    clearTimeout(waiting);
    // The form may be another by then.
    waiting = setTimeout(() => go(addressOf(document.getElementById(id).form), { as: "replace" }), PAUSE_MS);
  });
  document.addEventListener("submit", () => clearTimeout(waiting));
}

// A form outside of the parts: its hidden fields follow the address, and what nobody types at.
export function followForm(form, page) {
  const fresh = page.getElementById(form.id);
  if (fresh === null) return;
  for (const field of form.querySelectorAll('input[type="hidden"]')) field.remove();
  form.prepend(...fresh.querySelectorAll('input[type="hidden"]'));
  const typed = form.querySelector('input[type="search"]');
  if (typed && document.activeElement !== typed) typed.value = fresh.querySelector('input[type="search"]').value;
}

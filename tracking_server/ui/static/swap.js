// Links and forms marked `data-swap` change a part of the page instead of loading it anew; the address follows.

export function replaced(element, children) {
  element.replaceChildren(...children);
}

async function fetched(address) {
  const reply = await fetch(address, { headers: { Accept: "text/html" } });
  if (!reply.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(`${reply.status}`);
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  // A page that says what is wrong, or asks for a token, is to be seen as a whole.
  if (page.getElementById("part") === null) throw new Error(`${reply.status}`);
  return { address: reply.url, page };
}

function addressOf(form) {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...query]) if (value === "") query.delete(name);
  return `${location.pathname}?${query}`;
}

// Where the focus is within an element: what is at the same place in its successor takes it over.
function wayTo(focused, part) {
  if (!part.contains(focused) || focused === part) return null;
  const way = [];
  for (let at = focused; at !== part; at = at.parentElement) way.unshift([...at.parentElement.children].indexOf(at));
  return { way, tag: focused.tagName };
}

function focusAgain(part, { way, tag }) {
  const found = way.reduce((at, index) => at?.children[index], part);
  if (found?.tagName === tag) found.focus({ preventScroll: true });
  if (part.contains(document.activeElement)) return;
  part.tabIndex = -1; // gone: the keys go on from where it was, not from the top of the page
  part.focus({ preventScroll: true });
}

export function startSwaps(part, hooks) {
  let latest = 0;
  let shown = location.pathname + location.search;

  async function go(address, { push }) {
    hooks.before();
    const own = ++latest;
    let found;
    try {
      found = await fetched(address);
    } catch {
      if (own === latest) location.assign(address); // whatever is the matter, the browser says it
      return;
    }
    if (own !== latest) return; // something else was asked for meanwhile
    const scroller = part.querySelector(".scroller");
    const [left, top] = scroller === null ? [0, 0] : [scroller.scrollLeft, scroller.scrollTop];
    const focused = document.activeElement?.closest("tr[data-run]")?.dataset.run;
    const way = wayTo(document.activeElement, part);
    if (push) history.pushState({}, "", found.address);
    shown = location.pathname + location.search;
    replaced(part, found.page.getElementById("part").childNodes);
    updateForm(found.page);
    const now = part.querySelector(".scroller");
    if (now !== null) now.scrollTo(left, top);
    if (focused !== undefined) part.querySelector(`tr[data-run="${CSS.escape(focused)}"] .fold`)?.focus();
    if (way !== null && !part.contains(document.activeElement)) focusAgain(part, way);
    hooks.after();
  }

  // The search form stands outside of the part: its hidden fields follow, what one types stays.
  function updateForm(page) {
    const form = document.getElementById("search");
    const other = page.getElementById("search");
    if (form === null || other === null) return;
    for (const field of form.querySelectorAll('input[type="hidden"]')) field.remove();
    form.prepend(...other.querySelectorAll('input[type="hidden"]'));
    const typed = form.querySelector('input[type="search"]');
    if (document.activeElement !== typed) typed.value = other.querySelector('input[type="search"]').value;
  }

  async function more(link) {
    link.setAttribute("aria-busy", "true");
    const found = await fetched(link.href);
    document.getElementById("lines").append(...found.page.querySelectorAll("#lines > tr"));
    const next = found.page.querySelector("a[data-more]");
    if (next === null) link.remove();
    else link.replaceWith(next);
    hooks.after();
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a[data-swap], a[data-more]");
    if (link === null) return;
    event.preventDefault();
    if (link.matches("[data-more]")) more(link).catch(() => location.assign(link.href));
    else go(link.href, { push: true });
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-swap]")) return;
    event.preventDefault();
    go(addressOf(event.target), { push: true });
  });
  addEventListener("popstate", () => {
    // A link within the page goes to a place of it, and no other part.
    if (shown !== location.pathname + location.search) go(location.href, { push: false });
  });
}

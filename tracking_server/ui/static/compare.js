// Changes of the view happen in place: the same addresses, without losing where one has scrolled to.

const REGION = "comparison";
const PAUSE_MS = 250;
let latest = 0;
let typing = 0;
let query = location.search;

function region() {
  return document.getElementById(REGION);
}

async function show(address, { push = true } = {}) {
  const mine = ++latest;
  region().setAttribute("aria-busy", "true");
  let reply;
  try {
    reply = await fetch(address, { headers: { Accept: "text/html" } });
  } catch {
    location.assign(address);
    return;
  }
  const text = await reply.text();
  if (mine !== latest) return;
  const found = new DOMParser().parseFromString(text, "text/html");
  const fresh = found.getElementById(REGION);
  if (fresh === null) {
    location.assign(reply.url);
    return;
  }
  const put = keep();
  document.title = found.title;
  region().replaceWith(document.adoptNode(fresh));
  put();
  const shown = new URL(reply.url);
  shown.hash = new URL(address, location.href).hash;
  if (push) history.pushState({}, "", shown);
  else history.replaceState({}, "", shown);
  query = location.search;
}

// What the reader was at: the place in the table, and the field or control that had the focus.
function keep() {
  const table = document.querySelector(".beside");
  const [left, top] = [table?.scrollLeft ?? 0, table?.scrollTop ?? 0];
  const active = document.activeElement;
  const id = region().contains(active) ? active.id : "";
  const typed = id === "search" ? [active.value, active.selectionStart, active.selectionEnd] : null;
  return () => {
    const moved = document.querySelector(".beside");
    if (moved) moved.scrollTo({ left, top, behavior: "instant" });
    if (typed) {
      const field = document.getElementById("search");
      field.value = typed[0];
      field.focus({ preventScroll: true });
      field.setSelectionRange(typed[1], typed[2]);
    } else if (id) {
      document.getElementById(id)?.focus({ preventScroll: true });
    }
  };
}

function addressOf(form, submitter) {
  const fields = new FormData(form, submitter);
  const query = new URLSearchParams([...fields].filter(([name, value]) => value !== "" || name === "set_baseline"));
  return `${form.getAttribute("action")}?${query}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-inplace]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  show(link.href);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-inplace]")) return;
  event.preventDefault();
  clearTimeout(typing);
  show(addressOf(form, event.submitter));
});

document.addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(() => show(addressOf(event.target.form), { push: false }), PAUSE_MS);
});

window.addEventListener("popstate", () => {
  if (query !== location.search) location.reload(); // else a link within the page led to a place of it
});

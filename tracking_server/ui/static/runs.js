// The table of runs: sorting and folding without losing one's place, a selection that survives both, keys, news.

import { followForm, isPlain, pageAt, startSwaps, swapper } from "./swap.js";
import { completeWords } from "./words.js";
import { startKeys } from "./runs_keys.js";
import { startNews } from "./runs_news.js";
import { startSelection } from "./runs_selection.js";

const part = document.getElementById("part");
const filter = document.getElementById("filter");
const MOST_BY_THEMSELVES = 500;

completeWords(filter, filter.dataset.words);
const selection = startSelection(part);
const go = swapper(["part"], {
  before: () => selection.remembered(),
  after: (page) => {
    followForm(filter.form, page);
    selection.show();
    watchTheEnd();
  },
});
startSwaps(go);
startKeys(part, filter);
startNews(part);

// More runs are added below those that are shown: when one asks for them, and when one comes to the end.
part.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-more]");
  if (link === null || !isPlain(event)) return;
  event.preventDefault();
  more(link).catch(() => location.assign(link.href));
});

const lastLine = new IntersectionObserver((entries) => {
  const link = part.querySelector("a[data-more]");
  if (link === null || !entries.some((entry) => entry.isIntersecting)) return;
  if (part.querySelectorAll("#lines > tr").length >= MOST_BY_THEMSELVES) return;
  more(link).catch(() => link.removeAttribute("aria-busy"));
}, { rootMargin: "300px" }); // the end of the table may be scrolled to and still be below that of the window

function watchTheEnd() {
  lastLine.disconnect();
  const last = part.querySelector("#lines > tr:last-child");
  if (last !== null) lastLine.observe(last);
}
watchTheEnd();

async function more(link) {
  if (link.getAttribute("aria-busy") === "true") return;
  link.setAttribute("aria-busy", "true");
  const { page } = await pageAt(link.href);
  if (!link.isConnected) return; // another table is shown meanwhile
  document.getElementById("lines").append(...page.querySelectorAll("#lines > tr"));
  const next = page.querySelector("a[data-more]");
  if (next === null) link.remove();
  else link.replaceWith(next);
  selection.show();
  watchTheEnd();
}

// The names that runs can be grouped by are fetched when somebody is about to choose.
part.addEventListener("focusin", async (event) => {
  const list = document.getElementById("groupable");
  if (event.target.name !== "group" || list === null || list.childElementCount > 0) return;
  const known = await fetch(filter.dataset.words).then((reply) => reply.json());
  const options = [...known.params, ...known.tags].map((name) => {
    const option = document.createElement("option");
    option.value = name.replace(/^(\w+)\.`(.*)`$/, "$1.$2");
    return option;
  });
  list.replaceChildren(...options);
});

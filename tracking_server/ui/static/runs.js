// The table of runs: sorting and folding without losing one's place, a selection that survives both, keys, news.

import { followForm, isPlain, pageAt, startSwaps, swapper } from "./swap.js";
import { completeWords } from "./words.js";
import { startKeys } from "./runs_keys.js";
import { startNews } from "./runs_news.js";
import { startSelection } from "./runs_selection.js";

const part = document.getElementById("part");
const filter = document.getElementById("filter");

completeWords(filter, filter.dataset.words);
const selection = startSelection(part);
const go = swapper(["part"], {
  before: () => selection.remembered(),
  after: (page) => {
    followForm(filter.form, page);
    selection.show();
  },
});
startSwaps(go);
startKeys(part, filter);
startNews(part);

// More runs are added below those that are shown.
part.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-more]");
  if (link === null || !isPlain(event)) return;
  event.preventDefault();
  more(link).catch(() => location.assign(link.href));
});

async function more(link) {
  link.setAttribute("aria-busy", "true");
  const { page } = await pageAt(link.href);
  document.getElementById("lines").append(...page.querySelectorAll("#lines > tr"));
  const next = page.querySelector("a[data-more]");
  if (next === null) link.remove();
  else link.replaceWith(next);
  selection.show();
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

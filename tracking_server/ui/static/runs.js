// The table of runs: sorting and folding without losing one's place, a selection that survives both, keys, news.

import { completeWords } from "./words.js";
import { startKeys } from "./runs_keys.js";
import { startNews } from "./runs_news.js";
import { startSelection } from "./runs_selection.js";
import { replaced, startSwaps } from "./swap.js";

const part = document.getElementById("part");
const filter = document.getElementById("filter");

completeWords(filter, filter.dataset.words);
const selection = startSelection(part);
startSwaps(part, {
  before: () => selection.remembered(),
  after: () => selection.show(),
});
startKeys(part, filter);
startNews(part);

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
  replaced(list, options);
});

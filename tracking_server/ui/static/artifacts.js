// What moves in the viewer of artifacts: the tree shows what is chosen, paths are copied.

import "./copy.js";

function showChosen() {
  const tree = document.querySelector(".tree");
  const chosen = tree?.querySelector("[aria-current]");
  if (!chosen) return;
  // The tree alone is scrolled; the page stays where it is.
  const offset = chosen.getBoundingClientRect().top - tree.getBoundingClientRect().top;
  if (offset > tree.clientHeight - 40) tree.scrollTop += offset - tree.clientHeight / 2;
}

showChosen();

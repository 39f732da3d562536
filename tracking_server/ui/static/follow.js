// While something goes on, its page is looked at again: what is marked `data-live` changes in place, but for what
// somebody is reading.

import { replace } from "./swap.js";

const SLOWEST = 10;
const SHARE_OF_TIME = 20; // a page that takes long to make is looked at less often

// Calls `look` every so often until it returns false; less often while the server is away.
export function keepLooking(look, everyMs, { firstMs = everyMs } = {}) {
  let failures = 0;
  async function once() {
    const began = performance.now();
    if (!document.hidden) {
      try {
        if ((await look()) === false) return;
        failures = 0;
      } catch {
        failures += 1;
      }
    }
    const tookMs = performance.now() - began;
    setTimeout(once, Math.max(everyMs * Math.min(SLOWEST, 1 + failures), SHARE_OF_TIME * tookMs));
  }
  setTimeout(once, firstMs);
}

// Puts the live parts of a page in the places of those that nobody is at; returns their ids.
export function replaceLive(page) {
  const ids = [...document.querySelectorAll("[data-live]")].filter((part) => !isRead(part)).map(({ id }) => id);
  replace(page, ids);
  return ids;
}

function isRead(part) {
  const selected = document.getSelection();
  const holdsSelection = selected && !selected.isCollapsed && part.contains(selected.anchorNode);
  return part.contains(document.activeElement) || holdsSelection;
}

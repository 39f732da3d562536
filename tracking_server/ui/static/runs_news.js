// What changes while one looks: cells of runs that are shown change in place; new runs are told, not inserted.

import { pageAt } from "./swap.js";

const EVERY_MS = 5_000;
const SLOWEST_MS = 60_000;

export function startNews(part) {
  let waitMs = EVERY_MS;

  async function look() {
    const address = new URL(location.href);
    if (document.visibilityState !== "visible" || address.searchParams.has("page_token")) return;
    const { page } = await pageAt(address);
    if (address.href !== location.href) return; // another table is shown meanwhile
    const changed = update(page);
    waitMs = changed || part.querySelector("[data-running]") ? EVERY_MS : Math.min(SLOWEST_MS, waitMs * 1.5);
  }

  function update(page) {
    const titles = (of) => [...of.querySelectorAll(".runs thead th")].map((head) => head.textContent).join("\n");
    if (titles(part) !== titles(page)) return false; // other columns: wherever one looks, it is not there any more
    const shown = new Map([...part.querySelectorAll("tr[data-run]")].map((row) => [row.dataset.run, row]));
    let changed = false;
    let fresh = 0;
    for (const row of page.querySelectorAll("tr[data-run]")) {
      const mine = shown.get(row.dataset.run);
      if (mine === undefined) fresh += 1;
      else changed = refresh(mine, row) || changed;
    }
    tell(fresh);
    return changed || fresh > 0;
  }

  // The first two cells hold what one may be using: the box and the links.
  function refresh(mine, row) {
    let changed = false;
    mine.toggleAttribute("data-running", row.hasAttribute("data-running"));
    for (const [index, cell] of [...row.cells].entries()) {
      const old = mine.cells[index];
      if (index < 2 || old === undefined || old.innerHTML === cell.innerHTML) continue;
      old.replaceWith(cell);
      changed = changed || index !== 3;
    }
    return changed;
  }

  function tell(fresh) {
    const place = part.querySelector(".news");
    if (place === null) return;
    if (fresh === 0) {
      place.replaceChildren();
      return;
    }
    const words = fresh === 1 ? "1 new run" : `${fresh} new runs`;
    if (place.textContent === words) return;
    const link = document.createElement("a");
    Object.assign(link, { className: "button", href: location.href, textContent: words });
    link.dataset.swap = "";
    place.replaceChildren(link);
  }

  async function keepLooking() {
    try {
      await look();
    } catch {
      waitMs = Math.min(SLOWEST_MS, waitMs * 2); // the server is away: what is shown stays
    }
    setTimeout(keepLooking, waitMs);
  }

  setTimeout(keepLooking, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") waitMs = EVERY_MS;
  });
}

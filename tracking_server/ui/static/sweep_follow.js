// While a sweep goes on, its page is looked at again: drawings change in place, newer trials are told of.

import { pageAt, replace } from "./swap.js";

const EVERY_MS = 3_000;
const FIRST_MS = 700; // what is being worked out is there soon
const SLOWEST = 10;

export function startFollowing(sweep, stateAddress, { go, changed }) {
  let { version } = sweep.dataset;
  let failures = 0;
  const news = document.getElementById("news");

  async function look() {
    const state = await fetch(stateAddress).then((reply) => reply.json());
    if (state.version === version && !pending()) return;
    const { page } = await pageAt(location.href);
    version = page.getElementById("sweep")?.dataset.version ?? state.version;
    const ids = [...document.querySelectorAll("[data-live]")].filter((part) => !isRead(part)).map(({ id }) => id);
    replace(page, ids);
    for (const id of ids) {
      const isPending = page.getElementById(id)?.hasAttribute("data-pending") ?? false;
      document.getElementById(id).toggleAttribute("data-pending", isPending);
    }
    changed();
    const table = page.getElementById("trials");
    news.hidden = !table || said(table) === said(document.getElementById("trials"));
    if (!state.running) delete sweep.dataset.running;
  }

  async function keepLooking() {
    if (!("running" in sweep.dataset) && !pending()) return;
    if (!document.hidden) {
      try {
        await look();
        failures = 0;
      } catch {
        failures += 1; // the server is away: asked again, less often
      }
    }
    setTimeout(keepLooking, EVERY_MS * Math.min(SLOWEST, 1 + failures));
  }

  news.querySelector("button").addEventListener("click", async () => {
    await go(location.href, { as: "same" });
    news.hidden = true;
  });
  setTimeout(keepLooking, pending() ? FIRST_MS : EVERY_MS);
}

function pending() {
  return document.querySelector("[data-pending]") !== null;
}

function isRead(part) {
  const selected = document.getSelection();
  const holdsSelection = selected && !selected.isCollapsed && part.contains(selected.anchorNode);
  return part.contains(document.activeElement) || holdsSelection;
}

// What one reads in the table: relative times and durations that count on are no news.
function said(table) {
  const rows = [...table.querySelectorAll("tbody tr")];
  const trials = rows.map((row) => row.querySelector("th").textContent + row.cells[1].textContent);
  return [...trials, table.querySelector("[role=status]")?.textContent ?? ""].join("\n");
}

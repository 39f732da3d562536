// While a sweep goes on, its page is looked at again: drawings change in place, newer trials are told of.

import { keepLooking, replaceLive } from "./follow.js";
import { pageAt } from "./swap.js";

const EVERY_MS = 3_000;
const FIRST_MS = 700; // what is being worked out is there soon

export function startFollowing(sweep, stateAddress, { go, changed }) {
  let { version } = sweep.dataset;
  const news = document.getElementById("news");

  async function look() {
    const state = await fetch(stateAddress).then((reply) => reply.json());
    if (state.version === version && !pending()) return goesOn();
    const { page } = await pageAt(location.href);
    version = page.getElementById("sweep")?.dataset.version ?? state.version;
    for (const id of replaceLive(page)) {
      const isPending = page.getElementById(id)?.hasAttribute("data-pending") ?? false;
      document.getElementById(id).toggleAttribute("data-pending", isPending);
    }
    changed();
    const table = page.getElementById("trials");
    news.hidden = !table || said(table) === said(document.getElementById("trials"));
    if (!state.running) delete sweep.dataset.running;
    return goesOn();
  }

  function goesOn() {
    return "running" in sweep.dataset || pending();
  }

  news.querySelector("button").addEventListener("click", async () => {
    await go(location.href, { as: "same" });
    news.hidden = true;
  });
  if (goesOn()) keepLooking(look, EVERY_MS, { firstMs: pending() ? FIRST_MS : EVERY_MS });
}

function pending() {
  return document.querySelector("[data-pending]") !== null;
}

// What one reads in the table: relative times and durations that count on are no news.
function said(table) {
  const rows = [...table.querySelectorAll("tbody tr")];
  const trials = rows.map((row) => row.querySelector("th").textContent + row.cells[1].textContent);
  return [...trials, table.querySelector("[role=status]")?.textContent ?? ""].join("\n");
}

// A run: its values are narrowed while one types, as the server does without scripts, and change while it goes on.

import { keepLooking, replaceLive } from "./follow.js";
import { pageAt, startSwaps, startTyping, swapper } from "./swap.js";

const EVERY_MS = 5_000;

const go = swapper(["values"], {
  after: () => {
    const lines = document.querySelectorAll("#values tbody tr").length;
    document.getElementById("found").textContent = lines === 1 ? "1 line found" : `${lines} lines found`;
  },
});
startSwaps(go);
startTyping("search", go);

const isOver = (page) => page.querySelector("#facts[data-running]") === null;
if (!isOver(document)) keepLooking(look, EVERY_MS);

async function look() {
  const address = location.href;
  const { page } = await pageAt(address);
  if (address !== location.href) return true; // other values are shown meanwhile
  replaceLive(page);
  return !isOver(page);
}

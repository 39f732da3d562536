// Narrows the values of a run while one types; the server does the search, as it does without scripts.

import { startSwaps, startTyping, swapper } from "./swap.js";

const go = swapper(["values"], {
  after: () => {
    const lines = document.querySelectorAll("#values tbody tr").length;
    document.getElementById("found").textContent = lines === 1 ? "1 line found" : `${lines} lines found`;
  },
});
startSwaps(go);
startTyping("search", go);

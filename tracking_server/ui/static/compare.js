// The view of a comparison changes in place: folding, searching, another baseline, one run less.

import { startSwaps, startTyping, swapper } from "./swap.js";

const go = swapper(["comparison"]);
startSwaps(go);
startTyping("search", go);

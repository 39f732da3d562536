// The page of a sweep: follows it while it runs, filters by brushes, says what is under the pointer.

import { startBrushes } from "./sweep_brushes.js";
import { startFilter } from "./sweep_filter.js";
import { startFollowing } from "./sweep_follow.js";
import { startPointer } from "./sweep_pointer.js";
import { startSwaps, swapper } from "./swap.js";

const sweep = document.getElementById("sweep");
if (sweep) start(`/runs/${encodeURIComponent(sweep.dataset.run)}/sweep`);

function start(own) {
  document.documentElement.classList.add("is-scripted");
  const filter = startFilter();
  const brushes = startBrushes(filter);
  const pointer = startPointer(sweep, `${own}/trials`);
  const go = swapper(["trials", "parallel"], {
    after: (page) => {
      filter?.follow(page);
      brushes.show();
    },
  });
  startSwaps(go, { back: () => location.reload() });
  startFollowing(sweep, `${own}/state`, {
    go,
    changed: () => {
      pointer.forget();
      brushes.show();
    },
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("#objective select, #choose-pair select")) event.target.form.requestSubmit();
  });
}

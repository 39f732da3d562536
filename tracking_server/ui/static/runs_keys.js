// Keys of the table of runs: j k x o Enter c / ?, none of them while one types.

export function startKeys(part, filter) {
  function rows() {
    return [...part.querySelectorAll("tr[data-run]")];
  }

  function here() {
    return part.querySelector("tr.here") ?? document.activeElement?.closest("tr[data-run]");
  }

  function move(by) {
    const all = rows();
    if (all.length === 0) return;
    const at = all.indexOf(here());
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    here()?.classList.remove("here");
    next.classList.add("here");
    next.querySelector("a.name").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    x: () => here()?.querySelector('input[name="run"]').click(),
    o: () => here()?.querySelector("a.fold")?.click(),
    c: () => document.querySelector("#chosen .chosen-bar button[type=submit]")?.click(),
    "/": () => filter.focus(),
    "?": () => document.getElementById("keys")?.togglePopover(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

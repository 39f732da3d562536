// Which runs are selected: kept in the address (`select`), so that sorting, filtering and reloading keep them.

const MOST_IN_ADDRESS = 200;

export function startSelection(part) {
  const chosen = new Set(new URLSearchParams(location.search).getAll("select"));
  let last = null;

  function boxes() {
    return [...part.querySelectorAll('input[name="run"][type="checkbox"]')];
  }

  function show() {
    const all = boxes();
    for (const box of all) box.checked = chosen.has(box.value);
    const everybody = part.querySelector("[data-all]");
    if (everybody !== null) {
      everybody.checked = all.length > 0 && all.every((box) => box.checked);
      everybody.indeterminate = !everybody.checked && all.some((box) => box.checked);
    }
    const amount = part.querySelector("[data-amount]");
    if (amount !== null) amount.textContent = chosen.size === 0 ? "" : `${chosen.size} selected`;
    remembered();
  }

  function remembered() {
    const address = new URL(location.href);
    address.searchParams.delete("select");
    if (chosen.size <= MOST_IN_ADDRESS) for (const run of chosen) address.searchParams.append("select", run);
    if (address.href !== location.href) history.replaceState({}, "", address);
    for (const link of part.querySelectorAll("a[data-swap], a[data-more]")) {
      const target = new URL(link.href);
      target.searchParams.delete("select");
      if (chosen.size <= MOST_IN_ADDRESS) for (const run of chosen) target.searchParams.append("select", run);
      link.href = target.href;
    }
  }

  function set(box, on) {
    box.checked = on;
    if (on) chosen.add(box.value);
    else chosen.delete(box.value);
  }

  part.addEventListener("click", (event) => {
    const box = event.target;
    if (box.matches("[data-all]")) {
      for (const each of boxes()) set(each, box.checked);
      show();
    } else if (box.matches('input[name="run"][type="checkbox"]')) {
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)];
      if (event.shiftKey && from >= 0) {
        for (const each of all.slice(Math.min(from, to), Math.max(from, to) + 1)) set(each, box.checked);
      } else {
        set(box, box.checked);
      }
      last = box;
      show();
    }
  });

  // What is selected on other pages goes along; forms that change something come back to the address as it is now.
  part.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id !== "chosen") return;
    for (const field of form.querySelectorAll('input[type="hidden"][name="run"]')) field.remove();
    const here = new Set(boxes().map((box) => box.value));
    for (const run of chosen) {
      if (here.has(run)) continue;
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "run", value: run });
      form.append(field);
    }
    const action = event.submitter?.getAttribute("formaction");
    if (action?.includes("back=")) {
      const target = new URL(action, location.href);
      target.searchParams.set("back", location.pathname + location.search);
      event.submitter.setAttribute("formaction", target.pathname + target.search);
    }
  });

  show();
  return { show, remembered };
}

// What a reader chose for all line charts of a page. The form shows it, the address keeps it.

export const COLOURS = 10;

export function read(query) {
  const number = (name) => (query.get(name) ? Number(query.get(name)) : null);
  const x = query.get("x") || "step";
  return {
    x: x.startsWith("metric:") ? "step" : x,
    acrossMetric: x.startsWith("metric:") ? x.slice(7) : "",
    smooth: number("smooth") || 0,
    log: query.get("log") === "1",
    withoutOutliers: query.get("outliers") === "0",
    from: number("from"),
    to: number("to"),
  };
}

// Puts changes into the address of the page; null or "" takes a field away.
export function change(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(null, "", address);
  return read(address.searchParams);
}

// Keeps the form and the address together, and says when something was chosen.
export function listen(form, changed) {
  const shown = form.querySelector("output");
  const chosen = () => {
    const data = new FormData(form);
    const smooth = Number(data.get("smooth") || 0);
    if (shown) shown.textContent = smooth ? String(smooth) : "off";
    const before = new URLSearchParams(location.search).get("x") || "";
    const x = data.get("x") || "";
    // A stretch of one axis means nothing on another.
    const zoom = x === before ? {} : { from: null, to: null };
    const now = { x, smooth: smooth || null, log: data.get("log"), outliers: data.get("outliers"), ...zoom };
    changed(change(now));
  };
  form.addEventListener("input", (event) => {
    if (event.target.type === "range") chosen();
  });
  form.addEventListener("change", (event) => {
    if (event.target.type !== "search" && event.target.type !== "range" && event.target.name) chosen();
  });
}

// What MLflow's pages are called, and ours for the same.

const PLACES = [
  [/^#\/experiments\/\d+\/runs\/([^/?]+)\/model-metrics/, (found) => `/runs/${found[1]}/charts`],
  [/^#\/experiments\/\d+\/runs\/([^/?]+)\/artifacts/, (found) => `/runs/${found[1]}/artifacts`],
  [/^#\/experiments\/\d+\/runs\/([^/?]+)/, (found) => `/runs/${found[1]}`],
  [/^#\/experiments\/(\d+)\/models/, (found) => `/experiments/${found[1]}/models`],
  [/^#\/experiments\/(\d+)/, (found) => `/experiments/${found[1]}`],
  [/^#\/models\/([^/?]+)\/versions\/(\d+)/, (found) => `/models/${found[1]}/versions/${found[2]}`],
  [/^#\/models\/([^/?]+)/, (found) => `/models/${found[1]}`],
  [/^#\/models/, () => "/models"],
  [/^#\/compare-runs\?(.*)/, (found) => comparison(new URLSearchParams(found[1]).get("runs"))],
];

function comparison(runs) {
  try {
    return `/compare?${JSON.parse(runs).map((run) => `run=${encodeURIComponent(run)}`).join("&")}`;
  } catch {
    return null;
  }
}

// Our address of the place that one of MLflow's names behind its "#"; null where we have none.
export function placeOf(hash) {
  for (const [pattern, place] of PLACES) {
    const found = hash.match(pattern);
    const target = found === null ? null : place(found);
    if (target !== null) return target;
  }
  return null;
}

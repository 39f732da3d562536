// MLflow's clients print addresses of MLflow's page, whose parts stand behind a "#": they lead to ours.

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

export function followOldAddress() {
  if (location.pathname !== "/" || !location.hash.startsWith("#/")) return;
  for (const [pattern, place] of PLACES) {
    const found = location.hash.match(pattern);
    const target = found === null ? null : place(found);
    if (target !== null) {
      location.replace(target);
      return;
    }
  }
}

// What moves on every page: relative times count on, and the exact ones are those of the reader's clock.

const UNITS = [
  [31_536_000, "y"],
  [2_592_000, "mo"],
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
];

// As `wording.ago` on the server.
export function ago(atMs, nowMs) {
  const seconds = Math.floor((nowMs - atMs) / 1000);
  if (seconds < -60) return "in the future";
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  for (const [length, unit] of UNITS) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return "";
}

function countOn() {
  const nowMs = Date.now();
  for (const time of document.querySelectorAll("time[datetime]:not([data-fixed])")) {
    const atMs = Date.parse(time.dateTime);
    if (!Number.isNaN(atMs)) time.textContent = ago(atMs, nowMs);
  }
}

setInterval(countOn, 10_000);

// A point in time as `wording.moment` writes it, in the time zone of whoever reads.
export function moment(at) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

addEventListener("pointerover", ({ target }) => {
  const time = target.closest?.("time[datetime]");
  const at = time ? new Date(time.dateTime) : null;
  if (at === null || Number.isNaN(at.getTime())) return;
  const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(at).at(-1).value;
  time.title = `${moment(at)} ${zone}`;
});
followOldAddress();
addEventListener("hashchange", followOldAddress);

// MLflow's clients print addresses of MLflow's page, whose parts stand behind a "#": they lead to ours.
async function followOldAddress() {
  if (location.pathname !== "/" || !location.hash.startsWith("#/")) return;
  const { placeOf } = await import("./old_addresses.js");
  const place = placeOf(location.hash);
  if (place !== null) location.replace(place);
}

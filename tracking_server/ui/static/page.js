// What moves on every page: relative times count on.

import { followOldAddress } from "./old_addresses.js";

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
    time.textContent = ago(Date.parse(time.dateTime), nowMs);
  }
}

setInterval(countOn, 10_000);
followOldAddress();
addEventListener("hashchange", followOldAddress);

// Adds to the log of a run what is stored of it while the run goes on.

const INTERVAL_MS = 2_000;
const LONGEST_INTERVAL_MS = 30_000;
const MOST_LINES = 20_000;

const log = document.getElementById("log");
const state = document.getElementById("log-state");
const live = document.getElementById("live");

let after = Number(log?.dataset.after ?? 0);
let style = log?.dataset.style ?? "";
let intervalMs = INTERVAL_MS;

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
const goToEnd = () => { log.scrollTop = log.scrollHeight; };

function lineOf(pieces) {
  const line = document.createElement("div");
  for (const [text, classes] of pieces) {
    const piece = document.createElement("span");
    piece.textContent = text;
    piece.className = classes;
    line.append(classes ? piece : text);
  }
  return line;
}

// As `wording.size` on the server.
function size(bytes) {
  let amount = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (amount < 1000) return unit === "B" ? `${amount} B` : `${amount.toFixed(1)} ${unit}`;
    amount /= 1000;
  }
  return `${amount.toFixed(1)} TB`;
}

function show({ part, path, file_url: fileUrl }) {
  const wasAtEnd = log.hidden || isAtEnd();
  if (part.joins) {
    log.lastElementChild?.remove(); // the line that was still open comes again
  } else {
    log.replaceChildren();
    document.getElementById("skipped-size").textContent = size(part.start_bytes);
    document.getElementById("skipped").hidden = !part.start_bytes;
  }
  log.append(...part.lines.map(lineOf));
  for (const id of ["log", "about-log"]) document.getElementById(id).hidden = false;
  document.getElementById("no-log")?.remove();
  document.getElementById("log-path").textContent = path;
  document.getElementById("whole-log").href = fileUrl;
  document.getElementById("log-size").textContent = size(part.size_bytes);
  after = part.after_bytes;
  style = part.classes;
  if (wasAtEnd) {
    while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
    goToEnd();
  }
}

async function ask() {
  if (document.hidden) return schedule();
  const address = new URL(log.dataset.tail, location.href);
  address.searchParams.set("after", after);
  address.searchParams.set("style", style);
  try {
    const reply = await fetch(address);
    if (!reply.ok) throw new Error(String(reply.status));
    const answer = await reply.json();
    if (answer.part) show(answer);
    state.textContent = "";
    intervalMs = INTERVAL_MS;
    if (answer.over) return end(answer);
  } catch {
    intervalMs = Math.min(LONGEST_INTERVAL_MS, intervalMs * 2);
    state.textContent = "The server does not answer. This page tries again.";
  }
  schedule();
}

function schedule() {
  setTimeout(ask, intervalMs);
}

function end(answer) {
  live.hidden = true;
  log.dataset.over = "true";
  state.textContent = `The run is over: ${answer.status.toLowerCase()}.`;
}

if (log) {
  goToEnd();
  if (log.dataset.over === "false") {
    live.hidden = false;
    schedule();
  }
}

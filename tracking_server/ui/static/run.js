// Narrows the values of a run while one types; the server does the search, as it does without scripts.

const PAUSE_MS = 150;

const field = document.getElementById("search");
const values = document.getElementById("values");
let waiting = 0;
let asked = new AbortController();

async function search() {
  asked.abort();
  asked = new AbortController();
  const address = new URL(location.href);
  const text = field.value.trim();
  if (text) address.searchParams.set("search", text);
  else address.searchParams.delete("search");
  values.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(address, { signal: asked.signal });
    if (!reply.ok) throw new Error(String(reply.status));
    const found = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("values");
    values.replaceChildren(...found.childNodes);
    history.replaceState(history.state, "", address);
    const lines = values.querySelectorAll("tbody tr").length;
    document.getElementById("found").textContent = lines === 1 ? "1 line found" : `${lines} lines found`;
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  values.removeAttribute("aria-busy");
}

field.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, PAUSE_MS);
});
field.form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  search();
});

// What moves in the viewer of artifacts: the tree shows what is chosen, paths are copied.

function showChosen() {
  const tree = document.querySelector(".tree");
  const chosen = tree?.querySelector("[aria-current]");
  if (!chosen) return;
  // The tree alone is scrolled; the page stays where it is.
  const offset = chosen.getBoundingClientRect().top - tree.getBoundingClientRect().top;
  if (offset > tree.clientHeight - 40) tree.scrollTop += offset - tree.clientHeight / 2;
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without https, browsers have no clipboard for scripts but this one.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("not copied");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const words = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await copy(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it";
    }
    button.focus();
    setTimeout(() => (button.textContent = words), 2_000);
  });
}

showChosen();

// Buttons that copy the text of another element: `<button data-copies="ID" hidden>`; without scripts, none.

const SAID_MS = 1_500;

async function copy(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent);
  // Over plain http from another machine a page has no clipboard: what is selected can be copied, or by hand.
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const words = [...button.childNodes];
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copies);
    try {
      await copy(source);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => button.replaceChildren(...words), SAID_MS);
  });
}

// Buttons that copy the text of another element: `<button data-copies="ID" hidden>`; without scripts, none.

async function copy(button) {
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Over plain http from another machine a page has no clipboard: the text is selected, to be copied by hand.
    getSelection().selectAllChildren(source);
    return;
  }
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1_500);
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

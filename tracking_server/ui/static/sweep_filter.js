// The fields of the filter of trials: each change narrows the table.

import { followForm } from "./swap.js";

// Null where there is no filter.
export function startFilter() {
  const form = document.getElementById("filter");
  if (form === null) return null;
  form.addEventListener("change", () => form.requestSubmit());
  document.getElementById("clear").addEventListener("click", (event) => {
    event.preventDefault();
    for (const field of form.querySelectorAll("fieldset input")) {
      if (field.type === "checkbox") field.checked = false;
      else field.value = "";
    }
    form.requestSubmit();
  });
  return {
    field: (name) => form.elements.namedItem(name),
    boxes: (name) => [...form.querySelectorAll('input[type="checkbox"]')].filter((box) => box.name === name),
    follow: (page) => followForm(form, page),
    apply: () => {
      document.getElementById("filters").open = true;
      form.requestSubmit();
    },
  };
}

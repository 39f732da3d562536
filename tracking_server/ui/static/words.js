// Completes what one types into a filter: names and operators of the search language, values of params and tags.

const MOST = 12;
const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "IS NULL", "IS NOT NULL"];
const NUMBERS = ["=", "!=", "<", "<=", ">", ">="];
const JOINTS = ["AND", "OR", "AND NOT"];
const ENTITY_KEY = /(?:metrics|params|tags|attributes|datasets)\.(?:`[^`]*`|[\w.\-/]+)/;
const ATTRIBUTE = /\b(?:status|run_name|run_id|user_id|start_time|end_time)\b/;
const AFTER_NAME = new RegExp(`(?:${ENTITY_KEY.source}|${ATTRIBUTE.source})$`);

export function completeWords(input, address) {
  const list = document.createElement("ul");
  Object.assign(list, { className: "words", id: "words", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", "words");
  input.setAttribute("aria-autocomplete", "list");

  let names = null;
  let at = -1;
  let start = 0;
  const values = new Map();

  async function known() {
    names ??= fetch(address).then((reply) => reply.json());
    const found = await names;
    return [...found.attributes, ...found.metrics, ...found.params, ...found.tags];
  }

  async function valuesOf(name) {
    if (!values.has(name)) {
      const of = `${address.replace(/words$/, "values")}?${new URLSearchParams({ of: name })}`;
      values.set(name, fetch(of).then((reply) => (reply.ok ? reply.json() : [])));
    }
    return values.get(name);
  }

  // What may stand at the caret, and where the word begins that it takes the place of.
  async function possible(text) {
    const value = text.match(/((?:params|tags)\.(?:`[^`]*`|[\w.\-/]+))\s*(?:=|!=)\s*('[^']*)$/);
    if (value !== null) {
      const found = await valuesOf(value[1]);
      return [text.length - value[2].length, found.map((each) => `'${each.replaceAll("'", "''")}'`)];
    }
    const word = text.match(/[\w.\-/`!<>=]*$/)[0];
    const before = text.slice(0, text.length - word.length).trimEnd();
    if (AFTER_NAME.test(before)) {
      const isNumber = /(?:metrics\.(?:`[^`]*`|[\w.\-/]+)|start_time|end_time)$/.test(before);
      return [text.length - word.length, isNumber ? NUMBERS : OPERATORS];
    }
    if (/(?:'|\d|\)|NULL)$/.test(before)) return [text.length - word.length, JOINTS];
    return [text.length - word.length, await known()];
  }

  async function suggest() {
    const text = input.value.slice(0, input.selectionStart);
    const [from, words] = await possible(text);
    if (input.value.slice(0, input.selectionStart) !== text) return; // somebody typed on
    start = from;
    const typed = text.slice(from).toLowerCase();
    const first = words.filter((word) => word.toLowerCase().startsWith(typed));
    const others = words.filter((word) => !first.includes(word) && word.toLowerCase().includes(typed));
    const shown = [...first, ...others].filter((word) => word.toLowerCase() !== typed).slice(0, MOST);
    show(shown);
  }

  function show(words) {
    at = -1;
    list.replaceChildren(
      ...words.map((word, index) => {
        const option = document.createElement("li");
        Object.assign(option, { id: `word-${index}`, textContent: word });
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        return option;
      }),
    );
    list.hidden = words.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  }

  function go(by) {
    const count = list.childElementCount;
    if (list.hidden || count === 0) return false;
    list.children[at]?.setAttribute("aria-selected", "false");
    at = at < 0 && by < 0 ? count - 1 : (at + by + count) % count;
    const option = list.children[at];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
    return true;
  }

  function take(word) {
    const rest = input.value.slice(input.selectionStart);
    const head = `${input.value.slice(0, start)}${word} `;
    input.value = head + rest.trimStart();
    input.setSelectionRange(head.length, head.length);
    suggest();
  }

  input.addEventListener("input", suggest);
  input.addEventListener("focus", suggest);
  input.addEventListener("blur", () => show([]));
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // the field keeps the focus
    if (event.target.matches("li")) take(event.target.textContent);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault(); // which would empty a search field
      show([]);
    } else if ((event.key === "ArrowDown" && go(1)) || (event.key === "ArrowUp" && go(-1))) {
      event.preventDefault();
    } else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) {
      event.preventDefault();
      take(list.children[at].textContent);
    } else if (event.key === "Enter") {
      show([]);
    }
  });
}

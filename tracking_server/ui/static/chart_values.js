// The runs of a page and their values, as the table under the charts has them.

export class Values {
  constructor(table) {
    const heads = [...table.querySelectorAll("thead th[data-column]")].map((head) => head.dataset.column);
    const valueOf = (cell, index) => [heads[index], cell.dataset.value ?? cell.textContent];
    this.runs = [...table.querySelectorAll("tbody tr")].map((row) => ({
      id: row.dataset.run, name: row.dataset.name || row.dataset.run, colour: row.dataset.colour, row,
      values: new Map([...row.cells].slice(1).map(valueOf)),
    }));
  }

  // The texts of one column, one for each run; "" where a run has none.
  texts(column) {
    return this.runs.map((run) => run.values.get(column) ?? "");
  }

  // The column as numbers, null where there is none; or null where its values are words.
  numbers(column) {
    const texts = this.texts(column);
    const found = texts.map(asNumber);
    const isNumeric = texts.every((text) => !text || isOdd(text) || !Number.isNaN(Number(text)));
    return isNumeric && found.some((value) => value !== null) ? found : null;
  }
}

const isOdd = (text) => /^(nan|-?inf(inity)?|-?∞)$/i.test(text.trim());

function asNumber(text) {
  if (!text.trim()) return null;
  const value = Number(text);
  return Number.isFinite(value) && Math.abs(value) < 1.79e308 ? value : null;
}

// "metrics.loss" as people say it.
export const words = (column) => column.slice(column.indexOf(".") + 1);

// Plotly, fetched when it is first needed, in the colours of the page.

let loading = null;

export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const { head } = document;
    // It brings the styles of its maps along, which the policy of the page refuses and nobody needs here.
    head.appendChild = (node) => {
      const isStyle = node instanceof HTMLStyleElement && node.textContent;
      return isStyle ? node : Node.prototype.appendChild.call(head, node);
    };
    const ended = (act) => () => {
      delete head.appendChild;
      act();
    };
    script.src = document.querySelector("script[data-plotly]").dataset.plotly;
    script.onload = ended(() => resolve(window.Plotly));
    script.onerror = ended(() => {
      loading = null;
      reject(new Error("Plotly could not be loaded"));
    });
    head.append(script);
  });
  return loading;
}

export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A colour of a line: the tokens refer to one another.
export function colour(number) {
  const probe = document.createElement("i");
  probe.className = `c${number}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export function seeThrough(colourText, part) {
  return colourText.replace(/^rgba?\(([^)]+?)(,[^,]+)?\)$/, (whole, all, last) => {
    const parts = `${all}${last ?? ""}`.split(",").slice(0, 3);
    return `rgba(${parts.join(",")},${part})`;
  });
}

export function layout(changes = {}) {
  // Raised exponents would be written with styles, which no page may have.
  const axis = {
    exponentformat: "e", automargin: true,
    gridcolor: token("--line"), linecolor: token("--edge"), zerolinecolor: token("--line"),
  };
  const { xaxis = {}, yaxis = {}, ...rest } = changes;
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: token("--ink") },
    margin: { l: 55, r: 15, t: 10, b: 40 },
    hoverlabel: { bgcolor: token("--paper"), bordercolor: token("--edge"), font: { color: token("--ink") } },
    showlegend: false,
    xaxis: { ...axis, ...xaxis },
    yaxis: { ...axis, ...yaxis },
    ...rest,
  };
}

export const config = { displaylogo: false, responsive: true, displayModeBar: false };

// The theme changed: whoever has drawn with these colours draws again.
export function onTheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

export function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function fileName(words) {
  return words.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "chart";
}

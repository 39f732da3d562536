// The charts of one run.

import { Cards } from "./chart_cards.js";

const page = document.querySelector(".charts");
const form = document.querySelector(".chart-settings");
const run = { id: page.dataset.run, colour: "own" };
const cards = new Cards({ runsOf: () => [run], form });
for (const figure of page.querySelectorAll(".chart")) cards.add(figure);

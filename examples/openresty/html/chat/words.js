// The words of the page in its reader's language, and how the page gets them, its name and its colours (shop.js).

import { colours, name, words } from "../shop.js";

const known = (tag) => Object.hasOwn(words, tag.split("-")[0]);

/** As the browser says it: the first that the shop speaks, with its region, by which numbers and dates are written. */
export const language = navigator.languages.find(known) ?? Object.keys(words)[0];

export const say = words[language.split("-")[0]];

/** Elements name the words they get by data-say, data-say-label and data-say-placeholder. */
export function dress() {
  const root = document.documentElement;
  root.lang = language;
  document.title = say.title;
  document.querySelector("h1").textContent = name;
  for (const node of document.querySelectorAll("[data-say]")) node.textContent = say[node.dataset.say];
  for (const node of document.querySelectorAll("[data-say-label]")) node.ariaLabel = say[node.dataset.sayLabel];
  for (const node of document.querySelectorAll("[data-say-placeholder]")) {
    node.placeholder = say[node.dataset.sayPlaceholder];
  }
  for (const [colour, [day, dark]] of Object.entries(colours)) {
    root.style.setProperty(`--${colour}`, `light-dark(${day}, ${dark})`);
  }
}

// The messages in the log: what the user said, and the agent's answers, of which the last one may still be growing.

import { makeCard } from "./cards.js";
import { byId, focusInput, make, makeButton, makeForeign, makeList } from "./dom.js";
import { isText, itemsOf, textOf } from "./fields.js";
import { productsOf } from "./products.js";

const messages = byId("messages");

function addArticle(who, heading) {
  const article = make("article", `message ${who}`, make("h2", "visually-hidden", heading), makeForeign("div", "text"));
  messages.append(article);
  return article;
}

export function addUserMessage(text) {
  setText(addArticle("user", "You"), text);
}

export function addAnswer() {
  return addArticle("agent", "Assistant");
}

export function setText(article, text) {
  const body = article.querySelector(".text");
  if (body.textContent !== text) body.textContent = text;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Keeps the first `keep` bytes (UTF-8) of the text shown, then appends. Appending leaves a selection alone. */
export function growText(article, keep, addition) {
  article.classList.replace("waiting", "growing");
  const body = article.querySelector(".text");
  body.shownBytes ??= 0;
  if (keep < body.shownBytes) {
    body.textContent = decoder.decode(encoder.encode(body.textContent).subarray(0, keep));
    body.shownBytes = keep;
  }
  if (body.firstChild) body.firstChild.appendData(addition);
  else body.textContent = addition;
  body.shownBytes += encoder.encode(addition).length;
}

/** Nothing more is to come. */
export function settle(article) {
  article.classList.remove("waiting", "growing");
}

/** Everything of a final message but its suggestions. */
export function completeAnswer(article, message) {
  settle(article);
  setText(article, textOf(message));
  const cards = productsOf(message).map(makeCard);
  if (cards.length > 0) article.append(makeList("cards", cards));
}

export function addNote(article, text) {
  settle(article);
  article.append(make("p", "note", text));
}

/** `choose` is called with the text of the one that is clicked: false if it cannot be sent now. */
export function showSuggestions(suggestions, choose) {
  const items = itemsOf(suggestions, isText).map((text) => {
    const button = makeButton(text, (event) => {
      if (choose(text)) focusInput(event);
    });
    button.dir = "auto";
    return make("li", "", button);
  });
  if (items.length === 0) return;
  const list = makeList("suggestions", items);
  list.setAttribute("aria-label", "Suggestions");
  messages.append(list);
}

/** What can be clicked to go on belongs to the end of the conversation; the next message takes it away. */
export function removeActions() {
  for (const action of messages.querySelectorAll(".suggestions, .failure button")) action.remove();
}

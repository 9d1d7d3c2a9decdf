// The messages in the log: what the user said, places for answers, and what can be said next.

import { byId, focusInput, make, makeButton, makeList } from "./dom.js";
import { isText, itemsOf } from "./fields.js";
import { say } from "./words.js";

const messages = byId("messages");

/** An article for a message, with a `.text` in it. */
export function addArticle(who, heading) {
  const article = make("article", `message ${who}`, make("h2", "visually-hidden", heading), make("div", "text"));
  messages.append(article);
  return article;
}

export function addUserMessage(text) {
  const body = addArticle("user", say.you).querySelector(".text");
  body.dir = "auto";
  body.append(text);
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
  list.setAttribute("aria-label", say.suggestions);
  messages.append(list);
}

/** What can be clicked to go on belongs to the end of the conversation; the next message takes it away. */
export function removeActions() {
  for (const action of messages.querySelectorAll(".suggestions, .failure button")) action.remove();
}

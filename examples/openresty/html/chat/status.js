// What the page says beside the conversation: trouble with the connection, and to screen readers the finished answer.

import { byId, make } from "./dom.js";
import { say } from "./words.js";

const connection = byId("connection");
let trouble = "";

/** Shows what is wrong with the connection; "" when nothing is. */
export function showTrouble(text) {
  trouble = text;
  const words = navigator.onLine ? trouble : say.offline;
  if (connection.textContent !== words) connection.textContent = words;
}

/** Tells when the browser goes offline and comes back. */
export function watchConnection() {
  addEventListener("online", () => showTrouble(trouble));
  addEventListener("offline", () => showTrouble(trouble));
  showTrouble("");
}

/** For screen readers: the finished answer, once; its growing would be read again and again. */
export function announce(text, productCount) {
  const products = productCount === 0 ? "" : say.products(productCount);
  byId("announcer").replaceChildren(make("p", "", text), make("p", "", products));
}

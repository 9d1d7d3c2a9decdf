// What the page says beside the conversation: trouble with the connection, and to screen readers the finished answer.

import { byId, make } from "./dom.js";

const connection = byId("connection");
let trouble = "";

/** Shows what is wrong with the connection; "" when nothing is. */
export function showTrouble(text) {
  trouble = text;
  const words = navigator.onLine ? trouble : "You are offline. We go on as soon as you are back.";
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
  const products = productCount === 0 ? "" : productCount === 1 ? "One product." : `${productCount} products.`;
  byId("announcer").replaceChildren(make("p", "", text), make("p", "", products));
}

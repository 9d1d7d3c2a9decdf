// What the page says beside the conversation: trouble with the connection, and to screen readers the finished answer.

import { byId, make } from "./dom.js";
import { textOf } from "./fields.js";
import { productsOf } from "./products.js";

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
export function announce(message) {
  const count = productsOf(message).length;
  const products = count === 0 ? "" : count === 1 ? "One product." : `${count} products.`;
  byId("announcer").replaceChildren(make("p", "", textOf(message)), make("p", "", products));
}

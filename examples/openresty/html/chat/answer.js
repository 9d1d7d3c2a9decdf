// An answer of the agent in the log: waited for, growing, complete with its products, or broken off.

import { addArticle } from "./articles.js";
import { makeCard } from "./cards.js";
import { make, makeButton, makeList } from "./dom.js";
import { Room, textOf } from "./fields.js";
import { MarkdownView } from "./markdown/view.js";
import { productsOf } from "./products.js";
import { announce } from "./status.js";
import { say } from "./words.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class Answer {
  constructor() {
    this.article = addArticle("agent", say.assistant);
    this.article.classList.add("waiting");
    this.body = this.article.querySelector(".text");
    this.view = new MarkdownView(this.body);
    this.text = "";
    this.bytes = 0; // of the text in UTF-8
    this.frame = null; // in which it is to be shown
  }

  /** Keeps the first `keep` bytes (UTF-8) of the text, then appends. The next frame shows it. */
  grow(keep, addition) {
    this.article.classList.replace("waiting", "growing");
    if (keep < this.bytes) this.text = decoder.decode(encoder.encode(this.text).subarray(0, keep));
    this.text += addition;
    this.bytes = Math.min(keep, this.bytes) + encoder.encode(addition).length;
    this.frame ??= requestAnimationFrame(() => this.show());
  }

  show() {
    this.frame = null;
    this.view.show(this.text);
  }

  /** Nothing more is to come. */
  settle() {
    this.article.classList.remove("waiting", "growing");
    this.show();
  }

  /** Everything of a final message but its suggestions. */
  complete(message) {
    this.text = textOf(message);
    this.settle();
    if (this.text !== "" && navigator.clipboard) this.article.append(make("p", "actions", makeCopy(this.text)));
    const room = new Room();
    const cards = productsOf(message).map((product) => makeCard(product, room));
    if (cards.length > 0) this.article.append(makeList("cards", cards));
  }

  /** What is shown, without marks. */
  get words() {
    return this.body.innerText;
  }
}

/** A button that copies an answer as the agent wrote it. Browsers offer that on https and on this machine. */
function makeCopy(text) {
  const button = makeButton(say.copy, async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = say.copied;
    announce(say.copied, 0);
    setTimeout(() => (button.textContent = say.copy), 2000);
  });
  return button;
}

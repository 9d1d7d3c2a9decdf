// A Markdown text in the page, also while it grows: only what may have become another block is made anew, and of that
// only what differs is touched, so that nothing flickers and a selection stays.

import { readBlock } from "./blocks.js";
import { makeBlock } from "./nodes.js";
import { Lines } from "./lines.js";

const MOST_MARKED = 100_000; // characters; what comes after them is shown as it is
const MOST_SEARCHED = 1000; // characters, for a letter
const FROM_THE_RIGHT = /[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}]/u;

export class MarkdownView {
  constructor(body) {
    this.body = body;
    this.text = "";
    this.blocks = []; // of each where it ends, and how much of the text has decided that, in characters
  }

  /** Shows this text in place of what is shown. */
  show(text) {
    if (text === this.text) return;
    const same = lengthOfSame(this.text, text);
    this.text = text;
    this.body.dir = directionOf(text);
    const changed = this.blocks.findIndex(({ decided }) => decided > same);
    if (changed >= 0) this.blocks.length = changed;
    replaceFrom(this.body, this.blocks.length, this.readOn());
  }

  /** Adds the blocks behind those that are known. Returns their nodes. */
  readOn() {
    const marked = this.text.slice(0, MOST_MARKED);
    const begin = this.blocks.at(-1)?.end ?? 0;
    const lines = new Lines(marked.slice(begin).split("\n"));
    const ends = endsOf(lines.list, begin);
    const nodes = [];
    for (let block; (block = readBlock(lines)); ) {
      nodes.push(makeBlock(block));
      // The last line may go on.
      const decided = lines.looked < lines.list.length ? ends[lines.looked - 1] : Infinity;
      this.blocks.push({ end: ends[lines.at - 1] ?? marked.length, decided });
    }
    const rest = this.text.slice(MOST_MARKED);
    if (rest !== "") nodes.push(makeBlock({ type: "rest", text: rest }));
    return nodes;
  }
}

/** That of the first letter. The browser, asked to find it (`auto`), looks for it again at each block that is added. */
function directionOf(text) {
  const [letter] = /\p{L}/u.exec(text.slice(0, MOST_SEARCHED)) ?? [""];
  return FROM_THE_RIGHT.test(letter) ? "rtl" : "ltr";
}

/** How many characters two texts have in common at their beginnings. */
function lengthOfSame(one, other) {
  if (other.startsWith(one)) return one.length;
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

/** Where each line ends, with its line break. */
function endsOf(lines, begin) {
  let end = begin;
  return lines.map((line) => (end += line.length + 1));
}

/** Makes the nodes in `parent` from this number on what `fresh` are. */
function replaceFrom(parent, number, fresh) {
  const old = [...parent.childNodes].slice(number);
  const added = new DocumentFragment();
  fresh.forEach((node, index) => (index < old.length ? update(old[index], node) : added.append(node)));
  parent.append(added);
  for (const node of old.slice(fresh.length)) node.remove();
}

function update(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) updateText(old, fresh.data);
  else if (old.cloneNode(false).isEqualNode(fresh.cloneNode(false))) replaceFrom(old, 0, [...fresh.childNodes]);
  else old.replaceWith(fresh);
}

function updateText(node, text) {
  if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
  else node.data = text;
}

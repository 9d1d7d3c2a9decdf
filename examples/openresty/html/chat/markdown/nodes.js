// The nodes for parsed Markdown: elements of few kinds, with text in them and nothing else of what the agent wrote but
// the addresses of links and of pictures that are allowed.

import { make, makeLink } from "../dom.js";
import { isAllowed, makePicture } from "../pictures.js";
import { parseInline } from "./inline.js";

const LEVEL_ABOVE = 2; // The page has headings down to this level.

/** The node of a block (blocks.js). */
export function makeBlock(block) {
  return MAKERS[block.type](block);
}

const MAKERS = {
  paragraph: ({ text }) => makeMarked("p", text),
  rest: ({ text }) => make("p", "", text),
  heading: ({ level, text }) => makeMarked(`h${Math.min(6, LEVEL_ABOVE + level)}`, text),
  rule: () => make("hr", ""),
  code: makeCode,
  quote: ({ blocks }) => fill(make("blockquote", ""), blocks.map(makeBlock)),
  list: makeList,
  table: makeTable,
};

function makeCode({ text }) {
  const code = make("pre", "", make("code", "", text));
  code.tabIndex = 0; // may have to be scrolled
  code.dir = "ltr";
  return code;
}

function makeList({ first, items }) {
  const list = make(first === undefined ? "ul" : "ol", "");
  if (first !== undefined) list.start = first;
  return fill(list, items.map((blocks) => fill(make("li", ""), blocks.map(makeBlock))));
}

function makeTable({ columns, rows }) {
  const makeRow = (tag, cells) => {
    return fill(make("tr", ""), cells.map((cell, index) => {
      const node = makeMarked(tag, cell);
      node.className = columns[index];
      return node;
    }));
  };
  const [head, ...others] = rows;
  const body = fill(make("tbody", ""), others.map((row) => makeRow("td", row)));
  const frame = make("div", "table", make("table", "", make("thead", "", makeRow("th", head)), body));
  frame.tabIndex = 0; // may have to be scrolled
  return frame;
}

/** An element with text, in which something may be marked. */
function makeMarked(tag, text) {
  return fill(make(tag, ""), makeParts(parseInline(text)));
}

/** The nodes of parts (inline.js), strings that follow each other as one. */
function makeParts(parts) {
  const nodes = [];
  for (const part of parts) {
    if (typeof part === "string" && typeof nodes.at(-1) === "string") nodes.push(nodes.pop() + part);
    else nodes.push(typeof part === "string" ? part : makePart(part));
  }
  return nodes;
}

function makePart({ type, text, address, parts }) {
  switch (type) {
    case "code": return make("code", "", text);
    case "link": return fill(makeLink(address), makeParts(parts));
    case "image": return isAllowed(address) ? makePicture(address, text) : makeLink(address, text || address);
    case "address": return makeLink(address, address);
    default: return fill(make(type, ""), makeParts(parts));
  }
}

/** One by one: there may be more than a call takes arguments. */
function fill(node, children) {
  for (const child of children) node.append(child);
  return node;
}

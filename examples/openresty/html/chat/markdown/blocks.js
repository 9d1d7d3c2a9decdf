// The blocks of a Markdown text: of CommonMark, and of GitHub's tables, what agents write. HTML is text here, every
// line break is one, and neither indented code nor links by reference are known.
//
// A block is { type } and: "paragraph", text; "heading", level, text; "rule"; "code", text; "quote", blocks; "list",
// first (a number; undefined for bullets), items (each the blocks in it); "table", columns (how each is aligned), rows
// (each a list of texts, the head first). A line is read no more often than blocks are nested.

import { Lines } from "./lines.js";

const DEEPEST = 8; // quotes and lists in each other; markers of deeper ones are text

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;
const unindent = (line, most) => line.slice(Math.min(indentOf(line), most));

/** Reads the next block; undefined if there is none. */
export function readBlock(lines, depth = 0) {
  lines.takeWhile(isBlank);
  if (lines.peek() === undefined) return undefined;
  const leaf = readCode(lines) ?? readHeading(lines) ?? readRule(lines) ?? readTable(lines);
  return leaf ?? readQuote(lines, depth) ?? readList(lines, depth) ?? readParagraph(lines, depth);
}

function readBlocks(list, depth) {
  const lines = new Lines(list);
  const blocks = [];
  for (let block; (block = readBlock(lines, depth)); ) blocks.push(block);
  return blocks;
}

/** Whether something else than a paragraph's next line follows. */
function isInterrupted(lines, depth) {
  const line = lines.peek();
  if (isBlank(line) || fenceOf(line) || headingLevel(line) || isRule(line) || columnsOf(lines)) return true;
  return depth < DEEPEST && (isQuoted(line) || /^\s*(?:[-+*]|1[.)])\s+\S/.test(line));
}

function readParagraph(lines, depth) {
  const text = [lines.next().trim()];
  while (lines.peek() !== undefined && !isInterrupted(lines, depth)) text.push(lines.next().trim());
  return { type: "paragraph", text: text.join("\n") };
}

/** The number of #s; 0 if there is no heading. */
function headingLevel(line) {
  return /^ {0,3}(#{1,6})(?:\s|$)/.exec(line)?.[1].length ?? 0;
}

function readHeading(lines) {
  const level = headingLevel(lines.peek());
  if (level === 0) return undefined;
  const text = lines.next().trim().slice(level).trim();
  let end = text.length;
  while (text[end - 1] === "#") end -= 1;
  return { type: "heading", level, text: end === 0 || text[end - 1] === " " ? text.slice(0, end).trim() : text };
}

function isRule(line) {
  return /^\s*[-*_]/.test(line) && /^(?:-{3,}|\*{3,}|_{3,})$/.test(line.replaceAll(/\s/g, ""));
}

function readRule(lines) {
  if (!isRule(lines.peek())) return undefined;
  lines.next();
  return { type: "rule" };
}

// ---- code between fences ----

/** { mark, count, indent } of the line that begins code; null if it does not. */
function fenceOf(line) {
  const indent = indentOf(line);
  const mark = line[indent];
  if (mark !== "`" && mark !== "~") return null;
  let end = indent;
  while (line[end] === mark) end += 1;
  const isCode = end - indent >= 3 && !(mark === "`" && line.includes("`", end));
  return isCode ? { mark, count: end - indent, indent } : null;
}

function readCode(lines) {
  const fence = fenceOf(lines.peek());
  if (!fence) return undefined;
  lines.next();
  const isInside = (line) => {
    const end = fenceOf(line);
    return !(end?.mark === fence.mark && end.count >= fence.count && line.trim().length === end.count);
  };
  const code = lines.takeWhile(isInside, (line) => unindent(line, fence.indent));
  lines.next();
  return { type: "code", text: code.join("\n") };
}

// ---- tables ----

/** The texts between the bars. */
function cellsOf(line) {
  const row = line.trim();
  const cells = [];
  let cell = "";
  for (let at = row[0] === "|" ? 1 : 0; at < row.length; at += 1) {
    if (row[at] === "\\" && row[at + 1] === "|") cell += row[(at += 1)];
    else if (row[at] !== "|") cell += row[at];
    else {
      cells.push(cell.trim());
      cell = "";
    }
  }
  return cell.trim() === "" ? cells : [...cells, cell.trim()];
}

/** How the columns are aligned, "start", "center" or "end", if the next two lines begin a table; else null. */
function columnsOf(lines) {
  if (!lines.peek().includes("|") || !lines.peek(1)?.includes("-")) return null;
  const marks = cellsOf(lines.peek(1));
  if (!marks.every((mark) => /^:?-+:?$/.test(mark)) || marks.length !== cellsOf(lines.peek()).length) return null;
  return marks.map((mark) => (!mark.endsWith(":") ? "start" : mark.startsWith(":") ? "center" : "end"));
}

function readTable(lines) {
  const columns = columnsOf(lines);
  if (!columns) return undefined;
  const toRow = (line) => cellsOf(line).slice(0, columns.length);
  const head = toRow(lines.next());
  lines.next();
  return { type: "table", columns, rows: [head, ...lines.takeWhile((line) => line.includes("|"), toRow)] };
}

// ---- blocks in blocks ----

function isQuoted(line) {
  return /^ {0,3}>/.test(line);
}

function readQuote(lines, depth) {
  if (depth === DEEPEST || !isQuoted(lines.peek())) return undefined;
  const inner = lines.takeWhile(isQuoted, (line) => line.trimStart().replace(/^> ?/, ""));
  return { type: "quote", blocks: readBlocks(inner, depth + 1) };
}

/** { indent, width, kind, number } of the line that begins an item: where its marker and its text stand; else null. */
function itemOf(line) {
  const found = /^(\s*)([-+*]|(\d{1,9})[.)])(?:\s|$)/.exec(line);
  if (!found || isRule(line)) return null;
  const [all, space, marker, number] = found;
  return { indent: space.length, width: all.length, kind: marker.at(-1), number: number && Number(number) };
}

function readList(lines, depth) {
  const first = depth < DEEPEST ? itemOf(lines.peek()) : null;
  const items = [];
  for (let item = first; item && item.kind === first.kind; ) {
    items.push(readBlocks(readItem(lines, item), depth + 1));
    lines.takeWhile(isBlank);
    item = lines.peek() === undefined ? null : itemOf(lines.peek());
  }
  return first ? { type: "list", first: first.number, items } : undefined;
}

/** The lines in an item. Agents do not indent by as much as the marker is wide, but by two columns at least. */
function readItem(lines, { indent, width }) {
  const inner = [lines.next().slice(width)];
  const isIndented = (line) => !isBlank(line) && indentOf(line) >= indent + 2;
  for (let line; (line = lines.peek()) !== undefined; ) {
    if (isIndented(line)) {
      inner.push(unindent(lines.next(), width));
    } else if (isBlank(line)) {
      let blanks = 1;
      while (lines.peek(blanks) !== undefined && isBlank(lines.peek(blanks))) blanks += 1;
      if (lines.peek(blanks) === undefined || !isIndented(lines.peek(blanks))) break;
      for (; blanks > 0; blanks -= 1) inner.push(lines.next());
    } else if (itemOf(line) || isInterrupted(lines, 0)) {
      break;
    } else {
      inner.push(lines.next());
    }
  }
  return inner;
}

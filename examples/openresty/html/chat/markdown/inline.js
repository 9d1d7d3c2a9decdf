// What is marked within a paragraph: emphasis, code, links. A part is a string, or { type } and: "strong", "em", "del",
// parts; "code", text; "link", address, parts; "image", address, text; "address", address (it stands in the text).
//
// Each character is looked at so often at most, whatever the text: no pattern reads on over what the next one may begin
// with, and emphasis has few openers to choose from.

const MOST_OPENERS = 16; // of emphasis that wait for their end; the oldest one is text then
const MOST_ITEMS = 1000; // of a paragraph, links' too: its layout may take the square of them; behind them all is text
const LONGEST_ADDRESS = 2000;

const PLAIN = /[^\\`*_~[\]!<h]+/iy;
const TARGET = /\(\s*(?:<([^<>\n]+)>|((?=[^\s)<])[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*))(?:\s+"[^"]*")?\s*\)/y;
const ADDRESS_IN_BRACKETS = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy;
const ADDRESS_IN_TEXT = /https?:\/\/[^\s<>"`[\]\u3000-\u303f\uff00-\uffef]+/iy;
const LINE_BREAK = /<br ?\/?>/iy;

/** The parts of a text. */
export function parseInline(text) {
  return new Reader(text).read();
}

/** Whether a link may lead there. */
export function isSafeAddress(address) {
  return /^(?:https?:\/\/|mailto:)/i.test(address) && address.length <= LONGEST_ADDRESS && URL.canParse(address);
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.items = []; // parts, and runs of emphasis marks
    this.brackets = []; // that may begin a link: their `place` in `items`, and where their text begins
    this.ticks = null; // runs of backticks by their length, the last one first
  }

  read() {
    for (let count = 0; this.at < this.text.length && count < MOST_ITEMS; count += 1) {
      this.items.push(this.readSpecial() ?? this.match(PLAIN)?.[0] ?? this.text[this.at++]);
    }
    if (this.at < this.text.length) this.items.push(this.text.slice(this.at));
    return pairEmphasis(this.items);
  }

  /** What begins here, if it is more than text. */
  readSpecial() {
    switch (this.text[this.at]) {
      case "\\": return this.readEscaped();
      case "`": return this.readCode();
      case "*":
      case "_":
      case "~": return this.readRun();
      case "!": return this.readBracket("![");
      case "[": return this.readBracket("[");
      case "]": return this.readLink();
      case "<": return this.readBracketed();
      case "h":
      case "H": return this.readAddress();
    }
  }

  /** What a sticky pattern finds here; behind that it goes on. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  readEscaped() {
    return this.match(/\\([!-/:-@[-`{-~\n])/y)?.[1];
  }

  readCode() {
    const length = runLength(this.text, this.at);
    const begin = this.at + length;
    const end = this.closingTicks(length, begin);
    this.at = end === undefined ? begin : end + length;
    if (end === undefined) return "`".repeat(length);
    const code = this.text.slice(begin, end).replaceAll("\n", " ");
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    return { type: "code", text: isPadded ? code.slice(1, -1) : code };
  }

  /** Where the next backticks of this number are. All are found once: many may have no counterpart. */
  closingTicks(length, from) {
    this.ticks ??= Map.groupBy([...this.text.matchAll(/`+/g)].reverse(), ([run]) => run.length);
    const runs = this.ticks.get(length) ?? [];
    while (runs.at(-1)?.index < from) runs.pop();
    return runs.at(-1)?.index;
  }

  /** Marks of emphasis. More than three in a row, and tildes other than two, are text. */
  readRun() {
    const mark = this.text[this.at];
    const length = runLength(this.text, this.at);
    const before = this.text[this.at - 1] ?? " ";
    const after = this.text[this.at + length] ?? " ";
    this.at += length;
    if (mark === "~" ? length !== 2 : length > 3) return mark.repeat(length);
    const isApart = (character) => mark !== "_" || !/[\p{L}\p{N}_]/u.test(character);
    const opens = /\S/.test(after) && isApart(before);
    const closes = /\S/.test(before) && isApart(after);
    return { type: "run", mark, length, opens, closes };
  }

  readBracket(bracket) {
    if (!this.text.startsWith(bracket, this.at)) return undefined;
    this.at += bracket.length;
    this.brackets.push({ place: this.items.length, begin: this.at, isImage: bracket === "![" });
    return bracket;
  }

  readLink() {
    const bracket = this.brackets.pop();
    const end = this.at;
    if (!bracket || this.text[end + 1] !== "(") return undefined;
    this.at += 1;
    const target = this.match(TARGET);
    const address = target && (target[1] ?? target[2]);
    if (!address || !isSafeAddress(address)) {
      this.at = end;
      return undefined;
    }
    const inner = this.items.splice(bracket.place).slice(1);
    if (bracket.isImage) return { type: "image", address, text: this.text.slice(bracket.begin, end) };
    this.brackets = []; // There are no links in links.
    return { type: "link", address, parts: withoutLinks(pairEmphasis(inner)) };
  }

  readBracketed() {
    if (this.match(LINE_BREAK)) return "\n";
    const before = this.at;
    const address = this.match(ADDRESS_IN_BRACKETS)?.[1];
    if (address && isSafeAddress(address)) return { type: "address", address };
    this.at = before;
    return undefined;
  }

  readAddress() {
    if (/\w/.test(this.text[this.at - 1] ?? "")) return undefined;
    const found = this.match(ADDRESS_IN_TEXT)?.[0];
    if (!found) return undefined;
    const address = withoutPunctuation(found);
    if (!isSafeAddress(address)) return found;
    this.at -= found.length - address.length;
    return { type: "address", address };
  }
}

function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

/** An address in a sentence, without what belongs to the sentence. */
function withoutPunctuation(address) {
  let end = address.length;
  let surplus = address.split(")").length - address.split("(").length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    if (last === ")" ? surplus <= 0 : !"?!.,:;*_~'\\|".includes(last)) break;
    if (last === ")") surplus -= 1;
  }
  return address.slice(0, end);
}

/** For the text of a link, which has no others in it. */
function withoutLinks(parts) {
  return parts.map((part) => {
    if (part.type === "address") return part.address;
    if (part.type === "image") return part.text;
    return part.parts ? { ...part, parts: withoutLinks(part.parts) } : part;
  });
}

// ---- emphasis: as CommonMark has it, but that a mark of * beside punctuation counts as it does beside a letter ----

function pairEmphasis(items) {
  const parts = [];
  const openers = [];
  for (const item of items) {
    if (item.type !== "run") {
      parts.push(item);
      continue;
    }
    const left = item.closes ? closeEmphasis(item, parts, openers) : item.length;
    if (left > 0 && item.opens) openers.push({ ...item, left, place: parts.length });
    if (openers.length > MOST_OPENERS) openers.shift();
    if (left > 0) parts.push(item.mark.repeat(left));
  }
  return parts;
}

/** Puts what stands between a closing run and its openers into parts. Returns how many of its marks are left. */
function closeEmphasis(run, parts, openers) {
  let left = run.length;
  while (left > 0) {
    const index = openers.findLastIndex((opener) => isPair(opener, run));
    if (index < 0) break;
    const opener = openers[index];
    const used = Math.min(2, opener.left, left);
    const type = run.mark === "~" ? "del" : used === 2 ? "strong" : "em";
    parts.push({ type, parts: parts.splice(opener.place + 1) });
    left -= used;
    opener.left -= used;
    parts[opener.place] = run.mark.repeat(opener.left);
    openers.length = opener.left > 0 ? index + 1 : index;
  }
  return left;
}

function isPair(opener, closer) {
  if (opener.mark !== closer.mark) return false;
  const isOnlyPair = !opener.closes && !closer.opens;
  const bothByThree = opener.length % 3 === 0 && closer.length % 3 === 0;
  return isOnlyPair || bothByThree || (opener.length + closer.length) % 3 !== 0;
}

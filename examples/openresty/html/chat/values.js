// The parameters of a product, each a row of a title and a value as the reader writes it: numbers, dates, lists,
// objects.

import { make, makeForeign, makeLink } from "./dom.js";
import { firstOf, isNested, isPlainList, plain } from "./fields.js";
import { language, say } from "./words.js";

const DEEPEST_VALUE = 3; // levels of nested values shown as lists; deeper ones as JSON
const MOST_COLUMNS = 3; // of a list of objects that is shown as a table; a card is narrow

export function isPrice({ title }) {
  return /^(?:price|preis)$/i.test(plain(title) ?? "");
}

export function makeRow({ title, value, type }, room, depth = 0) {
  const itsType = isPrice({ title }) ? "price" : type;
  const shown = makeValue(value, itsType, room, depth);
  const row = make("div", "", makeForeign("dt", "", plain(title) ?? ""), makeForeign("dd", "", shown));
  row.classList.toggle("price", itsType === "price");
  row.classList.toggle("block", isNested(value) && !isPlainList(value));
  return row;
}

const numbers = new Intl.NumberFormat(language, { useGrouping: "min2", maximumFractionDigits: 6 });
const cents = new Intl.NumberFormat(language, { useGrouping: "min2", minimumFractionDigits: 2 });

/** A parameter's value, which need not be what its type says, as a node or a string. */
function makeValue(value, type, room, depth) {
  if (value === null || value === undefined || value.length === 0) return make("span", "nothing", "–");
  if (typeof value === "boolean") return make("span", value ? "yes" : "no", value ? say.yes : say.no);
  if (typeof value === "number") return (type === "price" && value % 1 !== 0 ? cents : numbers).format(value);
  if (typeof value === "string") return isWebAddress(value) ? makeAddress(value) : formatTime(value, type);
  if (depth === DEEPEST_VALUE) return JSON.stringify(value);
  const inner = (item) => makeValue(item, undefined, room, depth + 1);
  const items = room.take(firstOf(value));
  if (isPlainList(value)) return make("span", "", ...items.flatMap((item) => [", ", inner(item)]).slice(1));
  if (Array.isArray(value) && isTable(items)) return makeTable(Object.keys(items[0]), items, inner);
  if (Array.isArray(value)) return make("ul", "", ...items.map((item) => makeForeign("li", "", inner(item))));
  return make("dl", "", ...items.map(([title, item]) => makeRow({ title, value: item }, room, depth + 1)));
}

/** Whether these are objects that all have the same few plain values. */
function isTable(items) {
  const keys = (item) => (isNested(item) && !Array.isArray(item) ? Object.keys(item).join("\n") : "");
  const isRow = (item) => keys(item) === keys(items[0]) && !Object.values(item).some(isNested);
  return keys(items[0]) !== "" && items.every(isRow) && Object.keys(items[0]).length <= MOST_COLUMNS;
}

function makeTable(titles, items, makeCell) {
  const makeCells = (tag, contents) => make("tr", "", ...contents.map((content) => makeForeign(tag, "", content)));
  const head = make("thead", "", makeCells("th", titles));
  const rows = items.map((item) => makeCells("td", titles.map((title) => makeCell(item[title]))));
  return make("table", "", head, make("tbody", "", ...rows));
}

function isWebAddress(text) {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text);
}

function makeAddress(address) {
  return makeLink(address, address.replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, ""));
}

const TIME_FORMATS = new Map([
  ["datetime", { dateStyle: "medium", timeStyle: "short" }],
  ["date", { dateStyle: "medium" }],
  ["time", { timeStyle: "short" }],
]);

/** A date or time as the reader writes it; text of another type, or that is no time, as it is. */
function formatTime(text, type) {
  const format = TIME_FORMATS.get(type);
  if (!format) return text;
  // A date alone would be read as midnight in Greenwich, the day before in America.
  const iso = { date: `${text}T00:00`, time: `1970-01-01T${text}`, datetime: text.replace(" ", "T") }[type];
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? text : new Intl.DateTimeFormat(language, format).format(time);
}

// What the agent says, read with care: any field may be missing, or of another type than it should be.

const MOST_ITEMS = 1000; // of a list; nobody reads more, and a browser takes no end of them

export const isNested = (value) => typeof value === "object" && value !== null;
export const isPlainList = (value) => Array.isArray(value) && !value.some(isNested);
export const isText = (value) => typeof value === "string";

/** The first of a list or of an object's [key, value]. */
export function firstOf(value) {
  return (Array.isArray(value) ? value : Object.entries(value)).slice(0, MOST_ITEMS);
}

/** The items of a list that are what they should be. */
export function itemsOf(list, isWanted) {
  return Array.isArray(list) ? firstOf(list.filter(isWanted)) : [];
}

export function textOf(message) {
  return isText(message.text) ? message.text : "";
}

export function isFromUser(message) {
  return message.sender?.type === "user";
}

// What the agent says, read with care: any field may be missing, or of another type than it should be.

// Nobody reads more, and a browser takes no end of them.
const MOST_ITEMS = 1000; // of a list
const MOST_VALUES = 2000; // of a message

export const isNested = (value) => typeof value === "object" && value !== null;
export const isPlainList = (value) => Array.isArray(value) && !value.some(isNested);
export const isText = (value) => typeof value === "string";

/** What can become text, as not every object can; else undefined. */
export const plain = (value) => (isNested(value) ? undefined : value);

/** The first of a list or of an object's [key, value]. */
export function firstOf(value) {
  return (Array.isArray(value) ? value : Object.entries(value)).slice(0, MOST_ITEMS);
}

/** The items of a list that are what they should be. */
export function itemsOf(list, isWanted) {
  return Array.isArray(list) ? firstOf(list.filter(isWanted)) : [];
}

/** The newest messages of a history. */
export const newestOf = (past) => past.slice(-MOST_ITEMS);

/** For the values of one message. */
export class Room {
  left = MOST_VALUES;

  /** Those that there is room for. */
  take(values) {
    const taken = values.slice(0, this.left);
    this.left -= taken.length;
    return taken;
  }
}

export function textOf(message) {
  return isText(message.text) ? message.text : "";
}

export function isFromUser(message) {
  return message.sender?.type === "user";
}

// What the browser keeps: the conversation outlives the tab, a pending question a reload of it.

export const EARLIER = [localStorage, "chat.earlier"];
export const TASK = [localStorage, "chat.task"];
export const PENDING = [sessionStorage, "chat.pending"];

export function load([storage, key]) {
  return JSON.parse(storage.getItem(key));
}

export function save([storage, key], value) {
  storage.setItem(key, JSON.stringify(value));
}

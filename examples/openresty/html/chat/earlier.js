// The conversations of this browser, the newest first, and the dialog that leads back to one. They are kept here, not
// by the gateway: what the user asked stays in the browser, and the gateway's cookie says which are this browser's.

import { byId, make, makeButton, makeForeign } from "./dom.js";
import { EARLIER, load, save } from "./storage.js";
import { language, say } from "./words.js";

const MOST_CONVERSATIONS = 20;
const LONGEST_TITLE = 80; // characters

const dialog = byId("earlier");

/** Notes that the user has said something in the conversation `task`; the first of it is its title. */
export function noteConversation(task, text) {
  const all = load(EARLIER) ?? [];
  const isThis = ({ task_id }) => task_id === task.task_id;
  const title = all.find(isThis)?.title ?? text.slice(0, LONGEST_TITLE);
  const others = all.filter((other) => !isThis(other));
  save(EARLIER, [{ ...task, title, time: Date.now() }, ...others].slice(0, MOST_CONVERSATIONS));
}

export function forgetConversation(taskId) {
  save(EARLIER, (load(EARLIER) ?? []).filter(({ task_id }) => task_id !== taskId));
}

/** `open` is called with the conversation that is chosen. */
export function watchEarlier(open) {
  byId("show-earlier").addEventListener("click", () => {
    showList(open);
    dialog.showModal();
  });
  byId("close-earlier").addEventListener("click", () => dialog.close());
  byId("forget-earlier").addEventListener("click", () => {
    save(EARLIER, []);
    showList(open);
  });
}

function showList(open) {
  const all = load(EARLIER) ?? [];
  const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const items = all.map((task) => {
    const button = makeButton("", () => {
      dialog.close();
      open(task);
    });
    button.append(makeForeign("span", "title", task.title), make("span", "time", times.format(task.time)));
    return make("li", "", button);
  });
  byId("earlier-list").replaceChildren(...items);
  byId("none-earlier").hidden = all.length > 0;
  byId("forget-earlier").hidden = all.length === 0;
}

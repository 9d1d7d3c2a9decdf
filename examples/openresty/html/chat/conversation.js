// One conversation with the agent: its messages, the question under way, and what becomes of that.

import { Answer } from "./answer.js";
import { answerEvents } from "./answer_events.js";
import { addUserMessage, removeActions, showSuggestions } from "./articles.js";
import { byId, make } from "./dom.js";
import { forgetConversation, noteConversation } from "./earlier.js";
import { showFailure } from "./failures.js";
import { isFromUser, newestOf, textOf } from "./fields.js";
import { asFailure, createTask, Failure, fetchHistory } from "./gateway.js";
import { productsOf } from "./products.js";
import { follow } from "./scrolling.js";
import { announce, showTrouble } from "./status.js";
import { load, PENDING, save, TASK } from "./storage.js";
import { say } from "./words.js";

const messages = byId("messages");

let task = null; // { task_id, welcome_message, followup_suggestions }
let lastMessageId = null; // of the agent's last message: tells what is new in the history after a reload
let running = null; // the AbortController of what the page waits for

/** Begins to wait for something, in place of what was waited for. `state`: "starting" or "answering". */
function begin(state) {
  running?.abort();
  running = new AbortController();
  document.body.dataset.state = state;
  return running.signal;
}

function finish(signal) {
  if (running?.signal !== signal) return;
  running = null;
  document.body.dataset.state = "idle";
  showTrouble("");
}

/** Shows the stored conversation, or begins one. */
export async function start() {
  const signal = begin("starting");
  lastMessageId = null;
  messages.replaceChildren(make("p", "note waiting", make("span", "visually-hidden", say.loading)));
  try {
    task = load(TASK);
    let past = task && (await fetchHistory(task.task_id, signal));
    if (!past) {
      if (task) forgetConversation(task.task_id);
      task = await createTask(signal);
      past = [];
      save(TASK, task);
    }
    messages.replaceChildren();
    showPast(past);
    finish(signal);
    resume(past);
  } catch (error) {
    if (signal.aborted) return;
    messages.replaceChildren();
    const failure = Object.assign(asFailure(error), { delivered: undefined }); // There is no message.
    showFailure(messages, failure, { retry: start, startAfresh });
    finish(signal);
  }
}

export function startAfresh() {
  goTo(null);
}

/** Shows a conversation of before in place of this one; null: a new one. */
export function goTo(other) {
  save(TASK, other);
  save(PENDING, null);
  start();
}

function showPast(past) {
  if (task.welcome_message) new Answer().complete({ text: task.welcome_message });
  for (const message of newestOf(past)) {
    if (isFromUser(message)) {
      addUserMessage(textOf(message));
    } else {
      new Answer().complete(message);
      lastMessageId = message.id;
    }
  }
  const last = past.at(-1) ?? task;
  showSuggestions(last.followup_suggestions, send);
}

/** Goes on with a question that a reload interrupted, unless the history has its answer. */
function resume(past) {
  const question = load(PENDING);
  if (question?.task !== task.task_id) return;
  const recent = past.slice(past.findIndex((message) => message.id === question.after) + 1);
  const place = recent.findLastIndex((message) => isFromUser(message) && message.text === question.text);
  if (place >= 0 && place < recent.length - 1) return save(PENDING, null);
  removeActions();
  if (place < 0) addUserMessage(question.text);
  exchange(question);
}

/** Sends what the user wrote or chose; false while an answer is on its way. */
export function send(text) {
  if (running || !task) return false;
  removeActions();
  addUserMessage(text);
  noteConversation(task, text);
  follow();
  exchange({ id: randomId(), task: task.task_id, text, after: lastMessageId });
  return true;
}

/** Waits for the answer to a question, and shows what becomes of it. */
async function exchange(question) {
  const signal = begin("answering");
  const answer = new Answer();
  save(PENDING, { ...question, asked: true }); // as it is in a moment
  try {
    const message = await receive(question, answer, signal);
    answer.complete(message);
    showSuggestions(message.followup_suggestions, send);
    announce(answer.words, productsOf(message).length);
    lastMessageId = message.id;
    save(PENDING, null);
  } catch (error) {
    answer.settle();
    if (signal.aborted) answer.article.append(make("p", "note", say.stopped));
    else giveUp(question, answer.article, asFailure(error));
  }
  finish(signal);
}

/** Shows an answer while it arrives. Returns the final message; throws a Failure. */
async function receive(question, answer, signal) {
  for await (const event of answerEvents(question, signal)) {
    const data = JSON.parse(event.data);
    if (event.type === "chunk") answer.grow(data.keep, data.text);
    else if (event.type === "message") return data;
    else if (event.type === "error") throw new Failure({ ...data, settled: true });
  }
}

/** A question that the gateway has ended is asked anew; any other is taken up again, by its id. */
function giveUp(question, article, failure) {
  const retry = () => {
    article.remove();
    const id = failure.settled ? randomId() : question.id;
    exchange({ ...question, id, lastEvent: undefined, asked: !failure.settled && failure.delivered !== "no" });
  };
  showFailure(article, failure, { retry, startAfresh });
  save(PENDING, null);
}

export function stop() {
  if (document.body.dataset.state !== "answering") return;
  running.abort();
  save(PENDING, null);
  byId("text").focus();
}

/** crypto.randomUUID would need https. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The chat page: keeps one conversation with the shop's agent, streams its answers, shows products, suggestions and
// failures. It knows the gateway's three calls and nothing of keys. Whatever comes from the network is
// inserted as text, never as markup.

const SILENCE_LIMIT = 45_000; // ms without a byte before a connection counts as dead; comments keep it alive
const MOST_RECONNECTS = 8; // during one answer, not counting those while offline
const VISIBLE_PARAMETERS = 8; // of a card; the others can be unfolded
const DEEPEST_VALUE = 3; // levels of nested values shown as lists; deeper ones as JSON
const MOST_ITEMS = 1000; // of a list; nobody reads more, and a browser takes no end of them

const byId = (id) => document.getElementById(id);
const log = byId("log");
const messages = byId("messages");
const input = byId("text");

// ---- storage: the conversation outlives the tab, a pending question a reload of it ------------------------------

const TASK = [localStorage, "chat.task"];
const PENDING = [sessionStorage, "chat.pending"];

function load([storage, key]) {
  return JSON.parse(storage.getItem(key));
}

function save([storage, key], value) {
  storage.setItem(key, JSON.stringify(value));
}

// ---- the gateway ------------------------------------------------------------------------------------------------

/**
 * What went wrong, for people: `kind`, `message`, `retryable`, and where known `delivered`, `retry_after` (seconds)
 * and `status` (of HTTP). `settled`: the gateway is done with the question, so that another try is a new one.
 */
class Failure extends Error {
  constructor(fields) {
    super();
    Object.assign(this, fields);
  }
}

/** The Failure that a response other than 2xx tells. Its body may be a proxy's page. */
async function refusal(response) {
  const body = await response.json().catch(() => null);
  const busy = response.status === 429;
  return new Failure({
    kind: busy ? "rate_limit" : "server",
    message: `The server answered ${response.status}.`,
    retryable: busy || response.status >= 500,
    delivered: response.status < 500 ? "no" : "maybe",
    retry_after: Number(response.headers.get("Retry-After")),
    ...body?.error,
    status: response.status,
  });
}

/** Calls the gateway, and returns the JSON it answers. Throws a Failure, or whatever aborted `signal`. */
async function call(path, options) {
  const response = await fetch(path, { cache: "no-store", ...options }).catch((error) => {
    options.signal.throwIfAborted();
    throw new Failure({ kind: "connection", message: String(error), retryable: true });
  });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

function createTask(signal) {
  return call("/api/tasks", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", signal });
}

/** The messages of a task, oldest first; null if it is not this browser's, or no more. */
async function fetchHistory(taskId, signal) {
  try {
    const { messages: past } = await call(`/api/tasks/${encodeURIComponent(taskId)}/messages`, { signal });
    return past.filter(isNested);
  } catch (error) {
    if (error.status === 403 || error.status === 404) return null;
    throw error;
  }
}

/**
 * Splits a stream of bytes into server-sent events (HTML standard, 9.2.6), each { type, data, id }. Lines end with LF
 * or CRLF. Yields null whenever bytes arrive, which may complete no event.
 */
async function* parseEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = {};
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield null;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const [, field, content] = /^([^:]*):? ?(.*)$/s.exec(line.replace(/\r$/, ""));
        if (field === "data") event.data = event.data === undefined ? content : `${event.data}\n${content}`;
        else if (field === "event") event.type = content;
        else if (field === "id") event.id = content;
        else if (field === "" && !line.startsWith(":")) {
          if (event.data !== undefined) yield event;
          event = {};
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // It may have failed already.
  }
}

/**
 * The events of one connection. Ends when it ends; throws a Failure if it is refused, another error if it dies. What a
 * refusal says of the question's delivery is of this connection alone.
 */
async function* connect(question, signal) {
  const isAsked = question.asked;
  question.asked = true;
  const silence = new AbortController();
  let watchdog = setTimeout(() => silence.abort(), SILENCE_LIMIT);
  try {
    const response = await fetch("/api/chat", {
      method: "POST", // What the user wrote belongs in no URL.
      headers: { "Content-Type": "application/json", ...(question.lastEvent && { "Last-Event-ID": question.lastEvent }) },
      body: JSON.stringify({ task_id: question.task, text: question.text, id: question.id }),
      cache: "no-store",
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok) throw Object.assign(await refusal(response), isAsked && { delivered: "maybe" });
    for await (const event of parseEvents(response.body)) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), SILENCE_LIMIT);
      yield event;
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/** Waits, but no longer than until the browser comes online; throws if `signal` is aborted. */
async function pause(milliseconds, signal) {
  const over = new AbortController();
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener("online", resolve, { signal: over.signal });
    signal.addEventListener("abort", resolve, { signal: over.signal });
  });
  over.abort();
  signal.throwIfAborted();
}

/**
 * The events of one answer, over as many connections as it takes: a later one goes on with what the gateway knows by
 * the question's id. Not by EventSource, which hides the status and the body of a refusal.
 */
async function* answerEvents(question, signal) {
  let reconnects = 0;
  for (;;) {
    try {
      for await (const event of connect(question, signal)) {
        showTrouble("");
        if (event?.id) remember(question, event.id);
        if (event) yield event;
      }
    } catch (error) {
      if (error instanceof Failure || signal.aborted) throw error;
    }
    if (navigator.onLine) reconnects += 1;
    if (reconnects > MOST_RECONNECTS) {
      const delivered = question.lastEvent ? "yes" : "maybe";
      throw new Failure({ kind: "connection", message: "too many reconnects", retryable: true, delivered });
    }
    showTrouble("Connection lost. Reconnecting …");
    const wait = navigator.onLine ? Math.min(8000, 250 * 2 ** reconnects) : 8000;
    await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

/** Where in the answer the gateway is. The first of these goes into storage: it proves that the question arrived. */
function remember(question, eventId) {
  const first = !question.lastEvent;
  question.lastEvent = eventId;
  if (first) save(PENDING, question);
}

/** Shows an answer in `article` while it arrives. Returns the final message; throws a Failure. */
async function receive(question, article, signal) {
  for await (const event of answerEvents(question, signal)) {
    const data = JSON.parse(event.data);
    if (event.type === "chunk") growText(article, data.keep, data.text);
    else if (event.type === "message") return data;
    else if (event.type === "error") throw new Failure({ ...data, settled: true });
  }
}

// ---- what the agent says: any field may be missing, or of another type than it should be ------------------------

const isNested = (value) => typeof value === "object" && value !== null;
const isPlainList = (value) => Array.isArray(value) && !value.some(isNested);
const isText = (value) => typeof value === "string";

/** The items of a list that are what they should be. */
function itemsOf(list, isWanted) {
  return Array.isArray(list) ? list.filter(isWanted).slice(0, MOST_ITEMS) : [];
}

function textOf(message) {
  return isText(message.text) ? message.text : "";
}

// ---- messages ---------------------------------------------------------------------------------------------------

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** Words from outside, which may be in any language: they get the direction of their first letter. */
function makeForeign(tag, className, ...children) {
  const node = make(tag, className, ...children);
  node.dir = "auto";
  return node;
}

function makeList(className, items) {
  const list = make("ul", className, ...items);
  list.setAttribute("role", "list"); // Safari takes it from lists without bullets.
  return list;
}

function addArticle(who, heading) {
  const article = make("article", `message ${who}`, make("h2", "visually-hidden", heading), makeForeign("div", "text"));
  messages.append(article);
  return article;
}

function addUserMessage(text) {
  setText(addArticle("user", "You"), text);
}

function addAnswer() {
  return addArticle("agent", "Assistant");
}

function setText(article, text) {
  const body = article.querySelector(".text");
  if (body.textContent !== text) body.textContent = text;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Keeps the first `keep` bytes (UTF-8) of the text shown, then appends. Appending leaves a selection alone. */
function growText(article, keep, addition) {
  article.classList.replace("waiting", "growing");
  const body = article.querySelector(".text");
  body.shownBytes ??= 0;
  if (keep < body.shownBytes) {
    body.textContent = decoder.decode(encoder.encode(body.textContent).subarray(0, keep));
    body.shownBytes = keep;
  }
  if (body.firstChild) body.firstChild.appendData(addition);
  else body.textContent = addition;
  body.shownBytes += encoder.encode(addition).length;
}

/** Everything of a final message but its suggestions. */
function completeAnswer(article, message) {
  article.classList.remove("waiting", "growing");
  setText(article, textOf(message));
  const cards = productsOf(message).map(makeCard);
  if (cards.length > 0) article.append(makeList("cards", cards));
}

function addNote(article, text) {
  article.classList.remove("waiting", "growing");
  article.append(make("p", "note", text));
}

function showSuggestions(suggestions) {
  const buttons = itemsOf(suggestions, isText).map((text) => {
    const button = makeForeign("button", "", text);
    button.type = "button";
    button.addEventListener("click", (event) => {
      if (send(text)) focusInput(event);
    });
    return make("li", "", button);
  });
  if (buttons.length === 0) return;
  const list = makeList("suggestions", buttons);
  list.setAttribute("aria-label", "Suggestions");
  messages.append(list);
}

/** What can be clicked to go on belongs to the end of the conversation; the next message takes it away. */
function removeActions() {
  for (const action of messages.querySelectorAll(".suggestions, .failure button")) action.remove();
}

// ---- products ---------------------------------------------------------------------------------------------------

/** The products of a message, as cards. Older agents send options, which have no name. */
function productsOf(message) {
  const [cards, options, variants] = [message.cards, message.options, message.variants_options].map((list) =>
    itemsOf(list, isNested),
  );
  if (cards.length > 0) return cards.map(readCard);
  return (options.length > 0 ? options : variants).map(({ is_recommended, widget_parameters }, index) => ({
    name: optionName(itemsOf(widget_parameters, isNested)) || `Option ${index + 1}`,
    parameters: widget_parameters,
    is_recommended,
  }));
}

/** Cards of the threads API have a title, and an object of values. */
function readCard({ name, title, parameters, json_data, is_recommended }) {
  const entity = isNested(json_data?.entity) ? Object.entries(json_data.entity) : [];
  const values = entity.filter(([, value]) => value !== null).map(([title, value]) => ({ title, value }));
  return { name: name ?? title, parameters: parameters ?? values, is_recommended };
}

function optionName(parameters) {
  const valueOf = (pattern) => parameters.find(({ title }) => pattern.test(title))?.value ?? "";
  return `${valueOf(/^brand$/i)} ${valueOf(/^(name|product|product name|title|model)$/i)}`.trim();
}

function makeCard({ name, parameters, is_recommended }) {
  const card = make("li", "card");
  if (is_recommended) {
    card.classList.add("recommended");
    card.append(make("p", "badge", "Recommended"));
  }
  const rows = itemsOf(parameters, isNested).map((parameter) => makeRow(parameter));
  card.append(makeForeign("h3", "", name ?? "Product"), make("dl", "", ...rows.slice(0, VISIBLE_PARAMETERS)));
  if (rows.length > VISIBLE_PARAMETERS) {
    const more = make("dl", "", ...rows.slice(VISIBLE_PARAMETERS));
    card.append(make("details", "", make("summary", "", "More details"), more));
  }
  return card;
}

function makeRow({ title, value, type }, depth = 0) {
  const isPrice = /^price$/i.test(title);
  const shown = makeValue(value, isPrice ? "price" : type, depth);
  const row = make("div", "", makeForeign("dt", "", title ?? ""), makeForeign("dd", "", shown));
  row.classList.toggle("price", isPrice);
  row.classList.toggle("block", isNested(value) && !isPlainList(value));
  return row;
}

const numbers = new Intl.NumberFormat(undefined, { useGrouping: "min2", maximumFractionDigits: 6 });
const cents = new Intl.NumberFormat(undefined, { useGrouping: "min2", minimumFractionDigits: 2 });

/** A parameter's value, which need not be what its type says, as a node or a string. */
function makeValue(value, type, depth = 0) {
  if (value === null || value === undefined || value.length === 0) return make("span", "nothing", "–");
  if (typeof value === "boolean") return make("span", value ? "yes" : "no", value ? "Yes" : "No");
  if (typeof value === "number") return (type === "price" && value % 1 !== 0 ? cents : numbers).format(value);
  if (typeof value === "string") return isWebAddress(value) ? makeLink(value) : formatTime(value, type);
  if (depth === DEEPEST_VALUE) return JSON.stringify(value);
  const inner = (item) => makeValue(item, undefined, depth + 1);
  const items = (Array.isArray(value) ? value : Object.entries(value)).slice(0, MOST_ITEMS);
  if (isPlainList(value)) return make("span", "", ...items.flatMap((item) => [", ", inner(item)]).slice(1));
  if (Array.isArray(value)) return make("ul", "", ...items.map((item) => makeForeign("li", "", inner(item))));
  return make("dl", "", ...items.map(([title, item]) => makeRow({ title, value: item }, depth + 1)));
}

function isWebAddress(text) {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text);
}

function makeLink(address) {
  const link = make("a", "", address.replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, ""));
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

const TIME_FORMATS = {
  datetime: { dateStyle: "medium", timeStyle: "short" },
  date: { dateStyle: "medium" },
  time: { timeStyle: "short" },
};

/** A date or time as the reader writes it; text of another type, or that is no time, as it is. */
function formatTime(text, type) {
  const format = TIME_FORMATS[type];
  if (!format) return text;
  // A date alone would be read as midnight in Greenwich, the day before in America.
  const iso = { date: `${text}T00:00`, time: `1970-01-01T${text}`, datetime: text.replace(" ", "T") }[type];
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? text : new Intl.DateTimeFormat(undefined, format).format(time);
}

// ---- failures ---------------------------------------------------------------------------------------------------

const WORDS = {
  connection: "We cannot be reached at the moment.", // by the page; the gateway says what is between it and the agent
  rate_limit: "We are getting a lot of questions right now.",
  overflow: "This answer, or the whole conversation, is too long to be shown.",
  timeout: "The assistant took too long to answer.",
  auth: "The assistant is not available at the moment.",
  application: "The assistant could not answer this.",
};

const DELIVERED_WORDS = {
  no: "Your message was not sent.",
  maybe: "Your message may have arrived all the same.",
  yes: "Your message has arrived, but its answer is missing or incomplete.",
};

function wordsOf({ kind, status, delivered }) {
  if (status === 403 || status === 404) return "This conversation is no longer available.";
  if (status === 413 || status === 414) return "This message is too long to be sent.";
  return `${WORDS[kind] ?? "Something went wrong on our side."} ${DELIVERED_WORDS[delivered] ?? ""}`.trim();
}

/** Shows a failure at the end of `place`. `retry` tries again; it is offered where that has a chance. */
function showFailure(place, failure, retry) {
  const box = make("div", "failure", make("p", "", wordsOf(failure)));
  box.setAttribute("role", "alert");
  const details = makeForeign("p", "", `${failure.kind}: ${failure.message}`);
  box.append(make("details", "", make("summary", "", "Details"), details));
  if (failure.status === 403 || failure.status === 404) box.append(makeAction("New conversation", startAfresh));
  else if (failure.retryable) box.append(makeRetry(failure.retry_after, retry));
  place.append(box);
}

function makeAction(label, action) {
  const button = make("button", "", label);
  button.type = "button";
  button.addEventListener("click", (event) => {
    action();
    focusInput(event);
  });
  return button;
}

/** A button that can be pressed once the seconds that the server asked for are over. */
function makeRetry(seconds, retry) {
  const button = makeAction("Try again", retry);
  const due = performance.now() + (seconds || 0) * 1000;
  const update = () => {
    const left = Math.ceil((due - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left > 0) setTimeout(update, 250);
  };
  update();
  return button;
}

// ---- the state of the page --------------------------------------------------------------------------------------

let task = null; // { task_id, welcome_message, followup_suggestions }
let lastMessageId = null; // of the agent's last message: tells what is new in the history after a reload
let running = null; // the AbortController of what the page waits for
let trouble = ""; // with the connection

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

function showTrouble(text) {
  trouble = text;
  const words = navigator.onLine ? trouble : "You are offline. We go on as soon as you are back.";
  if (byId("connection").textContent !== words) byId("connection").textContent = words;
}

/** For screen readers: the finished answer, once; its growing would be read again and again. */
function announce(message) {
  const count = productsOf(message).length;
  const products = count === 0 ? "" : count === 1 ? "One product." : `${count} products.`;
  byId("announcer").replaceChildren(make("p", "", textOf(message)), make("p", "", products));
}

/** Not after a touch, which would bring up the keyboard over the answer. */
function focusInput(event) {
  if (event.pointerType !== "touch") input.focus();
}

// ---- the conversation -------------------------------------------------------------------------------------------

/** Shows the stored conversation, or begins one. */
async function start() {
  const signal = begin("starting");
  lastMessageId = null;
  messages.replaceChildren(make("p", "note waiting", make("span", "visually-hidden", "Loading the conversation")));
  try {
    task = load(TASK);
    let past = task && (await fetchHistory(task.task_id, signal));
    if (!past) {
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
    showFailure(messages, { ...asFailure(error), delivered: undefined }, start); // There is no message.
    finish(signal);
  }
}

function isFromUser(message) {
  return message.sender?.type === "user";
}

function showPast(past) {
  if (task.welcome_message) setText(addAnswer(), task.welcome_message);
  for (const message of past) {
    if (isFromUser(message)) {
      addUserMessage(textOf(message));
    } else {
      completeAnswer(addAnswer(), message);
      lastMessageId = message.id;
    }
  }
  const last = past.at(-1) ?? task;
  showSuggestions(last.followup_suggestions);
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
function send(text) {
  if (running || !task) return false;
  removeActions();
  addUserMessage(text);
  follow();
  exchange({ id: randomId(), task: task.task_id, text, after: lastMessageId });
  return true;
}

/** Waits for the answer to a question, and shows what becomes of it. */
async function exchange(question) {
  const signal = begin("answering");
  const article = addAnswer();
  article.classList.add("waiting");
  save(PENDING, { ...question, asked: true }); // as it is in a moment
  try {
    const message = await receive(question, article, signal);
    completeAnswer(article, message);
    showSuggestions(message.followup_suggestions);
    announce(message);
    lastMessageId = message.id;
    save(PENDING, null);
  } catch (error) {
    if (signal.aborted) addNote(article, "Stopped.");
    else giveUp(question, article, asFailure(error));
  }
  finish(signal);
}

/** A question that the gateway has ended is asked anew; any other is taken up again, by its id. */
function giveUp(question, article, failure) {
  article.classList.remove("waiting", "growing");
  showFailure(article, failure, () => {
    article.remove();
    const id = failure.settled ? randomId() : question.id;
    exchange({ ...question, id, lastEvent: undefined, asked: !failure.settled && failure.delivered !== "no" });
  });
  save(PENDING, null);
}

function asFailure(error) {
  if (error instanceof Failure) return error;
  console.error(error);
  return new Failure({ kind: "protocol", message: String(error), retryable: true });
}

function stop() {
  if (document.body.dataset.state !== "answering") return;
  running.abort();
  save(PENDING, null);
  input.focus();
}

function startAfresh() {
  save(TASK, null);
  save(PENDING, null);
  start();
}

/** crypto.randomUUID would need https. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- scrolling: the end stays in view for whoever is reading there ----------------------------------------------

let following = true;

function follow() {
  following = true;
  log.scrollTop = log.scrollHeight;
}

/** To the end, but not so far that products push the words of their answer out of sight. */
function keepUp() {
  const cards = messages.querySelector(".message:last-of-type > .cards");
  const limit = cards ? cards.offsetTop - log.clientHeight / 3 : Infinity;
  log.scrollTop = Math.max(log.scrollTop, Math.min(log.scrollHeight, limit));
}

function watchScrolling() {
  let before = 0;
  const distance = () => log.scrollHeight - log.clientHeight - log.scrollTop;
  log.addEventListener("scroll", () => {
    if (distance() < 2) following = true;
    else if (log.scrollTop < before) following = false;
    before = log.scrollTop;
    byId("latest").hidden = distance() < 80;
  });
  const observer = new ResizeObserver(() => {
    if (following) keepUp();
    byId("latest").hidden = distance() < 80;
  });
  observer.observe(log);
  observer.observe(messages);
  byId("latest").addEventListener("click", (event) => {
    follow();
    focusInput(event);
  });
}

// ---- writing ----------------------------------------------------------------------------------------------------

function fitInput() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
}

function submit() {
  const text = input.value.trim();
  if (text === "" || !send(text)) return;
  input.value = "";
  fitInput();
}

function watchComposer() {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    input.focus(); // The button is about to go.
  });
  input.addEventListener("input", fitInput);
  input.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) stop();
  });
  byId("stop").addEventListener("click", stop);
  byId("new").addEventListener("click", (event) => {
    startAfresh();
    focusInput(event);
  });
}

addEventListener("online", () => showTrouble(trouble));
addEventListener("offline", () => showTrouble(trouble));
watchScrolling();
watchComposer();
showTrouble("");
start();

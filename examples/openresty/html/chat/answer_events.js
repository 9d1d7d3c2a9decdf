// One answer of the agent, over as many connections as it takes.

import { parseEvents } from "./event_stream.js";
import { Failure, refusal } from "./gateway.js";
import { showTrouble } from "./status.js";
import { PENDING, save } from "./storage.js";
import { say } from "./words.js";

const SILENCE_LIMIT = 45_000; // ms without a byte before a connection counts as dead; comments keep it alive
const MOST_RECONNECTS = 8; // during one answer, not counting those while offline

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
      headers: {
        "Content-Type": "application/json",
        ...(question.lastEvent && { "Last-Event-ID": question.lastEvent }),
      },
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

/** Where in the answer the gateway is. The first of these goes into storage: it proves that the question arrived. */
function remember(question, eventId) {
  const first = !question.lastEvent;
  question.lastEvent = eventId;
  if (first) save(PENDING, question);
}

/**
 * The events of one answer, over as many connections as it takes: a later one goes on with what the gateway knows by
 * the question's id. Not by EventSource, which hides the status and the body of a refusal.
 */
export async function* answerEvents(question, signal) {
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
    showTrouble(say.reconnecting);
    const wait = navigator.onLine ? Math.min(8000, 250 * 2 ** reconnects) : 8000;
    await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

// The gateway's calls about conversations, and what it means when one fails.

import { isNested } from "./fields.js";

/**
 * What went wrong, for people: `kind`, `message`, `retryable`, and where known `delivered`, `retry_after` (seconds)
 * and `status` (of HTTP). `settled`: the gateway is done with the question, so that another try is a new one.
 */
export class Failure extends Error {
  constructor(fields) {
    super();
    Object.assign(this, fields);
  }

  /** Whether the conversation is not this browser's, or no more. */
  get isOfNoConversation() {
    return this.status === 403 || this.status === 404;
  }
}

/** Any error as a Failure. */
export function asFailure(error) {
  if (error instanceof Failure) return error;
  console.error(error);
  return new Failure({ kind: "protocol", message: String(error), retryable: true });
}

/** The Failure that a response other than 2xx tells. Its body may be a proxy's page. */
export async function refusal(response) {
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

export function createTask(signal) {
  return call("/api/tasks", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", signal });
}

/** The messages of a task, oldest first; null if it is not this browser's, or no more. */
export async function fetchHistory(taskId, signal) {
  try {
    const { messages: past } = await call(`/api/tasks/${encodeURIComponent(taskId)}/messages`, { signal });
    return past.filter(isNested);
  } catch (error) {
    if (error.isOfNoConversation) return null;
    throw error;
  }
}

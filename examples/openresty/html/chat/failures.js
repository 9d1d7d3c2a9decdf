// What is told of a failure (gateway.js), and what can be done about it.

import { focusInput, make, makeButton, makeForeign } from "./dom.js";

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

function wordsOf({ kind, status, delivered, isOfNoConversation }) {
  if (isOfNoConversation) return "This conversation is no longer available.";
  if (status === 413 || status === 414) return "This message is too long to be sent.";
  return `${WORDS[kind] ?? "Something went wrong on our side."} ${DELIVERED_WORDS[delivered] ?? ""}`.trim();
}

/** Shows a failure at the end of `place`, with the one of the `actions`, retry and startAfresh, that has a chance. */
export function showFailure(place, failure, { retry, startAfresh }) {
  const box = make("div", "failure", make("p", "", wordsOf(failure)));
  box.setAttribute("role", "alert");
  const details = makeForeign("p", "", `${failure.kind}: ${failure.message}`);
  box.append(make("details", "", make("summary", "", "Details"), details));
  if (failure.isOfNoConversation) box.append(makeAction("New conversation", startAfresh));
  else if (failure.retryable) box.append(makeRetry(failure.retry_after, retry));
  place.append(box);
}

function makeAction(label, action) {
  return makeButton(label, (event) => {
    action();
    focusInput(event);
  });
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

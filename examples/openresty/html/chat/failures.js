// What is told of a failure (gateway.js), and what can be done about it.

import { focusInput, make, makeButton, makeForeign } from "./dom.js";
import { say } from "./words.js";

function wordsOf({ kind, status, delivered, isOfNoConversation }) {
  if (isOfNoConversation) return say.failures.gone;
  if (status === 413 || status === 414) return say.failures.too_long;
  return `${say.failures[kind] ?? say.failures.other} ${say.delivered[delivered] ?? ""}`.trim();
}

/** Shows a failure at the end of `place`, with the one of the `actions`, retry and startAfresh, that has a chance. */
export function showFailure(place, failure, { retry, startAfresh }) {
  const box = make("div", "failure", make("p", "", wordsOf(failure)));
  box.setAttribute("role", "alert");
  const details = makeForeign("p", "", `${failure.kind}: ${failure.message}`);
  box.append(make("details", "", make("summary", "", say.details), details));
  if (failure.isOfNoConversation) box.append(makeAction(say.newConversation, startAfresh));
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
  const button = makeAction(say.tryAgain, retry);
  const due = performance.now() + (seconds || 0) * 1000;
  const update = () => {
    const left = Math.ceil((due - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? say.tryAgainIn(left) : say.tryAgain;
    if (left > 0) setTimeout(update, 250);
  };
  update();
  return button;
}

// The box where the user writes, which grows with what is in it.

import { byId } from "./dom.js";

const input = byId("text");

function fit() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`;
}

/** What is written goes to `send` by Enter or the button, and stays in the box when that returns false. */
export function watchComposer(send) {
  const submit = () => {
    const text = input.value.trim();
    if (text === "" || !send(text)) return;
    input.value = "";
    fit();
  };
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    input.focus(); // The button is about to go.
  });
  input.addEventListener("input", fit);
  input.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
}

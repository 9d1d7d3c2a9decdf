// Scrolling: the end of the log stays in view for whoever is reading there.

import { byId, focusInput } from "./dom.js";

const log = byId("log");
const messages = byId("messages");
let following = true;

export function follow() {
  following = true;
  log.scrollTop = log.scrollHeight;
}

/** To the end, but not so far that products push the words of their answer out of sight. */
function keepUp() {
  const cards = messages.querySelector(".message:last-of-type > .cards");
  const limit = cards ? cards.offsetTop - log.clientHeight / 3 : Infinity;
  log.scrollTop = Math.max(log.scrollTop, Math.min(log.scrollHeight, limit));
}

export function watchScrolling() {
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

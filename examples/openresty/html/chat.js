// The chat page: connects what the user does with the conversation. Each file of chat/ has one concern; together they
// know the gateway's three calls and nothing of keys.

import { watchComposer } from "./chat/composer.js";
import { send, start, startAfresh, stop } from "./chat/conversation.js";
import { byId, focusInput } from "./chat/dom.js";
import { watchScrolling } from "./chat/scrolling.js";
import { watchConnection } from "./chat/status.js";

byId("stop").addEventListener("click", stop);
byId("new").addEventListener("click", (event) => {
  startAfresh();
  focusInput(event);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) stop();
});
watchScrolling();
watchComposer(send);
watchConnection();
start();

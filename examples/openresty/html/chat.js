// The chat page: connects what the user does with the conversation. Each file of chat/ has one concern; together they
// know the gateway's three calls and nothing of keys.

import { watchComposer } from "./chat/composer.js";
import { goTo, send, start, startAfresh, stop } from "./chat/conversation.js";
import { byId, focusInput } from "./chat/dom.js";
import { watchEarlier } from "./chat/earlier.js";
import { watchScrolling } from "./chat/scrolling.js";
import { watchConnection } from "./chat/status.js";
import { dress } from "./chat/words.js";

dress();
byId("stop").addEventListener("click", stop);
byId("new").addEventListener("click", (event) => {
  startAfresh();
  focusInput(event);
});
document.addEventListener("keydown", (event) => {
  // In the dialog, Escape closes that.
  if (event.key === "Escape" && !event.isComposing && !event.target.closest("dialog")) stop();
});
watchScrolling();
watchComposer(send);
watchConnection();
watchEarlier(goTo);
start();

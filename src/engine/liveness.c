/* Finds a dead peer by silence. */
#include "engine/liveness.h"

#include "engine/deadline.h"

void aui_liveness_heard(aui_liveness *liveness, uint64_t now) {
  liveness->heard = now;
  liveness->pinged = false;
}

uint64_t aui_liveness_deadline(const aui_liveness *liveness, const aui_liveness_config *config) {
  uint64_t ping = aui_deadline_after(liveness->heard, config->interval);
  return liveness->pinged ? aui_deadline_after(ping, config->timeout) : ping;
}

aui_liveness_verdict aui_liveness_tick(aui_liveness *liveness, const aui_liveness_config *config, uint64_t now) {
  if (aui_liveness_deadline(liveness, config) > now) return AUI_LIVENESS_FINE;
  if (liveness->pinged) return AUI_LIVENESS_DEAD;
  /* A driver that was late, as in a program that computed for a minute, owes the peer its whole time all the same. */
  liveness->heard = now - config->interval;
  liveness->pinged = true;
  return AUI_LIVENESS_PING;
}

/* Finds a dead peer by silence. */
#include "engine/liveness.h"

#include "engine/deadline.h"

enum { FRESH = 1000 }; /* milliseconds: who was heard so lately is taken to be there */

void aui_liveness_heard(aui_liveness *liveness, uint64_t now) {
  *liveness = (aui_liveness){.heard = now};
}

void aui_liveness_adopted(aui_liveness *liveness, const aui_liveness_config *config, uint64_t unheard, uint64_t now) {
  bool unproven = config->interval != AUI_NEVER && unheard >= config->interval;
  *liveness = (aui_liveness){.heard = now, .doubtful = true, .unproven = unproven};
}

/* A driver that was late, as in a program that computed for a minute, owes the peer its whole time all the same: it
 * counts from the ping. */
static void liveness_ping(aui_liveness *liveness, uint64_t now) {
  liveness->pinged = true;
  liveness->pinged_at = now;
}

bool aui_liveness_leaving(aui_liveness *liveness, const aui_liveness_config *config, uint64_t now) {
  bool silent = liveness->doubtful || now - liveness->heard >= FRESH;
  if (config->interval == AUI_NEVER || liveness->pinged || !silent) return false;
  liveness_ping(liveness, now);
  return true;
}

void aui_liveness_left(aui_liveness *liveness, uint64_t now) {
  if (liveness->pinged) liveness->pinged_at = now;
}

uint64_t aui_liveness_deadline(const aui_liveness *liveness, const aui_liveness_config *config) {
  if (liveness->pinged) return aui_deadline_after(liveness->pinged_at, config->timeout);
  return aui_deadline_after(liveness->heard, config->interval);
}

aui_liveness_result aui_liveness_tick(aui_liveness *liveness, const aui_liveness_config *config, uint64_t now) {
  if (aui_liveness_deadline(liveness, config) > now) return AUI_LIVENESS_FINE;
  if (liveness->pinged) return AUI_LIVENESS_DEAD;
  liveness_ping(liveness, now);
  return AUI_LIVENESS_PING;
}

/* Exponential back-off with full jitter. */
#include "engine/backoff.h"

#include "engine/deadline.h"

/* base * 2^doublings, at most max. */
static uint64_t ceiling(const aui_backoff_config *config, uint32_t doublings) {
  uint64_t span = config->base;
  while (doublings-- > 0 && span < config->max) span *= 2;
  return span < config->max ? span : config->max;
}

uint64_t aui_backoff_failed(aui_backoff *backoff, const aui_backoff_config *config, uint32_t random) {
  if (backoff->failures >= config->attempts) return AUI_NEVER;
  uint64_t span = ceiling(config, backoff->failures);
  backoff->failures++;
  return ((span * random) >> 32) + 1; /* never 0: a failing attempt is not repeated in a tight loop */
}

void aui_backoff_healthy(aui_backoff *backoff) {
  backoff->failures = 0;
}

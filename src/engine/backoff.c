/* Exponential back-off with full jitter. */
#include "engine/backoff.h"

#include "engine/deadline.h"

/* base * 2^doublings, at most max, and less than 2^32. */
static uint64_t ceiling(const aui_backoff_config *config, uint32_t doublings) {
  uint64_t span = config->base, max = config->max < UINT32_MAX ? config->max : UINT32_MAX;
  while (doublings-- > 0 && span > 0 && span < max) span *= 2;
  return span < max ? span : max;
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

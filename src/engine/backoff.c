/* Exponential back-off with full jitter. */
#include "engine/backoff.h"

#include "engine/deadline.h"

/* base * 2^doublings, at most max, and less than 2^32. */
static uint64_t ceiling(const aui_backoff_config *config, uint32_t doublings) {
  uint64_t span = config->base, max = config->max < UINT32_MAX ? config->max : UINT32_MAX;
  while (doublings-- > 0 && span > 0 && span < max) span *= 2;
  return span < max ? span : max;
}

/* From 1 to the span: never 0, since a failing attempt is not repeated in a tight loop. */
static uint64_t draw_delay(uint64_t span, uint64_t asked, uint32_t random) {
  uint64_t spread = asked / 10;
  if (span < spread) span = spread;
  return ((span * random) >> 32) + 1;
}

aui_backoff_wait aui_backoff_failed(aui_backoff *backoff, const aui_backoff_config *config, uint64_t asked,
                                    uint32_t random) {
  if (backoff->failures >= config->attempts) return (aui_backoff_wait){AUI_NEVER, AUI_NEVER};
  uint64_t span = ceiling(config, backoff->failures);
  backoff->failures++;
  return (aui_backoff_wait){asked + draw_delay(span, asked, random),
                            asked + draw_delay(ceiling(config, 0), asked, random)};
}

void aui_backoff_healthy(aui_backoff *backoff) {
  backoff->failures = 0;
}

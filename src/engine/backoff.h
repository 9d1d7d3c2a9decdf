/* How long to wait before connecting again: exponential back-off with full jitter, so that the clients of a server that
 * comes back do not come back all at once. */
#ifndef AUI_ENGINE_BACKOFF_H
#define AUI_ENGINE_BACKOFF_H

#include "engine/aui.h"

/* How many attempts have failed in a row. All zero is the beginning. */
typedef struct {
  uint32_t failures;
} aui_backoff;

/* How long to wait, in milliseconds; AUI_NEVER when no attempt is left. */
typedef struct {
  uint64_t delay; /* until the next attempt */
  uint64_t least; /* and until it may be made at the soonest, if somebody has more reason to try */
} aui_backoff_wait;

/* One more attempt has failed. `asked`: milliseconds for which the server wants to be left alone, 0 for none; the delay
 * comes on top, and is drawn from 1 to a tenth of it at least, so that those who were told the same second do not come
 * back together. `random`: 32 unpredictable bits. */
aui_backoff_wait aui_backoff_failed(aui_backoff *backoff, const aui_backoff_config *config, uint64_t asked,
                                    uint32_t random);

/* A connection was healthy: the count begins anew. */
void aui_backoff_healthy(aui_backoff *backoff);

#endif

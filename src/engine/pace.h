/* Spaces messages out, so that a rate limit of the server is not run into, and holds them back when it was. */
#ifndef AUI_ENGINE_PACE_H
#define AUI_ENGINE_PACE_H

#include <stdint.h>

/* At most `messages` in `per` milliseconds, evenly spaced; messages 0: no limit. */
typedef struct {
  uint32_t messages;
  uint64_t per;
} aui_pace_config;

/* When the next message may leave. All zero: at once. */
typedef struct {
  uint64_t next;
} aui_pace;

/* A message leaves now. */
void aui_pace_sent(aui_pace *pace, const aui_pace_config *config, uint64_t now);

#endif

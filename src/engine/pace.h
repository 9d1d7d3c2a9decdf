/* Spaces messages out, so that a rate limit of the server is not run into, and holds them back when it was. */
#ifndef AUI_ENGINE_PACE_H
#define AUI_ENGINE_PACE_H

#include "engine/aui.h"

/* When the next message may leave. All zero: at once. */
typedef struct {
  uint64_t next;
} aui_pace;

/* A message leaves now. */
void aui_pace_sent(aui_pace *pace, const aui_pace_config *config, uint64_t now);

#endif

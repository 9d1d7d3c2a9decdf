/* Arithmetic of times. */
#ifndef AUI_ENGINE_DEADLINE_H
#define AUI_ENGINE_DEADLINE_H

#include "engine/aui.h"

/* `span` after `start`; AUI_NEVER when `span` is, or when the sum would pass it. */
static inline uint64_t aui_deadline_after(uint64_t start, uint64_t span) {
  return span >= AUI_NEVER - start ? AUI_NEVER : start + span;
}

static inline uint64_t aui_deadline_earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

#endif

/* What passes over the connections of a session, kept until somebody writes it down so that it can be played again
 * (docs/simulator.md). Of requests there is nothing but the messages, and of answers no field but Retry-After: keys,
 * tokens and cookies stand in their heads. */
#ifndef AUI_ENGINE_RECORDING_H
#define AUI_ENGINE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/aui.h"

typedef struct aui_recording aui_recording;

enum { AUI_RECORDING_MOST = 65536 }; /* things in it, of which many have no bytes */

/* One that is empty, and never has more than that, nor than `most` bytes of what was said; NULL when memory is short.
 * The caller owns it. */
aui_recording *aui_recording_new(size_t most);

/* NULL is fine. */
void aui_recording_free(aui_recording *recording);

/* Adds something, whose bytes are copied. When there is no room for it, it becomes a LOSS. */
void aui_recording_add(aui_recording *recording, const aui_recorded *recorded);

/* A slice of a message of the server's has come; `last` adds it as a MESSAGE. */
void aui_recording_slice(aui_recording *recording, const void *bytes, size_t n, bool last, uint64_t now);

/* The oldest thing, which is in the recording no more: the caller frees it. NULL: there is none. */
aui_recorded *aui_recording_take(aui_recording *recording);

#endif

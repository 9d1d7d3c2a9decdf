/* Events that differ from the one before in their number and text alone, as the deltas of an answer do. They are told
 * by comparing bytes; only what is not alike has to be read. */
#ifndef AUI_ENGINE_ALIKE_H
#define AUI_ENGINE_ALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/buffer.h"
#include "engine/http.h"
#include "engine/json.h"

/* An event as it came, and where in it is what may differ. All zero: none is known. Only the functions below look
 * inside. */
typedef struct {
  aui_buffer bytes;
  aui_json_span number;
  aui_json_span text;
} aui_alike;

/* What an event that is alike says. */
typedef struct {
  int64_t number;
  const char *text; /* within the input: valid UTF-8, not empty, without anything that is escaped in JSON */
  size_t length;    /* bytes */
} aui_delta;

/* Those to come are compared with this event, which has been read: where its number stands, and behind that the content
 * of the string that is its text. Of one that has no number before its text, or is long, none is known. Returns false
 * when memory is short; none is known then either. */
bool aui_alike_learn(aui_alike *alike, aui_span event, aui_json_span number, aui_json_span text);

/* How many bytes of the input are an event that is alike, and `*delta` then; 0: they do not begin with one, or
 * not with all of it. */
size_t aui_alike_match(const aui_alike *alike, aui_span input, aui_delta *delta);

/* None is known any more. */
void aui_alike_forget(aui_alike *alike);

#endif

/* Makes the text of an answer of its updates. By the published page each carries the whole text so far; some servers
 * send deltas instead, only what is new. Which of both an answer's updates are is found out from them:
 *
 * - An update that begins with the text so far, or with a character of it at least, takes its place, as an empty one
 *   does. Once one had all of the text or more than half of it, and something else behind that, all of them do.
 * - Before that, one that shares nothing with the text is a delta, and appended; so are those that follow. Deltas are
 *   given up when an update begins with the whole text; also when the one behind the first, or two in a row, begin with
 *   the one before and go on: then it was another wording of the whole.
 *
 * Where the protocol says that they are deltas, the first update begins them, and more is asked for before they are
 * given up: that an update begins with AUI_GROWTH_TELLING bytes of text, which are all of it, or goes on with the one
 * before twice in a row.
 *
 * To guess wrong costs what is shown meanwhile, and no more: the final message has the text. */
#ifndef AUI_ENGINE_GROWTH_H
#define AUI_ENGINE_GROWTH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/buffer.h"
#include "engine/json.h"

enum { AUI_GROWTH_HELD = 6, AUI_GROWTH_TELLING = 16 };

/* Of one answer, from aui_growth_begin on. Only the functions below look inside. */
typedef struct {
  enum { AUI_GROWTH_UNKNOWN, AUI_GROWTH_WHOLE, AUI_GROWTH_DELTAS } way;
  bool expects_deltas;
  size_t last_at; /* of deltas: where in the text the last one begins */
  bool doubtful;  /* of deltas: one that goes on with the last one ends them */
  bool gave_up;   /* deltas have turned out to be none */
  bool has_held;
  char held[AUI_GROWTH_HELD]; /* the escape of a high surrogate at the last update's end: of deltas, the next may have
                               * its other half */
} aui_growth;

/* Before an answer's first update. `expects_deltas`: the protocol says that they are. */
aui_growth aui_growth_begin(bool expects_deltas);

/* In all functions below `text` is the answer's text so far, as UTF-8, as they left it, and `*keep` is set to how many
 * of its first bytes were equal before and after: never within a character. They return false, with `text` unchanged,
 * when memory is short. A high surrogate at an update's end is held back, since its other half may come with the next
 * one; any other unpaired surrogate becomes U+FFFD (RFC 8259, section 8.2, leaves it open). */

/* Takes an update's text, a string of `json` with its settled end (aui_json_settled_end). `*whole`: whether `text` is
 * equal to it now, and the next one may go on with it. Deltas that together are longer than `max_text` bytes, which no
 * message could have, are taken for the whole. */
bool aui_growth_take(aui_growth *growth, const char *json, aui_json_span string, size_t settled, size_t max_text,
                     aui_buffer *text, size_t *keep, bool *whole);

/* Takes the rest of an update's text, whose first part is equal to `text`. */
bool aui_growth_go_on(aui_growth *growth, const char *json, aui_json_span rest, size_t settled, aui_buffer *text,
                      size_t *keep);

/* Whether the text so far surely is what the answer begins with, if its updates are what the protocol says: they were
 * deltas from the first one on, and nothing has spoken against that. */
bool aui_growth_is_sure(const aui_growth *growth);

/* Takes the final message's text: nothing is held back. */
bool aui_growth_end(aui_growth *growth, const char *json, aui_json_span string, aui_buffer *text, size_t *keep);

#endif

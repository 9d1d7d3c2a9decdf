/* Whose answer a message is. The protocol has no request ids, but what the agent sends may name its task, and the
 * answer that it belongs to. What says whose it is counts only if it is ours:
 *
 * - a task that it names is that of the message whose answer is awaited;
 * - the `id` of a final message, and the answer that an update names (its message_id, or its interaction_id when there
 *   is no message_id), were not seen before that message left: what was seen before answers nothing that came later.
 *
 * What says nothing may be ours. The ids are remembered for the session's life, as hashes under a secret key, so that
 * nobody can make two of them collide; of more than AUI_ANSWERS_REMEMBERED the oldest are forgotten. */
#ifndef AUI_ENGINE_ANSWERS_H
#define AUI_ENGINE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/json.h"
#include "engine/siphash.h"

enum {
  AUI_ANSWERS_REMEMBERED = 4096, /* ids, of 8 bytes each */
  AUI_ANSWERS_OF_ONE =
      32 /* ids between two of our messages; of an answer that names more, only the end is remembered too */
};

typedef struct aui_answers aui_answers;

/* What knows of no answers yet, or NULL when memory is short; to be released with aui_answers_free (NULL is fine). */
aui_answers *aui_answers_new(void);
void aui_answers_free(aui_answers *answers);

/* Gives the key of the hashes: from a CSPRNG, once, before anything else. */
bool aui_answers_has_key(const aui_answers *answers);
void aui_answers_set_key(aui_answers *answers, const uint8_t key[AUI_SIPHASH_KEY_SIZE]);

/* Our message, `n` bytes of JSON, leaves: from now on its answer is awaited, which belongs to the task that it names
 * (if it does), and which nothing is that was seen until now. */
void aui_answers_await(aui_answers *answers, const char *json, size_t n);

/* Whether a message may belong to the awaited answer; remembers what it names. `json` is the message, `id` the id of a
 * final one (start 0: none). When memory is short the oldest id is forgotten instead. */
bool aui_answers_claim(aui_answers *answers, const char *json, aui_json_span id, const aui_json_origin *origin);

/* Whether the id is of a final message that may belong to the awaited answer, as far as it is remembered. */
bool aui_answers_knows(const aui_answers *answers, const char *json, aui_json_span id);

/* The awaited answer has ended in the final message with this id. */
void aui_answers_end(aui_answers *answers, const char *json, aui_json_span id);

/* Whether the id, `n` bytes of UTF-8, was seen before the awaited answer. */
bool aui_answers_is_over(const aui_answers *answers, const char *id, size_t n);

#endif

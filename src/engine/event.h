/* Turns the messages of an agent's socket into events, and the texts of updates into what is new in the answer's.
 *
 * An update mostly carries the whole answer so far (growth.h has the exceptions). While a message arrives it is
 * compared with the last update: as long as both are equal, nothing is copied, validated or parsed; from where they
 * part, only the tail is. A message for which this will not do (keys in another order, escaped keys, a rewritten text)
 * is scanned whole, with the same results. */
#ifndef AUI_ENGINE_EVENT_H
#define AUI_ENGINE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/answers.h"
#include "engine/buffer.h"
#include "engine/json.h"

typedef enum {
  AUI_EVENT_UPDATE = 1, /* "thread-message-text-content-updated", in either spelling, with a string in data.text */
  AUI_EVENT_FINAL = 2,  /* the agent's ExternalTaskMessage: no event name; `id`, a string `text` and `sender` */
  AUI_EVENT_ERROR = 3,  /* an error: a `status_code` of 400 or more; or `detail`, `errors` or `error`, and nothing that
                           an agent's messages have (`id`, `text`, `sender`, `data`). No event name */
  AUI_EVENT_OTHER = 4,  /* an event with another name, or an envelope of another type or without what its type should
                           have: not an error, to be ignored */
  AUI_EVENT_NONE = 5,   /* no event: a heartbeat (nothing but white space, or one of the words ping, pong, heartbeat and
                           keepalive, which are no JSON), an echo of the user's own message (its sender is of type
                           "user"; or its receiver is of type "agent", and its sender of neither), any other JSON text */

  /* Of the threads API alone, whose envelopes of the types "event" (with a string in data.text or data.data.text; of
   * those that name their event, "thread-message-text-content-updated" alone), "message" (with data.id) and "error" are
   * the first three of the above: */
  AUI_EVENT_THREAD = 6,      /* "thread", with data.thread_id */
  AUI_EVENT_SUGGESTIONS = 7, /* "suggestions", with data.followup_suggestions, which belong to the last FINAL */
  AUI_EVENT_DONE = 8,        /* the word [DONE], which is no JSON: nothing follows */

  AUI_EVENT_BAD_UTF8 = -1,
  AUI_EVENT_BAD_JSON = -2,
  AUI_EVENT_TOO_DEEP = -3, /* nested deeper than `max_depth` */
  AUI_EVENT_NO_MEMORY = -4
} aui_event_type;

typedef struct aui_event_reader aui_event_reader;

/* Whose events they are: "tasks" has messages that are events, "threads" numbered envelopes. */
typedef enum { AUI_API_TASKS, AUI_API_THREADS } aui_api;

/* A reader for one answer, and for what comes between its messages; or NULL when memory is short. It holds about as
 * much as the largest of them. `max_depth`: how deep a message's objects and arrays may nest, 1024 at most; more is as
 * that. `max_text`: how many bytes deltas may add up to. To be released with aui_event_free (NULL is fine). */
aui_event_reader *aui_event_new(aui_api api, unsigned max_depth, size_t max_text);
void aui_event_free(aui_event_reader *reader);

/* Takes the next slice of a message's payload. Returns 0, or AUI_EVENT_BAD_UTF8 at the first byte that cannot be valid,
 * or AUI_EVENT_NO_MEMORY; after a negative value the reader is good for nothing but aui_event_free. */
int aui_event_feed(aui_event_reader *reader, const void *slice, size_t n);

/* Ends the message and says what it was, or gives a negative value as above. The functions below say more of it, until
 * the next call of aui_event_feed. */
aui_event_type aui_event_end(aui_event_reader *reader);

/* Whether the message may belong to the awaited answer, see aui_answers_claim; a NONE never does, nor do SUGGESTIONS
 * for an interaction that is not the answer's. To be called once for each message. */
bool aui_event_claim(const aui_event_reader *reader, aui_answers *answers);

/* Whether the message names the answer that it belongs to, as messages about the work on it do (other events too). */
bool aui_event_names_answer(const aui_event_reader *reader);

/* The answer has ended in this FINAL: its id ends no other, see aui_answers_end. */
void aui_event_ends_answer(aui_event_reader *reader, aui_answers *answers);

/* The message's number; -1: it has none. */
int64_t aui_event_seq(const aui_event_reader *reader);

/* Takes the text of an UPDATE or FINAL that belongs to the answer; a FINAL that says nothing of its text changes
 * nothing. Returns false, and changes nothing, when memory is short.
 *
 * `text` is the answer's text so far, as UTF-8, exactly as this function left it the last time, empty at first. It
 * becomes what growth.h says, of a FINAL the message's text, and `*keep` is how many of its
 * first bytes were equal before and after: never within a character. */
bool aui_event_take(aui_event_reader *reader, aui_buffer *text, size_t *keep);

/* Whether the text of the updates that were taken is surely what the answer begins with, see aui_growth_is_sure. */
bool aui_event_is_sure(const aui_event_reader *reader);

/* Whether the message is an UPDATE that is a delta, with a number, and its text was taken, so that it is the answer's;
 * `*number` and `*text` say where both stand in its payload of `*n` bytes. */
bool aui_event_is_delta(const aui_event_reader *reader, size_t *n, aui_json_span *number, aui_json_span *text);

/* Whether the updates behind the last one are likely to be deltas. */
bool aui_event_expects_deltas(const aui_event_reader *reader);

/* Takes a delta, not empty, as aui_event_take takes the text of an UPDATE in which nothing is escaped. */
bool aui_event_take_delta(aui_event_reader *reader, const char *delta, size_t n, aui_buffer *text, size_t *keep);

/* The JSON of what users see of the last message, of `*n` bytes, without a byte order mark; owned by the reader: of an
 * envelope that is FINAL or ERROR its data, of all else the whole. In a FINAL or ERROR, escapes of unpaired surrogates
 * were replaced by \ufffd, so that any JSON reader accepts it. */
const char *aui_event_payload(const aui_event_reader *reader, size_t *n);

/* Puts what SUGGESTIONS have into the payload of the FINAL that ended the answer (aui_event_ends_answer), whose copy
 * `message` is, perhaps with earlier ones in it: in place of its followup_suggestions, or behind all that it has.
 * From the 17th time on they are passed over. Returns false, and changes nothing, when memory is short. */
bool aui_event_add_suggestions(aui_event_reader *reader, aui_buffer *message);

/* What a THREAD names, decoded, appended to `id`. Returns false, and changes nothing, when memory is short. */
bool aui_event_thread_id(const aui_event_reader *reader, aui_buffer *id);

/* Of an ERROR: the `status_code`, 400 to 999, in the threads API else such a `code`; 422 for a list of what is invalid,
 * the body that goes with it; 0 when it has none. And in seconds `extra_data.retry_after`, -1 when absent. */
int aui_event_status_code(const aui_event_reader *reader);
int aui_event_retry_after(const aui_event_reader *reader);

#endif

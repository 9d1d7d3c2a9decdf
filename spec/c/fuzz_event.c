/* Fuzzes the event layer. The input's first byte seeds the slicing, and its highest bit says whose events they are: set
 * for the threads API. Then come messages, each ended by 0xFE, or by 0xFF
 * when a new answer begins behind it: two bytes that UTF-8 never has. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/event.h"
#include "engine/json.h"
#include "engine/utf8.h"

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                   \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

typedef struct {
  aui_event_reader *reader;
  aui_answers *answers;
  bool ours; /* the last message */
  aui_buffer text;
  size_t keep;
  aui_buffer message; /* the last one that ended an answer */
} listener;

static aui_event_reader *new_reader(aui_api api) {
  return aui_event_new(api, 64, 4096);
}

static listener listen_anew(aui_api api) {
  listener l = {.reader = new_reader(api), .answers = aui_answers_new()};
  CHECK(l.reader && l.answers);
  return l;
}

static void stop_listening(listener *l) {
  aui_event_free(l->reader);
  aui_answers_free(l->answers);
  aui_buffer_free(&l->text);
  aui_buffer_free(&l->message);
}

static void begin_another_answer(listener *l, aui_api api) {
  static const char message[] = "{\"task_id\":\"T\"}";
  aui_answers_await(l->answers, message, sizeof message - 1);
  aui_event_free(l->reader);
  l->reader = new_reader(api);
  CHECK(l->reader);
  l->text.len = 0;
}

/* Keeps the message that ends an answer; what suggestions make of it, again and again, is JSON that has them. */
static void keep_message(listener *l, int type) {
  size_t n;
  const char *json = aui_event_payload(l->reader, &n);
  if (type == AUI_EVENT_FINAL && l->ours) {
    aui_event_ends_answer(l->reader, l->answers);
    l->message.len = 0;
    CHECK(aui_buffer_append(&l->message, json, n));
  } else if (type == AUI_EVENT_SUGGESTIONS && l->message.len > 0) {
    aui_json_scan scan;
    CHECK(aui_event_add_suggestions(l->reader, &l->message));
    CHECK(aui_json_scan_whole(l->message.data, l->message.len, AUI_JSON_MAX_DEPTH, &scan) == AUI_JSON_VALID);
  } else if (type == AUI_EVENT_THREAD) {
    aui_buffer id = {0};
    CHECK(aui_event_thread_id(l->reader, &id) && id.len > 0 && aui_utf8_valid(id.data, id.len));
    aui_buffer_free(&id);
  }
}

/* Feeds a message in slices of 1 to `most` bytes, each in memory of its own, so that the sanitizer guards its ends. */
static int hear(listener *l, const uint8_t *bytes, size_t n, uint32_t seed, uint32_t most) {
  l->ours = false;
  for (size_t at = 0, slice; at < n; at += slice) {
    seed = seed * 1664525u + 1013904223u;
    slice = 1 + (seed >> 8) % most;
    if (slice > n - at) slice = n - at;
    void *copy = malloc(slice);
    CHECK(copy);
    memcpy(copy, bytes + at, slice);
    int error = aui_event_feed(l->reader, copy, slice);
    free(copy);
    if (error) return error;
  }
  int type = aui_event_end(l->reader);
  l->ours = type > 0 && aui_event_claim(l->reader, l->answers);
  bool has_text = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL;
  if (l->ours && has_text) CHECK(aui_event_take(l->reader, &l->text, &l->keep));
  if (type > 0) keep_message(l, type);
  return type;
}

static bool same_text(const listener *a, const listener *b) {
  return a->text.len == b->text.len && (a->text.len == 0 || memcmp(a->text.data, b->text.data, a->text.len) == 0);
}

/* The chunk makes the new text of the old one, and could not be shorter. */
static void check_chunk(const listener *l, const aui_buffer *old) {
  const char *text = l->text.data;
  size_t n = l->text.len, keep = l->keep, equal = 0;
  CHECK(keep <= n && keep <= old->len);
  while (equal < n && equal < old->len && text[equal] == old->data[equal]) equal++;
  CHECK(keep == aui_utf8_boundary(text, n, equal) || keep == aui_utf8_boundary(old->data, old->len, equal));
  CHECK(keep <= equal && aui_utf8_valid(text, keep) && aui_utf8_valid(text, n));
}

static void check_payload(const listener *l, int type, const uint8_t *bytes, size_t n) {
  size_t length;
  const char *payload = aui_event_payload(l->reader, &length);
  CHECK(length <= n);
  bool repaired = type == AUI_EVENT_FINAL || type == AUI_EVENT_ERROR || type == AUI_EVENT_SUGGESTIONS;
  if (!repaired && length > 0) CHECK(memcmp(payload, bytes + n - length, length) == 0);
}

/* Gives the message to all three: whole, in slices, and to one that begins at the start each time since another event
 * came in between. Returns false when it ends the connection. */
static bool hear_everywhere(listener l[3], const uint8_t *bytes, size_t n, uint32_t seed) {
  aui_buffer old = {0};
  CHECK(aui_buffer_append(&old, l[0].text.data, l[0].text.len));
  int type = hear(&l[0], bytes, n, seed, UINT32_MAX >> 8);
  CHECK(hear(&l[1], bytes, n, seed, 1 + seed % 40) == type);
  CHECK(hear(&l[2], (const uint8_t *)"0", 1, seed, 1) == AUI_EVENT_NONE);
  CHECK(hear(&l[2], bytes, n, seed, UINT32_MAX >> 8) == type);
  CHECK(same_text(&l[0], &l[1]) && same_text(&l[0], &l[2]));
  CHECK(l[0].ours == l[1].ours && l[0].ours == l[2].ours);
  if (l[0].ours && (type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL)) {
    CHECK(l[0].keep == l[1].keep && l[0].keep == l[2].keep);
    check_chunk(&l[0], &old);
  } else {
    CHECK(l[0].text.len == old.len && (old.len == 0 || memcmp(l[0].text.data, old.data, old.len) == 0));
  }
  if (type > 0) {
    for (int i = 0; i < 3; i++) check_payload(&l[i], type, bytes, n);
  }
  aui_buffer_free(&old);
  return type > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  if (size == 0) return 0;
  aui_api api = *input & 0x80 ? AUI_API_THREADS : AUI_API_TASKS;
  uint32_t seed = *input++ & 0x7F;
  const uint8_t *end = input + size - 1;
  listener l[3] = {listen_anew(api), listen_anew(api), listen_anew(api)};
  while (input < end) {
    const uint8_t *stop = input;
    while (stop < end && *stop < 0xFE) stop++;
    if (!hear_everywhere(l, input, (size_t)(stop - input), seed)) break;
    for (int i = 0; stop < end && *stop == 0xFF && i < 3; i++) begin_another_answer(&l[i], api);
    input = stop < end ? stop + 1 : end;
  }
  for (int i = 0; i < 3; i++) stop_listening(&l[i]);
  return 0;
}

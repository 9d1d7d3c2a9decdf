/* A ring of hashes, the newest at the end; the last `fresh` of them were seen since the awaited message left. All of it
 * is searched: once for each id that an answer names, not for each update. */
#include "engine/answers.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

struct aui_answers {
  bool has_key;
  uint8_t key[AUI_SIPHASH_KEY_SIZE];
  bool has_task; /* the awaited answer's is known: */
  uint64_t task;

  uint64_t *ids;
  size_t cap;   /* a power of two; grows up to `limit` */
  size_t limit; /* AUI_ANSWERS_REMEMBERED, or less once memory was short */
  size_t count; /* of ids */
  size_t next;  /* where the next one goes */
  size_t fresh; /* how many of the newest came since the awaited message left */
};

aui_answers *aui_answers_new(void) {
  aui_answers *answers = calloc(1, sizeof *answers);
  if (!answers) return NULL;
  answers->ids = malloc(FIRST_CAPACITY * sizeof *answers->ids);
  answers->cap = FIRST_CAPACITY;
  answers->limit = AUI_ANSWERS_REMEMBERED;
  if (answers->ids) return answers;
  free(answers);
  return NULL;
}

void aui_answers_free(aui_answers *answers) {
  if (!answers) return;
  free(answers->ids);
  free(answers);
}

bool aui_answers_has_key(const aui_answers *answers) {
  return answers->has_key;
}

void aui_answers_set_key(aui_answers *answers, const uint8_t key[AUI_SIPHASH_KEY_SIZE]) {
  answers->has_key = true;
  memcpy(answers->key, key, AUI_SIPHASH_KEY_SIZE);
}

/* ---- the ring ---- */

/* It goes on after a match, so that several can be compared at once. */
static bool is_among(const uint64_t *ids, size_t n, uint64_t hash) {
  bool found = false;
  for (size_t i = 0; i < n; i++) found |= ids[i] == hash;
  return found;
}

/* Whether the hash is among the `count` that begin `newer` before the newest. */
static bool find_hash(const aui_answers *answers, uint64_t hash, size_t newer, size_t count) {
  if (count == 0) return false;
  const uint64_t *ids = answers->ids;
  size_t mask = answers->cap - 1, end = (answers->next - newer) & mask, begin = (end - count) & mask;
  if (begin < end) return is_among(ids + begin, count, hash);
  return is_among(ids + begin, answers->cap - begin, hash) || is_among(ids, end, hash);
}

static bool hash_is_fresh(const aui_answers *answers, uint64_t hash) {
  return find_hash(answers, hash, 0, answers->fresh);
}

static bool hash_is_over(const aui_answers *answers, uint64_t hash) {
  return find_hash(answers, hash, answers->fresh, answers->count - answers->fresh);
}

/* Makes room for one more id while that is possible; else the oldest will be overwritten. */
static void make_room_for_id(aui_answers *answers) {
  if (answers->count < answers->cap || answers->cap == answers->limit) return;
  uint64_t *ids = realloc(answers->ids, 2 * answers->cap * sizeof *ids);
  if (ids) {
    answers->ids = ids;
    answers->next = answers->cap;
    answers->cap *= 2;
  } else {
    answers->limit = answers->cap;
  }
}

static void remember_hash(aui_answers *answers, uint64_t hash) {
  make_room_for_id(answers);
  answers->ids[answers->next] = hash;
  answers->next = (answers->next + 1) & (answers->cap - 1);
  if (answers->count < answers->cap) answers->count++;
  if (answers->fresh < answers->cap) answers->fresh++;
}

/* ---- what messages say ---- */

static uint64_t hash_of(const aui_answers *answers, const char *json, aui_json_span string) {
  aui_siphash hash;
  aui_json_piece piece;
  aui_siphash_begin(&hash, answers->key);
  for (size_t i = string.start; i < string.end;) {
    i = aui_json_decode(json, i, string.end, &piece);
    aui_siphash_add(&hash, piece.bytes, piece.n);
  }
  return aui_siphash_end(&hash);
}

static bool is_our_task(const aui_answers *answers, const char *json, aui_json_span task_id) {
  return !task_id.start || !answers->has_task || hash_of(answers, json, task_id) == answers->task;
}

/* Whether what is named was not seen before the awaited message left. */
static bool is_new(aui_answers *answers, const char *json, aui_json_span id) {
  if (!id.start) return true;
  uint64_t hash = hash_of(answers, json, id);
  if (hash_is_fresh(answers, hash)) return true;
  if (hash_is_over(answers, hash)) return false;
  if (answers->fresh < AUI_ANSWERS_OF_ONE) remember_hash(answers, hash);
  return true;
}

void aui_answers_await(aui_answers *answers, const char *json, size_t n) {
  aui_json_scan scan;
  bool valid = aui_json_scan_whole(json, n, AUI_JSON_MAX_DEPTH, &scan) == AUI_JSON_VALID;
  aui_json_span task_id = valid ? scan.members.origin.task_id : (aui_json_span){0, 0};
  answers->has_task = task_id.start;
  if (answers->has_task) answers->task = hash_of(answers, json, task_id);
  answers->fresh = 0;
}

bool aui_answers_claim(aui_answers *answers, const char *json, aui_json_span id, const aui_json_origin *origin) {
  bool new_id = is_new(answers, json, id);
  bool new_message = is_new(answers, json, origin->message_id);
  bool new_interaction = is_new(answers, json, origin->interaction_id);
  bool new_answer = origin->message_id.start ? new_message : new_interaction;
  bool ours = is_our_task(answers, json, origin->task_id) && is_our_task(answers, json, origin->scope_task_id);
  return ours && new_id && new_answer;
}

bool aui_answers_knows(const aui_answers *answers, const char *json, aui_json_span id) {
  return hash_is_fresh(answers, hash_of(answers, json, id));
}

void aui_answers_end(aui_answers *answers, const char *json, aui_json_span id) {
  if (!id.start) return;
  uint64_t hash = hash_of(answers, json, id);
  if (!hash_is_fresh(answers, hash)) remember_hash(answers, hash);
}

bool aui_answers_is_over(const aui_answers *answers, const char *id, size_t n) {
  aui_siphash hash;
  aui_siphash_begin(&hash, answers->key);
  aui_siphash_add(&hash, id, n);
  return hash_is_over(answers, aui_siphash_end(&hash));
}

// Threads and their turns; see thread.h. A turn has the text that it answers, the text that it streams, the message
// that ends it, whether it is "over", the number of its first and of its last event, how many of them carry text, and
// when it started (of sim_clock).
#include "thread.h"

#include "stream.h"
#include "tasks.h"
#include "turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_int_t number_of(const json_t *turn, const char *name) {
  return json_integer_value(json_object_get(turn, name));
}

static const char *text_of(const json_t *object) {
  return json_string_value(json_object_get(object, "text"));
}

json_t *sim_thread_make(struct sim_service *service, const char *user_id) {
  char id[SIM_HEX_ID_SIZE];
  sim_hex_id(id);
  return sim_task_open(service->threads, id, user_id);
}

json_t *sim_thread_find(struct sim_service *service, const char *thread_id) {
  return sim_task_find(service->threads, thread_id);
}

// ---- turns -----------------------------------------------------------------------------------------

static size_t text_step(const struct sim_options *options) {
  return options->tokens ? options->token_bytes : 0;
}

static json_int_t count_texts(const struct sim_options *options, const char *text) {
  size_t length = strlen(text);
  json_int_t count = 0;
  for (size_t at = 0; at < length; count++) at = sim_update_end(text, length, at, text_step(options));
  return count;
}

// How many events follow those with text: that the text is complete, the message, the suggestions of a newer agent.
static json_int_t count_others(const struct sim_options *options) {
  return 2 + (options->runtime == 2);
}

// The number of the newest event that is there by now.
static json_int_t newest(const struct sim_options *options, const json_t *turn) {
  if (json_object_get(turn, "over")) return number_of(turn, "last");
  double passed = sim_clock() - json_number_value(json_object_get(turn, "started"));
  double texts = options->pace > 0 ? floor(passed / options->pace) : INFINITY;
  if (texts >= (double)number_of(turn, "texts")) return number_of(turn, "last");
  return number_of(turn, "first") + (json_int_t)texts;
}

static void complete(struct sim_service *service, json_t *thread, json_t *turn) {
  json_t *message = json_object_get(turn, "message");
  if (json_object_get(turn, "over")) return;
  json_object_set_new(turn, "over", json_true());
  sim_task_record(thread, message);
  sim_log_fields(
      service->log, "answer", (size_t)number_of(turn, "connection"),
      json_pack("{s:O, s:O}", "thread_id", json_object_get(thread, "id"), "text", json_object_get(message, "text")));
}

json_t *sim_thread_run(struct sim_service *service, size_t connection, json_t *thread, const char *text) {
  const struct sim_options *options = service->options;
  json_t *before = json_object_get(thread, "turn");
  json_int_t first = before ? number_of(before, "last") + 1 : 1;
  if (before) complete(service, thread, before);
  json_t *said = sim_user_message(sim_task_user(thread), text);
  sim_task_record(thread, said);
  sim_log_fields(service->log, "message", connection,
                 json_pack("{s:O, s:s}", "thread_id", json_object_get(thread, "id"), "text", text));
  json_t *message = sim_turn_say(service, thread, text);
  json_int_t texts = count_texts(options, text_of(message));
  json_t *turn =
      json_pack("{s:s, s:O, s:o, s:I, s:I, s:I, s:I, s:f}", "text", text, "streamed", json_object_get(message, "text"),
                "message", message, "connection", (json_int_t)connection, "first", first, "texts", texts, "last",
                first + texts + count_others(options) - 1, "started", sim_clock());
  json_object_set_new(thread, "turn", turn);
  json_decref(said);
  return turn;
}

bool sim_thread_answers(const json_t *thread, const char *text) {
  const char *answered = text_of(json_object_get(thread, "turn"));
  return answered && strcmp(answered, text) == 0;
}

json_t *sim_thread_finish(struct sim_service *service, json_t *thread) {
  json_t *turn = json_object_get(thread, "turn");
  complete(service, thread, turn);
  return json_object_get(turn, "message");
}

json_t *sim_thread_history(struct sim_service *service, json_t *thread) {
  json_t *turn = json_object_get(thread, "turn"), *history = json_array(), *message;
  size_t index;
  if (turn && newest(service->options, turn) == number_of(turn, "last")) complete(service, thread, turn);
  json_array_foreach(json_object_get(thread, "messages"), index, message)
      json_array_append_new(history, sim_thread_message(message, service->options->runtime == 1));
  return history;
}

// ---- the events of a turn ------------------------------------------------------------------------------

void sim_cursor_start(struct sim_cursor *cursor, struct sim_service *service, json_t *thread) {
  json_t *turn = json_object_get(thread, "turn");
  *cursor = (struct sim_cursor){service, json_incref(thread),       json_incref(turn), number_of(turn, "first"),
                                0,       service->options->envelope};
}

static void move_on(struct sim_cursor *cursor) {
  const json_t *text = json_object_get(cursor->turn, "streamed");
  size_t length = json_string_length(text), step = text_step(cursor->service->options);
  if (cursor->offset < length) cursor->offset = sim_update_end(json_string_value(text), length, cursor->offset, step);
  cursor->next++;
}

bool sim_cursor_resume(struct sim_cursor *cursor, struct sim_service *service, json_t *thread, json_int_t after) {
  const json_t *turn = json_object_get(thread, "turn");
  json_int_t latest = turn ? newest(service->options, turn) : -1;
  bool kept = latest - after <= (json_int_t)service->options->kept_events;
  if (after > latest || after < number_of(turn, "first") - 1 || !kept) return false;
  sim_cursor_start(cursor, service, thread);
  while (cursor->next <= after) move_on(cursor);
  return true;
}

bool sim_cursor_at_end(const struct sim_cursor *cursor) {
  return cursor->next > number_of(cursor->turn, "last");
}

double sim_cursor_wait(const struct sim_cursor *cursor) {
  const struct sim_options *options = cursor->service->options;
  if (cursor->next <= newest(options, cursor->turn)) return 0;
  json_int_t texts = cursor->next - number_of(cursor->turn, "first");
  double due = json_number_value(json_object_get(cursor->turn, "started")) + (double)texts * options->pace;
  return fmax(due - sim_clock(), 0.001);
}

json_t *sim_cursor_suggestions(const struct sim_cursor *cursor, json_t *list) {
  const json_t *message = json_object_get(cursor->turn, "message");
  return json_pack("{s:O, s:O, s:O}", "thread_id", json_object_get(cursor->thread, "id"), "interaction_id",
                   json_object_get(message, "id"), "followup_suggestions", list);
}

json_t *sim_cursor_say(struct sim_cursor *cursor, const json_t *fields) {
  bool newer = cursor->service->options->runtime == 2;
  json_t *message = json_copy(json_object_get(cursor->turn, "message"));
  json_object_update(message, (json_t *)fields);
  if (!json_object_get(cursor->turn, "over")) json_object_set(cursor->turn, "message", message);
  complete(cursor->service, cursor->thread, cursor->turn);
  json_t *said = sim_thread_message(message, !newer);
  json_decref(message);
  return said;
}

void sim_cursor_fail(struct sim_cursor *cursor) {
  json_object_set_new(cursor->turn, "over", json_true());
}

// One of the events behind those with text.
static json_t *other_event(struct sim_cursor *cursor) {
  const struct sim_options *options = cursor->service->options;
  bool newer = options->runtime == 2;
  json_int_t message = number_of(cursor->turn, "last") - newer;
  if (cursor->next < message)
    return sim_thread_event("event", cursor->next,
                            json_pack("{s:{s:s}, s:{}}", "channel", "event_name", SIM_TEXT_COMPLETED, "data"));
  json_t *list = json_object_get(json_object_get(cursor->turn, "message"), "followup_suggestions");
  if (cursor->next > message)
    return sim_thread_event("suggestions", cursor->next, sim_cursor_suggestions(cursor, list));
  return sim_thread_event("message", message, sim_cursor_say(cursor, NULL));
}

void sim_cursor_take(struct sim_cursor *cursor, struct sim_buffer *out) {
  const struct sim_options *options = cursor->service->options;
  json_int_t number = cursor->next;
  size_t from = options->cumulative ? 0 : cursor->offset;
  if (number - number_of(cursor->turn, "first") < number_of(cursor->turn, "texts")) {
    move_on(cursor);
    const char *text = json_string_value(json_object_get(cursor->turn, "streamed"));
    sim_thread_text(cursor->spelling, number, text + from, cursor->offset - from, out);
    return;
  }
  json_t *event = other_event(cursor);
  char *json = sim_json_text(event);
  sim_buffer_add_string(out, json);
  free(json);
  json_decref(event);
  move_on(cursor);
}

void sim_cursor_back(struct sim_cursor *cursor, json_int_t count) {
  json_int_t next = cursor->next - count;
  cursor->next = number_of(cursor->turn, "first");
  cursor->offset = 0;
  while (cursor->next < next) move_on(cursor);
}

void sim_cursor_free(struct sim_cursor *cursor) {
  json_decref(cursor->thread);
  json_decref(cursor->turn);
  *cursor = (struct sim_cursor){0};
}

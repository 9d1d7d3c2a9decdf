// Plays the steps of a stream; see sse_player.h. Each verb is a function that returns true when its step is over, and
// is called again, once something has happened, when it is not.
#include "sse_player.h"

#include "canned.h"

#include <stdlib.h>
#include <string.h>

static void push(struct sim_sse_player *player, const struct sim_steps *steps, json_int_t rounds) {
  player->stack[player->depth].steps = steps;
  player->stack[player->depth].next = 0;
  player->stack[player->depth].rounds = rounds;
  player->depth++;
}

const struct sim_step *sim_sse_response(const struct sim_steps *steps) {
  for (size_t i = 0; i < steps->count; i++) {
    if (steps->list[i].verb == SIM_DO_RESPONSE) return &steps->list[i];
    if (steps->list[i].verb != SIM_DO_WAIT) break;
  }
  return NULL;
}

void sim_sse_player_start(struct sim_sse_player *player, const struct sim_steps *steps) {
  push(player, steps, 1);
  if (!player->cursor.turn) return;
  player->last = player->cursor.next - 1;
  player->thread = sim_thread_opened(json_string_value(json_object_get(player->cursor.thread, "id")));
}

void sim_sse_player_free(struct sim_sse_player *player) {
  if (player->cursor.turn) sim_cursor_free(&player->cursor);
  json_decref(player->thread);
  *player = (struct sim_sse_player){0};
}

// ---- sending ---------------------------------------------------------------------------------------

static void send_json(const struct sim_sse *sse, const json_t *value) {
  char *text = sim_json_text(value);
  sim_sse_event(sse, text, strlen(text));
  free(text);
}

// What comes before all else, once.
static void begin(struct sim_sse_player *player) {
  if (!player->begun) sim_sse_head(&player->sse);
  player->begun = true;
  if (player->thread) send_json(&player->sse, player->thread);
  json_decref(player->thread);
  player->thread = NULL;
}

// Sends the event of this type as the modifier seq numbers it; the data is taken over.
static void send_event(struct sim_sse_player *player, const struct sim_step *step, const char *type, json_t *data) {
  const json_t *number = json_object_get(step->object, "seq");
  if (!json_is_null(number)) player->last = number ? json_integer_value(number) : player->last + 1;
  json_t *event = sim_thread_event(type, player->last, data);
  if (json_is_null(number)) json_object_del(event, "seq");
  begin(player);
  send_json(&player->sse, event);
  json_decref(event);
}

// ---- verbs -----------------------------------------------------------------------------------------

static bool play_response(struct sim_sse_player *player, const struct sim_step *step) {
  sim_canned_answer(player->connection, step->value, NULL);
  player->answered = true;
  return true;
}

static bool play_framing(struct sim_sse_player *player, const struct sim_step *step) {
  if (strcmp(json_string_value(step->value), "chunked") != 0) player->sse.to_the_end = player->closes = true;
  return true;
}

static bool play_newline(struct sim_sse_player *player, const struct sim_step *step) {
  const char *name = json_string_value(step->value);
  player->sse.newline = strcmp(name, "crlf") == 0 ? "\r\n" : strcmp(name, "cr") == 0 ? "\r" : "\n";
  return true;
}

static bool play_thread(struct sim_sse_player *player, const struct sim_step *step) {
  json_decref(player->thread);
  player->thread = NULL;
  if (json_is_true(step->value))
    player->thread = sim_thread_opened(json_string_value(json_object_get(player->cursor.thread, "id")));
  else if (json_is_object(step->value))
    player->thread = json_pack("{s:s, s:O}", "type", "thread", "data", step->value);
  if (player->thread) begin(player);
  return true;
}

// Takes the agent's next event into the buffer; false when there is no room, or it is not there yet.
static bool take_event(struct sim_sse_player *player, struct sim_buffer *event) {
  if (!sim_connection_has_room(player->connection)) return false;
  double wait = sim_cursor_wait(&player->cursor);
  if (wait > 0) {
    sim_connection_sleep(player->connection, wait);
    return false;
  }
  event->length = 0;
  sim_cursor_take(&player->cursor, event);
  player->events++;
  return true;
}

// Whether the step has had as many of the agent's events as it wants, or there are no more.
static bool had_enough(const struct sim_sse_player *player, const struct sim_step *step) {
  bool all = !json_is_integer(step->value);
  return sim_cursor_at_end(&player->cursor) || (!all && player->events == json_integer_value(step->value));
}

static bool play_agent(struct sim_sse_player *player, const struct sim_step *step) {
  struct sim_buffer event = {0};
  begin(player);
  while (!had_enough(player, step) && take_event(player, &event)) {
    sim_sse_event(&player->sse, (const char *)event.data, event.length);
    player->last = player->cursor.next - 1;
  }
  sim_buffer_free(&event);
  return had_enough(player, step);
}

static bool play_skip(struct sim_sse_player *player, const struct sim_step *step) {
  struct sim_buffer event = {0};
  while (!had_enough(player, step) && take_event(player, &event)) continue;
  sim_buffer_free(&event);
  return had_enough(player, step);
}

static bool play_again(struct sim_sse_player *player, const struct sim_step *step) {
  sim_cursor_back(&player->cursor, json_integer_value(step->value));
  return true;
}

static bool play_event(struct sim_sse_player *player, const struct sim_step *step) {
  send_event(player, step, "event", json_pack("{s:O}", "text", step->value));
  return true;
}

static bool play_message(struct sim_sse_player *player, const struct sim_step *step) {
  send_event(player, step, "message", sim_cursor_say(&player->cursor, step->value));
  return true;
}

static bool play_suggestions(struct sim_sse_player *player, const struct sim_step *step) {
  send_event(player, step, "suggestions", sim_cursor_suggestions(&player->cursor, (json_t *)step->value));
  return true;
}

static bool play_error(struct sim_sse_player *player, const struct sim_step *step) {
  sim_cursor_fail(&player->cursor);
  send_event(player, step, "error", sim_thread_failure(step->value));
  return true;
}

static bool play_send(struct sim_sse_player *player, const struct sim_step *step) {
  begin(player);
  if (json_is_string(step->value))
    sim_sse_event(&player->sse, json_string_value(step->value), json_string_length(step->value));
  else
    send_json(&player->sse, step->value);
  return true;
}

static bool play_comment(struct sim_sse_player *player, const struct sim_step *step) {
  begin(player);
  sim_sse_comment(&player->sse, json_string_value(step->value));
  return true;
}

static bool play_body(struct sim_sse_player *player, const struct sim_step *step) {
  begin(player);
  sim_sse_body(&player->sse, json_string_value(step->value), json_string_length(step->value));
  return true;
}

static bool play_raw(struct sim_sse_player *player, const struct sim_step *step) {
  begin(player);
  sim_buffer_add_hex(&player->connection->out, json_string_value(step->value));
  return true;
}

static bool play_done(struct sim_sse_player *player, const struct sim_step *step) {
  static const char mark[] = "[DONE]";
  (void)step;
  begin(player);
  sim_sse_event(&player->sse, mark, sizeof mark - 1);
  return true;
}

static bool play_wait(struct sim_sse_player *player, const struct sim_step *step) {
  if (player->waited) return true;
  player->waited = true;
  sim_connection_sleep(player->connection, json_number_value(step->value));
  return false;
}

static bool play_cut(struct sim_sse_player *player, const struct sim_step *step) {
  bool reset = strcmp(json_string_value(step->value), "reset") == 0;
  sim_connection_end(player->connection, reset ? SIM_END_RESET : SIM_END_FIN);
  return true;
}

static bool play_repeat(struct sim_sse_player *player, const struct sim_step *step) {
  push(player, &step->steps, json_integer_value(step->value));
  return true;
}

static bool (*const play[SIM_VERBS])(struct sim_sse_player *, const struct sim_step *) = {
    [SIM_DO_RESPONSE] = play_response, [SIM_DO_FRAMING] = play_framing,
    [SIM_DO_NEWLINE] = play_newline,   [SIM_DO_THREAD] = play_thread,
    [SIM_DO_AGENT] = play_agent,       [SIM_DO_SKIP] = play_skip,
    [SIM_DO_AGAIN] = play_again,       [SIM_DO_EVENT] = play_event,
    [SIM_DO_MESSAGE] = play_message,   [SIM_DO_SUGGESTIONS] = play_suggestions,
    [SIM_DO_ERROR] = play_error,       [SIM_DO_SEND] = play_send,
    [SIM_DO_COMMENT] = play_comment,   [SIM_DO_BODY] = play_body,
    [SIM_DO_RAW] = play_raw,           [SIM_DO_DONE] = play_done,
    [SIM_DO_WAIT] = play_wait,         [SIM_DO_CUT] = play_cut,
    [SIM_DO_REPEAT] = play_repeat,
};

// ---- the run ---------------------------------------------------------------------------------------

// Plays a step as its modifier cut_after wants it.
static bool play_step(struct sim_sse_player *player, const struct sim_step *step) {
  const json_t *cut_after = json_object_get(step->object, "cut_after");
  struct sim_buffer *out = &player->connection->out;
  if (cut_after) begin(player);
  size_t before = out->length;
  bool over = play[step->verb](player, step);
  if (cut_after) {
    size_t kept = before + (size_t)json_integer_value(cut_after);
    out->length = kept < out->length ? kept : out->length;
    sim_connection_end(player->connection, SIM_END_FIN);
  }
  return over;
}

static bool finish(struct sim_sse_player *player) {
  begin(player);
  sim_sse_end(&player->sse);
  if (player->closes) sim_connection_end(player->connection, SIM_END_CLOSE);
  return true;
}

bool sim_sse_player_run(struct sim_sse_player *player) {
  while (player->depth > 0 && !player->answered && sim_connection_has_room(player->connection)) {
    size_t level = player->depth - 1;
    const struct sim_steps *steps = player->stack[level].steps;
    if (player->stack[level].next == steps->count) {
      player->stack[level].next = 0;
      if (--player->stack[level].rounds <= 0) player->depth--;
      continue;
    }
    const struct sim_step *step = &steps->list[player->stack[level].next];
    if (!play_step(player, step)) return false;
    player->stack[level].next++;
    player->events = 0;
    player->waited = false;
  }
  return player->depth == 0 && !player->answered && player->connection->end == SIM_END_NONE && finish(player);
}

// Plays a scenario to one client; see player.h. Each verb is a function that returns true when its
// step is over, and is called again, once something has happened, when it is not.
#include "player.h"

#include "canned.h"
#include "tasks.h"
#include "turn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void push(struct sim_player *player, const struct sim_steps *steps, json_int_t rounds) {
  player->stack[player->depth].steps = steps;
  player->stack[player->depth].next = 0;
  player->stack[player->depth].rounds = rounds;
  player->depth++;
}

void sim_player_init(struct sim_player *player, struct sim_service *service, struct sim_websocket *websocket,
                     struct sim_thread_session *session, size_t number) {
  *player =
      (struct sim_player){.service = service, .websocket = websocket, .number = number, .part = {.session = session}};
}

void sim_player_start(struct sim_player *player, const struct sim_steps *steps) {
  push(player, steps, 1);
  sim_connection_wake(player->websocket->connection);
}

void sim_player_free(struct sim_player *player) {
  free(player->last_text);
  free(player->task_id);
  json_decref(player->received);
  sim_envelope_free(&player->envelope);
  sim_stream_free(&player->stream);
  sim_thread_part_free(&player->part);
}

// ---- sending ---------------------------------------------------------------------------------------

// Adds one text message as the modifiers fragment, ping_between and cut_after ask.
static void emit(struct sim_player *player, const struct sim_step *step, const struct sim_buffer *text) {
  const json_t *cut_after = json_object_get(step->object, "cut_after");
  size_t size = (size_t)json_integer_value(json_object_get(step->object, "fragment"));
  struct sim_buffer frames = {0}, payload = {0}, nothing = {0};
  unsigned opcode = sim_websocket_payload(player->websocket, text, &nothing, &payload);
  const unsigned char *at = payload.data;
  size_t length = payload.length;
  for (; size > 0 && length > size; at += size, length -= size) {
    sim_frame_add(&frames, opcode, at, size);
    opcode = SIM_CONTINUATION;
    if (json_is_true(json_object_get(step->object, "ping_between")))
      sim_frame_add(&frames, SIM_FIN | SIM_PING, NULL, 0);
  }
  sim_frame_add(&frames, SIM_FIN | opcode, at, length);
  if (cut_after) {
    size_t kept = (size_t)json_integer_value(cut_after);
    frames.length = kept < frames.length ? kept : frames.length;
    sim_connection_end(player->websocket->connection, SIM_END_FIN);
  }
  sim_buffer_add(&player->websocket->connection->out, frames.data, frames.length);
  sim_buffer_free(&frames);
  sim_buffer_free(&payload);
}

static void emit_text(struct sim_player *player, const struct sim_step *step, const char *text, size_t length) {
  struct sim_buffer buffer = {0};
  sim_buffer_add(&buffer, text, length);
  emit(player, step, &buffer);
  sim_buffer_free(&buffer);
}

static void emit_json(struct sim_player *player, const struct sim_step *step, const json_t *value) {
  char *text = sim_json_text(value);
  emit_text(player, step, text, strlen(text));
  free(text);
}

// The same, of a value that it owns.
static void emit_event(struct sim_player *player, const struct sim_step *step, json_t *event) {
  emit_json(player, step, event);
  json_decref(event);
}

static const struct sim_envelope *envelope(struct sim_player *player) {
  if (!player->envelope.task_id)
    sim_envelope_start(&player->envelope, player->service->options->envelope, player->websocket->channel,
                       player->task_id ? player->task_id : "");
  return &player->envelope;
}

static void remember_text(struct sim_player *player, const char *text) {
  free(player->last_text);
  player->last_text = sim_copy(text, strlen(text));
}

// ---- verbs -----------------------------------------------------------------------------------------

static bool play_handshake(struct sim_player *player, const struct sim_step *step) {
  struct sim_websocket *websocket = player->websocket;
  const char *key = sim_request_header(&websocket->request, "sec-websocket-key");
  sim_websocket_answered(websocket, sim_canned_answer(websocket->connection, step->value, key));
  return true;
}

// Whether the step wants the task's history to know of it.
static bool recorded(const struct sim_step *step) {
  return !json_is_false(json_object_get(step->object, "recorded"));
}

static bool play_receive(struct sim_player *player, const struct sim_step *step) {
  struct sim_inbox_entry *entry = sim_inbox_take(player->websocket);
  const char *field;
  if (!entry) return false;
  json_t *turn = sim_json_parse(entry->text, entry->length);
  if (!sim_turn_socket_problem(turn, &field)) {
    free(player->task_id);
    const char *task_id = json_string_value(json_object_get(turn, "task_id"));
    player->task_id = sim_copy(task_id, strlen(task_id));
    if (recorded(step)) sim_turn_record(player->service, player->number, turn);
  }
  sim_envelope_free(&player->envelope); // the next answer gets ids of its own
  json_decref(player->received);
  player->received = turn;
  free(entry);
  return true;
}

static bool play_send(struct sim_player *player, const struct sim_step *step) {
  if (json_is_string(step->value))
    emit_text(player, step, json_string_value(step->value), json_string_length(step->value));
  else
    emit_json(player, step, step->value);
  return true;
}

static bool play_update(struct sim_player *player, const struct sim_step *step) {
  struct sim_buffer json = {0};
  const struct sim_envelope *with = envelope(player);
  sim_envelope_before(with, &json);
  sim_json_escape(&json, json_string_value(step->value), json_string_length(step->value));
  sim_envelope_after(with, &json);
  emit(player, step, &json);
  sim_buffer_free(&json);
  remember_text(player, json_string_value(step->value));
  return true;
}

// The final message that a step describes, recorded if it asks for that; a new reference.
static json_t *make_message(struct sim_player *player, const struct sim_step *step) {
  json_t *task = sim_task_open(player->service->tasks, player->task_id ? player->task_id : "", "anonymous");
  json_t *message =
      sim_agent_message(sim_task_user(task), player->last_text ? player->last_text : "", (json_t *)step->value);
  if (json_object_get(step->object, "received")) json_object_set(message, "received", player->received);
  if (recorded(step)) sim_task_record(task, message);
  return message;
}

static bool play_message(struct sim_player *player, const struct sim_step *step) {
  const char *task_id = player->task_id ? player->task_id : "";
  json_t *message = make_message(player, step);
  emit_json(player, step, message);
  sim_log(player->service->log, "answer", player->number, task_id, json_object_get(message, "text"));
  json_decref(message);
  return true;
}

static bool play_record(struct sim_player *player, const struct sim_step *step) {
  json_decref(make_message(player, step));
  return true;
}

static bool play_error(struct sim_player *player, const struct sim_step *step) {
  json_t *error = sim_error_payload(500, "Internal server error", "Something went wrong");
  json_object_update(error, (json_t *)step->value);
  emit_event(player, step, error);
  return true;
}

static bool play_tokens(struct sim_player *player, const struct sim_step *step) {
  if (!player->started) {
    const json_t *bytes = json_object_get(step->object, "token_bytes");
    size_t size = bytes ? (size_t)json_integer_value(bytes) : player->service->options->token_bytes;
    char *text = sim_synthetic_text((size_t)json_integer_value(step->value) * size);
    remember_text(player, text);
    sim_stream_start(&player->stream, envelope(player), text, size,
                     json_number_value(json_object_get(step->object, "pace")));
  }
  if (!sim_stream_run(&player->stream, player->websocket)) return false;
  sim_stream_free(&player->stream);
  return true;
}

static bool play_wait(struct sim_player *player, const struct sim_step *step) {
  if (player->started) return true;
  sim_connection_sleep(player->websocket->connection, json_number_value(step->value));
  return false;
}

static bool play_ping(struct sim_player *player, const struct sim_step *step) {
  sim_websocket_ping(player->websocket, json_string_value(step->value), json_string_length(step->value));
  return true;
}

static bool play_await_pong(struct sim_player *player, const struct sim_step *step) {
  (void)step;
  return !player->websocket->pong_due;
}

static bool play_close(struct sim_player *player, const struct sim_step *step) {
  const char *reason = json_string_value(json_object_get(step->object, "reason"));
  sim_websocket_close(player->websocket, (unsigned)json_integer_value(step->value), reason ? reason : "");
  return true;
}

static bool play_cut(struct sim_player *player, const struct sim_step *step) {
  bool reset = strcmp(json_string_value(step->value), "reset") == 0;
  sim_connection_end(player->websocket->connection, reset ? SIM_END_RESET : SIM_END_FIN);
  return true;
}

static bool play_raw(struct sim_player *player, const struct sim_step *step) {
  sim_buffer_add_hex(&player->websocket->connection->out, json_string_value(step->value));
  return true;
}

static bool play_pong(struct sim_player *player, const struct sim_step *step) {
  player->websocket->ignores_pings = json_is_false(step->value);
  return true;
}

static bool play_close_reply(struct sim_player *player, const struct sim_step *step) {
  player->websocket->ignores_close = json_is_false(step->value);
  return true;
}

static bool play_read(struct sim_player *player, const struct sim_step *step) {
  lws_rx_flow_control(player->websocket->connection->wsi, json_is_true(step->value));
  return true;
}

static bool play_repeat(struct sim_player *player, const struct sim_step *step) {
  push(player, &step->steps, json_integer_value(step->value));
  return true;
}

static bool play_agent(struct sim_player *player, const struct sim_step *step) {
  player->agent = true;
  player->lent = json_is_integer(step->value) ? json_integer_value(step->value) : -1;
  if (player->lent < 0) player->depth = 0;
  return true;
}

static bool (*const play[SIM_VERBS])(struct sim_player *, const struct sim_step *) = {
    [SIM_DO_HANDSHAKE] = play_handshake,
    [SIM_DO_RECEIVE] = play_receive,
    [SIM_DO_SEND] = play_send,
    [SIM_DO_UPDATE] = play_update,
    [SIM_DO_MESSAGE] = play_message,
    [SIM_DO_RECORD] = play_record,
    [SIM_DO_ERROR] = play_error,
    [SIM_DO_TOKENS] = play_tokens,
    [SIM_DO_WAIT] = play_wait,
    [SIM_DO_PING] = play_ping,
    [SIM_DO_AWAIT_PONG] = play_await_pong,
    [SIM_DO_CLOSE] = play_close,
    [SIM_DO_CUT] = play_cut,
    [SIM_DO_RAW] = play_raw,
    [SIM_DO_PONG] = play_pong,
    [SIM_DO_CLOSE_REPLY] = play_close_reply,
    [SIM_DO_READ] = play_read,
    [SIM_DO_REPEAT] = play_repeat,
    [SIM_DO_AGENT] = play_agent,
};

// ---- verbs, where they say something else by the threads API -----------------------------------------

static bool thread_receive(struct sim_player *player, const struct sim_step *step) {
  struct sim_inbox_entry *entry = sim_inbox_take(player->websocket);
  if (!entry) return false;
  if (recorded(step))
    sim_thread_part_receive(&player->part, entry);
  else
    sim_thread_part_free(&player->part);
  free(entry);
  return true;
}

static bool thread_update(struct sim_player *player, const struct sim_step *step) {
  emit_event(player, step, sim_thread_part_text(&player->part, json_string_value(step->value)));
  return true;
}

static bool thread_message(struct sim_player *player, const struct sim_step *step) {
  emit_event(player, step, sim_thread_part_message(&player->part, step->value));
  return true;
}

static bool thread_record(struct sim_player *player, const struct sim_step *step) {
  sim_thread_part_record(&player->part, step->value);
  return true;
}

static bool thread_error(struct sim_player *player, const struct sim_step *step) {
  emit_event(player, step, sim_thread_part_error(&player->part, step->value));
  return true;
}

static bool (*const play_threads[SIM_VERBS])(struct sim_player *, const struct sim_step *) = {
    [SIM_DO_RECEIVE] = thread_receive, [SIM_DO_UPDATE] = thread_update, [SIM_DO_MESSAGE] = thread_message,
    [SIM_DO_RECORD] = thread_record,   [SIM_DO_ERROR] = thread_error,
};

// ---- the run ---------------------------------------------------------------------------------------

// Plays a step as the API of the connection has it.
static bool play_step(struct sim_player *player, const struct sim_step *step) {
  bool threads = player->websocket->subprotocol && play_threads[step->verb];
  return threads ? play_threads[step->verb](player, step) : play[step->verb](player, step);
}

static void upgrade(struct sim_websocket *websocket) {
  if (!websocket->answered) sim_websocket_accept(websocket);
}

// Nothing is left to play: the connection stays open, and what the client says goes unheard.
static void player_finish(struct sim_websocket *websocket) {
  if (websocket->connection->end == SIM_END_NONE) upgrade(websocket);
  for (struct sim_inbox_entry *entry; (entry = sim_inbox_take(websocket));) free(entry);
}

// Says that there is no answer to what the client has said.
static void refuse(const struct sim_player *player) {
  static const char words[] = "the recording has no answer to this message";
  struct sim_websocket *websocket = player->websocket;
  json_t *error = websocket->subprotocol
                      ? sim_thread_event("error", -1, json_pack("{s:s, s:i}", "error", words, "code", 404))
                      : sim_error_payload(404, "Not recorded", words);
  sim_websocket_send(websocket, error);
  sim_websocket_close(websocket, 1008, "not recorded");
  json_decref(error);
}

// Of a recording: begins what answers the client's next message; false if there is none, or it is not to be heard.
static bool answer_next(struct sim_player *player) {
  struct sim_websocket *websocket = player->websocket;
  bool hears = player->service->replay && websocket->connection->end == SIM_END_NONE && !websocket->close_sent;
  struct sim_inbox_entry *entry = hears ? sim_inbox_take(websocket) : NULL;
  if (!entry) return false;
  json_t *message = sim_json_parse(entry->text, entry->length);
  const struct sim_steps *steps = sim_replay_message(player->service->replay, message);
  json_decref(message);
  free(entry);
  if (steps)
    push(player, steps, 1);
  else
    refuse(player);
  return true;
}

static bool play_steps(struct sim_player *player) {
  player->agent = false;
  while (player->depth > 0 && !player->agent && sim_connection_has_room(player->websocket->connection)) {
    size_t level = player->depth - 1;
    const struct sim_steps *steps = player->stack[level].steps;
    if (player->stack[level].next == steps->count) {
      player->stack[level].next = 0;
      if (--player->stack[level].rounds <= 0) player->depth--;
      continue;
    }
    const struct sim_step *step = &steps->list[player->stack[level].next];
    if (step->verb != SIM_DO_WAIT && step->verb != SIM_DO_HANDSHAKE) upgrade(player->websocket);
    bool over = play_step(player, step);
    player->started = !over;
    if (!over) return true;
    player->stack[level].next++;
  }
  return !player->agent;
}

bool sim_player_run(struct sim_player *player) {
  do {
    if (!play_steps(player)) return false;
  } while (player->depth == 0 && answer_next(player));
  if (player->depth == 0) player_finish(player->websocket);
  return true;
}

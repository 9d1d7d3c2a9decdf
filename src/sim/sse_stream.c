// A request for a stream; see sse_stream.h.
#include "sse_stream.h"

#include "thread_post.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int not_kept(json_t **result) {
  return sim_post_refuse(result, 410, "replay_unavailable", "these events are not kept", NULL);
}

// Puts the cursor behind the last event that the client has had.
static int resume(struct sim_cursor *cursor, struct sim_service *service, json_t *thread, const json_t *body,
                  const char *last_id, json_t **result) {
  char *end;
  long long after = strtoll(last_id, &end, 10);
  if (!isdigit((unsigned char)*last_id) || *end)
    return sim_post_refuse(result, 422, "validation_error", "expected the number of an event", "Last-Event-ID");
  if (!json_is_string(json_object_get(body, "thread_id")))
    return sim_post_refuse(result, 422, "validation_error", "needed beside Last-Event-ID", "thread_id");
  if (!sim_thread_answers(thread, json_string_value(json_object_get(body, "text"))))
    return sim_post_refuse(result, 409, "conflict", "another message than that of the turn to be resumed", "text");
  return sim_cursor_resume(cursor, service, thread, after) ? 200 : not_kept(result);
}

// What to play: the scenario's steps for the next stream, or the usual ones.
static const struct sim_steps *next_steps(struct sim_sse_stream *stream, struct sim_service *service) {
  const struct sim_scenario *scenario = service->scenario;
  size_t n = service->streams++;
  stream->usual[0] = (struct sim_step){.verb = SIM_DO_AGENT};
  stream->usual[1] = (struct sim_step){.verb = SIM_DO_DONE};
  stream->steps = (struct sim_steps){stream->usual, 2};
  return scenario && n < scenario->stream_count ? &scenario->streams[n] : &stream->steps;
}

// Runs the turn, or finds the one to be resumed.
static int find_turn(struct sim_cursor *cursor, struct sim_service *service, size_t number,
                     const struct sim_request *request, const json_t *body, json_t **result) {
  const char *last_id = sim_request_header(request, "last-event-id");
  json_t *thread = sim_post_thread(service, body);
  if (!thread) return sim_post_refuse(result, 404, "not_found", "no such thread", "thread_id");
  if (last_id) return resume(cursor, service, thread, body, last_id, result);
  sim_thread_run(service, number, thread, json_string_value(json_object_get(body, "text")));
  sim_cursor_start(cursor, service, thread);
  return 200;
}

int sim_sse_stream_open(struct sim_sse_stream *stream, struct sim_service *service, struct sim_connection *connection,
                        size_t number, const struct sim_request *request, json_t **result) {
  struct sim_sse_player *player = &stream->player;
  int status = 200;
  json_t *body = sim_post_body(request, sim_post_message_fields, &status, result);
  if (!body) return status;
  const struct sim_steps *steps;
  if (service->replay) {
    steps = sim_replay_stream(service->replay, body, sim_request_header(request, "last-event-id"));
    if (!steps) status = sim_post_refuse(result, 404, "not_found", "the recording has no answer to this message", NULL);
  } else {
    steps = next_steps(stream, service);
    const struct sim_step *response = sim_sse_response(steps);
    if (!response || json_object_get(response->object, "acted"))
      status = find_turn(&player->cursor, service, number, request, body, result);
  }
  json_decref(body);
  if (status != 200) return status;
  player->connection = connection;
  player->sse = (struct sim_sse){&connection->out, strcmp(request->version, "HTTP/1.0") == 0, "\n"};
  player->closes = player->sse.to_the_end || sim_request_has_token(request, "connection", "close");
  sim_sse_player_start(player, steps);
  sim_connection_wake(connection);
  return 200;
}

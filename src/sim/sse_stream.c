// An answer on its way as Server-Sent Events; see sse_stream.h.
#include "sse_stream.h"

#include "thread_post.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DONE "[DONE]"

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

static void send_json(const struct sim_sse *sse, json_t *event) {
  char *text = sim_json_text(event);
  sim_sse_event(sse, text, strlen(text));
  free(text);
  json_decref(event);
}

static void begin(struct sim_sse_stream *stream, struct sim_connection *connection, const struct sim_request *request) {
  stream->connection = connection;
  stream->sse = (struct sim_sse){&connection->out, strcmp(request->version, "HTTP/1.0") == 0, "\n"};
  stream->closes = stream->sse.to_the_end || sim_request_has_token(request, "connection", "close");
  sim_sse_head(&stream->sse);
  const json_t *id = json_object_get(stream->cursor.thread, "id");
  send_json(&stream->sse, sim_thread_opened(json_string_value(id)));
}

int sim_sse_stream_open(struct sim_sse_stream *stream, struct sim_service *service, struct sim_connection *connection,
                        size_t number, const struct sim_request *request, json_t **result) {
  int status = 200;
  json_t *body = sim_post_body(request, sim_post_message_fields, &status, result);
  if (!body) return status;
  const char *last_id = sim_request_header(request, "last-event-id");
  json_t *thread = sim_post_thread(service, body);
  if (!thread) {
    status = sim_post_refuse(result, 404, "not_found", "no such thread", "thread_id");
  } else if (last_id) {
    status = resume(&stream->cursor, service, thread, body, last_id, result);
  } else {
    sim_thread_run(service, number, thread, json_string_value(json_object_get(body, "text")));
    sim_cursor_start(&stream->cursor, service, thread);
  }
  if (status == 200) begin(stream, connection, request);
  json_decref(body);
  return status;
}

// Sends events while there are some; false when none is left.
static bool send_events(struct sim_sse_stream *stream) {
  struct sim_buffer event = {0};
  while (sim_connection_has_room(stream->connection) && !sim_cursor_at_end(&stream->cursor)) {
    double wait = sim_cursor_wait(&stream->cursor);
    if (wait > 0) {
      sim_connection_sleep(stream->connection, wait);
      break;
    }
    event.length = 0;
    sim_cursor_take(&stream->cursor, &event);
    sim_sse_event(&stream->sse, (const char *)event.data, event.length);
  }
  sim_buffer_free(&event);
  return !sim_cursor_at_end(&stream->cursor);
}

bool sim_sse_stream_run(struct sim_sse_stream *stream) {
  if (send_events(stream)) return false;
  sim_sse_event(&stream->sse, DONE, sizeof DONE - 1);
  sim_sse_end(&stream->sse);
  if (stream->closes) sim_connection_end(stream->connection, SIM_END_CLOSE);
  return true;
}

void sim_sse_stream_free(struct sim_sse_stream *stream) {
  if (stream->cursor.turn) sim_cursor_free(&stream->cursor);
  *stream = (struct sim_sse_stream){0};
}

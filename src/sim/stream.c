// One answer on its way, as frames; see stream.h.
#include "stream.h"

#include <stdlib.h>
#include <string.h>

void sim_stream_start(struct sim_stream *stream, const struct sim_envelope *envelope, char *text, size_t step,
                      double pace) {
  *stream = (struct sim_stream){.text = text, .length = strlen(text), .step = step, .pace = pace};
  sim_envelope_before(envelope, &stream->before);
  sim_envelope_after(envelope, &stream->after);
}

size_t sim_update_end(const char *text, size_t length, size_t sent, size_t step) {
  size_t left = length - sent;
  if (step > 0) return sent + (left < step ? left : step);
  size_t space = strspn(text + sent, " ");
  return sent + space + strcspn(text + sent + space, " ");
}

// Sends the next update; false when there is none left.
static bool step(struct sim_stream *stream, struct sim_websocket *websocket) {
  if (stream->sent == stream->length) return false;
  size_t end = sim_update_end(stream->text, stream->length, stream->sent, stream->step);
  sim_json_escape(&stream->before, stream->text + stream->sent, end - stream->sent);
  stream->sent = end;
  sim_websocket_send_text(websocket, &stream->before, &stream->after);
  return true;
}

bool sim_stream_run(struct sim_stream *stream, struct sim_websocket *websocket) {
  struct sim_connection *connection = websocket->connection;
  while (sim_connection_has_room(connection)) {
    if (!step(stream, websocket)) return true;
    if (stream->pace > 0) sim_connection_sleep(connection, stream->pace);
  }
  return false;
}

void sim_stream_free(struct sim_stream *stream) {
  free(stream->text);
  sim_buffer_free(&stream->before);
  sim_buffer_free(&stream->after);
  *stream = (struct sim_stream){0};
}

char *sim_synthetic_text(size_t length) {
  static const char words[] = "every update of this answer carries all of the text so far and a little more ";
  char *text = sim_alloc(length + 1);
  for (size_t i = 0; i < length; i++) text[i] = words[i % (sizeof words - 1)];
  return text;
}

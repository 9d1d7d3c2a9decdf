// One answer on its way: updates, each with more of the text than the last, as frames.
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "message.h"
#include "sim_websocket.h"

struct sim_stream {
  char *text; // owned
  size_t length;
  size_t sent;              // bytes of text in the last update
  size_t step;              // bytes more in each update; 0: a word more
  double pace;              // seconds between updates; 0: as fast as the socket takes them
  struct sim_buffer before; // envelope and the escaped text so far
  struct sim_buffer after;  // the rest of the envelope
};

// Starts streaming `text` (UTF-8), which it takes over. Free it with sim_stream_free.
void sim_stream_start(struct sim_stream *stream, const struct sim_envelope *envelope, char *text, size_t step,
                      double pace);

// Sends as much as there is room for and the pace allows; true when the stream is at its end.
bool sim_stream_run(struct sim_stream *stream, struct sim_websocket *websocket);

void sim_stream_free(struct sim_stream *stream);

// Where the update behind the first `sent` of `length` bytes of a text ends: `step` bytes on, or at the end of the next
// word if that is 0.
size_t sim_update_end(const char *text, size_t length, size_t sent, size_t step);

// Lower-case words of exactly `length` bytes, to be freed with free().
char *sim_synthetic_text(size_t length);

#endif

// The answer to one message of the threads API on its way as Server-Sent Events.
#ifndef SIM_SSE_STREAM_H
#define SIM_SSE_STREAM_H

#include "connection.h"
#include "sim_http.h"
#include "sse.h"
#include "thread.h"

struct sim_sse_stream {
  struct sim_connection *connection;
  struct sim_sse sse;
  struct sim_cursor cursor;
  bool closes; // the connection ends with the body
};

// Acts on a request for a stream that has a good token: runs the turn, or finds the one to be resumed, begins the
// response and returns 200. Else returns the status of the error that it sets *result to, a new reference.
int sim_sse_stream_open(struct sim_sse_stream *stream, struct sim_service *service, struct sim_connection *connection,
                        size_t number, const struct sim_request *request, json_t **result);

// Sends what there is room for and is there already; true when the stream is at its end.
bool sim_sse_stream_run(struct sim_sse_stream *stream);

// Nothing is left of the stream; its turn goes on. Also for one that was never opened.
void sim_sse_stream_free(struct sim_sse_stream *stream);

#endif

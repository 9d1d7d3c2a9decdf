// The body of a response with Server-Sent Events (WHATWG HTML, 9.2), in any framing of HTTP/1.1.
#ifndef SIM_SSE_H
#define SIM_SSE_H

#include "sim_buffer.h"

#include <stdbool.h>

struct sim_sse {
  struct sim_buffer *out;
  bool to_the_end; // the body ends with the connection; else it is chunked
  const char *newline;
};

// Appends the head of the response.
void sim_sse_head(const struct sim_sse *sse);

// Appends these bytes of the body.
void sim_sse_body(const struct sim_sse *sse, const void *data, size_t length);

// Appends an event with this data; a line of it in each field.
void sim_sse_event(const struct sim_sse *sse, const char *data, size_t length);

// Appends a comment, which means nothing: it keeps the connection alive.
void sim_sse_comment(const struct sim_sse *sse, const char *text);

// Ends a chunked body; one to the end of the connection is ended with that.
void sim_sse_end(const struct sim_sse *sse);

#endif

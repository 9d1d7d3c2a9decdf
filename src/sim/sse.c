// The body of a response with Server-Sent Events; see sse.h.
#include "sse.h"

#include <string.h>

void sim_sse_head(const struct sim_sse *sse) {
  sim_buffer_printf(sse->out,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
                    "Access-Control-Allow-Origin: *\r\n%s\r\n\r\n",
                    sse->to_the_end ? "Connection: close" : "Transfer-Encoding: chunked");
}

void sim_sse_body(const struct sim_sse *sse, const void *data, size_t length) {
  if (length == 0) return; // an empty chunk would be the last one
  if (!sse->to_the_end) sim_buffer_printf(sse->out, "%zx\r\n", length);
  sim_buffer_add(sse->out, data, length);
  if (!sse->to_the_end) sim_buffer_add_string(sse->out, "\r\n");
}

void sim_sse_event(const struct sim_sse *sse, const char *data, size_t length) {
  struct sim_buffer event = {0};
  for (const char *end = data + length;;) {
    const char *line_end = memchr(data, '\n', (size_t)(end - data));
    sim_buffer_add_string(&event, "data: ");
    sim_buffer_add(&event, data, (size_t)((line_end ? line_end : end) - data));
    sim_buffer_add_string(&event, sse->newline);
    if (!line_end) break;
    data = line_end + 1;
  }
  sim_buffer_add_string(&event, sse->newline);
  sim_sse_body(sse, event.data, event.length);
  sim_buffer_free(&event);
}

void sim_sse_comment(const struct sim_sse *sse, const char *text) {
  struct sim_buffer comment = {0};
  sim_buffer_printf(&comment, ": %s%s%s", text, sse->newline, sse->newline);
  sim_sse_body(sse, comment.data, comment.length);
  sim_buffer_free(&comment);
}

void sim_sse_end(const struct sim_sse *sse) {
  if (!sse->to_the_end) sim_buffer_add_string(sse->out, "0\r\n\r\n");
}

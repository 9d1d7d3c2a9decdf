// Just enough HTTP/1.1 (RFC 9112) for the upgrade and for the REST calls: requests in, answers out.
#ifndef AUI_SIM_SIM_HTTP_H
#define AUI_SIM_SIM_HTTP_H

#include "sim_buffer.h"
#include "sim_frame.h"

#include <jansson.h>

#define SIM_ACCEPT_SIZE 29

// The header, with its value, by which pages of any origin may read an answer (Fetch Standard, CORS protocol).
#define SIM_ANY_ORIGIN "Access-Control-Allow-Origin", "*"

struct sim_request {
  char *head; // owned; the strings below lie inside it
  const char *method;
  const char *path;  // without the query
  const char *query; // "" when there is none
  const char *version;
  const char *headers; // "Name: value" lines, each followed by a NUL, and an empty one at the end
  const char *body;    // owned; NUL after its length bytes
  size_t body_length;
};

// Reads one request, with its body, from the start of `data`. SIM_PARSE_DONE fills in *request, which the
// caller frees with sim_request_free, and *used. SIM_PARSE_FAULT: fault->code is the HTTP status to answer with.
enum sim_parse sim_request_parse(const unsigned char *data, size_t length, struct sim_request *request, size_t *used,
                                 struct sim_fault *fault);

void sim_request_free(struct sim_request *request);

// The value of the first header of that name (in any case), inside the request; NULL if there is none.
const char *sim_request_header(const struct sim_request *request, const char *name);

// Whether a comma-separated header holds this token, in any case (RFC 9110, section 5.6.1).
bool sim_request_has_token(const struct sim_request *request, const char *name, const char *token);

// The percent-decoded form of `length` bytes, to be freed with free().
char *sim_percent_decode(const char *text, size_t length);

// The decoded value of a query parameter, to be freed with free(); NULL if there is none.
char *sim_request_parameter(const struct sim_request *request, const char *name);

// The Sec-WebSocket-Accept that answers this Sec-WebSocket-Key (RFC 6455, section 4.2.2).
void sim_accept_value(const char *key, char out[SIM_ACCEPT_SIZE]);

// Appends the answer that accepts this upgrade; `headers` as below.
void sim_http_upgrade(struct sim_buffer *out, const char *key, const json_t *headers);

// Appends the answer to a browser's question whether a page may make a call (a preflight): it may.
void sim_http_preflight(struct sim_buffer *out);

// Appends an answer. `headers` is a JSON object of further headers, or NULL. Except for statuses 101 and 204,
// Content-Length is added.
void sim_http_answer(struct sim_buffer *out, int status, const json_t *headers, const char *body, size_t length);

#endif

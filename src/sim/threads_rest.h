// The calls of the threads API that are answered at once.
#ifndef SIM_THREADS_REST_H
#define SIM_THREADS_REST_H

#include "service.h"
#include "sim_http.h"

// What comes after the API's base address, which may have any prefix, inside the request; NULL if the path is not one
// of the threads API's.
const char *sim_threads_path(const struct sim_request *request);

// Whether a request for a path of the threads API is for a stream, or for a WebSocket.
bool sim_threads_is_stream(const struct sim_request *request);
bool sim_threads_is_session(const struct sim_request *request);

// Appends the answer to a call, of whatever path and method; `connection` is its number.
void sim_threads_answer(struct sim_service *service, size_t connection, const struct sim_request *request,
                        struct sim_buffer *out);

// Appends an answer with this JSON, which it takes over.
void sim_threads_reply(struct sim_buffer *out, int status, json_t *result);

// Whether a request's token is good; else 401 with an error in *result.
int sim_threads_authenticate(const struct sim_service *service, const struct sim_request *request, json_t **result);

#endif

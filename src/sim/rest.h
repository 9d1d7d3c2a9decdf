// The REST calls of the messaging protocol.
#ifndef SIM_REST_H
#define SIM_REST_H

#include "service.h"
#include "sim_http.h"

// Whether a request asks for the WebSocket endpoint (below any prefix).
bool sim_rest_is_session(const struct sim_request *request);

// Appends the answer to a REST call, of whatever path and method. `authenticated`: its key was accepted.
void sim_rest_answer(struct sim_service *service, const struct sim_request *request, bool authenticated,
                     struct sim_buffer *out);

#endif

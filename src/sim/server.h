// The listening socket, TLS and the event loop: libwebsockets on a libuv loop of our own.
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "service.h"

// Listens, says so on stdout, and serves until SIGINT, SIGTERM or, if asked for, the end of standard input.
// Returns the exit status: 0, or 1 when it cannot listen (a line on stderr says why).
int sim_server_run(struct sim_service *service);

#endif

/* One connection to the load server: HTTP, then perhaps a WebSocket; each question starts the next reply. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "server.h"

/* Takes the connected socket, which does not block. */
void client_open(server *of, int fd);

/* The socket may be read or written: does what can be done. The client may be gone after it. */
void client_serve(client *self);

/* It is this paced client's turn: one more update, or the end, may leave. */
void client_tick(client *self);

#endif

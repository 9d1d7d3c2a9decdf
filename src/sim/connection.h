// One client's connection: the bytes it sent, those on their way to it, their pace, and its ending. Who speaks on it
// stands above (client.h): everything that is sent is made whenever the socket has room, and events only note what
// happened and ask for that.
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include "sim_buffer.h"

#include <libwebsockets.h>
#include <stdbool.h>

// Nothing more is made while this much is waiting to be sent, in bytes.
#define SIM_HIGH_WATER (64u << 10)

enum sim_end {
  SIM_END_NONE,
  SIM_END_CLOSE, // orderly: TLS close_notify, then FIN
  SIM_END_FIN,   // FIN alone, as when the process at the other end dies
  SIM_END_RESET  // RST
};

struct sim_connection {
  struct lws *wsi; // owned by libwebsockets
  struct sim_buffer in, out;
  bool deaf;     // what comes in is thrown away
  bool sleeping; // until `timer` fires nothing more is made
  lws_sorted_usec_list_t timer;
  enum sim_end end;             // to be done once all is sent
  bool ended;                   // done: what comes in is thrown away until the client hangs up
  unsigned flush_checks;        // how often a reset has waited for the kernel to send
  lws_sorted_usec_list_t guard; // limits the wait for a client's part in an ending
};

void sim_connection_free(struct sim_connection *connection);

// Adds what has come to `in`; false when nobody wants it any more.
bool sim_connection_receive(struct sim_connection *connection, const void *data, size_t length);

// Whether there is room for more, and nothing that forbids making it.
bool sim_connection_has_room(const struct sim_connection *connection);

// Sends what is in `out`, or ends the connection when all is sent and it is to end. A result of -1 asks for the socket
// to be closed.
int sim_connection_flush(struct sim_connection *connection);

// Limits the wait for the client's close frame or hanging up: after this many seconds the connection is
// ended, or the socket closed if it already was.
void sim_connection_guard(struct sim_connection *connection, double seconds);

// Asks libwebsockets to say when the socket has room.
void sim_connection_wake(struct sim_connection *connection);

// Makes nothing more for this many seconds.
void sim_connection_sleep(struct sim_connection *connection, double seconds);

// Ends the connection this way once everything is sent. Nothing more is made; a second call changes nothing.
void sim_connection_end(struct sim_connection *connection, enum sim_end end);

#endif

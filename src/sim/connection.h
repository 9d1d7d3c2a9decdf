// One client: the bytes it sent, the bytes on their way to it, and who speaks to it (a scenario or the agent).
// Everything that is sent is made in one place, sim_connection_writable, whenever the socket has room:
// events only note what happened and ask for that call.
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include "http.h"
#include "log.h"
#include "options.h"
#include "player.h"
#include "scenario.h"
#include "session.h"

#include <libwebsockets.h>

// Nothing more is made while this much is waiting to be sent, in bytes.
#define SIM_HIGH_WATER (64u << 10)

struct sim_server { // what all connections share; made by main, outlives them
  const struct sim_options *options;
  const struct sim_scenario *scenario; // NULL: the built-in agent answers
  const json_t *catalogue;
  json_t *tasks;
  FILE *log; // NULL: none
  struct lws_context *context;
  size_t connections; // so far, of any kind
  size_t sessions;    // WebSocket requests so far
  size_t calls;       // REST calls so far
};

enum sim_state {
  SIM_HTTP,      // waiting for a request
  SIM_UPGRADING, // a WebSocket request waits for its answer
  SIM_WEBSOCKET, // upgraded
  SIM_DEAF       // what comes in is thrown away
};

enum sim_end {
  SIM_END_NONE,
  SIM_END_CLOSE, // orderly: TLS close_notify, then FIN
  SIM_END_FIN,   // FIN alone, as when the process at the other end dies
  SIM_END_RESET  // RST
};

struct sim_inbox_entry {
  struct sim_inbox_entry *next;
  size_t length;
  char text[]; // NUL after it
};

struct sim_connection {
  struct lws *wsi; // owned by libwebsockets, which also owns this struct
  struct sim_server *server;
  size_t number; // counted from 1
  enum sim_state state;
  struct sim_buffer in, out;
  struct sim_buffer message; // the fragments of an unfinished message
  bool in_message;
  struct sim_inbox_entry *inbox, **inbox_end; // text messages that nobody has taken yet, oldest first
  size_t inbox_length;

  struct sim_request request; // the upgrade
  char channel[SIM_UUID_SIZE];
  bool ignores_pings, ignores_close; // what a scenario asked for
  bool close_sent;
  bool pong_due;               // our last ping has not been answered yet
  struct sim_buffer last_ping; // its payload

  bool sleeping; // until `timer` fires nothing more is made
  lws_sorted_usec_list_t timer;
  enum sim_end end;             // to be done once all is sent
  bool ended;                   // done: what comes in is thrown away until the client hangs up
  unsigned flush_checks;        // how often a reset has waited for the kernel to send
  lws_sorted_usec_list_t guard; // limits the wait for a client's part in an ending

  struct sim_player player;
  struct sim_session session;
};

// The events of a connection, called by the server alone. A result of -1 asks for the socket to be closed.
void sim_connection_open(struct sim_connection *connection, struct sim_server *server, struct lws *wsi);
void sim_connection_receive(struct sim_connection *connection, const void *data, size_t length);
int sim_connection_writable(struct sim_connection *connection);
void sim_connection_free(struct sim_connection *connection);

// Limits the wait for the client's close frame or hanging up: after this many seconds the connection is
// ended, or the socket closed if it already was.
void sim_connection_guard(struct sim_connection *connection, double seconds);

// Asks for sim_connection_writable.
void sim_connection_wake(struct sim_connection *connection);

// Makes nothing more for this many seconds.
void sim_connection_sleep(struct sim_connection *connection, double seconds);

// Ends the connection this way once everything is sent. Nothing more is made; a second call changes nothing.
void sim_connection_end(struct sim_connection *connection, enum sim_end end);

// Streams as much as there is room for and the pace allows; true when the stream is at its end.
bool sim_connection_stream(struct sim_connection *connection, struct sim_stream *stream);

#endif

// The command line of aui-sim.
#ifndef AUI_SIM_SIM_OPTIONS_H
#define AUI_SIM_SIM_OPTIONS_H

#include "message.h"

#include <stdbool.h>

struct sim_options { // the strings belong to argv or are static
  const char *host;
  int port;
  const char *api_key;  // NULL: any key, or none
  const char *tls_dir;  // NULL: no TLS
  const char *tls_name; // NULL: localhost, 127.0.0.1 and ::1
  bool tls_expired;
  double pace;   // seconds
  size_t tokens; // 0: the built-in agent
  size_t token_bytes;
  bool compress; // messages of a WebSocket, if the client offers it
  bool echo;     // instead of the built-in agent
  enum sim_spelling envelope;
  bool lifecycle;
  const char *publishable_key; // NULL: any that is spelt as one
  size_t token_lifetime;       // seconds
  int runtime;                 // of the threads API's agent: 1, or 2, which streams by Server-Sent Events only
  size_t kept_events;          // events of a thread that can be had again
  bool cumulative;             // each text event of the threads API carries all of the text so far
  const char *catalogue;       // NULL: the built-in one
  const char *scenario;        // NULL: none
  const char *replay;          // NULL: none
  bool fast;                   // what is replayed comes without its pauses
  const char *log;             // NULL: none
  bool exit_with_stdin;
  bool verbose;
};

// Fills in *options from the command line. Does not return for --help and --version (exit status 0), nor for a mistake
// (a line on stderr, exit status 2).
void sim_options_parse(struct sim_options *options, int argc, char **argv);

#endif

// What all connections share; made by main, outlives them.
#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

#include "log.h"
#include "replay.h"
#include "scenario.h"
#include "sim_options.h"

struct sim_service {
  const struct sim_options *options;
  const struct sim_scenario *scenario; // NULL: the built-in agent answers
  struct sim_replay *replay;           // NULL: it is no recording that answers
  const json_t *catalogue;
  json_t *tasks;
  json_t *threads;    // of the threads API: thread.h
  json_t *tokens;     // of the threads API: sim_token.h
  FILE *log;          // NULL: none
  size_t connections; // so far, of any kind
  size_t sessions;    // WebSocket requests so far
  size_t calls;       // REST calls so far
  size_t streams;     // of the threads API, so far
};

#endif

// The languages of scenarios: which verbs and modifiers their steps may have, and what each takes.
#ifndef SIM_SCENARIO_LANGUAGE_H
#define SIM_SCENARIO_LANGUAGE_H

#include "scenario.h"

#include <stddef.h>

struct sim_takes {
  const char *name;
  bool (*check)(const json_t *);
  const char *expected; // for people
};

struct sim_language {
  const struct sim_word {
    struct sim_takes takes;
    enum sim_verb verb;
    const char *modifiers; // names, each followed by a space
  } * verbs;
  size_t count;
};

// Of the steps played on a WebSocket connection, and of those that make a stream of the threads API.
extern const struct sim_language sim_socket_language, sim_stream_language;

// The modifier of this name, NULL if there is none.
const struct sim_takes *sim_modifier(const char *name);

#endif

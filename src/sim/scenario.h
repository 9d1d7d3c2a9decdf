// Scenario files: reading and checking them. docs/simulator.md describes the language.
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <jansson.h>
#include <stdbool.h>

#define SIM_MAX_NESTING 8

enum sim_verb {
  SIM_DO_HANDSHAKE,
  SIM_DO_RECEIVE,
  SIM_DO_SEND,
  SIM_DO_UPDATE,
  SIM_DO_MESSAGE,
  SIM_DO_RECORD,
  SIM_DO_ERROR,
  SIM_DO_TOKENS,
  SIM_DO_WAIT,
  SIM_DO_PING,
  SIM_DO_AWAIT_PONG,
  SIM_DO_CLOSE,
  SIM_DO_CUT,
  SIM_DO_RAW,
  SIM_DO_PONG,
  SIM_DO_CLOSE_REPLY,
  SIM_DO_READ,
  SIM_DO_REPEAT,
  SIM_DO_AGENT,
  // of streams alone
  SIM_DO_RESPONSE,
  SIM_DO_FRAMING,
  SIM_DO_NEWLINE,
  SIM_DO_THREAD,
  SIM_DO_SKIP,
  SIM_DO_AGAIN,
  SIM_DO_EVENT,
  SIM_DO_SUGGESTIONS,
  SIM_DO_COMMENT,
  SIM_DO_BODY,
  SIM_DO_DONE,
  SIM_VERBS
};

struct sim_step;

struct sim_steps {
  struct sim_step *list;
  size_t count;
};

struct sim_step {
  enum sim_verb verb;
  const json_t *value;    // of the verb; borrowed from the scenario's document
  const json_t *object;   // the whole step, for its modifiers; borrowed
  struct sim_steps steps; // of a repeat
};

struct sim_scenario {
  json_t *document;
  struct sim_steps *connections; // of WebSockets; the last for all later ones, too
  size_t connection_count;
  struct sim_steps *streams; // of the first streams of the threads API
  size_t stream_count;
  const json_t *rest; // array of answers to the first REST calls, or NULL; borrowed from the document
};

struct sim_language;

// Reads and checks steps of this language, which refer to `list`; to be freed with sim_steps_free in any case. False if
// they are none: then a line on stderr names the file, `where`, and what was expected.
bool sim_steps_read(const char *file, const char *where, const json_t *list, const struct sim_language *language,
                    struct sim_steps *steps);

void sim_steps_free(struct sim_steps *steps);

// Reads and checks a scenario file, to be freed with sim_scenario_free. NULL if it is no scenario: then a line
// on stderr names the file, the step and what was expected.
struct sim_scenario *sim_scenario_load(const char *file);

void sim_scenario_free(struct sim_scenario *scenario);

#endif

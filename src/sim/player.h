// Plays a scenario on one connection.
#ifndef SIM_PLAYER_H
#define SIM_PLAYER_H

#include "scenario.h"
#include "stream.h"

struct sim_connection;

struct sim_player {
  struct {
    const struct sim_steps *steps;
    size_t next;       // index of the step to run
    json_int_t rounds; // still to be played, this one included
  } stack[SIM_MAX_NESTING];
  size_t depth;    // 0: nothing left to play
  bool started;    // the present step has begun and waits for something
  bool upgraded;   // the request has been answered
  bool agent;      // the agent has taken over
  char *last_text; // of the last update; owned
  char *task_id;   // of the last message received; owned
  struct sim_envelope envelope;
  struct sim_stream stream;
};

// Starts playing these steps; they must outlive the player.
void sim_player_start(struct sim_connection *connection, const struct sim_steps *steps);

// Plays until a step has to wait, or there is no more room for output, or nothing is left.
void sim_player_run(struct sim_connection *connection);

void sim_player_free(struct sim_player *player);

#endif

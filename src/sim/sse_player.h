// Plays the steps of a stream: those of a scenario, or the usual two, the agent's events and the mark behind them.
#ifndef SIM_SSE_PLAYER_H
#define SIM_SSE_PLAYER_H

#include "connection.h"
#include "scenario.h"
#include "sse.h"
#include "thread.h"

struct sim_sse_player {
  struct sim_connection *connection;
  struct sim_sse sse;
  struct sim_cursor cursor; // without a turn when the first thing to be played is a response
  struct {
    const struct sim_steps *steps;
    size_t next;       // index of the step to run
    json_int_t rounds; // still to be played, this one included
  } stack[SIM_MAX_NESTING];
  size_t depth;
  json_int_t events; // of the present step, so far
  bool waited;       // as the present step wants it
  bool closes;       // the connection ends with the body
  bool begun;        // the head is on its way
  bool answered;     // there is nothing to be added
  json_t *thread;    // the event to begin with, not yet sent; owned, NULL: none
  json_int_t last;   // the number of the last event
};

// The response that is to be given in place of a stream, before anything else but waiting; NULL if there is none.
const struct sim_step *sim_sse_response(const struct sim_steps *steps);

// Starts playing these steps, which must outlive the player. Connection, sse and closes are set, and so is the cursor.
void sim_sse_player_start(struct sim_sse_player *player, const struct sim_steps *steps);

// Plays until a step has to wait, there is no more room, or the connection is to end; true when the stream is at its
// end and another request may come.
bool sim_sse_player_run(struct sim_sse_player *player);

// Also for one that was never started.
void sim_sse_player_free(struct sim_sse_player *player);

#endif

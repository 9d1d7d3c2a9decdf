// Plays a scenario to one client.
#ifndef SIM_PLAYER_H
#define SIM_PLAYER_H

#include "scenario.h"
#include "service.h"
#include "sim_websocket.h"
#include "stream.h"
#include "thread_part.h"

struct sim_player {
  struct sim_service *service;
  struct sim_websocket *websocket;
  size_t number; // of the connection, for the log
  struct {
    const struct sim_steps *steps;
    size_t next;       // index of the step to run
    json_int_t rounds; // still to be played, this one included
  } stack[SIM_MAX_NESTING];
  size_t depth;     // 0: nothing left to play
  bool started;     // the present step has begun and waits for something
  bool agent;       // the agent takes over
  json_int_t lent;  // for so many events; negative: for good
  char *last_text;  // of the last update; owned
  char *task_id;    // of the last message received; owned
  json_t *received; // that message, as it came; owned
  struct sim_envelope envelope;
  struct sim_stream stream;
  struct sim_thread_part part; // on a WebSocket of the threads API
};

// A player with nothing to play; `session` is the agent of the threads API on this connection.
void sim_player_init(struct sim_player *player, struct sim_service *service, struct sim_websocket *websocket,
                     struct sim_thread_session *session, size_t number);

// Starts playing these steps; they must outlive the player.
void sim_player_start(struct sim_player *player, const struct sim_steps *steps);

// Plays until a step has to wait, or there is no more room for output, or nothing is left; false when the agent
// takes over, for good or (`lent`) until it has sent so many events.
bool sim_player_run(struct sim_player *player);

void sim_player_free(struct sim_player *player);

#endif

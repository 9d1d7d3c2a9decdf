// Recordings of conversations, as aui.record writes them (docs/simulator.md): reading one, and finding what is to be
// played in answer to a request. The same requests get the same again, and from the beginning once all was played.
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "scenario.h"
#include "sim_http.h"

struct sim_replay;

// Reads and checks a recording, to be freed with sim_replay_free; `fast`: without the pauses between what was said.
// NULL if it is none: then a line on stderr says why.
struct sim_replay *sim_replay_load(const char *file, bool fast);

// NULL is fine.
void sim_replay_free(struct sim_replay *replay);

// What a WebSocket begins with: the answer to its handshake, and what comes before any message.
const struct sim_steps *sim_replay_opening(struct sim_replay *replay);

// What answers a WebSocket's message, or the body of a request for a stream; NULL: nothing does. `last_event_id`: the
// request's header; NULL: it has none.
const struct sim_steps *sim_replay_message(struct sim_replay *replay, const json_t *message);
const struct sim_steps *sim_replay_stream(struct sim_replay *replay, const json_t *body, const char *last_event_id);

// The answer to a REST call, as of canned.h; NULL: there is none.
const json_t *sim_replay_call(struct sim_replay *replay, const struct sim_request *request);

#endif

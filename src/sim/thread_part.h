// What a scenario's steps say on a WebSocket of the threads API: the events of the turn that the client's last message
// began.
#ifndef SIM_THREAD_PART_H
#define SIM_THREAD_PART_H

#include "thread_session.h"

struct sim_thread_part {
  struct sim_thread_session *session; // of the same connection
  struct sim_cursor cursor;           // in the present turn
  bool has_turn;
  json_int_t last; // the number of the newest event
};

// Takes the client's frame as the agent does; what is wrong with it is answered.
void sim_thread_part_receive(struct sim_thread_part *part, const struct sim_inbox_entry *entry);

// The next event with this text, message (in which these fields replace the agent's) or error; a new reference.
json_t *sim_thread_part_text(struct sim_thread_part *part, const char *text);
json_t *sim_thread_part_message(struct sim_thread_part *part, const json_t *fields);
json_t *sim_thread_part_error(struct sim_thread_part *part, const json_t *fields);

// Ends the turn with this message, which nobody hears of.
void sim_thread_part_record(struct sim_thread_part *part, const json_t *fields);

// Nothing is left of the part; its turn goes on.
void sim_thread_part_free(struct sim_thread_part *part);

#endif

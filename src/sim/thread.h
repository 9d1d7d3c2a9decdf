// Threads, their turns and the events of an answer. A turn runs by the clock, whether anybody listens or not: how far
// it is follows from when it began, and everyone who reads its events has a place of their own in them.
#ifndef SIM_THREAD_H
#define SIM_THREAD_H

#include "service.h"
#include "thread_event.h"

// A thread is a task (tasks.h) in a store of its own, with the turn that ran in it last as "turn". A turn is a JSON
// object that this file alone looks into.

// A new thread of this user; borrowed, valid until the next one is made.
json_t *sim_thread_make(struct sim_service *service, const char *user_id);

// The thread of this id, borrowed; NULL if it is unknown.
json_t *sim_thread_find(struct sim_service *service, const char *thread_id);

// Runs a turn: records and logs what the user said and begins the answer to it. One that was still under way in this
// thread is complete then. Returns the turn, borrowed.
json_t *sim_thread_run(struct sim_service *service, size_t connection, json_t *thread, const char *text);

// Whether the thread's latest turn answers this text.
bool sim_thread_answers(const json_t *thread, const char *text);

// The answer of the thread's latest turn, complete from now on: the message in the history's form, borrowed.
json_t *sim_thread_finish(struct sim_service *service, json_t *thread);

// The thread's messages as clients get them, oldest first; the answer under way is not among them. A new reference.
json_t *sim_thread_history(struct sim_service *service, json_t *thread);

// A place in the events of a turn.
struct sim_cursor {
  struct sim_service *service;
  json_t *thread; // owned
  json_t *turn;   // owned
  json_int_t next;
  size_t offset;              // of the text behind the last event
  enum sim_spelling spelling; // of the events with text; that of the options to begin with
};

// Puts a new cursor before the first event of the thread's latest turn. Free it with sim_cursor_free.
void sim_cursor_start(struct sim_cursor *cursor, struct sim_service *service, json_t *thread);

// Puts it behind the event of this number, and returns true; false, with nothing to free, when the events behind that
// are no longer kept, or it has not been there yet.
bool sim_cursor_resume(struct sim_cursor *cursor, struct sim_service *service, json_t *thread, json_int_t after);

// Whether no event is left, ever.
bool sim_cursor_at_end(const struct sim_cursor *cursor);

// How many seconds from now the next event is there; 0: it is there.
double sim_cursor_wait(const struct sim_cursor *cursor);

// Appends the next event, which must be there, as JSON.
void sim_cursor_take(struct sim_cursor *cursor, struct sim_buffer *out);

// Goes back by this many events, or to the first.
void sim_cursor_back(struct sim_cursor *cursor, json_int_t count);

// Ends the turn, if it has not ended, with its message, of which these fields (an object) are replaced; returns it as
// clients get it, a new reference.
json_t *sim_cursor_say(struct sim_cursor *cursor, const json_t *fields);

// Ends the turn, if it has not ended, without a message.
void sim_cursor_fail(struct sim_cursor *cursor);

// The data of an event with these suggestions (a list); a new reference.
json_t *sim_cursor_suggestions(const struct sim_cursor *cursor, json_t *list);

void sim_cursor_free(struct sim_cursor *cursor);

#endif

/* An agent's replies as they go over the wire, rendered before anybody asks. */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include "bytes.h"
#include "workload.h"

typedef struct {
  const bytes *body;  /* the updates; replies that differ in nothing there share it */
  const size_t *ends; /* where each update ends in it */
  bytes end;          /* what ends the reply, with an id of its own */
} reply;

/* One for each question of a chat, in order. They live as long as the program. */
reply *replies_render(const workload *work);

/* The JSON of a task's history that has all of them, each behind its question. The caller frees it. */
bytes replies_history(const workload *work);

/* How many there are, and the bytes of one. */
size_t replies_count(const workload *work);
size_t reply_length(const reply *which);

#endif

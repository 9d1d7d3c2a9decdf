/* Finds the addresses of names by the system's resolver, which blocks and cannot be interrupted: each look-up has a
 * thread of its own, for which nobody ever waits. libuv's threads would not do: there are four for the whole process,
 * of which two resolve, their start aborts when the system refuses a thread, and the process's end waits for them. */
#ifndef AUI_NET_RESOLVE_H
#define AUI_NET_RESOLVE_H

#include <netdb.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/list.h"

struct aui_lookup;

/* The names that are asked for on one loop. Its memory must outlive the process's threads, and so must the loop's. */
typedef struct {
  uv_async_t wake;
  aui_node running;                      /* look-ups that have a thread */
  aui_node waiting;                      /* look-ups that wait for one, oldest first */
  unsigned threads;                      /* how many have one */
  _Atomic(struct aui_lookup *) answered; /* a stack: the only member that threads of look-ups change */
} aui_resolver;

/* Returns 0, or a negative error of libuv. What it puts on the loop does not keep the loop alive. */
int aui_resolver_init(aui_resolver *resolver, uv_loop_t *loop);

/* Forgets all questions and look-ups, whose threads a forked child does not have. */
void aui_resolver_fork(aui_resolver *resolver);

/* Somebody who asks, or could. */
typedef struct aui_question {
  aui_node node;

  /* The addresses, at least one and valid during the call only; or NULL and why not, in words. The question has been
   * answered then, and may be asked again. Called by the loop, never by aui_resolve. */
  void (*answer)(struct aui_question *question, const struct addrinfo *addresses, const char *why);
} aui_question;

/* To be called before any other use, with `answer` set. */
void aui_question_init(aui_question *question);

/* Asks for the TCP addresses of `host`. Who asks for a name that is being looked up already shares that answer. So many
 * names are looked up at a time as threads may run; others wait their turn. False when memory is short. */
bool aui_resolve(aui_resolver *resolver, aui_question *question, const char *host);

/* The question is not asked any more. Harmless if it was not. */
void aui_question_withdraw(aui_question *question);

#endif

/* What the connections of the load server share. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <openssl/ssl.h>

#include "reply.h"
#include "workload.h"

typedef struct client client;

typedef struct {
  workload work;
  const reply *replies;
  int poller, listener, ticker;
  SSL_CTX *tls;    /* NULL: plain TCP */
  client **places; /* of paced chats, one for each: the ticker serves them in turn */
  size_t taken;    /* places that were given so far, over and over */
  size_t ticks;
  /* what the report has */
  double started, started_cpu; /* when the first connection came; 0: none has */
  size_t tasks;                /* that were made */
  size_t connections, resumed, answered, sent;
  double *wrote; /* of one chat alone: when the first bytes of each reply were written, since 1970 */
} server;

#endif

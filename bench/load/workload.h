/* What a run of a workload is made of, as the environment says it: bench/README.md explains each. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  size_t chats;   /* connections */
  size_t at_once; /* how many of them connect, or are answered, at the same time */
  size_t warm_up; /* replies in each chat before those that are measured */
  size_t replies; /* in each chat, measured */
  size_t updates; /* in each reply */
  size_t growth;  /* bytes of text more in each update */
  size_t pace;    /* updates a second in each chat; 0: as fast as they are read */
  bool full;      /* updates have the full envelope */
  bool streams;   /* Server-Sent Events of the threads API, else WebSockets of the tasks API */
  bool compressed;
  bool gateway;        /* the contender is one: paced replies wait until its browsers' program lets them go */
  bool resumes;        /* TLS sessions may be resumed */
  const char *tls_dir; /* with ca.pem, server.pem and server.key; NULL: no TLS */
} workload;

/* Ends the program when something is missing. */
void workload_read(workload *work);

/* Ends the program with what failed. */
_Noreturn void fail(const char *what);

/* Seconds: of the wall, since some time or since 1970, and of the process' CPU. */
double wall_time(void);
double unix_time(void);
double cpu_time(void);

#endif

#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
  exit(1);
}

static const char *value_of(const char *name) {
  const char *value = getenv(name);
  if (value) return value;
  errno = 0;
  fail(name);
}

static size_t number_of(const char *name) {
  return strtoul(value_of(name), NULL, 10);
}

static bool is_set(const char *name, const char *word) {
  return strcmp(value_of(name), word) == 0;
}

void workload_read(workload *work) {
  const char *tls_dir = value_of("BENCH_TLS_DIR");
  *work = (workload){.chats = number_of("BENCH_CHATS"),
                     .at_once = number_of("BENCH_AT_ONCE"),
                     .warm_up = number_of("BENCH_WARM_UP"),
                     .replies = number_of("BENCH_REPLIES"),
                     .updates = number_of("BENCH_UPDATES"),
                     .growth = number_of("BENCH_GROWTH"),
                     .pace = number_of("BENCH_PACE"),
                     .full = is_set("BENCH_ENVELOPE", "full"),
                     .streams = is_set("BENCH_CARRIER", "stream"),
                     .compressed = is_set("BENCH_COMPRESSION", "true"),
                     .gateway = is_set("BENCH_GATEWAY", "true"),
                     .resumes = is_set("BENCH_RESUMPTION", "true"),
                     .tls_dir = *tls_dir ? tls_dir : NULL};
}

static double seconds_of(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time)) fail("clock_gettime");
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double wall_time(void) {
  return seconds_of(CLOCK_MONOTONIC);
}

double unix_time(void) {
  return seconds_of(CLOCK_REALTIME);
}

double cpu_time(void) {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

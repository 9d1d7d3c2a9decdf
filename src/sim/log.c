// What the agent did; see log.h.
#include "log.h"

#include "identity.h"

#include <stdbool.h>
#include <stdlib.h>

void sim_log(FILE *file, const char *event, size_t connection, const char *task_id, const json_t *text) {
  char time[SIM_TIME_SIZE];
  if (!file) return;
  sim_time_now(time);
  json_t *line = json_pack("{s:s, s:s, s:I, s:s, s:O}", "time", time, "event", event, "connection",
                           (json_int_t)connection, "task_id", task_id, "text", text);
  bool written = json_dumpf(line, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF && fflush(file) == 0;
  json_decref(line);
  if (written) return;
  perror("aui-sim: --log");
  exit(1);
}

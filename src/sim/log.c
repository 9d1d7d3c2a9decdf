// What the agent did; see log.h.
#include "log.h"

#include "identity.h"

#include <stdbool.h>
#include <stdlib.h>

void sim_log_fields(FILE *file, const char *event, size_t connection, json_t *fields) {
  char time[SIM_TIME_SIZE];
  sim_time_now(time);
  json_t *line = json_pack("{s:s, s:s, s:I}", "time", time, "event", event, "connection", (json_int_t)connection);
  json_object_update(line, fields);
  json_decref(fields);
  bool written = !file || (json_dumpf(line, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF && fflush(file) == 0);
  json_decref(line);
  if (written) return;
  perror("aui-sim: --log");
  exit(1);
}

void sim_log(FILE *file, const char *event, size_t connection, const char *task_id, const json_t *text) {
  sim_log_fields(file, event, connection, json_pack("{s:s, s:O}", "task_id", task_id, "text", text));
}

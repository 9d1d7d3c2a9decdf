// aui-sim, the offline agent: reads the options, loads what they name, and serves.
#include "catalogue.h"
#include "server.h"
#include "sim_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// libuv aborts when it is to close a descriptor below 3, so those that are closed are taken once and for all, before
// any file gets them.
static void fill_stdio(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

static json_t *load_catalogue(const char *file) {
  json_error_t error;
  json_t *catalogue = file ? json_load_file(file, JSON_REJECT_DUPLICATES, &error) : sim_catalogue_builtin();
  if (!catalogue) {
    fprintf(stderr, "aui-sim: --catalogue: %s: line %d: %s\n", file, error.line, error.text);
    exit(2);
  }
  const char *problem = sim_catalogue_problem(catalogue);
  if (problem) {
    fprintf(stderr, "aui-sim: --catalogue: %s: %s\n", file, problem);
    exit(2);
  }
  return catalogue;
}

static FILE *open_log(const char *name) {
  FILE *file = fopen(name, "w");
  if (file) return file;
  fprintf(stderr, "aui-sim: --log: %s: %s\n", name, strerror(errno));
  exit(2);
}

int main(int argc, char **argv) {
  struct sim_options options;
  fill_stdio();
  sim_options_parse(&options, argc, argv);
  struct sim_scenario *scenario = options.scenario ? sim_scenario_load(options.scenario) : NULL;
  if (options.scenario && !scenario) return 2;
  struct sim_replay *replay = options.replay ? sim_replay_load(options.replay, options.fast) : NULL;
  if (options.replay && !replay) return 2;
  if (options.tls_dir && !sim_tls_prepare(options.tls_dir, options.tls_name, options.tls_expired)) {
    sim_scenario_free(scenario);
    sim_replay_free(replay);
    return 1;
  }
  json_t *catalogue = load_catalogue(options.catalogue);
  struct sim_service service = {.options = &options,
                                .scenario = scenario,
                                .replay = replay,
                                .catalogue = catalogue,
                                .tasks = json_object(),
                                .threads = json_object(),
                                .tokens = json_object()};
  if (options.log) service.log = open_log(options.log);
  int status = sim_server_run(&service);
  json_decref(service.tasks);
  json_decref(service.threads);
  json_decref(service.tokens);
  json_decref(catalogue);
  sim_scenario_free(scenario);
  sim_replay_free(replay);
  if (service.log) fclose(service.log);
  return status;
}

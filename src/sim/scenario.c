// Reading and checking scenario files; see scenario.h. What the verbs take stands in scenario_language.c.
#include "scenario.h"

#include "canned.h"
#include "scenario_language.h"
#include "sim_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  const char *file;
  struct sim_scenario *scenario;
  const struct sim_language *language; // of the steps being read
};

// Says what is wrong, and where; always false.
static bool scenario_complain(const struct reader *reader, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool scenario_complain(const struct reader *reader, const char *where, const char *format, ...) {
  va_list arguments;
  fprintf(stderr, "aui-sim: %s: %s%s", reader->file, where, *where ? ": " : "");
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return false;
}

// ---- steps -----------------------------------------------------------------------------------------

void sim_steps_free(struct sim_steps *steps) {
  for (size_t i = 0; i < steps->count; i++) sim_steps_free(&steps->list[i].steps);
  free(steps->list);
}

static bool allows(const struct sim_word *verb, const char *modifier) {
  const char *at = strstr(verb->modifiers, modifier);
  return at && at[strlen(modifier)] == ' ' && (at == verb->modifiers || at[-1] == ' ');
}

static bool check_modifier(const struct reader *reader, const char *where, const struct sim_word *verb,
                           const char *name, const json_t *value) {
  const struct sim_takes *modifier = allows(verb, name) ? sim_modifier(name) : NULL;
  if (modifier)
    return modifier->check(value) || scenario_complain(reader, where, "%s: expected %s", name, modifier->expected);
  const char *list = verb->modifiers;
  return scenario_complain(reader, where, "'%s' does not go with '%s', which takes %s%s", name, verb->takes.name,
                           *list ? "only " : "nothing else", list);
}

// The verb of a step, NULL if it has none or more than one (complained about).
static const struct sim_word *find_verb(const struct reader *reader, const char *where, const json_t *object) {
  const struct sim_language *language = reader->language;
  const struct sim_word *found = NULL;
  for (size_t i = 0; i < language->count; i++) {
    const struct sim_word *verb = &language->verbs[i];
    if (!json_object_get(object, verb->takes.name)) continue;
    if (found) {
      scenario_complain(reader, where, "expected one verb, got '%s' and '%s'", found->takes.name, verb->takes.name);
      return NULL;
    }
    found = verb;
  }
  if (!found) {
    struct sim_buffer list = {0};
    for (size_t i = 0; i < language->count; i++)
      sim_buffer_printf(&list, "%s%s", i ? ", " : "", language->verbs[i].takes.name);
    scenario_complain(reader, where, "expected an object with one of %s", (const char *)list.data);
    sim_buffer_free(&list);
  }
  return found;
}

static bool read_steps(const struct reader *reader, const char *where, const json_t *list, unsigned level,
                       struct sim_steps *steps);

static bool read_step(const struct reader *reader, const char *where, const json_t *object, unsigned level,
                      struct sim_step *step) {
  const char *name;
  json_t *value;
  const struct sim_word *verb = find_verb(reader, where, object);
  if (!verb) return false;
  const struct sim_takes *takes = &verb->takes;
  *step = (struct sim_step){.verb = verb->verb, .object = object};
  step->value = json_object_get(object, takes->name);
  if (!takes->check(step->value))
    return scenario_complain(reader, where, "%s: expected %s", takes->name, takes->expected);
  json_object_foreach((json_t *)object, name, value) {
    if (value != step->value && !check_modifier(reader, where, verb, name, value)) return false;
  }
  if (step->verb != SIM_DO_REPEAT) return true;
  return read_steps(reader, where, json_object_get(object, "steps"), level + 1, &step->steps);
}

// An answer in place of the usual one comes before anything but waiting.
static bool check_answers(const struct reader *reader, const char *where, const struct sim_steps *steps,
                          unsigned level) {
  bool late = level > 0;
  for (size_t i = 0; i < steps->count; i++) {
    enum sim_verb verb = steps->list[i].verb;
    if (late && (verb == SIM_DO_HANDSHAKE || verb == SIM_DO_RESPONSE))
      return scenario_complain(reader, where, "step %zu: %s: expected as the first step (only wait may come before)",
                               i + 1, verb == SIM_DO_HANDSHAKE ? "handshake" : "response");
    late = late || verb != SIM_DO_WAIT;
  }
  return true;
}

static bool read_steps(const struct reader *reader, const char *where, const json_t *list, unsigned level,
                       struct sim_steps *steps) {
  size_t count = json_array_size(list);
  if (!json_is_array(list) || (level > 0 && count == 0))
    return scenario_complain(reader, where, "expected a list of steps%s", level ? " that is not empty" : "");
  if (level == SIM_MAX_NESTING)
    return scenario_complain(reader, where, "repeat: expected at most %d levels", SIM_MAX_NESTING - 1);
  steps->list = sim_alloc(count * sizeof *steps->list);
  for (size_t i = 0; i < count; i++) {
    struct sim_buffer path = {0};
    sim_buffer_printf(&path, "%s%sstep %zu", where, *where ? ", " : "", i + 1);
    steps->count = i + 1;
    bool good = read_step(reader, (const char *)path.data, json_array_get(list, i), level, &steps->list[i]);
    sim_buffer_free(&path);
    if (!good) return false;
  }
  return check_answers(reader, where, steps, level);
}

bool sim_steps_read(const char *file, const char *where, const json_t *list, const struct sim_language *language,
                    struct sim_steps *steps) {
  const struct reader reader = {file, NULL, language};
  return read_steps(&reader, where, list, 0, steps);
}

// ---- the file --------------------------------------------------------------------------------------

// Reads lists of steps into *lists and *count; `what` names one of them for people.
static bool read_lists(const struct reader *reader, const char *what, const json_t *from, struct sim_steps **lists,
                       size_t *count) {
  size_t length = json_array_size(from);
  if (length == 0) return scenario_complain(reader, "", "%ss: expected a list of lists of steps, at least one", what);
  *lists = sim_alloc(length * sizeof **lists);
  for (size_t i = 0; i < length; i++) {
    char where[40];
    snprintf(where, sizeof where, "%s %zu", what, i + 1);
    *count = i + 1;
    if (!read_steps(reader, where, json_array_get(from, i), 0, &(*lists)[i])) return false;
  }
  return true;
}

static bool read_rest(const struct reader *reader, const json_t *rest) {
  reader->scenario->rest = rest;
  if (rest && !json_is_array(rest)) return scenario_complain(reader, "rest", "expected a list of answers");
  for (size_t i = 0; i < json_array_size(rest); i++) {
    char where[40];
    snprintf(where, sizeof where, "rest, call %zu", i + 1);
    const json_t *answer = json_array_get(rest, i);
    if (!sim_canned_serves(answer) && !sim_canned_valid(answer))
      return scenario_complain(reader, where, "expected %s or \"serve\"", SIM_CANNED_EXPECTED);
  }
  return true;
}

static bool read_connections(struct reader *reader, const json_t *lists) {
  struct sim_scenario *scenario = reader->scenario;
  reader->language = &sim_socket_language;
  return read_lists(reader, "connection", lists, &scenario->connections, &scenario->connection_count);
}

static bool read_every_connection(struct reader *reader, const json_t *list) {
  struct sim_scenario *scenario = reader->scenario;
  reader->language = &sim_socket_language;
  scenario->connections = sim_alloc(sizeof *scenario->connections);
  scenario->connection_count = 1;
  return read_steps(reader, "", list, 0, &scenario->connections[0]);
}

static bool read_streams(struct reader *reader, const json_t *lists) {
  struct sim_scenario *scenario = reader->scenario;
  reader->language = &sim_stream_language;
  return read_lists(reader, "stream", lists, &scenario->streams, &scenario->stream_count);
}

static bool read_document(struct reader *reader, const json_t *document) {
  if (json_is_array(document)) return read_every_connection(reader, document);
  const json_t *connections = json_object_get(document, "connections");
  const json_t *streams = json_object_get(document, "streams");
  const json_t *rest = json_object_get(document, "rest");
  size_t known = (connections != NULL) + (streams != NULL) + (rest != NULL);
  if (known == 0 || json_object_size(document) != known)
    return scenario_complain(reader, "",
                             "expected a list of steps, or an object with some of connections, streams and rest");
  return (!connections || read_connections(reader, connections)) && (!streams || read_streams(reader, streams)) &&
         read_rest(reader, rest);
}

struct sim_scenario *sim_scenario_load(const char *file) {
  json_error_t error;
  struct sim_scenario *scenario = sim_alloc(sizeof *scenario);
  struct reader reader = {file, scenario, NULL};
  scenario->document = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
  bool good = scenario->document && read_document(&reader, scenario->document);
  if (!scenario->document && error.line > 0)
    scenario_complain(&reader, "", "line %d, column %d: %s", error.line, error.column, error.text);
  else if (!scenario->document)
    scenario_complain(&reader, "", "%s", error.text);
  if (good) return scenario;
  sim_scenario_free(scenario);
  return NULL;
}

void sim_scenario_free(struct sim_scenario *scenario) {
  if (!scenario) return;
  for (size_t i = 0; i < scenario->connection_count; i++) sim_steps_free(&scenario->connections[i]);
  for (size_t i = 0; i < scenario->stream_count; i++) sim_steps_free(&scenario->streams[i]);
  free(scenario->connections);
  free(scenario->streams);
  json_decref(scenario->document);
  free(scenario);
}

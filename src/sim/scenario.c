// Reading and checking scenario files; see scenario.h. One table says what each verb takes.
#include "scenario.h"

#include "canned.h"
#include "sim_buffer.h"
#include "sim_frame.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  const char *file;
  struct sim_scenario *scenario;
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

// ---- what verbs and modifiers take -----------------------------------------------------------------

static bool is_true(const json_t *v) {
  return json_is_true(v);
}

static bool is_boolean(const json_t *v) {
  return json_is_boolean(v);
}

static bool is_string(const json_t *v) {
  return json_is_string(v);
}

static bool is_object(const json_t *v) {
  return json_is_object(v);
}

static bool is_anything(const json_t *v) {
  return v != NULL;
}

static bool is_count(const json_t *v) {
  return json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= 1000000;
}

static bool is_size(const json_t *v) {
  return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_seconds(const json_t *v) {
  return json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 86400;
}

static bool is_close_code(const json_t *v) {
  return json_is_null(v) || (json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= 65535);
}

static bool is_control_text(const json_t *v) {
  return json_is_string(v) && json_string_length(v) <= SIM_MAX_CONTROL_PAYLOAD;
}

static bool is_reason(const json_t *v) {
  return json_is_string(v) && json_string_length(v) <= SIM_MAX_CONTROL_PAYLOAD - 2;
}

static bool is_cut(const json_t *v) {
  const char *how = json_string_value(v);
  return how && (strcmp(how, "fin") == 0 || strcmp(how, "reset") == 0);
}

static bool is_hex(const json_t *v) {
  const char *at = json_string_value(v);
  if (!at || !*at) return false;
  for (; *at; at++) {
    if (*at == ' ') continue;
    if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1])) return false;
    at++;
  }
  return true;
}

static const struct takes {
  const char *name;
  bool (*check)(const json_t *);
  const char *expected;
} modifiers[] = {
    {"fragment", is_count, "payload bytes in a fragment (a whole number >= 1)"},
    {"ping_between", is_true, "true"},
    {"cut_after", is_size, "bytes to send before the cut (a whole number >= 0)"},
    {"recorded", is_boolean, "true or false"},
    {"reason", is_reason, "a string of at most 123 bytes"},
    {"token_bytes", is_count, "bytes more in each update (a whole number >= 1)"},
    {"pace", is_seconds, "seconds (a number >= 0)"},
    {"steps", is_anything, "a list of steps"},
};

#define EMITTED "fragment ping_between cut_after "

static const struct {
  struct takes takes;
  enum sim_verb verb;
  const char *modifiers; // names, each followed by a space
} verbs[] = {
    {{"handshake", sim_canned_valid, SIM_CANNED_EXPECTED}, SIM_DO_HANDSHAKE, ""},
    {{"receive", is_true, "true"}, SIM_DO_RECEIVE, "recorded "},
    {{"send", is_anything, "a string or JSON value"}, SIM_DO_SEND, EMITTED},
    {{"update", is_string, "a string (all of the text so far)"}, SIM_DO_UPDATE, EMITTED},
    {{"message", is_object, "an object (fields of the message)"}, SIM_DO_MESSAGE, EMITTED "recorded "},
    {{"record", is_object, "an object (fields of the message)"}, SIM_DO_RECORD, ""},
    {{"error", is_object, "an object (fields of the error payload)"}, SIM_DO_ERROR, EMITTED},
    {{"tokens", is_count, "how many updates (a whole number from 1 to 1000000)"}, SIM_DO_TOKENS, "token_bytes pace "},
    {{"wait", is_seconds, "seconds (a number >= 0)"}, SIM_DO_WAIT, ""},
    {{"ping", is_control_text, "a string of at most 125 bytes"}, SIM_DO_PING, ""},
    {{"await_pong", is_true, "true"}, SIM_DO_AWAIT_PONG, ""},
    {{"close", is_close_code, "a code from 1 to 65535, or null"}, SIM_DO_CLOSE, "reason "},
    {{"cut", is_cut, "\"fin\" or \"reset\""}, SIM_DO_CUT, ""},
    {{"raw", is_hex, "bytes in hexadecimal"}, SIM_DO_RAW, ""},
    {{"pong", is_boolean, "true or false"}, SIM_DO_PONG, ""},
    {{"close_reply", is_boolean, "true or false"}, SIM_DO_CLOSE_REPLY, ""},
    {{"read", is_boolean, "true or false"}, SIM_DO_READ, ""},
    {{"repeat", is_count, "how many times (a whole number from 1 to 1000000)"}, SIM_DO_REPEAT, "steps "},
    {{"agent", is_true, "true"}, SIM_DO_AGENT, ""},
};
#define VERBS (sizeof verbs / sizeof verbs[0])
#define MODIFIERS (sizeof modifiers / sizeof modifiers[0])

// ---- steps -----------------------------------------------------------------------------------------

static void free_steps(struct sim_steps *steps) {
  for (size_t i = 0; i < steps->count; i++) free_steps(&steps->list[i].steps);
  free(steps->list);
}

static bool allows(size_t verb, const char *modifier) {
  const char *at = strstr(verbs[verb].modifiers, modifier);
  return at && at[strlen(modifier)] == ' ' && (at == verbs[verb].modifiers || at[-1] == ' ');
}

static bool check_modifier(const struct reader *reader, const char *where, size_t verb, const char *name,
                           const json_t *value) {
  for (size_t i = 0; i < MODIFIERS; i++) {
    if (strcmp(modifiers[i].name, name) != 0 || !allows(verb, name)) continue;
    return modifiers[i].check(value) ||
           scenario_complain(reader, where, "%s: expected %s", name, modifiers[i].expected);
  }
  const char *list = verbs[verb].modifiers;
  return scenario_complain(reader, where, "'%s' does not go with '%s', which takes %s%s", name, verbs[verb].takes.name,
                           *list ? "only " : "nothing else", list);
}

// The verb of a step, VERBS if it has none or more than one (complained about).
static size_t find_verb(const struct reader *reader, const char *where, const json_t *object) {
  size_t found = VERBS;
  for (size_t i = 0; i < VERBS; i++) {
    if (!json_object_get(object, verbs[i].takes.name)) continue;
    if (found < VERBS) {
      scenario_complain(reader, where, "expected one verb, got '%s' and '%s'", verbs[found].takes.name,
                        verbs[i].takes.name);
      return VERBS;
    }
    found = i;
  }
  if (found == VERBS) {
    struct sim_buffer list = {0};
    for (size_t i = 0; i < VERBS; i++) sim_buffer_printf(&list, "%s%s", i ? ", " : "", verbs[i].takes.name);
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
  size_t verb = find_verb(reader, where, object);
  if (verb == VERBS) return false;
  const struct takes *takes = &verbs[verb].takes;
  *step = (struct sim_step){.verb = verbs[verb].verb, .object = object};
  step->value = json_object_get(object, takes->name);
  if (!takes->check(step->value))
    return scenario_complain(reader, where, "%s: expected %s", takes->name, takes->expected);
  json_object_foreach((json_t *)object, name, value) {
    if (value != step->value && !check_modifier(reader, where, verb, name, value)) return false;
  }
  if (step->verb != SIM_DO_REPEAT) return true;
  return read_steps(reader, where, json_object_get(object, "steps"), level + 1, &step->steps);
}

// A handshake comes before anything but waiting.
static bool check_handshakes(const struct reader *reader, const char *where, const struct sim_steps *steps,
                             unsigned level) {
  bool late = level > 0;
  for (size_t i = 0; i < steps->count; i++) {
    if (late && steps->list[i].verb == SIM_DO_HANDSHAKE)
      return scenario_complain(reader, where,
                               "step %zu: handshake: expected as the first step (only wait may come before)", i + 1);
    late = late || steps->list[i].verb != SIM_DO_WAIT;
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
  return check_handshakes(reader, where, steps, level);
}

// ---- the file --------------------------------------------------------------------------------------

static bool read_connections(const struct reader *reader, const json_t *lists) {
  struct sim_scenario *scenario = reader->scenario;
  size_t count = json_array_size(lists);
  if (count == 0) return scenario_complain(reader, "connections", "expected a list of lists of steps, at least one");
  scenario->connections = sim_alloc(count * sizeof *scenario->connections);
  scenario->connection_count = count;
  for (size_t i = 0; i < count; i++) {
    char where[40];
    snprintf(where, sizeof where, "connection %zu", i + 1);
    if (!read_steps(reader, where, json_array_get(lists, i), 0, &scenario->connections[i])) return false;
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

static bool read_document(const struct reader *reader, const json_t *document) {
  struct sim_scenario *scenario = reader->scenario;
  if (json_is_array(document)) {
    scenario->connections = sim_alloc(sizeof *scenario->connections);
    scenario->connection_count = 1;
    return read_steps(reader, "", document, 0, &scenario->connections[0]);
  }
  const json_t *rest = json_object_get(document, "rest");
  const json_t *connections = json_object_get(document, "connections");
  if (!json_is_object(document) || !connections || json_object_size(document) != 1u + (rest != NULL))
    return scenario_complain(reader, "", "expected a list of steps, or an object with connections and perhaps rest");
  return read_connections(reader, connections) && read_rest(reader, rest);
}

struct sim_scenario *sim_scenario_load(const char *file) {
  json_error_t error;
  struct sim_scenario *scenario = sim_alloc(sizeof *scenario);
  struct reader reader = {file, scenario};
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
  for (size_t i = 0; i < scenario->connection_count; i++) free_steps(&scenario->connections[i]);
  free(scenario->connections);
  json_decref(scenario->document);
  free(scenario);
}

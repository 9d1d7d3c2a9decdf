// Recordings; see replay.h. Each line of the file is an object; those of one connection, stream or call stand in order,
// among those of others. A line that receives something begins a part, which is what answers that.
#include "replay.h"

#include "canned.h"
#include "scenario_language.h"
#include "sim_buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDING 1 // the version of what is read here

enum kind { CONNECTION, STREAM, CALL, KINDS };

static const char *const kinds[KINDS] = {"connection", "stream", "call"};

struct part {
  enum kind kind;
  size_t line;           // where it begins
  const json_t *request; // that line, for what it receives; borrowed
  json_t *list;          // of steps; owned
  struct sim_steps steps;
  bool found; // it answers the request at hand
  bool played;
};

struct sim_replay {
  json_t *lines;
  struct part *parts;
  size_t count, room;
};

struct loader {
  const char *file;
  bool fast;
  size_t line;
  json_t *places; // from "stream 3" to the index of its latest part
  struct sim_replay *replay;
};

static bool replay_complain(const struct loader *loader, const char *expected) {
  fprintf(stderr, "aui-sim: %s: line %zu: %s\n", loader->file, loader->line, expected);
  return false;
}

// ---- lines -----------------------------------------------------------------------------------------

static struct part *add_part(struct sim_replay *replay) {
  if (replay->count == replay->room) {
    struct part *more = sim_alloc((replay->room = replay->room * 2 + 16) * sizeof *more);
    if (replay->count > 0) memcpy(more, replay->parts, replay->count * sizeof *more);
    free(replay->parts);
    replay->parts = more;
  }
  return &replay->parts[replay->count++];
}

// The part that the line belongs to.
static struct part *find_part(struct loader *loader, enum kind kind, const json_t *line) {
  char place[40];
  snprintf(place, sizeof place, "%s %lld", kinds[kind], json_integer_value(json_object_get(line, kinds[kind])));
  const json_t *index = json_object_get(loader->places, place);
  if (index && !json_object_get(line, "receive")) return &loader->replay->parts[json_integer_value(index)];
  struct part *part = add_part(loader->replay);
  *part = (struct part){.kind = kind, .line = loader->line, .request = line, .list = json_array()};
  json_object_set_new(loader->places, place, json_integer((json_int_t)loader->replay->count - 1));
  return part;
}

// What the line adds to its part: a pause, if there is one, and a step.
static bool add_steps(struct loader *loader, struct part *part, const json_t *line) {
  json_t *step = json_copy((json_t *)line), *after = json_object_get(line, "after");
  const char *const others[] = {kinds[part->kind], "after", "receive", "last_event_id"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) json_object_del(step, others[i]);
  bool good = !after || (json_is_number(after) && json_number_value(after) >= 0);
  if (good && json_object_size(step) > 0) {
    if (after && !loader->fast) json_array_append_new(part->list, json_pack("{s:O}", "wait", after));
    json_array_append(part->list, step);
  }
  json_decref(step);
  return good || replay_complain(loader, "after: expected seconds (a number >= 0)");
}

static bool check_receive(const struct loader *loader, enum kind kind, const json_t *line) {
  const json_t *receive = json_object_get(line, "receive");
  if (kind == CALL && !json_is_string(receive)) return replay_complain(loader, "receive: expected a string");
  if (kind == CALL && !sim_canned_valid(json_object_get(line, "response")))
    return replay_complain(loader, "response: expected " SIM_CANNED_EXPECTED);
  if (kind != CALL && receive && !json_is_object(receive))
    return replay_complain(loader, "receive: expected an object");
  return true;
}

static bool read_head(const struct loader *loader, const json_t *line) {
  if (json_integer_value(json_object_get(line, "recording")) == RECORDING) return true;
  return replay_complain(loader, "expected the beginning of a recording, {\"recording\": 1}");
}

static bool read_line(struct loader *loader, const json_t *line) {
  if (loader->line == 1) return read_head(loader, line);
  for (enum kind kind = 0; kind < KINDS; kind++) {
    if (!json_is_integer(json_object_get(line, kinds[kind]))) continue;
    return check_receive(loader, kind, line) && add_steps(loader, find_part(loader, kind, line), line);
  }
  return replay_complain(loader, "expected an object with connection, stream or call");
}

static bool read_lines(struct loader *loader, FILE *file) {
  char *text = NULL;
  size_t room = 0;
  bool good = true;
  for (ssize_t n; good && (n = getline(&text, &room, file)) >= 0;) {
    json_error_t error;
    json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error);
    loader->line++;
    good = line ? read_line(loader, line) : replay_complain(loader, error.text);
    if (line) json_array_append_new(loader->replay->lines, line);
  }
  free(text);
  return good && (loader->line > 0 || read_head(loader, NULL));
}

// ---- the file --------------------------------------------------------------------------------------

static bool read_parts(const struct loader *loader) {
  const struct sim_replay *replay = loader->replay;
  for (size_t i = 0; i < replay->count; i++) {
    struct part *part = &replay->parts[i];
    char where[40];
    snprintf(where, sizeof where, "what begins in line %zu", part->line);
    const struct sim_language *language = part->kind == STREAM ? &sim_stream_language : &sim_socket_language;
    if (part->kind != CALL && !sim_steps_read(loader->file, where, part->list, language, &part->steps)) return false;
  }
  return true;
}

struct sim_replay *sim_replay_load(const char *name, bool fast) {
  FILE *file = fopen(name, "r");
  if (!file) {
    fprintf(stderr, "aui-sim: --replay: %s: %s\n", name, strerror(errno));
    return NULL;
  }
  struct sim_replay *replay = sim_alloc(sizeof *replay);
  replay->lines = json_array();
  struct loader loader = {.file = name, .fast = fast, .places = json_object(), .replay = replay};
  bool good = read_lines(&loader, file) && read_parts(&loader);
  fclose(file);
  json_decref(loader.places);
  if (good) return replay;
  sim_replay_free(replay);
  return NULL;
}

void sim_replay_free(struct sim_replay *replay) {
  if (!replay) return;
  for (size_t i = 0; i < replay->count; i++) {
    sim_steps_free(&replay->parts[i].steps);
    json_decref(replay->parts[i].list);
  }
  free(replay->parts);
  json_decref(replay->lines);
  free(replay);
}

// ---- what answers a request ------------------------------------------------------------------------

// What the part receives is in a request's `body` (NULL: a WebSocket begins), as far as it tells conversations and what
// is said apart; `last_event_id` as of sim_replay_stream.
static bool answers(const struct part *part, const json_t *body, const char *last_event_id) {
  static const char *const names[] = {"text", "task_id", "thread_id"};
  const json_t *receive = json_object_get(part->request, "receive");
  const json_t *behind = json_object_get(part->request, "last_event_id");
  if (!body || !receive) return !body && !receive;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const json_t *recorded = json_object_get(receive, names[i]);
    if (recorded && !json_equal(recorded, json_object_get(body, names[i]))) return false;
  }
  return behind ? last_event_id && strtoll(last_event_id, NULL, 10) == json_integer_value(behind) : !last_event_id;
}

// The first of the parts found that was not played since the last time that all were; NULL: none was found.
static const struct part *next_found(struct sim_replay *replay) {
  struct part *first = NULL;
  for (size_t i = 0; i < replay->count; i++) {
    struct part *part = &replay->parts[i];
    if (!part->found) continue;
    if (!first) first = part;
    if (part->played) continue;
    part->played = true;
    return part;
  }
  for (size_t i = 0; i < replay->count; i++)
    if (replay->parts[i].found) replay->parts[i].played = &replay->parts[i] == first;
  return first;
}

static const struct sim_steps *find_steps(struct sim_replay *replay, enum kind kind, const json_t *body,
                                          const char *last_event_id) {
  for (size_t i = 0; i < replay->count; i++) {
    struct part *part = &replay->parts[i];
    part->found = part->kind == kind && answers(part, body, last_event_id);
  }
  const struct part *part = next_found(replay);
  return part ? &part->steps : NULL;
}

const struct sim_steps *sim_replay_opening(struct sim_replay *replay) {
  static const struct sim_steps nothing;
  const struct sim_steps *steps = find_steps(replay, CONNECTION, NULL, NULL);
  return steps ? steps : &nothing;
}

const struct sim_steps *sim_replay_message(struct sim_replay *replay, const json_t *message) {
  return json_is_object(message) ? find_steps(replay, CONNECTION, message, NULL) : NULL;
}

const struct sim_steps *sim_replay_stream(struct sim_replay *replay, const json_t *body, const char *last_event_id) {
  return find_steps(replay, STREAM, body, last_event_id);
}

// Whether this is the call "GET /path", whose path may have any prefix.
static bool is_call(const char *recorded, const struct sim_request *request) {
  size_t method = strlen(request->method), whole = strlen(request->path);
  if (strncmp(recorded, request->method, method) != 0 || recorded[method] != ' ') return false;
  const char *path = recorded + method + 1;
  size_t length = strlen(path);
  return length <= whole && strcmp(request->path + whole - length, path) == 0;
}

const json_t *sim_replay_call(struct sim_replay *replay, const struct sim_request *request) {
  for (size_t i = 0; i < replay->count; i++) {
    struct part *part = &replay->parts[i];
    part->found = part->kind == CALL && is_call(json_string_value(json_object_get(part->request, "receive")), request);
  }
  const struct part *part = next_found(replay);
  return part ? json_object_get(part->request, "response") : NULL;
}

/* A message is JSON first; then a WebSocket frame around it, which may be compressed, or an event in an HTTP chunk. */
#include "reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct {
  const workload *work;
  size_t number;      /* of the reply in its chat */
  z_stream *deflater; /* NULL: nothing is compressed */
  bytes json, packed; /* scratch */
} renderer;

size_t replies_count(const workload *work) {
  return work->warm_up + work->replies;
}

size_t reply_length(const reply *which) {
  return which->body->length + which->end.length;
}

/* ---- what the agent says ---- */

/* Words in an order that repeats late, so that compression finds what it finds in prose. */
static char *compose(size_t n) {
  static const char *const words[] = {"the",      "a",      "built-in", "microwave", "of",     "at",        "least",
                                      "twenty",   "liters", "with",     "grill",     "and",    "oven",      "fits",
                                      "kitchen",  "under",  "budget",   "model",     "silent", "stainless", "steel",
                                      "delivery", "within", "two",      "days",      "or",     "warranty",  "years",
                                      "energy",   "class",  "door",     "opens"};
  char *text = malloc(n + 1);
  if (!text) fail("malloc");
  uint32_t random = 1;
  for (size_t i = 0; i < n;) {
    random = random * 1664525 + 1013904223;
    for (const char *word = words[random >> 27]; *word && i < n;) text[i++] = *word++;
    if (i < n) text[i++] = ' ';
  }
  text[n] = 0;
  return text;
}

static void add_quoted(bytes *json, const char *text, size_t n) {
  bytes_add(json, "\"", 1); /* there is nothing in it to be escaped */
  bytes_add(json, text, n);
  bytes_add(json, "\"", 1);
}

/* ---- its JSON ---- */

static void begin_full_update(renderer *to) {
  bytes_format(&to->json,
               "{\"channel\":{\"type\":\"WEBSOCKET\",\"channel_name\":\"aeab24b2-a335-4561-976e-40f9c2b7babe\","
               "\"event_name\":\"thread-message-text-content-updated\"},\"scope\":{\"type\":"
               "\"LLM_ACTIVATION_EXECUTION\",\"data\":{\"status\":\"SUCCESS\"},\"context\":{\"message_id\":"
               "\"8a37d5ea-2182-46dc-b2ca-%012zu\",\"task_id\":\"bench\",\"interaction_id\":\"68e78d98240f%012zu\","
               "\"pillar\":\"shopping\"}},\"data\":{\"text\":",
               to->number, to->number);
}

static size_t seq_of(const renderer *to, size_t event) {
  return 1000000000 + to->number * 100000 + event; /* all of the same length */
}

static void write_update(renderer *to, size_t update, const char *text) {
  size_t growth = to->work->growth, n = (update + 1) * growth;
  to->json.length = 0;
  if (to->work->streams) {
    bytes_format(&to->json, "{\"type\":\"event\",\"seq\":%zu,\"data\":{\"text\":", seq_of(to, update));
    add_quoted(&to->json, text + n - growth, growth);
    bytes_format(&to->json, "}}");
  } else if (to->work->full) {
    begin_full_update(to);
    add_quoted(&to->json, text, n);
    bytes_format(&to->json, "},\"timestamp\":\"2026-01-01T12:00:%02zu.%06zuZ\"}", update / 50 % 60,
                 update % 50 * 20000);
  } else {
    bytes_format(&to->json, "{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":");
    add_quoted(&to->json, text, n);
    bytes_format(&to->json, "}}");
  }
}

static void write_message(renderer *to, const char *text) {
  bool streams = to->work->streams;
  to->json.length = 0;
  if (streams) bytes_format(&to->json, "{\"type\":\"message\",\"seq\":%zu,\"data\":", seq_of(to, to->work->updates));
  bytes_format(&to->json,
               "{\"id\":\"1ea5a793-84ac-4f24-8722-%012zu\",\"created_at\":\"2026-01-01T12:00:00.000000Z\",\"text\":",
               to->number);
  add_quoted(&to->json, text, to->work->updates * to->work->growth);
  bytes_format(&to->json,
               ",\"sender\":{\"id\":\"agent\",\"type\":\"agent\",\"email\":null},\"receiver\":{\"id\":\"ada\","
               "\"type\":\"user\",\"email\":null},\"cards\":[],\"followup_suggestions\":[\"Show me more\","
               "\"Which one is silent?\",\"Is there one with a grill?\"]}");
  if (streams) bytes_format(&to->json, "}");
}

/* ---- around it ---- */

static void pack(renderer *to) {
  enum { MARK = 4 }; /* bytes that end a flush, which RFC 7692 leaves out */
  z_stream *deflater = to->deflater;
  size_t most = deflateBound(deflater, to->json.length) + 16;
  to->packed.length = 0;
  deflater->next_in = (Bytef *)to->json.at;
  deflater->avail_in = (uInt)to->json.length;
  deflater->next_out = (Bytef *)bytes_room(&to->packed, most);
  deflater->avail_out = (uInt)most;
  if (deflate(deflater, Z_SYNC_FLUSH) != Z_OK || deflater->avail_out == 0) fail("deflate");
  to->packed.length = most - deflater->avail_out - MARK;
}

static void add_frame(renderer *to, bytes *wire) {
  enum { FINAL_TEXT = 0x81, COMPRESSED = 0x40 };
  const bytes *payload = &to->json;
  unsigned char head[10] = {FINAL_TEXT};
  size_t n, head_length = 2;
  if (to->deflater) {
    pack(to);
    payload = &to->packed;
    head[0] |= COMPRESSED;
  }
  n = payload->length;
  if (n > 125) head_length = n > 0xffff ? 10 : 4;
  head[1] = (unsigned char)(n <= 125 ? n : n > 0xffff ? 127 : 126);
  for (size_t i = head_length - 1; i >= 2; i--, n >>= 8) head[i] = (unsigned char)n;
  bytes_add(wire, head, head_length);
  bytes_add(wire, payload->at, payload->length);
}

static void add_event(bytes *wire, const char *data, size_t n) {
  bytes_format(wire, "%zx\r\ndata: ", n + 8);
  bytes_add(wire, data, n);
  bytes_format(wire, "\n\n\r\n");
}

static void add_json(renderer *to, bytes *wire) {
  if (to->work->streams) {
    add_event(wire, to->json.at, to->json.length);
  } else {
    add_frame(to, wire);
  }
}

/* ---- the whole ---- */

static void render_body(renderer *to, const char *text, reply *into) {
  static const char thread[] = "{\"type\":\"thread\",\"data\":{\"thread_id\":\"3244865ff0258baaac499960\"}}";
  bytes *body = calloc(1, sizeof *body);
  size_t *ends = calloc(to->work->updates, sizeof *ends);
  if (!body || !ends) fail("calloc");
  if (to->work->streams) {
    bytes_format(body, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    add_event(body, thread, sizeof thread - 1);
  }
  for (size_t i = 0; i < to->work->updates; i++) {
    write_update(to, i, text);
    add_json(to, body);
    ends[i] = body->length;
  }
  into->body = body;
  into->ends = ends;
}

static void render_end(renderer *to, const char *text, reply *into) {
  write_message(to, text);
  add_json(to, &into->end);
  if (!to->work->streams) return;
  add_event(&into->end, "[DONE]", 6);
  bytes_format(&into->end, "0\r\n\r\n");
}

bytes replies_history(const workload *work) {
  bytes history = {0};
  renderer to = {.work = work};
  char *text = compose(work->updates * work->growth);
  for (; to.number < replies_count(work); to.number++) {
    write_message(&to, text);
    bytes_format(&history, "%s{\"id\":\"question-%zu\",\"text\":\"go\",\"sender\":{\"type\":\"user\"}},",
                 to.number > 0 ? "," : "[", to.number);
    bytes_add(&history, to.json.at, to.json.length);
  }
  bytes_add(&history, "]", 1);
  free(to.json.at);
  free(text);
  return history;
}

reply *replies_render(const workload *work) {
  enum { WINDOW = -15, MEMORY = 8 }; /* the largest window, raw */
  z_stream deflater = {0};
  renderer to = {.work = work, .deflater = work->compressed ? &deflater : NULL};
  bool all_differ = work->streams || work->full || work->compressed;
  size_t count = replies_count(work);
  char *text = compose(work->updates * work->growth);
  reply *replies = calloc(count, sizeof *replies);
  if (!replies) fail("calloc");
  if (deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY)) fail("deflate");
  for (to.number = 0; to.number < count; to.number++) {
    reply *into = &replies[to.number];
    deflateReset(&deflater); /* nothing that came before this reply is referred to, whoever reads it */
    if (to.number == 0 || all_differ) {
      render_body(&to, text, into);
    } else {
      *into = (reply){.body = replies[0].body, .ends = replies[0].ends};
    }
    render_end(&to, text, into);
  }
  deflateEnd(&deflater);
  free(to.json.at);
  free(to.packed.at);
  free(text);
  return replies;
}

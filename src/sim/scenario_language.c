// The languages of scenarios; see scenario_language.h.
#include "scenario_language.h"

#include "canned.h"
#include "sim_frame.h"

#include <ctype.h>
#include <string.h>

// ---- what may stand behind a word ------------------------------------------------------------------

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

static bool is_number(const json_t *v) {
  return json_is_null(v) || is_size(v);
}

static bool is_array(const json_t *v) {
  return json_is_array(v);
}

static bool is_line(const json_t *v) {
  return json_is_string(v) && !strpbrk(json_string_value(v), "\r\n");
}

static bool is_all_or_count(const json_t *v) {
  return json_is_true(v) || is_count(v);
}

static bool is_thread(const json_t *v) {
  return json_is_boolean(v) || json_is_object(v);
}

static bool is_one_of(const json_t *v, const char *const *words) {
  for (; json_is_string(v) && *words; words++)
    if (strcmp(json_string_value(v), *words) == 0) return true;
  return false;
}

static bool is_cut(const json_t *v) {
  return is_one_of(v, (const char *const[]){"fin", "reset", NULL});
}

static bool is_framing(const json_t *v) {
  return is_one_of(v, (const char *const[]){"chunked", "to the end", NULL});
}

static bool is_newline(const json_t *v) {
  return is_one_of(v, (const char *const[]){"lf", "crlf", "cr", NULL});
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

static const struct sim_takes modifiers[] = {
    {"fragment", is_count, "payload bytes in a fragment (a whole number >= 1)"},
    {"ping_between", is_true, "true"},
    {"cut_after", is_size, "bytes to send before the cut (a whole number >= 0)"},
    {"recorded", is_boolean, "true or false"},
    {"received", is_true, "true"},
    {"reason", is_reason, "a string of at most 123 bytes"},
    {"token_bytes", is_count, "bytes more in each update (a whole number >= 1)"},
    {"pace", is_seconds, "seconds (a number >= 0)"},
    {"seq", is_number, "a whole number >= 0, or null"},
    {"acted", is_true, "true"},
    {"steps", is_anything, "a list of steps"},
};

// ---- the languages ---------------------------------------------------------------------------------

#define EMITTED "fragment ping_between cut_after "

static const struct sim_word socket_verbs[] = {
    {{"handshake", sim_canned_valid, SIM_CANNED_EXPECTED}, SIM_DO_HANDSHAKE, ""},
    {{"receive", is_true, "true"}, SIM_DO_RECEIVE, "recorded "},
    {{"send", is_anything, "a string or JSON value"}, SIM_DO_SEND, EMITTED},
    {{"update", is_string, "a string (all of the text so far)"}, SIM_DO_UPDATE, EMITTED},
    {{"message", is_object, "an object (fields of the message)"}, SIM_DO_MESSAGE, EMITTED "recorded received "},
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
    {{"agent", is_all_or_count, "true or how many events (a whole number from 1 to 1000000)"}, SIM_DO_AGENT, ""},
};

#define EVENT "seq cut_after "

static const struct sim_word stream_verbs[] = {
    {{"response", sim_canned_valid, SIM_CANNED_EXPECTED}, SIM_DO_RESPONSE, "acted "},
    {{"framing", is_framing, "\"chunked\" or \"to the end\""}, SIM_DO_FRAMING, ""},
    {{"newline", is_newline, "\"lf\", \"crlf\" or \"cr\""}, SIM_DO_NEWLINE, ""},
    {{"thread", is_thread, "true, false or an object (the data of the event)"}, SIM_DO_THREAD, ""},
    {{"agent", is_all_or_count, "true or how many events (a whole number from 1 to 1000000)"}, SIM_DO_AGENT, ""},
    {{"skip", is_count, "how many events (a whole number from 1 to 1000000)"}, SIM_DO_SKIP, ""},
    {{"again", is_count, "how many events (a whole number from 1 to 1000000)"}, SIM_DO_AGAIN, ""},
    {{"event", is_string, "a string"}, SIM_DO_EVENT, EVENT},
    {{"message", is_object, "an object (fields of the message)"}, SIM_DO_MESSAGE, EVENT},
    {{"suggestions", is_array, "a list"}, SIM_DO_SUGGESTIONS, EVENT},
    {{"error", is_object, "an object (the data of the event)"}, SIM_DO_ERROR, EVENT},
    {{"send", is_anything, "a string or JSON value"}, SIM_DO_SEND, "cut_after "},
    {{"comment", is_line, "a string of one line"}, SIM_DO_COMMENT, "cut_after "},
    {{"body", is_string, "a string"}, SIM_DO_BODY, "cut_after "},
    {{"raw", is_hex, "bytes in hexadecimal"}, SIM_DO_RAW, ""},
    {{"done", is_true, "true"}, SIM_DO_DONE, "cut_after "},
    {{"wait", is_seconds, "seconds (a number >= 0)"}, SIM_DO_WAIT, ""},
    {{"cut", is_cut, "\"fin\" or \"reset\""}, SIM_DO_CUT, ""},
    {{"repeat", is_count, "how many times (a whole number from 1 to 1000000)"}, SIM_DO_REPEAT, "steps "},
};

const struct sim_language sim_socket_language = {socket_verbs, sizeof socket_verbs / sizeof socket_verbs[0]};
const struct sim_language sim_stream_language = {stream_verbs, sizeof stream_verbs / sizeof stream_verbs[0]};

const struct sim_takes *sim_modifier(const char *name) {
  for (size_t i = 0; i < sizeof modifiers / sizeof modifiers[0]; i++)
    if (strcmp(modifiers[i].name, name) == 0) return &modifiers[i];
  return NULL;
}

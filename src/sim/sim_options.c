// The command line of aui-sim; see sim_options.h. One table names every option, so that the help, the
// parser and "did you mean" cannot disagree.
#include "sim_options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum id {
  HOST,
  PORT,
  API_KEY,
  PUBLISHABLE_KEY,
  TOKEN_LIFETIME,
  RUNTIME,
  KEPT_EVENTS,
  CUMULATIVE,
  PACE,
  ENVELOPE,
  LIFECYCLE,
  CATALOGUE,
  SCENARIO,
  REPLAY,
  FAST,
  TOKENS,
  TOKEN_BYTES,
  ECHO,
  COMPRESS,
  LOG_FILE,
  TLS_DIR,
  TLS_NAME,
  TLS_EXPIRED,
  EXIT_WITH_STDIN,
  VERBOSE,
  HELP,
  VERSION
};

static const struct option {
  enum id id;
  const char *name;
  const char *argument; // NULL: takes none
  const char *help;
} table[] = {
    {HOST, "--host", "ADDRESS", "listen on this address (127.0.0.1)"},
    {PORT, "--port", "N", "listen on this port; 0: any free one (7788)"},
    {API_KEY, "--api-key", "KEY", "accept this network API key alone (any, also none)"},
    {PUBLISHABLE_KEY, "--publishable-key", "KEY",
     "exchange this publishable key alone for a token (any pk_network_...)"},
    {TOKEN_LIFETIME, "--token-lifetime", "SECONDS", "until such a token ends (3600)"},
    {RUNTIME, "--runtime", "N", "the threads API's agent: 1, or 2, which has no WebSocket (1)"},
    {KEPT_EVENTS, "--kept-events", "N", "newest events of a thread that can be had again (1000)"},
    {CUMULATIVE, "--cumulative", NULL, "the threads API's events carry all of the text so far, not what is new"},
    {PACE, "--pace", "SECONDS", "time between two updates; 0: no waiting (0.04; 0 with --tokens)"},
    {ENVELOPE, "--envelope", "SPELLING", "of the updates: simple or full (simple)"},
    {LIFECYCLE, "--lifecycle", NULL, "send workflow and life-cycle events around an answer, too"},
    {CATALOGUE, "--catalogue", "FILE", "products that the agent knows (a built-in few)"},
    {SCENARIO, "--scenario", "FILE", "play this script on every WebSocket connection"},
    {REPLAY, "--replay", "FILE", "answer as in this recording (aui ask --record FILE)"},
    {FAST, "--fast", NULL, "replay without the recording's pauses"},
    {TOKENS, "--tokens", "N", "answer everything with N updates of synthetic text"},
    {TOKEN_BYTES, "--token-bytes", "N", "bytes more in each of them (5)"},
    {ECHO, "--echo", NULL, "answer everything with the user's own words"},
    {COMPRESS, "--compress", NULL, "compress a WebSocket's messages (permessage-deflate) if the client offers that"},
    {LOG_FILE, "--log", "FILE", "write a JSON line for each message acted on and each answer"},
    {TLS_DIR, "--tls-dir", "DIR", "serve TLS with ca.pem, server.pem and server.key in DIR; made if missing"},
    {TLS_NAME, "--tls-name", "NAME", "the certificate made is for NAME (localhost, 127.0.0.1, ::1)"},
    {TLS_EXPIRED, "--tls-expired", NULL, "the certificate made is past its date"},
    {EXIT_WITH_STDIN, "--exit-with-stdin", NULL, "stop at the end of standard input"},
    {VERBOSE, "--verbose", NULL, "let libwebsockets log to stderr, and say why connections were refused"},
    {HELP, "--help", NULL, "print this and exit"},
    {VERSION, "--version", NULL, "print the version and exit"},
};
#define OPTIONS (sizeof table / sizeof table[0])

static void print_help(void) {
  puts("Usage: aui-sim [option]...\n\n"
       "An offline agent: a server that speaks AUI's two messaging APIs (tasks: WebSocket, REST; threads: Server-Sent\n"
       "Events, WebSocket, REST) on one port.\n");
  for (size_t i = 0; i < OPTIONS; i++)
    printf("  %s %-*s %s\n", table[i].name, (int)(26 - strlen(table[i].name)),
           table[i].argument ? table[i].argument : "", table[i].help);
}

static _Noreturn void option_complain(const char *option, const char *expected, const char *got) {
  fprintf(stderr, "aui-sim: %s: expected %s, got '%s'\n", option, expected, got);
  exit(2);
}

// Edits needed to turn one word into the other (Levenshtein distance); words are short.
static size_t distance(const char *a, const char *b) {
  size_t row[64], m = strlen(b);
  if (m >= sizeof row / sizeof row[0]) return m;
  for (size_t j = 0; j <= m; j++) row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      size_t least = row[j] < row[j - 1] ? row[j] : row[j - 1];
      row[j] = change < least + 1 ? change : least + 1;
    }
  }
  return row[m];
}

static _Noreturn void unknown_option(const char *name) {
  const struct option *nearest = &table[0];
  for (size_t i = 1; i < OPTIONS; i++)
    if (distance(name, table[i].name) < distance(name, nearest->name)) nearest = &table[i];
  fprintf(stderr, "aui-sim: unknown option '%s'", name);
  if (distance(name, nearest->name) <= 3)
    fprintf(stderr, "; did you mean %s?\n", nearest->name);
  else
    fprintf(stderr, "; aui-sim --help lists them\n");
  exit(2);
}

static size_t count_value(const struct option *option, const char *text, size_t least, size_t most) {
  char *end, expected[64];
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  snprintf(expected, sizeof expected, "a whole number from %zu to %zu", least, most);
  if (errno || *end || *text < '0' || *text > '9' || value < least || value > most)
    option_complain(option->name, expected, text);
  return value;
}

static double seconds_value(const struct option *option, const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value) || value < 0)
    option_complain(option->name, "seconds (a number >= 0)", text);
  return value;
}

static enum sim_spelling spelling_value(const struct option *option, const char *text) {
  if (strcmp(text, "full") != 0 && strcmp(text, "simple") != 0) option_complain(option->name, "simple or full", text);
  return strcmp(text, "full") == 0 ? SIM_ENVELOPE_FULL : SIM_ENVELOPE_SIMPLE;
}

static void apply_flag(struct sim_options *options, const struct option *option) {
  switch (option->id) {
    case FAST: options->fast = true; break;
    case ECHO: options->echo = true; break;
    case CUMULATIVE: options->cumulative = true; break;
    case COMPRESS: options->compress = true; break;
    case LIFECYCLE: options->lifecycle = true; break;
    case TLS_EXPIRED: options->tls_expired = true; break;
    case EXIT_WITH_STDIN: options->exit_with_stdin = true; break;
    case VERBOSE: options->verbose = true; break;
    case HELP: print_help(); exit(0);
    default: // VERSION
      puts("aui-sim " SIM_VERSION);
      exit(0);
  }
}

static void apply_value(struct sim_options *options, const struct option *option, const char *value) {
  switch (option->id) {
    case HOST: options->host = value; break;
    case PORT: options->port = (int)count_value(option, value, 0, 65535); break;
    case API_KEY: options->api_key = value; break;
    case PUBLISHABLE_KEY: options->publishable_key = value; break;
    case TOKEN_LIFETIME: options->token_lifetime = count_value(option, value, 1, 1000000000); break;
    case RUNTIME: options->runtime = (int)count_value(option, value, 1, 2); break;
    case KEPT_EVENTS: options->kept_events = count_value(option, value, 0, 1000000); break;
    case PACE: options->pace = seconds_value(option, value); break;
    case ENVELOPE: options->envelope = spelling_value(option, value); break;
    case CATALOGUE: options->catalogue = value; break;
    case SCENARIO: options->scenario = value; break;
    case REPLAY: options->replay = value; break;
    case TOKENS: options->tokens = count_value(option, value, 1, 1000000); break;
    case TOKEN_BYTES: options->token_bytes = count_value(option, value, 1, 100000); break;
    case LOG_FILE: options->log = value; break;
    case TLS_DIR: options->tls_dir = value; break;
    default: // TLS_NAME
      options->tls_name = value;
      break;
  }
}

// The option that an argument spells, as --name or --name=value.
static const struct option *find(const char *argument) {
  size_t length = strcspn(argument, "=");
  for (size_t i = 0; i < OPTIONS; i++)
    if (strlen(table[i].name) == length && strncmp(table[i].name, argument, length) == 0) return &table[i];
  unknown_option(argument);
}

void sim_options_parse(struct sim_options *options, int argc, char **argv) {
  *options = (struct sim_options){.host = "127.0.0.1",
                                  .port = 7788,
                                  .pace = -1,
                                  .token_bytes = 5,
                                  .token_lifetime = 3600,
                                  .runtime = 1,
                                  .kept_events = 1000};
  for (int i = 1; i < argc; i++) {
    const struct option *option = find(argv[i]);
    const char *equals = strchr(argv[i], '=');
    const char *value = equals ? equals + 1 : NULL;
    if (!option->argument && value) option_complain(option->name, "no value", value);
    if (option->argument && !value && i + 1 == argc) option_complain(option->name, option->argument, "nothing");
    if (option->argument)
      apply_value(options, option, value ? value : argv[++i]);
    else
      apply_flag(options, option);
  }
  if (options->echo && options->tokens) option_complain("--echo", "no --tokens beside it", "both");
  if (options->scenario && options->replay) option_complain("--replay", "no --scenario beside it", "both");
  if (options->fast && !options->replay) option_complain("--fast", "--replay beside it", "none");
  if (options->pace < 0) options->pace = options->tokens ? 0 : 0.04;
  if (!options->tls_dir && (options->tls_name || options->tls_expired))
    option_complain(options->tls_name ? "--tls-name" : "--tls-expired", "--tls-dir beside it", "none");
}

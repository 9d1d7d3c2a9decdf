/* Plays the testee of a WebSocket test suite, on the layers of the engine below the session. The suite is a server: it
 * tells the number of its cases at /getCaseCount, plays each at /runCase on a client that echoes every message, and
 * judges it; /updateReports ends the run. Usage: aui-ws-echo ws://HOST[:PORT][/PATH]
 *
 * Exit status: 0 when all cases were played, whatever the suite thinks of them; 1 when that was not possible; 2 for a
 * mistake in the arguments. */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/utf8.h"
#include "engine/websocket.h"

enum {
  SILENCE = 60 * 1000, /* milliseconds without a sign of the server, after which it is given up */
  LINGER = 2 * 1000,   /* the same when everything is said, and only the server's end of the connection is awaited */
  MAX_HEAD = 16 * 1024,
  MAX_MESSAGE = 64 * 1024 * 1024,
  INPUT_SIZE = 64 * 1024
};

#define AGENT "lua-aui"

typedef struct {
  char name[256];
  char port[6];
  char field[264];  /* the request's Host field */
  const char *path; /* before those of the suite; without a slash at its end */
  size_t path_size;
} server;

typedef struct connection connection;

/* Takes the complete message in `c->message`. Returns false when it cannot. */
typedef bool message_handler(connection *c, aui_opcode opcode);

struct connection {
  int fd;
  aui_websocket ws;
  aui_request request;
  message_handler *on_message;
  aui_buffer message; /* what has come of the one under way */
  aui_utf8 utf8;      /* of that, if it is text */
  long number;        /* what take_number has read */
};

static bool complain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("aui-ws-echo: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return false;
}

/* ---- The transport ---- */

static bool wait_for(int fd, short events, int timeout) {
  struct pollfd wanted = {.fd = fd, .events = events};
  int ready;
  do ready = poll(&wanted, 1, timeout);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/* Sets errno when it fails. */
static bool try_to_connect(int fd, const struct addrinfo *address) {
  if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS) return false;
  int error = ETIMEDOUT;
  socklen_t size = sizeof error;
  if (wait_for(fd, POLLOUT, SILENCE)) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error == 0;
}

/* Returns a socket that does not block, or -1 after a complaint. */
static int dial(const server *to) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses;
  int error = getaddrinfo(to->name, to->port, &hints, &addresses);
  if (error) {
    complain("%s: %s", to->field, gai_strerror(error));
    return -1;
  }
  int fd = -1;
  for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd >= 0 && !try_to_connect(fd, a)) {
      close(fd);
      fd = -1;
    }
  }
  if (fd < 0) complain("%s: %s", to->field, strerror(errno));
  freeaddrinfo(addresses);
  return fd;
}

/* ---- Messages ---- */

/* Lets the WebSocket write what is due. */
static bool flush(connection *c) {
  aui_websocket *ws = &c->ws;
  size_t wanted = sizeof ws->random - ws->random_len;
  if (wanted > 0 && getrandom(ws->random + ws->random_len, wanted, 0) != (ssize_t)wanted) {
    return complain("no random bytes to be had");
  }
  ws->random_len += wanted;
  return aui_websocket_flush(ws, &c->request, MAX_HEAD) || complain("out of memory");
}

/* Pongs that are due go first, as their pings did. */
static bool echo(connection *c, aui_opcode opcode) {
  if (!flush(c)) return false;
  if (c->ws.state != AUI_WEBSOCKET_OPEN) return true;
  return aui_websocket_send(&c->ws, opcode, c->message.data, c->message.len) || complain("out of memory");
}

static bool take_number(connection *c, aui_opcode opcode) {
  (void)opcode;
  if (!aui_buffer_append(&c->message, "", 1)) return complain("out of memory");
  c->number = strtol(c->message.data, NULL, 10);
  return true;
}

static bool end_message(connection *c, aui_opcode opcode) {
  bool ok = c->on_message(c, opcode);
  c->message.len = 0;
  c->utf8 = (aui_utf8){0};
  return ok;
}

static bool take_slice(connection *c, aui_opcode opcode, const aui_frame *slice) {
  if (opcode == AUI_OPCODE_TEXT) {
    bool valid = aui_utf8_feed(&c->utf8, slice->data, slice->len);
    if (valid && slice->last) valid = aui_utf8_complete(&c->utf8);
    if (!valid) {
      aui_websocket_fail(&c->ws, 1007);
      return true;
    }
  }
  if (!aui_buffer_append(&c->message, slice->data, slice->len)) return complain("out of memory");
  return !slice->last || end_message(c, opcode);
}

static bool take_input(connection *c, const uint8_t *input, const uint8_t *end) {
  for (;;) {
    aui_frame slice;
    int why;
    switch (aui_websocket_read(&c->ws, &input, end, MAX_MESSAGE, &slice, &why)) {
      case AUI_WEBSOCKET_NEED_MORE: return true;
      case AUI_WEBSOCKET_TEXT:
        if (!take_slice(c, AUI_OPCODE_TEXT, &slice)) return false;
        break;
      case AUI_WEBSOCKET_BINARY:
        if (!take_slice(c, AUI_OPCODE_BINARY, &slice)) return false;
        break;
      case AUI_WEBSOCKET_BAD_HANDSHAKE:
        if (why == AUI_HANDSHAKE_REFUSED)
          return complain("the handshake was refused with %d", c->ws.handshake->http.status);
        return complain("%s", aui_handshake_describe(why));
      case AUI_WEBSOCKET_OPENED:
      case AUI_WEBSOCKET_PEER_CLOSE:
      case AUI_WEBSOCKET_BAD_FRAME:
      case AUI_WEBSOCKET_BAD_DEFLATE: break; /* the WebSocket does what is to be done */
    }
  }
}

/* ---- A connection ---- */

/* `*ended`: the server has ended the connection. That must not be before the handshake is done. */
static bool read_some(connection *c, bool *ended) {
  uint8_t input[INPUT_SIZE];
  ssize_t n = recv(c->fd, input, sizeof input, 0);
  if (n > 0) return take_input(c, input, input + n);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  *ended = true;
  return c->ws.state >= AUI_WEBSOCKET_OPEN || complain("the server ended the connection during the handshake");
}

/* That the server does not take any more is seen by reading. */
static void write_some(connection *c) {
  ssize_t n = send(c->fd, c->ws.out.data, c->ws.out.len, MSG_NOSIGNAL);
  if (n > 0) aui_websocket_wrote(&c->ws, (size_t)n);
}

/* Until the server has ended the connection: closing it before that, with input unread, would reset it, and our close
 * frame might be lost (RFC 6455, 7.1.1). */
static bool converse(connection *c) {
  for (bool ended = false; !ended;) {
    if (!flush(c)) return false;
    bool done = aui_websocket_is_done(&c->ws);
    if (done) shutdown(c->fd, SHUT_WR);
    bool writing = c->ws.out.len > 0;
    if (!wait_for(c->fd, writing ? POLLIN | POLLOUT : POLLIN, done ? LINGER : SILENCE)) {
      return done || complain("nothing came from the server for %d s", SILENCE / 1000);
    }
    if (writing) write_some(c);
    if (!read_some(c, &ended)) return false;
  }
  return true;
}

/* One connection to the suite. `number`: where to put the number that it sends, or NULL to echo all it sends. */
static bool visit(const server *suite, const char *place, long *number) {
  char target[1024];
  int size = snprintf(target, sizeof target, "%.*s%s", (int)suite->path_size, suite->path, place);
  if (size >= (int)sizeof target) return complain("the URL is too long");
  connection c = {.request = {suite->field, target, ""}, .on_message = number ? take_number : echo};
  c.fd = dial(suite);
  if (c.fd < 0) return false;
  const aui_handshake_offer offer = {.compression = true};
  if (!aui_websocket_begin(&c.ws, -1, &offer)) return complain("out of memory");
  bool ok = converse(&c) || complain("failed at %s", target);
  if (number) *number = c.number;
  close(c.fd);
  aui_websocket_clear(&c.ws);
  aui_buffer_free(&c.message);
  return ok;
}

/* ---- The suite ---- */

static bool parse_url(const char *url, server *result) {
  int size = 0;
  *result = (server){.port = "80"};
  if (sscanf(url, "ws://%255[^:/]%n", result->name, &size) != 1) return false;
  url += size;
  if (sscanf(url, ":%5[0-9]%n", result->port, &size) == 1) url += size;
  snprintf(result->field, sizeof result->field, "%s:%s", result->name, result->port);
  result->path = url;
  result->path_size = strlen(url);
  if (result->path_size > 0 && url[result->path_size - 1] == '/') result->path_size--;
  return *url == 0 || *url == '/';
}

static bool play_all(const server *suite) {
  long count = 0;
  if (!visit(suite, "/getCaseCount", &count)) return false;
  if (count <= 0) return complain("the suite has no cases");
  for (long i = 1; i <= count; i++) {
    char place[64];
    snprintf(place, sizeof place, "/runCase?case=%ld&agent=" AGENT, i);
    if (!visit(suite, place, NULL)) return false;
  }
  if (!visit(suite, "/updateReports?agent=" AGENT, NULL)) return false;
  printf("played %ld cases\n", count);
  return true;
}

int main(int argc, char **argv) {
  server suite;
  if (argc != 2 || !parse_url(argv[1], &suite)) {
    fputs("Usage: aui-ws-echo ws://HOST[:PORT][/PATH]\n", stderr);
    return 2;
  }
  return play_all(&suite) ? 0 : 1;
}

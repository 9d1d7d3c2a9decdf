#include "client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { INPUT = 8192 };
enum { OPCODE_DATA_MOST = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct client {
  server *of;
  int fd;
  SSL *tls;
  bool is_websocket, is_writing /* polled for it */, is_over, is_greeted /* TLS is established */;
  bytes answers; /* to handshakes, pings and the like; they leave before the reply */
  const reply *reply;
  size_t sent, allowed; /* bytes of the reply */
  size_t passed;        /* updates that were allowed by the pace */
  size_t number;        /* questions so far */
  client **place;
  size_t received;
  char input[INPUT];
};

void client_open(server *of, int fd) {
  client *self = calloc(1, sizeof *self);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
  if (!self) fail("calloc");
  self->of = of;
  self->fd = fd;
  of->connections++;
  if (of->tls) {
    self->tls = SSL_new(of->tls);
    if (!self->tls || SSL_set_fd(self->tls, fd) != 1) fail("SSL_new");
    SSL_set_accept_state(self->tls);
  }
  if (epoll_ctl(of->poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void leave_place(client *self) {
  if (self->place) *self->place = NULL;
  self->place = NULL;
}

static void client_free(client *self) {
  leave_place(self);
  SSL_free(self->tls);
  close(self->fd);
  free(self->answers.at);
  free(self);
}

/* ---- bytes ---- */

/* The result of a call that reads or writes: bytes, 0 when none can be moved now, -1 at the end. */
static ssize_t result_of(client *self, ssize_t n) {
  if (n > 0) return n;
  if (self->tls) {
    int why = SSL_get_error(self->tls, (int)n);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  return n < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t read_some(client *self, char *into, size_t n) {
  ssize_t got = self->tls ? SSL_read(self->tls, into, (int)n) : recv(self->fd, into, n, 0);
  if (self->tls && !self->is_greeted && SSL_is_init_finished(self->tls)) {
    self->is_greeted = true;
    if (SSL_session_reused(self->tls)) self->of->resumed++;
  }
  return result_of(self, got);
}

static ssize_t write_some(client *self, const char *from, size_t n, int flags) {
  enum { MOST = 1 << 30 };
  if (self->tls) return result_of(self, SSL_write(self->tls, from, (int)(n < MOST ? n : MOST)));
  return result_of(self, send(self->fd, from, n, MSG_NOSIGNAL | flags));
}

/* Writes until all is written or the socket is full; false at the connection's end. `flags` are those of send. */
static bool write_all(client *self, const char *from, size_t n, size_t *written, int flags) {
  for (ssize_t wrote = 1; *written < n && wrote > 0; *written += (size_t)wrote) {
    wrote = write_some(self, from + *written, n - *written, flags);
    if (wrote < 0) return false;
    self->of->sent += (size_t)wrote;
  }
  return true;
}

static void poll_for_writing(client *self, bool wanted) {
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = self};
  if (wanted == self->is_writing) return;
  self->is_writing = wanted;
  if (epoll_ctl(self->of->poller, EPOLL_CTL_MOD, self->fd, &event)) fail("epoll_ctl");
}

static bool write_reply(client *self) {
  const bytes *body = self->reply->body, *end = &self->reply->end;
  bool with_end = self->allowed > body->length;
  if (self->sent == 0 && self->of->wrote) self->of->wrote[self->of->answered] = unix_time();
  size_t before = with_end ? body->length : self->allowed;
  if (self->sent < before && !write_all(self, body->at, before, &self->sent, with_end ? MSG_MORE : 0)) return false;
  if (self->sent < body->length || !with_end) return true;
  size_t written = self->sent - body->length;
  if (!write_all(self, end->at, end->length, &written, 0)) return false;
  self->sent = body->length + written;
  if (written < end->length) return true;
  self->reply = NULL;
  self->of->answered++;
  leave_place(self);
  return true;
}

static bool flush(client *self) {
  size_t written = 0;
  if (!write_all(self, self->answers.at, self->answers.length, &written, 0)) return false;
  self->answers.length -= written;
  if (written > 0) memmove(self->answers.at, self->answers.at + written, self->answers.length);
  if (self->answers.length == 0 && self->reply && !write_reply(self)) return false;
  poll_for_writing(self, self->answers.length > 0 || (self->reply && self->sent < self->allowed));
  return true;
}

/* ---- replies ---- */

static void set_ticker(server *of, bool runs) {
  const long period = runs ? (long)(1000000000 / (of->work.pace * of->work.chats)) : 0;
  const struct itimerspec tick = {{0, period}, {0, period}};
  if (timerfd_settime(of->ticker, 0, &tick, NULL)) fail("timerfd");
}

/* Another connection may still have the next place, if chats connect anew for each question. Before the first question
 * nothing ticks, so that all chats connect in peace. */
static void take_place(client *self) {
  server *of = self->of;
  size_t left = of->work.chats;
  if (of->taken == 0 && !of->work.gateway) set_ticker(of, true);
  while (left > 0 && of->places[of->taken % of->work.chats]) of->taken++, left--;
  errno = 0;
  if (left == 0) fail("more questions at a time than chats");
  self->place = &of->places[of->taken++ % of->work.chats];
  *self->place = self;
}

static void start_reply(client *self) {
  const workload *work = &self->of->work;
  errno = 0;
  if (self->reply) fail("a question before the last reply has ended");
  self->reply = &self->of->replies[self->number++ % replies_count(work)];
  self->sent = self->passed = 0;
  self->allowed = work->pace > 0 ? 0 : reply_length(self->reply);
  if (work->pace > 0) take_place(self);
}

void client_tick(client *self) {
  const reply *which = self->reply;
  if (!which) return;
  bool more = self->passed < self->of->work.updates;
  self->allowed = more ? which->ends[self->passed++] : reply_length(which);
  if (!flush(self)) client_free(self);
}

/* ---- HTTP ---- */

static void answer(client *self, const char *status, const bytes *body) {
  bytes_format(&self->answers, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
               body->length);
  bytes_add(&self->answers, body->at, body->length);
}

/* How long each reply is, for who only counts bytes. */
static void answer_lengths(client *self) {
  bytes list = {0};
  for (size_t i = 0; i < replies_count(&self->of->work); i++) {
    bytes_format(&list, "%zu\n", reply_length(&self->of->replies[i]));
  }
  answer(self, "200 OK", &list);
  free(list.at);
}

static void answer_token(client *self) {
  static char token[] =
      "{\"access_token\":\"bench\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"agent_id\":\"bench\"}";
  answer(self, "200 OK", &(bytes){token, sizeof token - 1, sizeof token});
}

static void answer_task(client *self) {
  bytes task = {0};
  bytes_format(&task, "{\"id\":\"task-%zu\",\"welcome_message\":\"How can I help?\"}", ++self->of->tasks);
  answer(self, "200 OK", &task);
  free(task.at);
}

static void answer_history(client *self) {
  bytes history = replies_history(&self->of->work);
  answer(self, "200 OK", &history);
  free(history.at);
}

/* What the browsers' program asks of the pace. */
static void take_order(client *self, bool runs) {
  set_ticker(self->of, runs);
  answer(self, "200 OK", &(bytes){0});
}

static void accept_websocket(client *self, const char *head, const char *key) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char joined[24 + sizeof guid];
  unsigned char digest[SHA_DIGEST_LENGTH];
  char accept[4 * (SHA_DIGEST_LENGTH + 2) / 3 + 1];
  bool compressed = self->of->work.compressed;
  errno = 0;
  if (compressed && (!strcasestr(head, "permessage-deflate") || strcasestr(head, "server_"))) {
    fail("a client that does not offer permessage-deflate with the largest window");
  }
  snprintf(joined, sizeof joined, "%.24s%s", key, guid);
  SHA1((unsigned char *)joined, strlen(joined), digest);
  EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
  bytes_format(&self->answers,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n%s\r\n",
               accept, compressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
  self->is_websocket = true;
}

/* Whether a request's first line has this. */
static bool asks(const char *head, const char *what) {
  return memmem(head, (size_t)(strstr(head, "\r\n") - head), what, strlen(what)) != NULL;
}

static void take_request(client *self, const char *head) {
  static const char key_name[] = "\r\nsec-websocket-key: ";
  const char *key = strcasestr(head, key_name);
  if (key) {
    accept_websocket(self, head, key + sizeof key_name - 1);
  } else if (asks(head, "/auth/token")) {
    answer_token(self);
  } else if (asks(head, "/messages/stream")) {
    start_reply(self);
  } else if (asks(head, "/tasks ")) {
    answer_task(self);
  } else if (asks(head, "/messages ")) {
    answer_history(self);
  } else if (asks(head, "GET /lengths ")) {
    answer_lengths(self);
  } else if (asks(head, "POST /hold ") || asks(head, "POST /release ")) {
    take_order(self, asks(head, "/release"));
  } else {
    answer(self, "404 Not Found", &(bytes){0});
  }
}

/* Takes a request whose head and body have come; how many bytes it has, 0: it is not whole. */
static size_t take_http(client *self) {
  self->input[self->received] = 0;
  char *end = strstr(self->input, "\r\n\r\n"), *field = strcasestr(self->input, "\r\ncontent-length:");
  if (!end) return 0;
  size_t whole = (size_t)(end + 4 - self->input) + (field && field < end ? strtoul(field + 17, NULL, 10) : 0);
  if (self->received < whole) return 0;
  end[2] = 0;
  take_request(self, self->input);
  return whole;
}

/* ---- WebSocket ---- */

static void take_frame(client *self, unsigned char first, const char *payload, size_t n) {
  unsigned opcode = first & 15;
  bool is_final = first & 0x80;
  if (opcode <= OPCODE_DATA_MOST) {
    if (is_final) start_reply(self); /* whatever it asks */
  } else if (opcode == OPCODE_PING || opcode == OPCODE_CLOSE) {
    char head[2] = {(char)(0x80 | (opcode == OPCODE_PING ? OPCODE_PONG : OPCODE_CLOSE)), (char)n};
    bytes_add(&self->answers, head, sizeof head);
    bytes_add(&self->answers, payload, n);
    self->is_over = opcode == OPCODE_CLOSE;
  }
}

static size_t take_websocket(client *self) {
  enum { MASK = 4 };
  const unsigned char *in = (unsigned char *)self->input;
  if (self->received < 2) return 0;
  size_t n = in[1] & 127, head = 2 + MASK + (n == 126 ? 2 : 0);
  errno = 0;
  if (!(in[1] & 128) || n == 127) fail("a frame that is not masked, or too long");
  if (self->received < head) return 0;
  if (n == 126) n = (size_t)in[2] << 8 | in[3];
  if (self->received < head + n) return 0;
  const unsigned char *mask = in + head - MASK;
  for (size_t i = 0; i < n; i++) self->input[head + i] ^= (char)mask[i % MASK];
  take_frame(self, in[0], self->input + head, n);
  return head + n;
}

/* ---- both ---- */

static void take_input(client *self) {
  size_t taken = 1;
  while (taken > 0 && self->received > 0) {
    taken = self->is_websocket ? take_websocket(self) : take_http(self);
    self->received -= taken;
    memmove(self->input, self->input + taken, self->received);
  }
  errno = 0;
  if (self->received == INPUT - 1) fail("a request that is too long");
}

static bool receive(client *self) {
  ssize_t n = read_some(self, self->input + self->received, INPUT - 1 - self->received);
  if (n < 0) return false;
  self->received += (size_t)n;
  if (n > 0) take_input(self);
  return true;
}

void client_serve(client *self) {
  bool goes_on = receive(self);
  while (goes_on && self->tls && SSL_pending(self->tls) > 0) goes_on = receive(self);
  if (!goes_on || !flush(self) || (self->is_over && self->answers.length == 0)) client_free(self);
}

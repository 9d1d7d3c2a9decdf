/* The floor under every client: asks the same questions over the same connections, waits in epoll, reads what comes
 * (recv, or SSL_read), counts it, and looks at nothing.
 *
 * usage: floor PORT, with the workload in the environment */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workload.h"

typedef struct {
  int fd;
  SSL *tls;
  size_t asked; /* questions so far */
  size_t left;  /* bytes of the reply that are still to come */
} chat;

typedef struct {
  workload work;
  int port, poller;
  SSL_CTX *tls;
  SSL_SESSION *ticket; /* the last that was given */
  chat *chats;
  size_t *lengths; /* of replies, in bytes */
  size_t read;     /* bytes */
  double *firsts;  /* when the first bytes of each reply came, since 1970 */
  size_t first_count;
} floor_client;

static char buffer[65536];

/* ---- bytes ---- */

static size_t read_some(chat *from) {
  long n = from->tls ? SSL_read(from->tls, buffer, sizeof buffer) : recv(from->fd, buffer, sizeof buffer, 0);
  if (n <= 0) fail("read");
  return (size_t)n;
}

static void write_all(chat *to, const char *bytes, size_t n) {
  long wrote = to->tls ? SSL_write(to->tls, bytes, (int)n) : send(to->fd, bytes, n, MSG_NOSIGNAL);
  if (wrote != (long)n) fail("write");
}

/* Reads an HTTP response whole and leaves it in the buffer, ended by a NUL; where its body starts. */
static const char *read_response(chat *from) {
  size_t whole = 0, n = 0;
  const char *body = NULL;
  static char response[sizeof buffer];
  while (!body || n < whole) {
    size_t got = read_some(from);
    if (n + got >= sizeof response) fail("response");
    memcpy(response + n, buffer, got);
    response[n += got] = 0;
    const char *end = strstr(response, "\r\n\r\n"), *field = strcasestr(response, "\r\ncontent-length:");
    if (!end) continue;
    body = end + 4;
    whole = (size_t)(body - response) + (field && field < end ? strtoul(field + 17, NULL, 10) : 0);
  }
  return body;
}

/* ---- connections ---- */

static int keep_ticket(SSL *tls, SSL_SESSION *ticket) {
  floor_client *self = SSL_get_app_data(tls);
  SSL_SESSION_free(self->ticket);
  self->ticket = ticket;
  return 1; /* it is ours */
}

static void start_tls(floor_client *self) {
  char file[4096];
  if (!self->work.tls_dir) return;
  self->tls = SSL_CTX_new(TLS_client_method());
  snprintf(file, sizeof file, "%s/ca.pem", self->work.tls_dir);
  if (!self->tls || SSL_CTX_load_verify_locations(self->tls, file, NULL) != 1) fail(file);
  SSL_CTX_set_verify(self->tls, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_session_cache_mode(self->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(self->tls, keep_ticket);
}

static void connect_tls(floor_client *self, chat *one) {
  if (!self->tls) return;
  one->tls = SSL_new(self->tls);
  if (!one->tls || SSL_set_fd(one->tls, one->fd) != 1 || SSL_set1_host(one->tls, "127.0.0.1") != 1) fail("SSL_new");
  SSL_set_app_data(one->tls, self);
  if (self->ticket && SSL_set_session(one->tls, self->ticket) != 1) fail("SSL_set_session");
  if (SSL_connect(one->tls) != 1) fail("SSL_connect");
}

static void dial(floor_client *self, chat *one) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)self->port)};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  one->fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  if (one->fd < 0 || connect(one->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connect_tls(self, one);
  if (epoll_ctl(self->poller, EPOLL_CTL_ADD, one->fd, &event)) fail("epoll_ctl");
}

static void hang_up(chat *one) {
  if (one->tls) SSL_shutdown(one->tls);
  SSL_free(one->tls);
  close(one->fd);
}

static void learn_lengths(floor_client *self) {
  static const char request[] = "GET /lengths HTTP/1.1\r\nHost: bench\r\n\r\n";
  chat one = {0};
  size_t count = self->work.warm_up + self->work.replies;
  dial(self, &one);
  write_all(&one, request, sizeof request - 1);
  const char *list = read_response(&one);
  for (size_t i = 0; i < count; i++) self->lengths[i] = strtoul(list, (char **)&list, 10);
  hang_up(&one);
}

static void open_chat(floor_client *self, chat *one) {
  static const char request[] = "GET /api/v1/external/session HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n";
  char head[512];
  dial(self, one);
  if (self->work.streams) return;
  int n = snprintf(head, sizeof head, request,
                   self->work.compressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
  write_all(one, head, (size_t)n);
  read_response(one);
}

/* ---- chats ---- */

static void ask(floor_client *self, chat *one) {
  static const char frame[] = "\x81\x9f\0\0\0\0{\"task_id\":\"bench\",\"text\":\"go\"}"; /* a mask of zeros */
  static const char post[] =
      "POST /apollo-api/messaging/v1/messages/stream HTTP/1.1\r\nHost: bench\r\n"
      "Content-Type: application/json\r\nContent-Length: 31\r\nAuthorization: Bearer bench\r\n\r\n"
      "{\"text\":\"go\",\"user_id\":\"bench\"}";
  one->left = self->lengths[one->asked++];
  if (self->work.streams) {
    write_all(one, post, sizeof post - 1);
  } else {
    write_all(one, frame, sizeof frame - 1);
  }
}

/* Reads once; whether the reply has ended. */
static bool take(floor_client *self, chat *one) {
  bool is_first = one->left == self->lengths[one->asked - 1];
  size_t n = read_some(one);
  errno = 0;
  if (n > one->left) fail("more bytes than the reply has");
  if (is_first) self->firsts[self->first_count++] = unix_time();
  self->read += n;
  one->left -= n;
  return one->left == 0;
}

/* Reads this many replies in each chat, as many chats at once as the workload says. */
static void stream(floor_client *self, size_t replies) {
  struct epoll_event events[1024];
  size_t last = self->chats[0].asked + replies, started = 0, left = self->work.chats * replies;
  self->first_count = 0;
  self->read = 0;
  if (replies == 0) return;
  while (started < self->work.at_once) ask(self, &self->chats[started++]);
  while (left > 0) {
    int ready = epoll_wait(self->poller, events, 1024, -1);
    for (int i = 0; i < ready; i++) {
      chat *one = events[i].data.ptr;
      bool ended = take(self, one);
      while (!ended && one->tls && SSL_pending(one->tls) > 0) ended = take(self, one);
      if (!ended) continue;
      left--;
      if (one->asked < last) {
        ask(self, one);
      } else if (started < self->work.chats) {
        ask(self, &self->chats[started++]);
      }
    }
  }
}

/* ---- the report ---- */

/* kB, by its name in /proc/self/status. */
static long memory(const char *name) {
  char line[256];
  long value = 0;
  FILE *status = fopen("/proc/self/status", "r");
  if (!status) fail("/proc/self/status");
  while (fgets(line, sizeof line, status)) {
    if (strncmp(line, name, strlen(name)) == 0) value = strtol(line + strlen(name) + 1, NULL, 10);
  }
  fclose(status);
  return value;
}

int main(int argc, char **argv) {
  floor_client self = {.port = argc == 2 ? atoi(argv[1]) : 0, .poller = epoll_create1(0)};
  workload_read(&self.work);
  size_t replies = self.work.warm_up + self.work.replies;
  self.chats = calloc(self.work.chats, sizeof *self.chats);
  self.lengths = calloc(replies + 1, sizeof *self.lengths);
  self.firsts = calloc(self.work.chats * (replies + 1), sizeof *self.firsts);
  if (!self.port || self.poller < 0 || !self.chats || !self.lengths || !self.firsts) fail("start");
  start_tls(&self);
  learn_lengths(&self);
  long resident = memory("VmRSS");
  double wall = wall_time(), cpu = cpu_time();
  for (size_t i = 0; i < self.work.chats; i++) open_chat(&self, &self.chats[i]);
  printf("{\"connect_wall\":%.6f,\"connect_cpu\":%.6f", wall_time() - wall, cpu_time() - cpu);
  stream(&self, self.work.warm_up);
  wall = wall_time(), cpu = cpu_time();
  stream(&self, self.work.replies);
  printf(",\"wall\":%.6f,\"cpu\":%.6f", wall_time() - wall, cpu_time() - cpu);
  printf(",\"firsts\":[");
  for (size_t i = 0; i < self.first_count; i++) printf("%s%.6f", i > 0 ? "," : "", self.firsts[i]);
  printf("]");
  printf(",\"read\":%zu,\"resident\":%ld,\"peak\":%ld}\n", self.read, memory("VmRSS") - resident, memory("VmHWM"));
  for (size_t i = 0; i < self.work.chats; i++) hang_up(&self.chats[i]);
  return 0;
}

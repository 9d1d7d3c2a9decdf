/* The server that all contenders are measured against: it asks nothing of what it is sent, has rendered all replies
 * before the first connection, and writes them in the largest blocks that the sockets take, or update by update at the
 * workload's pace, the chats evenly one after the other. Prints its port, and when standard input ends how busy it was.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client.h"

static void listen_on_loopback(server *self) {
  enum { BACKLOG = 4096 };
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  self->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (self->listener < 0 || bind(self->listener, (struct sockaddr *)&address, length) ||
      listen(self->listener, BACKLOG) || getsockname(self->listener, (struct sockaddr *)&address, &length)) {
    fail("listen");
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

static void accept_all(server *self) {
  const int on = 1;
  if (self->started == 0) self->started = wall_time(), self->started_cpu = cpu_time();
  for (int fd; (fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client_open(self, fd);
  }
  if (errno != EAGAIN && errno != ECONNABORTED) fail("accept4");
}

static void start_tls(server *self) {
  char file[4096];
  const char *dir = self->work.tls_dir;
  if (!dir) return;
  self->tls = SSL_CTX_new(TLS_server_method());
  if (!self->tls) fail("SSL_CTX_new");
  SSL_CTX_set_mode(self->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!self->work.resumes) {
    SSL_CTX_set_options(self->tls, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(self->tls, 0);
    SSL_CTX_set_session_cache_mode(self->tls, SSL_SESS_CACHE_OFF);
  }
  snprintf(file, sizeof file, "%s/server.pem", dir);
  if (SSL_CTX_use_certificate_chain_file(self->tls, file) != 1) fail(file);
  snprintf(file, sizeof file, "%s/server.key", dir);
  if (SSL_CTX_use_PrivateKey_file(self->tls, file, SSL_FILETYPE_PEM) != 1) fail(file);
}

static void make_ticker(server *self) {
  if (self->work.pace == 0) return;
  self->places = calloc(self->work.chats, sizeof *self->places);
  self->ticker = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  if (!self->places || self->ticker < 0) fail("timerfd");
}

static void tick(server *self) {
  uint64_t count;
  if (read(self->ticker, &count, sizeof count) != sizeof count) return;
  for (; count > 0; count--) {
    client *next = self->places[self->ticks++ % self->work.chats];
    if (next) client_tick(next);
  }
}

static void watch(server *self, int fd, void *as) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = as};
  if (epoll_ctl(self->poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

/* Until standard input ends. */
static void serve(server *self) {
  enum { MOST = 256 };
  struct epoll_event events[MOST];
  for (;;) {
    int ready = epoll_wait(self->poller, events, MOST, -1);
    bool is_tick = false;
    for (int i = 0; i < ready; i++) {
      void *what = events[i].data.ptr;
      if (!what) return;
      if (what == &self->listener) {
        accept_all(self);
      } else if (what == &self->ticker) {
        is_tick = true; /* last, because it may free clients */
      } else {
        client_serve(what);
      }
    }
    if (is_tick) tick(self);
  }
}

static void report(const server *self) {
  double wall = wall_time() - self->started, cpu = cpu_time() - self->started_cpu;
  size_t wrote = self->wrote ? self->answered : 0;
  printf("{\"busy\":%.4f,\"sent\":%zu,\"answered\":%zu,\"connections\":%zu,\"resumed\":%zu,\"wrote\":[", cpu / wall,
         self->sent, self->answered, self->connections, self->resumed);
  for (size_t i = 0; i < wrote; i++) printf("%s%.6f", i > 0 ? "," : "", self->wrote[i]);
  printf("]}\n");
}

int main(void) {
  server self = {.poller = epoll_create1(0)};
  if (self.poller < 0) fail("epoll_create1");
  workload_read(&self.work);
  self.replies = replies_render(&self.work);
  if (self.work.chats == 1) self.wrote = calloc(replies_count(&self.work) + 1, sizeof *self.wrote);
  start_tls(&self);
  make_ticker(&self);
  listen_on_loopback(&self);
  watch(&self, self.listener, &self.listener);
  watch(&self, STDIN_FILENO, NULL);
  if (self.ticker) watch(&self, self.ticker, &self.ticker);
  serve(&self);
  report(&self);
  return 0;
}

/* The floor under every client: asks for the same replies over the same WebSockets as bench/stream.lua, reads what
 * comes and looks at nothing but the end. One chat waits in recv, many wait in epoll. Prints CPU microseconds an
 * update.
 *
 * usage: read_sockets PORT CHATS REPLIES UPDATES */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 10 }; /* replies before the measurement, of all chats together */

static char buffer[65536];
static int poller;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
  return fd;
}

static void write_all(int fd, const char *bytes, size_t n) {
  if (write(fd, bytes, n) != (ssize_t)n) fail("write");
}

/* Reads once; whether `mark` was near the end of what has come. */
static int read_sees(int fd, const char *mark) {
  ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0) fail("recv");
  size_t look = n < 2048 ? (size_t)n : 2048;
  return memmem(buffer + n - look, look, mark, strlen(mark)) != NULL;
}

static void open_websocket(int fd) {
  static const char request[] = "GET /api/v1/external/session HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  write_all(fd, request, sizeof request - 1);
  while (!read_sees(fd, "\r\n\r\n")) continue;
}

static void ask(int fd) {
  static const char json[] = "{\"task_id\":\"bench\",\"text\":\"go\"}";
  char frame[6 + sizeof json - 1] = {(char)0x81, (char)(0x80 | (sizeof json - 1))}; /* a mask of zeros */
  memcpy(frame + 6, json, sizeof json - 1);
  write_all(fd, frame, sizeof frame);
}

/* The sockets that can be read; the one of one chat is waited for in recv itself. */
static int find_ready(const int *fds, int chats, struct epoll_event *events, int most) {
  if (chats > 1) return epoll_wait(poller, events, most, -1);
  events[0].data.fd = fds[0];
  return 1;
}

/* Reads this many replies on each socket, all at the same time. */
static void stream(const int *fds, int chats, int replies) {
  struct epoll_event events[1024];
  int left = chats * replies;
  for (int i = 0; i < chats && replies > 0; i++) ask(fds[i]);
  while (left > 0) {
    int ready = find_ready(fds, chats, events, 1024);
    for (int i = 0; i < ready; i++) {
      if (!read_sees(events[i].data.fd, "\"followup_suggestions\"")) continue;
      left--;
      if (left >= chats) ask(events[i].data.fd); /* all are at the same reply, more or less */
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int chats = atoi(argv[2]), replies = atoi(argv[3]), updates = atoi(argv[4]);
  int *fds = calloc((size_t)chats, sizeof *fds);
  poller = epoll_create1(0);
  if (!fds || poller < 0) fail("epoll_create1");
  for (int i = 0; i < chats; i++) open_websocket(fds[i] = dial(atoi(argv[1])));
  stream(fds, chats, WARM_UP / chats);
  clock_t start = clock();
  stream(fds, chats, replies);
  printf("%.4f\n", (double)(clock() - start) / CLOCKS_PER_SEC / ((double)chats * replies * updates) * 1e6);
  return 0;
}

/* Asks an agent of the tasks API by the C library and a socket of its own, and prints the answer as it comes, then the
 * whole message. It speaks no TLS and connects but once: enough for aui-sim, and to see what a driver does.
 *
 *   cc ask.c $(pkg-config --cflags --libs aui) -o ask
 *   ./ask 127.0.0.1 7788 '{"task_id": "demo", "text": "a quiet laptop"}' */
#include <aui.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static int dial(aui_session *session, const char *host, const char *port) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *place;
  aui_session_phase(session, AUI_PHASE_RESOLVE, now());
  int problem = getaddrinfo(host, port, &hints, &place);
  if (problem) {
    aui_session_disconnected(session, gai_strerror(problem), true, now());
    return -1;
  }
  aui_session_phase(session, AUI_PHASE_CONNECT, now());
  int fd = socket(place->ai_family, place->ai_socktype, place->ai_protocol);
  if (connect(fd, place->ai_addr, place->ai_addrlen) == 0) {
    aui_session_connected(session, now());
  } else {
    aui_session_disconnected(session, strerror(errno), true, now());
  }
  freeaddrinfo(place);
  return fd;
}

static void write_output(aui_session *session, int fd) {
  for (;;) {
    uint8_t random[AUI_MOST_RANDOM];
    size_t n = aui_session_random_wanted(session);
    if (getentropy(random, n) == 0) aui_session_random(session, random, n);
    const void *bytes = aui_session_output(session, &n, now());
    if (n == 0) return;
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent > 0) aui_session_written(session, (size_t)sent, now());
    if (sent < 0) aui_session_disconnected(session, strerror(errno), true, now());
  }
}

/* Writes what is to be written, waits until something comes or is due, and tells the session. */
static void step(aui_session *session, int fd) {
  write_output(session, fd);
  uint64_t due = aui_session_deadline(session), time = now();
  int wait = due <= time ? 0 : due - time < 60000 ? (int)(due - time) : 60000;
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (aui_session_want(session) == AUI_WANT_DISCONNECT) {
    aui_session_disconnected(session, NULL, true, now());
  } else if (poll(&ready, 1, wait) > 0) {
    char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n > 0) aui_session_receive(session, bytes, (size_t)n, now());
    if (n <= 0) aui_session_disconnected(session, n < 0 ? strerror(errno) : NULL, true, now());
  }
  aui_session_tick(session, now());
}

/* Prints what is new of the answer, of which `shown` bytes were; all of it where the agent takes some back. */
static void print_text(aui_reply *reply, size_t *shown) {
  size_t keep, n;
  const char *chunk;
  if (!aui_reply_take(reply, &keep, &chunk, &n)) return;
  bool goes_on = keep == *shown;
  *shown = keep + n;
  if (!goes_on) chunk = aui_reply_text(reply, &n);
  printf("%s%.*s", goes_on ? "" : "\n", (int)n, chunk);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: %s HOST PORT JSON\n", argv[0]), 2;
  char name[300];
  snprintf(name, sizeof name, "%s:%s", argv[1], argv[2]);
  const aui_session_config config = {.request = {name, "/api/v1/external/session", ""},
                                     .is_plain = true,
                                     .connect_timeout = 10000,
                                     .close_timeout = 2000,
                                     .ping = {.interval = 20000, .timeout = 10000},
                                     .queue_messages = 1,
                                     .queue_bytes = 1 << 20,
                                     .max_response_head = 16384,
                                     .max_message = 1 << 20,
                                     .max_depth = 64};
  const aui_reply_timeouts timeouts = {.first = 60000, .idle = 60000, .total = AUI_NEVER};
  aui_error refusal = {.message = "out of memory"};
  aui_session *session = aui_session_new(&config);
  aui_reply *reply = session ? aui_session_send(session, argv[3], strlen(argv[3]), &timeouts, now(), &refusal) : NULL;
  if (!reply) return fprintf(stderr, "%s\n", refusal.message), 1;

  int fd = dial(session, argv[1], argv[2]);
  for (size_t shown = 0; aui_reply_get_status(reply) == AUI_REPLY_PENDING; print_text(reply, &shown)) step(session, fd);
  size_t n;
  const char *message = aui_reply_message(reply, &n);
  if (message) printf("\n%.*s\n", (int)n, message);
  if (!message) fprintf(stderr, "%s\n", aui_reply_error(reply)->message);

  aui_session_close(session, now());
  while (!aui_session_finished(session)) step(session, fd);
  aui_reply_release(reply, now());
  aui_session_free(session);
  return message ? 0 : 1;
}

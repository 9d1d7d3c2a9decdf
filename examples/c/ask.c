/* Asks an agent on this machine by the C library, a socket and poll, and prints the answer as it comes, then the whole
 * message. It speaks no TLS and connects but once: enough for aui-sim, and to see what a driver does.
 *   cc ask.c $(pkg-config --cflags --libs aui) -o ask
 *   ./ask 7788 '{"task_id": "demo", "text": "a quiet laptop"}' */
#include <arpa/inet.h>
#include <aui.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Moves what there is to move, both ways. Waits for more no longer than the session says. */
static void step(aui_session *session, int fd) {
  char bytes[16384];
  size_t n = aui_session_random_wanted(session);
  if (getentropy(bytes, n) == 0) aui_session_random(session, bytes, n);
  const void *output = aui_session_output(session, &n, now());
  ssize_t moved = n > 0 ? send(fd, output, n, MSG_NOSIGNAL) : 0;
  if (moved > 0) aui_session_written(session, (size_t)moved, now());

  uint64_t due = aui_session_deadline(session), time = now();
  int wait = n > 0 || due <= time ? 0 : due - time < 60000 ? (int)(due - time) : 60000;
  if (aui_session_want(session) != AUI_WANT_DISCONNECT && poll(&(struct pollfd){fd, POLLIN, 0}, 1, wait) > 0) {
    moved = recv(fd, bytes, sizeof bytes, 0);
    if (moved > 0) aui_session_receive(session, bytes, (size_t)moved, now());
    if (moved <= 0) aui_session_disconnected(session, moved < 0 ? "the socket is broken" : NULL, true, now());
  }
  aui_session_tick(session, now());
  if (aui_session_want(session) == AUI_WANT_DISCONNECT) aui_session_disconnected(session, NULL, true, now());
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s PORT JSON\n", argv[0]), 2;
  const aui_request request = {"localhost", "/api/v1/external/session", ""};
  const aui_session_config config = {.request = request, .is_plain = true, AUI_SESSION_DEFAULTS};
  const aui_reply_timeouts timeouts = {.first = 60000, .idle = 60000, .total = AUI_NEVER};
  aui_error refusal = {.message = "out of memory"};
  aui_session *session = aui_session_new(&config);
  aui_reply *reply = session ? aui_session_send(session, argv[2], strlen(argv[2]), &timeouts, now(), &refusal) : NULL;
  if (!reply) return fprintf(stderr, "%s\n", refusal.message), 1;

  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&place, sizeof place) < 0) return perror("connect"), 1;
  aui_session_phase(session, AUI_PHASE_CONNECT, now());
  aui_session_connected(session, now());

  size_t keep, n, shown = 0;
  for (const char *chunk; aui_reply_get_status(reply) == AUI_REPLY_PENDING;) {
    step(session, fd);
    if (!aui_reply_take(reply, &keep, &chunk, &n)) continue;
    if (keep < shown) printf("\n(taken back from byte %zu on) ", keep);
    printf("%.*s", (int)n, chunk);
    fflush(stdout);
    shown = keep + n;
  }
  const char *message = aui_reply_message(reply, &n);
  if (message) printf("\n%.*s\n", (int)n, message);
  if (!message) fprintf(stderr, "%s\n", aui_reply_error(reply)->message);

  aui_session_close(session, now());
  while (!aui_session_finished(session)) step(session, fd);
  aui_reply_release(reply, now());
  aui_session_free(session);
  return message ? 0 : 1;
}

/* Opens TCP connections: the name is resolved, then its addresses race each other by the rules of Happy Eyeballs (RFC
 * 8305). libwebsockets gets the socket of the winner: its own connecting would block in the resolver and tells failures
 * apart badly. */
#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/loop_state.h"

enum { ATTEMPT_DELAY = 250 }; /* milliseconds; RFC 8305 5 */

typedef struct {
  aui_dial *dial;
  struct sockaddr_storage address;
  bool started;
  bool over;
  int status; /* why it failed, as libuv's error */
  uv_tcp_t tcp;
  uv_connect_t request;
} attempt;

/* Freed when libuv has let go of every handle and request in it; the owner forgets it earlier. */
struct aui_dial {
  aui_loop *loop;
  const aui_dial_events *events;
  void *owner; /* NULL once it is over */
  char *host;
  uint16_t port;
  unsigned users; /* handles that libuv holds */
  aui_question question;
  uv_timer_t timer; /* begins the next attempt */
  attempt *attempts;
  size_t count;
  size_t next;
  size_t running;
};

static void dial_let_go(aui_dial *dial) {
  if (--dial->users > 0) return;
  free(dial->attempts);
  free(dial->host);
  free(dial);
}

static void on_timer_closed(uv_handle_t *handle) {
  dial_let_go(handle->data);
}

static void on_tcp_closed(uv_handle_t *handle) {
  attempt *a = handle->data;
  dial_let_go(a->dial);
}

static void close_attempt(attempt *a) {
  if (!a->started || a->over) return;
  a->over = true;
  a->dial->running--;
  uv_close((uv_handle_t *)&a->tcp, on_tcp_closed);
}

/* Ends the dial: what libuv still holds comes back on later turns. */
static void *dial_finish(aui_dial *dial) {
  void *owner = dial->owner;
  dial->owner = NULL;
  dial->loop->busy = true;
  for (size_t i = 0; i < dial->count; i++) close_attempt(&dial->attempts[i]);
  aui_question_withdraw(&dial->question);
  uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
  return owner;
}

void aui_dial_cancel(aui_dial *dial) {
  dial_finish(dial);
}

/* ---- Failure in words ---- */

__attribute__((format(printf, 2, 3))) static void dial_fail(aui_dial *dial, const char *format, ...) {
  char cause[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(cause, sizeof cause, format, arguments);
  va_end(arguments);
  dial->events->failed(dial_finish(dial), cause);
}

/* How much a failure tells: a host that answered more than silence, silence more than the lack of a way to it. */
static int failure_weight(int status) {
  switch (status) {
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT: return 0;
    case UV_ETIMEDOUT: return 1;
    default: return 2;
  }
}

/* "refused" or "failed: network is unreachable". */
static void say_failure(int status, char *words, size_t size) {
  char reason[128];
  if (status == UV_ECONNREFUSED) {
    snprintf(words, size, "refused");
  } else {
    snprintf(words, size, "failed: %s", uv_strerror_r(status, reason, sizeof reason));
  }
}

/* Names the most telling failure of all attempts. */
static void dial_fail_to_connect(aui_dial *dial) {
  const attempt *worst = &dial->attempts[0];
  for (size_t i = 1; i < dial->count; i++) {
    if (failure_weight(dial->attempts[i].status) > failure_weight(worst->status)) worst = &dial->attempts[i];
  }
  char address[INET6_ADDRSTRLEN] = "?", place[INET6_ADDRSTRLEN + 4] = "", words[160], tried[48] = "";
  uv_ip_name((const struct sockaddr *)&worst->address, address, sizeof address);
  if (!aui_dial_is_literal(dial->host, NULL)) snprintf(place, sizeof place, " (%s)", address);
  if (dial->count > 1) snprintf(tried, sizeof tried, " (%zu addresses tried)", dial->count);
  say_failure(worst->status, words, sizeof words);
  dial_fail(dial, "connection to %s%s port %u %s%s", dial->host, place, dial->port, words, tried);
}

/* ---- Attempts ---- */

static void dial_on_timer(uv_timer_t *timer);

/* Whether the socket is connected to itself: to a port of this machine where nobody listens, and which the kernel has
 * then given to the socket as its own (two ends that open at the same time are in order for TCP: RFC 9293, 3.5). */
static bool is_loop(const uv_tcp_t *tcp) {
  struct sockaddr_storage ours = {0}, theirs = {0};
  int ours_size = sizeof ours, theirs_size = sizeof theirs;
  if (uv_tcp_getsockname(tcp, (struct sockaddr *)&ours, &ours_size) < 0) return false;
  if (uv_tcp_getpeername(tcp, (struct sockaddr *)&theirs, &theirs_size) < 0) return false;
  return memcmp(&ours, &theirs, sizeof ours) == 0;
}

/* The socket is taken out of libuv's hands: libwebsockets watches it by a handle of its own. */
static int take_socket(uv_tcp_t *tcp, uv_os_sock_t *socket) {
  uv_os_fd_t fd;
  int status = uv_fileno((uv_handle_t *)tcp, &fd);
  if (status < 0) return status;
  uv_tcp_nodelay(tcp, 1);
  *socket = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  return *socket < 0 ? uv_translate_sys_error(errno) : 0;
}

static void dial_on_connect(uv_connect_t *request, int status) {
  attempt *a = request->data;
  aui_dial *dial = a->dial;
  uv_os_sock_t socket;
  if (a->over) return;
  if (status == 0 && is_loop(&a->tcp)) status = UV_ECONNREFUSED;
  if (status == 0) status = take_socket(&a->tcp, &socket);
  if (status == 0) {
    dial->events->connected(dial_finish(dial), socket);
    return;
  }
  a->status = status;
  close_attempt(a);
  uv_timer_start(&dial->timer, dial_on_timer, 0, 0);
}

static void start_attempt(attempt *a) {
  aui_dial *dial = a->dial;
  a->status = uv_tcp_init(dial->loop->uv, &a->tcp);
  if (a->status < 0) return;
  a->started = true;
  dial->users++;
  dial->running++;
  a->tcp.data = a->request.data = a;
  a->status = uv_tcp_connect(&a->request, &a->tcp, (const struct sockaddr *)&a->address, dial_on_connect);
  if (a->status < 0) close_attempt(a);
}

/* Begins attempts until one is under way, and looks again later. */
static void dial_on_timer(uv_timer_t *timer) {
  aui_dial *dial = timer->data;
  dial->loop->busy = true;
  size_t before = dial->running;
  unsigned occupied = aui_loop_occupy_stdio();
  while (dial->next < dial->count && dial->running == before) start_attempt(&dial->attempts[dial->next++]);
  aui_loop_release_stdio(occupied);
  if (dial->running == 0) {
    dial_fail_to_connect(dial);
  } else if (dial->next < dial->count) {
    uv_timer_start(timer, dial_on_timer, ATTEMPT_DELAY, 0);
  }
}

/* ---- Addresses ---- */

bool aui_dial_is_literal(const char *host, struct sockaddr_storage *address) {
  struct sockaddr_storage scratch;
  if (!address) address = &scratch;
  memset(address, 0, sizeof *address);
  return uv_ip4_addr(host, 0, (struct sockaddr_in *)address) == 0 ||
         uv_ip6_addr(host, 0, (struct sockaddr_in6 *)address) == 0;
}

static void add_address(aui_dial *dial, const struct sockaddr *address, size_t size) {
  attempt *a = &dial->attempts[dial->count++];
  a->dial = dial;
  memcpy(&a->address, address, size);
  if (address->sa_family == AF_INET6) {
    ((struct sockaddr_in6 *)&a->address)->sin6_port = htons(dial->port);
  } else {
    ((struct sockaddr_in *)&a->address)->sin_port = htons(dial->port);
  }
}

static const struct addrinfo *find_family(const struct addrinfo *list, int family, bool same) {
  while (list && (list->ai_family == family) != same) list = list->ai_next;
  return list;
}

/* The resolver's order, in turns between the family that it put first and the other (RFC 8305 4). */
static bool take_addresses(aui_dial *dial, const struct addrinfo *list) {
  size_t count = 0;
  for (const struct addrinfo *info = list; info; info = info->ai_next) count++;
  dial->attempts = calloc(count, sizeof *dial->attempts);
  if (!dial->attempts) return false;
  int first = list->ai_family;
  const struct addrinfo *next[] = {find_family(list, first, true), find_family(list, first, false)};
  for (bool other = false; next[0] || next[1]; other = !other) {
    const struct addrinfo *info = next[other];
    if (!info) continue;
    add_address(dial, info->ai_addr, info->ai_addrlen);
    next[other] = find_family(info->ai_next, first, !other);
  }
  return true;
}

static void dial_on_answer(aui_question *question, const struct addrinfo *addresses, const char *why) {
  aui_dial *dial = AUI_CONTAINER_OF(question, aui_dial, question);
  if (!addresses) {
    dial_fail(dial, "%s", why);
  } else if (!take_addresses(dial, addresses)) {
    dial_fail(dial, "out of memory");
  } else {
    dial->events->resolved(dial->owner);
    if (dial->owner) dial_on_timer(&dial->timer); /* it may have given up just now */
  }
}

static bool take_literal(aui_dial *dial, const struct sockaddr_storage *address) {
  dial->attempts = calloc(1, sizeof *dial->attempts);
  if (!dial->attempts) return false;
  add_address(dial, (const struct sockaddr *)address, sizeof *address);
  return true;
}

/* An address is dealt with on the next turn, so that the caller never hears of it before aui_dial_start returns. */
static bool find_addresses(aui_dial *dial) {
  struct sockaddr_storage address;
  if (!aui_dial_is_literal(dial->host, &address)) {
    return aui_resolve(&dial->loop->reactor->resolver, &dial->question, dial->host);
  }
  return take_literal(dial, &address) && uv_timer_start(&dial->timer, dial_on_timer, 0, 0) == 0;
}

aui_dial *aui_dial_start(aui_loop *loop, const aui_dial_events *events, void *owner, const char *host, uint16_t port) {
  aui_dial *dial = calloc(1, sizeof *dial);
  if (!dial) return NULL;
  dial->host = strdup(host);
  if (!dial->host) {
    free(dial);
    return NULL;
  }
  dial->loop = loop;
  dial->events = events;
  dial->owner = owner;
  dial->port = port;
  dial->question.answer = dial_on_answer;
  aui_question_init(&dial->question);
  uv_timer_init(loop->uv, &dial->timer);
  dial->timer.data = dial;
  dial->users = 1;
  loop->busy = true;
  if (find_addresses(dial)) return dial;
  dial_finish(dial);
  return NULL;
}

/* Reactors, and those of them that nobody uses. */
#define _GNU_SOURCE /* dup3 */
#include "net/reactor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/raw.h"

enum {
  /* What a reactor opens at its creation, and its first connection: 10 with libwebsockets 4.1 and libuv 1.44. */
  DESCRIPTORS_NEEDED = 14,

  /* Turns after which what was closed is gone: it takes three. */
  MAX_TURNS = 100
};

/* The state of the process, guarded by `lock`, but for `forks`, which only fork handlers change: in a child, where no
 * other thread is yet. libwebsockets' creation is guarded too: it has state of the process of its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static aui_reactor *unused;
static int handlers_status;
static atomic_uint forks;

/* ---- Forks ---- */

static void before_fork(void) {
  pthread_mutex_lock(&lock);
}

static void after_fork(void) {
  pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void) {
  atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
  pthread_mutex_unlock(&lock);
}

static void register_fork_handlers(void) {
  handlers_status = pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

unsigned aui_reactor_forks(void) {
  return atomic_load_explicit(&forks, memory_order_relaxed);
}

/* What to watch instead of the parent's `fd`. By libwebsockets' event descriptor processes would wake each other, and
 * one that finds nothing in it gives it up; to a socket close_notify might be written. -1: none, and errno says why. */
static int open_substitute(int fd) {
  struct stat status;
  bool is_socket = fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
  return is_socket ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                   : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void replace_descriptor(uv_handle_t *handle, void *result) {
  bool *ok = result;
  int fd;
  if (uv_fileno(handle, &fd) < 0) return; /* it has none, or is closing and has closed it */
  int own = open_substitute(fd);
  if (own < 0 || dup3(own, fd, O_CLOEXEC) < 0) *ok = false;
  if (own >= 0) close(own);
}

/* What uv_loop_fork opens anew gets the lowest numbers that are free. While all lower ones are taken the loop's
 * descriptor gets back its own, by which hosts poll it. */
static int fork_loop(uv_loop_t *loop) {
  int number = uv_backend_fd(loop), fd;
  bool *taken = calloc((size_t)number, sizeof *taken);
  while (taken && (fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
    if (fd > number) {
      close(fd);
      break;
    }
    taken[fd] = true;
  }
  int status = uv_loop_fork(loop);
  for (fd = 0; taken && fd < number; fd++) {
    if (taken[fd]) close(fd);
  }
  free(taken);
  return status;
}

bool aui_reactor_fork(aui_reactor *reactor) {
  bool ok = true;
  reactor->forks = aui_reactor_forks();
  uv_walk(&reactor->loop, replace_descriptor, &ok);
  aui_resolver_fork(&reactor->resolver);
  return fork_loop(&reactor->loop) == 0 && ok;
}

/* ---- Creation ---- */

/* Where the system refuses what they need, libuv aborts, and libwebsockets crashes or half exists (seen with 1.44 and
 * 4.1.6): so it is asked for before they do. */
static const char *find_obstacle(void) {
  int fds[DESCRIPTORS_NEEDED], n = 0, error = 0;
  fds[0] = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fds[0] < 0 && errno != EMFILE && errno != ENFILE) return "libwebsockets needs /dev/urandom, which cannot be read";
  while (n < DESCRIPTORS_NEEDED && fds[n] >= 0) {
    n++;
    if (n < DESCRIPTORS_NEEDED) fds[n] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
  }
  if (n < DESCRIPTORS_NEEDED) error = errno;
  while (n > 0) close(fds[--n]);
  return error ? uv_strerror(uv_translate_sys_error(error)) : NULL;
}

/* As libwebsockets sizes its table: by the soft limit, unless that is unreasonable. */
static int table_size(void) {
  long limit = sysconf(_SC_OPEN_MAX);
  return limit < 0 || limit > 10000000 ? 2560 : (int)limit;
}

/* libwebsockets ignores SIGPIPE for the whole process, and need not: it sends with MSG_NOSIGNAL. The host's choice is
 * put back. Its log, which would go to the terminal, is silenced; the sink stays the host's. */
static struct lws_context *create_context(aui_reactor *reactor) {
  void *loops[] = {&reactor->loop};
  struct lws_context_creation_info info = {
      .port = CONTEXT_PORT_NO_LISTEN,
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
      .foreign_loops = loops,
      .pcontext = &reactor->lws,
      .pt_serv_buf_size = AUI_RAW_READ_SIZE,
      .timeout_secs = AUI_RAW_LONG_TIMEOUT,
      .gid = -1,
      .uid = -1,
  };
  struct sigaction sigpipe;
  bool saved = sigaction(SIGPIPE, NULL, &sigpipe) == 0;
  lws_set_log_level(0, NULL);
  struct lws_context *context = lws_create_context(&info);
  if (saved) sigaction(SIGPIPE, &sigpipe, NULL);
  return context;
}

/* The one place that destroys a context, which hardly ever comes to pass. libwebsockets' handles must be gone from the
 * loop before the second call frees the memory they are in. Newer versions do that by themselves, and clear the
 * pointer. What does not come to an end is left alone, for ever. */
static void discard_reactor(aui_reactor *reactor) {
  if (reactor->lws) lws_context_destroy(reactor->lws);
  uv_close((uv_handle_t *)&reactor->resolver.wake, NULL);
  uv_close((uv_handle_t *)&reactor->limit, NULL);
  uv_close((uv_handle_t *)&reactor->turn_end, NULL);
  int turns = 0;
  while (uv_run(&reactor->loop, UV_RUN_NOWAIT) && turns < MAX_TURNS) turns++;
  if (turns == MAX_TURNS) return;
  if (reactor->lws) lws_context_destroy(reactor->lws);
  uv_loop_close(&reactor->loop);
  free(reactor);
}

static void count_handle(uv_handle_t *handle, void *n) {
  (void)handle;
  ++*(unsigned *)n;
}

static unsigned count_handles(aui_reactor *reactor) {
  unsigned n = 0;
  uv_walk(&reactor->loop, count_handle, &n);
  return n;
}

static void end_turn(uv_check_t *turn_end) {
  uv_stop(turn_end->loop);
}

static void init_turns(aui_reactor *reactor) {
  uv_timer_init(&reactor->loop, &reactor->limit);
  uv_check_init(&reactor->loop, &reactor->turn_end);
  uv_check_start(&reactor->turn_end, end_turn);
  uv_unref((uv_handle_t *)&reactor->turn_end);
}

static aui_reactor *create_with_loop(const char **why) {
  aui_reactor *reactor = calloc(1, sizeof *reactor);
  int status = reactor ? uv_loop_init(&reactor->loop) : UV_ENOMEM;
  if (status == 0) {
    status = aui_resolver_init(&reactor->resolver, &reactor->loop);
    if (status == 0) init_turns(reactor);
    if (status == 0) return reactor;
    uv_loop_close(&reactor->loop);
  }
  *why = uv_strerror(status);
  free(reactor);
  return NULL;
}

static aui_reactor *create_reactor(const char **why) {
  *why = find_obstacle();
  if (*why) return NULL;
  aui_reactor *reactor = create_with_loop(why);
  if (!reactor) return NULL;
  int room = table_size();
  reactor->lws = create_context(reactor);
  if (reactor->lws) reactor->vhost = aui_raw_create_vhost(reactor->lws);
  if (!reactor->vhost) {
    *why = reactor->lws
               ? "out of memory"
               : "libwebsockets cannot use libuv: is its package for that installed (Debian: libwebsockets-evlib-uv)?";
    discard_reactor(reactor);
    return NULL;
  }
  reactor->descriptors = table_size() < room ? table_size() : room; /* whatever it has seen itself */
  reactor->forks = aui_reactor_forks();
  reactor->handles = count_handles(reactor);
  return reactor;
}

/* ---- Use and reuse ---- */

/* One whose room is as large as the limit is now; in a child those of its parent are parted from it first. */
static aui_reactor *find_unused(void) {
  for (aui_reactor **place = &unused; *place;) {
    aui_reactor *reactor = *place;
    bool ours = reactor->forks == aui_reactor_forks() || aui_reactor_fork(reactor);
    bool fits = reactor->descriptors >= table_size();
    if (ours && !fits) {
      place = &reactor->next;
    } else {
      *place = reactor->next;
      if (ours) return reactor;
    }
  }
  return NULL;
}

aui_reactor *aui_reactor_take(const char **why) {
  pthread_once(&prepared, register_fork_handlers);
  if (handlers_status) {
    *why = "out of memory";
    return NULL;
  }
  pthread_mutex_lock(&lock);
  aui_reactor *reactor = find_unused();
  if (!reactor) reactor = create_reactor(why);
  pthread_mutex_unlock(&lock);
  return reactor;
}

bool aui_reactor_settle(aui_reactor *reactor) {
  for (int turns = 0; count_handles(reactor) > reactor->handles; turns++) {
    if (turns == MAX_TURNS) return false;
    uv_run(&reactor->loop, UV_RUN_NOWAIT);
  }
  return true;
}

/* libwebsockets writes beyond its table for a socket that it has no room for (seen with 4.1). */
struct lws *aui_reactor_adopt(aui_reactor *reactor, uv_os_sock_t socket, aui_owner *owner, char *why, size_t why_size) {
  if (socket >= reactor->descriptors) {
    close(socket);
    snprintf(why, why_size,
             "descriptor %d is beyond %d, the process's limit when its first session was made: raise it before that",
             socket, reactor->descriptors);
    return NULL;
  }
  struct lws *wsi = aui_raw_adopt(reactor->vhost, socket, owner);
  if (!wsi) snprintf(why, why_size, "libwebsockets has no room for another connection");
  return wsi;
}

void aui_reactor_give_back(aui_reactor *reactor) {
  if (!aui_reactor_settle(reactor)) return; /* lost, but nobody waits for ever */
  pthread_mutex_lock(&lock);
  reactor->next = unused;
  unused = reactor;
  pthread_mutex_unlock(&lock);
}

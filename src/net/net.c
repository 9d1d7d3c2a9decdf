/* The loop: a private libuv loop with one libwebsockets context, stepped by the host; and the queue of links with news.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/internal.h"

static const struct lws_protocols protocols[] = {
    {.name = "aui", .callback = aui_link_callback},
    {0},
};

/* libwebsockets ignores SIGPIPE for the whole process, and need not: it sends with MSG_NOSIGNAL. The host's choice is
 * put back. Its log, which would go to the terminal, is silenced; the sink stays the host's. */
static struct lws_context *create_context(aui_net *net) {
  void *loops[] = {net->loop};
  struct lws_context_creation_info info = {
      .port = CONTEXT_PORT_NO_LISTEN,
      .protocols = protocols,
      .options = LWS_SERVER_OPTION_LIBUV,
      .foreign_loops = loops,
      .pcontext = &net->lws,
      .pt_serv_buf_size = AUI_NET_READ_SIZE,
      .http_proxy_address = "", /* else the environment's is used */
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

/* Runs the loop until nothing is left on it. Only the system's resolver, which cannot be interrupted, makes it wait. */
static void run_down(aui_net *net) {
  while (uv_run(net->loop, UV_RUN_ONCE)) {
  }
}

static void close_loop(aui_net *net) {
  uv_loop_close(net->loop);
  free(net->loop);
}

aui_net *aui_net_new(const char **why) {
  aui_net *net = calloc(1, sizeof *net);
  uv_loop_t *loop = malloc(sizeof *loop);
  int status = net && loop ? uv_loop_init(loop) : UV_ENOMEM;
  if (status < 0) {
    *why = uv_strerror(status);
    free(loop);
    free(net);
    return NULL;
  }
  net->loop = loop;
  aui_list_init(&net->links);
  aui_list_init(&net->ready);
  net->lws = create_context(net);
  if (!net->lws) {
    *why = "libwebsockets cannot use libuv: is its package for that installed (Debian: libwebsockets-evlib-uv)?";
    run_down(net);
    close_loop(net);
    free(net);
    return NULL;
  }
  net->busy = true;
  return net;
}

/* libwebsockets' handles must be gone from the loop before the second call frees the memory they are in. Newer versions
 * do that by themselves, and clear `net->lws`. */
static void destroy_context(aui_net *net) {
  lws_context_destroy(net->lws);
  run_down(net);
  if (net->lws) lws_context_destroy(net->lws);
}

void aui_net_free(aui_net *net) {
  while (!aui_list_is_empty(&net->links)) aui_link_kill(aui_link_of_node(net->links.next));
  destroy_context(net);
  while (net->tls) {
    aui_tls_entry *entry = net->tls;
    net->tls = entry->next;
    aui_tls_context_free(entry->context);
    free(entry);
  }
  close_loop(net);
  free(net);
}

int aui_net_fd(const aui_net *net) {
  return uv_backend_fd(net->loop);
}

int aui_net_timeout(const aui_net *net) {
  if (net->busy || !aui_list_is_empty(&net->ready)) return 0;
  uv_update_time(net->loop);
  return uv_backend_timeout(net->loop);
}

/* poll(2) and not libuv does the waiting: libuv goes on waiting after a signal, which would keep Ctrl-C from the host.
 */
static bool wait_for_events(const aui_net *net, int timeout) {
  struct pollfd fd = {.fd = aui_net_fd(net), .events = POLLIN};
  return poll(&fd, 1, timeout) >= 0 || errno != EINTR;
}

static void turn(aui_net *net) {
  net->busy = false;
  uv_run(net->loop, UV_RUN_NOWAIT);
}

bool aui_net_step(aui_net *net, int timeout_ms) {
  int due = aui_net_timeout(net);
  if (due >= 0 && (timeout_ms < 0 || due < timeout_ms)) timeout_ms = due;
  if (timeout_ms != 0 && !wait_for_events(net, timeout_ms)) return false;
  turn(net);
  if (net->busy) turn(net);
  return true;
}

uint64_t aui_net_now(aui_net *net) {
  uv_update_time(net->loop);
  return uv_now(net->loop);
}

bool aui_net_ready(aui_net *net, uint64_t *id) {
  if (aui_list_is_empty(&net->ready)) return false;
  aui_node *first = net->ready.next;
  *id = aui_link_id(aui_link_of_ready(first));
  aui_list_remove(first);
  return true;
}

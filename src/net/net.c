/* The loop: a reactor that is stepped by the host, and the queue of those with news. */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/net_state.h"

/* open(2) gives the lowest number that is free. The root is there on every system, and to read or write it fails, as it
 * does with a closed descriptor. */
unsigned aui_net_occupy_stdio(void) {
  unsigned occupied = 0;
  for (;;) {
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd > STDERR_FILENO) close(fd);
    if (fd < 0 || fd > STDERR_FILENO) return occupied;
    occupied |= 1u << fd;
  }
}

void aui_net_release_stdio(unsigned occupied) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (occupied & 1u << fd) close(fd);
  }
}

static aui_net *create_net(const char **why) {
  aui_net *net = calloc(1, sizeof *net);
  if (!net) {
    *why = "out of memory";
    return NULL;
  }
  net->reactor = aui_reactor_take(why);
  if (!net->reactor) {
    free(net);
    return NULL;
  }
  net->loop = &net->reactor->loop;
  aui_list_init(&net->guests);
  aui_list_init(&net->idle);
  aui_list_init(&net->spares);
  aui_list_init(&net->due);
  aui_list_init(&net->ready);
  net->busy = true;
  return net;
}

aui_net *aui_net_new(const char **why) {
  unsigned occupied = aui_net_occupy_stdio();
  aui_net *net = create_net(why);
  aui_net_release_stdio(occupied);
  return net;
}

static aui_guest *guest_of_node(aui_node *node) {
  return lws_container_of(node, aui_guest, node);
}

static void close_everything(aui_net *net, const char *why) {
  while (!aui_list_is_empty(&net->guests)) {
    aui_guest *guest = guest_of_node(net->guests.next);
    guest->kind->evict(guest, why);
  }
  aui_raw_close_all(net->reactor->vhost);
}

static void part_from_parent(aui_net *net) {
  unsigned occupied = aui_net_occupy_stdio();
  net->broken = !aui_reactor_fork(net->reactor);
  close_everything(net, "it was made before this process was forked from its parent");
  if (!net->broken) net->broken = !aui_reactor_settle(net->reactor);
  aui_net_release_stdio(occupied);
  net->busy = true;
}

bool aui_net_enter(aui_net *net) {
  if (net->reactor->forks != aui_reactor_forks()) part_from_parent(net);
  return !net->broken;
}

void aui_net_free(aui_net *net) {
  if (aui_net_enter(net)) {
    close_everything(net, "the loop was closed");
    aui_reactor_give_back(net->reactor);
  }
  while (!aui_list_is_empty(&net->ready)) aui_list_remove(net->ready.next);
  aui_tls_contexts_free(&net->tls);
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

void aui_net_put_off(aui_net *net, aui_due *due) {
  if (aui_list_is_empty(&due->node)) aui_list_append(&net->due, &due->node);
}

static void judge_due(aui_net *net) {
  while (!aui_list_is_empty(&net->due)) {
    aui_due *due = lws_container_of(net->due.next, aui_due, node);
    aui_list_remove(&due->node);
    due->judge(due);
  }
}

static void turn(aui_net *net) {
  net->busy = false;
  uv_run(net->loop, UV_RUN_NOWAIT);
  judge_due(net);
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

bool aui_net_is_active(const aui_net *net) {
  for (aui_node *node = net->guests.next; node != &net->guests; node = node->next) {
    const aui_guest *guest = guest_of_node(node);
    if (guest->kind->is_active(guest)) return true;
  }
  return !aui_list_is_empty(&net->ready);
}

void aui_net_announce(aui_net *net, aui_ready *ready) {
  if (aui_list_is_empty(&ready->node)) aui_list_append(&net->ready, &ready->node);
}

bool aui_net_ready(aui_net *net, uint64_t *id) {
  if (aui_list_is_empty(&net->ready)) return false;
  aui_ready *first = lws_container_of(net->ready.next, aui_ready, node);
  *id = first->id;
  aui_list_remove(&first->node);
  return true;
}

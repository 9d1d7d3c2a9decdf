/* The loop: a reactor that is stepped by the host, and the queue of those that notify it. */
#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/loop_state.h"

enum { FLOOD_TURNS = 3 }; /* that a step goes on for while there is more to read: the host is woken less often */

/* open(2) gives the lowest number that is free. The root is there on every system, and to read or write it fails, as it
 * does with a closed descriptor. */
unsigned aui_loop_occupy_stdio(void) {
  unsigned occupied = 0;
  for (;;) {
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd > STDERR_FILENO) close(fd);
    if (fd < 0 || fd > STDERR_FILENO) return occupied;
    occupied |= 1u << fd;
  }
}

void aui_loop_release_stdio(unsigned occupied) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (occupied & 1u << fd) close(fd);
  }
}

static aui_loop *create_loop(const char **why) {
  aui_loop *loop = calloc(1, sizeof *loop);
  if (!loop) {
    *why = "out of memory";
    return NULL;
  }
  loop->reactor = aui_reactor_take(why);
  if (!loop->reactor) {
    free(loop);
    return NULL;
  }
  loop->uv = &loop->reactor->loop;
  aui_list_init(&loop->guests);
  aui_list_init(&loop->idle);
  aui_list_init(&loop->spares);
  aui_list_init(&loop->due);
  aui_list_init(&loop->writes);
  aui_list_init(&loop->ready);
  loop->busy = true;
  return loop;
}

aui_loop *aui_loop_new(const char **why) {
  unsigned occupied = aui_loop_occupy_stdio();
  aui_loop *loop = create_loop(why);
  aui_loop_release_stdio(occupied);
  return loop;
}

static aui_guest *guest_of_node(aui_node *node) {
  return lws_container_of(node, aui_guest, node);
}

static void close_everything(aui_loop *loop, const char *why) {
  while (!aui_list_is_empty(&loop->guests)) {
    aui_guest *guest = guest_of_node(loop->guests.next);
    guest->kind->evict(guest, why);
  }
  aui_raw_close_all(loop->reactor->vhost);
}

static void part_from_parent(aui_loop *loop) {
  unsigned occupied = aui_loop_occupy_stdio();
  loop->broken = !aui_reactor_fork(loop->reactor);
  close_everything(loop, "it was made before this process was forked from its parent");
  aui_tls_contexts_forget(&loop->tls);
  if (!loop->broken) loop->broken = !aui_reactor_settle(loop->reactor);
  aui_loop_release_stdio(occupied);
  loop->busy = true;
}

bool aui_loop_enter(aui_loop *loop) {
  if (loop->reactor->forks != aui_reactor_forks()) part_from_parent(loop);
  return !loop->broken;
}

void aui_loop_free(aui_loop *loop) {
  if (aui_loop_enter(loop)) {
    close_everything(loop, "the loop was closed");
    aui_reactor_give_back(loop->reactor);
  }
  while (!aui_list_is_empty(&loop->ready)) aui_list_remove(loop->ready.next);
  aui_tls_contexts_free(&loop->tls);
  free(loop);
}

int aui_loop_fd(const aui_loop *loop) {
  return uv_backend_fd(loop->uv);
}

int aui_loop_timeout(const aui_loop *loop) {
  if (loop->busy || !aui_list_is_empty(&loop->ready) || !aui_list_is_empty(&loop->writes)) return 0;
  uv_timer_stop(&loop->reactor->limit); /* of a wait that is over */
  uv_update_time(loop->uv);
  return uv_backend_timeout(loop->uv);
}

/* The turn must not wait before that is done. */
void aui_loop_defer(aui_loop *loop, aui_due *due) {
  if (aui_list_is_empty(&due->node)) aui_list_append(&loop->due, &due->node);
  uv_stop(loop->uv);
}

void aui_loop_defer_write(aui_loop *loop, aui_due *write) {
  if (aui_list_is_empty(&write->node)) aui_list_append(&loop->writes, &write->node);
}

/* What is added meanwhile waits for the next time: a peer that always has something to be answered must not keep us
 * here. */
static void check_all(aui_node *list) {
  aui_node now;
  aui_list_move(list, &now);
  while (!aui_list_is_empty(&now)) {
    aui_due *due = lws_container_of(now.next, aui_due, node);
    aui_list_remove(&due->node);
    due->check(due);
  }
}

static void run_turn(aui_loop *loop, uv_run_mode mode) {
  loop->busy = loop->floods = false;
  uv_run(loop->uv, mode);
  check_all(&loop->due);
}

/* Of the wait before, as a rule: this one must have its own. */
static void end_wait(uv_timer_t *limit) {
  uv_stop(limit->loop);
}

/* A limit that comes sooner is left as it is, which costs nothing: then a wait now and then ends too soon. */
static void limit_wait(aui_loop *loop, unsigned timeout_ms) {
  uv_timer_t *limit = &loop->reactor->limit;
  uv_update_time(loop->uv);
  uint64_t left = uv_is_active((uv_handle_t *)limit) ? uv_timer_get_due_in(limit) : 0;
  if (left == 0 || left > timeout_ms) uv_timer_start(limit, end_wait, timeout_ms, 0);
}

/* The host may not have stepped the loop for a while. */
static void write_before_waiting(aui_loop *loop) {
  uv_update_time(loop->uv);
  check_all(&loop->writes);
}

/* libuv itself does the waiting, in the system call in which it looks for events. UV_RUN_ONCE would not wait: after
 * each event libwebsockets leaves something to the next turn. The reactor ends the other mode after one turn. */
void aui_loop_step(aui_loop *loop, unsigned timeout_ms) {
  if (!aui_list_is_empty(&loop->writes)) write_before_waiting(loop);
  bool waits = timeout_ms > 0 && aui_list_is_empty(&loop->ready) && aui_list_is_empty(&loop->writes);
  if (waits) limit_wait(loop, timeout_ms);
  run_turn(loop, waits ? UV_RUN_DEFAULT : UV_RUN_NOWAIT);
  if (!waits && loop->busy) run_turn(loop, UV_RUN_NOWAIT);
  for (int turns = 0; loop->floods && turns < FLOOD_TURNS; turns++) run_turn(loop, UV_RUN_NOWAIT);
  check_all(&loop->writes); /* what answers that has the next step: the host is told first of what was found in this */
}

uint64_t aui_loop_now(aui_loop *loop) {
  uv_update_time(loop->uv);
  return uv_now(loop->uv);
}

bool aui_loop_is_active(const aui_loop *loop) {
  for (aui_node *node = loop->guests.next; node != &loop->guests; node = node->next) {
    const aui_guest *guest = guest_of_node(node);
    if (guest->kind->is_active(guest)) return true;
  }
  return !aui_list_is_empty(&loop->ready);
}

void aui_loop_notify(aui_loop *loop, aui_ready *ready, aui_notice notice) {
  bool waits = !aui_list_is_empty(&ready->node);
  if (!waits || notice > ready->notice) ready->notice = notice;
  if (!waits) aui_list_append(&loop->ready, &ready->node);
}

aui_notice aui_loop_ready(aui_loop *loop, uint64_t *id) {
  if (aui_list_is_empty(&loop->ready)) return AUI_NOTICE_NONE;
  aui_ready *first = lws_container_of(loop->ready.next, aui_ready, node);
  *id = first->id;
  aui_list_remove(&first->node);
  return first->notice;
}

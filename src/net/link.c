/* A link: one session's place on the loop. It opens the transports that the session wants, carries bytes between the
 * two, and keeps the session's time. */
#include "net/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/loop_state.h"
#include "net/transport.h"

struct aui_link {
  aui_transport transport;
  aui_loop *loop; /* NULL once the loop is gone */
  aui_session *session;
  bool first;      /* connection: it may come from the pool */
  bool asks_first; /* what the request shall say, before each connection */
  bool asks;       /* just now: there is no transport then */
  bool released;
  bool keeps;           /* it is one without a user, which keeps its pool's connection, */
  uint64_t keeps_until; /* until then; AUI_NEVER when it is closing already */
  uint64_t timer_due;   /* when the timer will go off; AUI_NEVER when it is not running */
  aui_ready ready;

  const char *why_gone; /* the loop, in words */
  aui_guest guest;
  aui_due due;           /* its timer has gone off */
  aui_pool_options pool; /* its name is ours; NULL: none */
  aui_node idle;         /* in the loop's list of those that keep connections */
  uv_timer_t timer;
};

static void link_pump(aui_link *link);

/* ---- The end of a transport ---- */

static void note_reset(aui_link *link) {
  if (aui_transport_discards(&link->transport)) aui_session_was_reset(link->session);
}

/* The transport could not be opened, or is given up. */
static void link_fail(aui_link *link, const char *cause, bool retryable) {
  link->asks = false;
  aui_transport_reset(&link->transport);
  note_reset(link);
  aui_session_disconnected(link->session, cause, retryable, aui_loop_turn_time(link->loop));
}

/* The session wants no transport any more. */
static void link_disconnect(aui_link *link) {
  link->asks = false;
  switch (aui_session_ending(link->session)) {
    case AUI_ENDING_CLOSE: aui_transport_close(&link->transport); break;
    case AUI_ENDING_LINGER: aui_transport_linger(&link->transport); break;
    case AUI_ENDING_RESET: link_fail(link, NULL, true); return;
  }
  aui_session_disconnected(link->session, NULL, true, aui_loop_turn_time(link->loop));
}

/* ---- Events of the transport ---- */

static aui_link *link_of_transport(aui_transport *transport) {
  return lws_container_of(transport, aui_link, transport);
}

static void link_on_phase(aui_transport *transport, aui_phase phase) {
  aui_session_phase(link_of_transport(transport)->session, phase, aui_loop_turn_time(transport->loop));
}

static void link_on_connected(aui_transport *transport) {
  aui_session_set_date(link_of_transport(transport)->session, (int64_t)time(NULL));
  aui_session_connected(link_of_transport(transport)->session, aui_loop_turn_time(transport->loop));
}

static void link_on_bytes(aui_transport *transport, const void *bytes, size_t n) {
  aui_session_receive(link_of_transport(transport)->session, bytes, n, aui_loop_turn_time(transport->loop));
}

static const void *link_get_output(aui_transport *transport, size_t *n) {
  return aui_session_output(link_of_transport(transport)->session, n, aui_loop_turn_time(transport->loop));
}

static void link_on_written(aui_transport *transport, size_t n) {
  aui_session_written(link_of_transport(transport)->session, n, aui_loop_turn_time(transport->loop));
}

static void link_on_ended(aui_transport *transport, const char *cause, bool retryable) {
  aui_link *link = link_of_transport(transport);
  note_reset(link);
  aui_session_disconnected(link->session, cause, retryable, aui_loop_turn_time(transport->loop));
}

static void link_settle(aui_transport *transport) {
  link_pump(link_of_transport(transport));
}

static const aui_transport_user transport_user = {link_on_phase,   link_on_connected, link_on_bytes, link_get_output,
                                                  link_on_written, link_on_ended,     link_settle};

/* ---- The pump ---- */

static bool link_may_give(const aui_link *link) {
  const aui_transport *transport = &link->transport;
  bool ready = aui_transport_is_up(transport) && aui_transport_is_between_records(transport);
  return ready && aui_session_may_detach(link->session);
}

/* The connection of the one link goes to the other, if it can be given and memory is not short. */
static bool link_give(aui_link *from, aui_link *to) {
  uint64_t now = aui_loop_turn_time(to->loop);
  aui_handover *handover = link_may_give(from) ? aui_session_detach(from->session, now) : NULL;
  if (!handover) return false;
  aui_transport_hand_over(&from->transport, &to->transport);
  aui_session_phase(to->session, AUI_PHASE_CONNECT, now);
  aui_session_adopted(to->session, handover, 0, now);
  return true;
}

static void link_destroy(aui_link *link);

/* Whether the pool had a connection: the newest is the liveliest. */
static bool take_from_pool(aui_link *link) {
  aui_loop *loop = link->loop;
  if (!link->pool.name || !link->first) return false;
  for (aui_node *node = loop->idle.prev; node != &loop->idle; node = node->prev) {
    aui_link *keeper = lws_container_of(node, aui_link, idle);
    if (strcmp(keeper->pool.name, link->pool.name) != 0 || !link_give(keeper, link)) continue;
    link_destroy(keeper);
    return true;
  }
  return false;
}

static void link_connect(aui_link *link) {
  bool reused = take_from_pool(link);
  link->first = false;
  if (reused) return;
  link->asks = link->asks_first;
  if (link->asks) {
    aui_session_phase(link->session, AUI_PHASE_REQUEST, aui_loop_turn_time(link->loop));
  } else {
    aui_transport_open(&link->transport);
  }
}

static void link_do_what_it_wants(aui_link *link) {
  for (;;) {
    switch (aui_session_want(link->session)) {
      case AUI_WANT_CONNECT: link_connect(link); break;
      case AUI_WANT_DISCONNECT: link_disconnect(link); break;
      case AUI_WANT_NOTHING: return;
    }
  }
}

static void link_give_random(aui_link *link) {
  unsigned char bytes[256];
  size_t n = aui_session_random_wanted(link->session);
  if (n == 0) return;
  if (n > sizeof bytes) n = sizeof bytes;
  if (uv_random(NULL, NULL, bytes, n, 0, NULL) == 0) {
    aui_session_random(link->session, bytes, n);
  } else {
    link_fail(link, "no random numbers to be had", true);
  }
}

static void link_on_timer(uv_timer_t *timer);

/* A deadline that moved away, as most do, leaves the timer as it is: it goes off for nothing once, and is set anew. */
static void link_set_timer(aui_link *link) {
  uint64_t due = aui_session_deadline(link->session), now = aui_loop_turn_time(link->loop);
  if (link->keeps && link->keeps_until < due) due = link->keeps_until;
  if (due >= link->timer_due) return;
  link->timer_due = due;
  uv_timer_start(&link->timer, link_on_timer, due > now ? due - now : 0, 0);
}

static void link_free_memory(aui_link *link) {
  aui_transport_free(&link->transport);
  free((char *)link->pool.name);
  free(link);
}

static void link_on_closed(uv_handle_t *handle) {
  link_free_memory(handle->data);
}

static void link_destroy(aui_link *link) {
  aui_session_free(link->session);
  link->session = NULL;
  aui_list_remove(&link->guest.node);
  aui_list_remove(&link->idle);
  aui_list_remove(&link->due.node);
  aui_list_remove(&link->ready.node);
  if (link->loop) {
    uv_close((uv_handle_t *)&link->timer, link_on_closed);
  } else {
    link_on_closed((uv_handle_t *)&link->timer);
  }
}

static bool link_is_over(const aui_link *link) {
  return aui_session_finished(link->session) || (link->keeps && !aui_transport_is_up(&link->transport));
}

/* To be called after anything that touched the session. The link may be gone afterwards, if it was released. */
static void link_pump(aui_link *link) {
  link->loop->busy = true;
  if (aui_session_random_wanted(link->session)) link_give_random(link);
  link_do_what_it_wants(link);
  aui_transport_flush(&link->transport);
  link_do_what_it_wants(link); /* asking for output may have run out of memory */
  link_set_timer(link);
  aui_notice notice = aui_session_take_notice(link->session);
  if (link->released) {
    if (link_is_over(link)) link_destroy(link);
  } else if (notice) {
    aui_loop_notify(link->loop, &link->ready, notice);
  }
}

static void link_on_timer(uv_timer_t *timer) {
  aui_link *link = timer->data;
  link->timer_due = AUI_NEVER;
  aui_loop_defer(link->loop, &link->due);
}

static bool link_is_due(const aui_link *link, uint64_t now) {
  return aui_session_deadline(link->session) <= now;
}

/* It has been idle for long enough. */
static void close_keeper(aui_link *keeper, uint64_t now) {
  keeper->keeps_until = AUI_NEVER;
  aui_session_close(keeper->session, now);
}

static void link_check_time(aui_due *due) {
  aui_link *link = lws_container_of(due, aui_link, due);
  uint64_t now = aui_loop_turn_time(link->loop);
  if (link->keeps && link->keeps_until <= now) close_keeper(link, now);
  if (aui_transport_is_up(&link->transport) && link_is_due(link, now)) aui_transport_catch_up(&link->transport);
  if (link_is_due(link, now)) aui_session_tick(link->session, now);
  link_pump(link);
}

/* ---- Events of the loop ---- */

static bool link_is_active(const aui_guest *guest) {
  const aui_link *link = lws_container_of(guest, aui_link, guest);
  return !link->keeps && !aui_session_finished(link->session);
}

/* Without a loop, whatever the session wants has failed or is done at once. */
static void link_pump_dead(aui_link *link) {
  uint64_t now = uv_hrtime() / 1000000;
  aui_want want;
  while ((want = aui_session_want(link->session)) != AUI_WANT_NOTHING) {
    if (want == AUI_WANT_CONNECT) aui_session_phase(link->session, AUI_PHASE_CONNECT, now);
    aui_session_disconnected(link->session, link->why_gone, false, now);
  }
  if (link->released) link_destroy(link);
}

/* One that waits for its session's closing handshake waits no more; the others are the host's, which is notified. */
static void link_evict(aui_guest *guest, const char *why) {
  aui_link *link = lws_container_of(guest, aui_link, guest);
  aui_transport_close(&link->transport); /* nobody will send anything again: what has left may arrive */
  link->asks = false;
  aui_session_disconnected(link->session, why, false, aui_loop_turn_time(link->loop));
  if (link->released) {
    link_destroy(link);
    return;
  }
  aui_list_remove(&link->guest.node);
  aui_list_remove(&link->due.node);
  uv_close((uv_handle_t *)&link->timer, NULL);
  aui_loop_notify(link->loop, &link->ready, AUI_NOTICE_STATE);
  link->loop = NULL;
  link->why_gone = why;
  link_pump_dead(link);
}

static const aui_guest_kind guest_kind = {link_is_active, link_evict};

/* ---- Making links ---- */

/* Strings and options are copied. NULL as aui_loop_open. */
static aui_link *make_link(aui_loop *loop, aui_session *session, const aui_endpoint *endpoint) {
  aui_link *link = calloc(1, sizeof *link);
  snprintf(loop->why, sizeof loop->why, "out of memory");
  if (!link) return NULL;
  bool ok = aui_transport_init(&link->transport, loop, &transport_user, endpoint);
  if (ok && endpoint->pool) {
    link->pool = *endpoint->pool;
    link->pool.name = strdup(endpoint->pool->name);
    ok = link->pool.name;
  }
  if (!ok) {
    link_free_memory(link);
    return NULL;
  }
  link->loop = loop;
  link->session = session;
  uv_timer_init(loop->uv, &link->timer);
  link->timer.data = link;
  link->timer_due = AUI_NEVER;
  link->due.check = link_check_time;
  link->guest.kind = &guest_kind;
  aui_list_append(&loop->guests, &link->guest.node);
  aui_list_init(&link->idle);
  aui_list_init(&link->due.node);
  aui_list_init(&link->ready.node);
  return link;
}

/* A link without a user, for the connection that the link gives back to its pool; NULL when memory is short. It never
 * connects by itself. */
static aui_link *make_keeper(const aui_link *giver) {
  aui_loop *loop = giver->loop;
  const aui_pool_options *pool = &giver->pool;
  const aui_endpoint nowhere = {.host = "", .pool = pool};
  aui_session_config config = *aui_session_get_config(giver->session);
  config.request = (aui_request){"", "/", ""};
  config.reconnect.attempts = 0;
  aui_session *session = aui_session_new(&config);
  aui_link *keeper = session ? make_link(loop, session, &nowhere) : NULL;
  if (!keeper) {
    aui_session_free(session);
    return NULL;
  }
  keeper->keeps = keeper->released = true;
  uint64_t now = aui_loop_now(loop);
  keeper->keeps_until = pool->idle < AUI_NEVER - now ? now + pool->idle : AUI_NEVER - 1;
  aui_list_append(&loop->idle, &keeper->idle);
  return keeper;
}

/* Closes the oldest connection of the pool when it has too many. */
static void close_surplus(aui_loop *loop, const aui_pool_options *pool) {
  aui_link *oldest = NULL;
  size_t count = 0;
  for (aui_node *node = loop->idle.prev; node != &loop->idle; node = node->prev) {
    aui_link *keeper = lws_container_of(node, aui_link, idle);
    if (strcmp(keeper->pool.name, pool->name) != 0 || keeper->keeps_until == AUI_NEVER) continue;
    oldest = keeper;
    count++;
  }
  if (count <= pool->size) return;
  close_keeper(oldest, aui_loop_now(loop));
  link_pump(oldest);
}

/* ---- For the host ---- */

aui_link *aui_loop_open(aui_loop *loop, aui_session *session, const aui_endpoint *endpoint, uint64_t id,
                        const char **why) {
  *why = loop->why;
  aui_link *link = make_link(loop, session, endpoint);
  if (!link) return NULL;
  link->first = true;
  link->ready.id = id;
  link->asks_first = endpoint->asks;
  aui_link_pump(link);
  return link;
}

/* To be called first: the process may be a child of the one that made the loop. */
static void link_enter(aui_link *link) {
  if (link->loop) aui_loop_enter(link->loop);
}

bool aui_link_asks(const aui_link *link) {
  return link->asks;
}

void aui_link_give_request(aui_link *link, const aui_request *request, const char *agent_id) {
  link_enter(link);
  if (!link->asks) return;
  link->asks = false;
  if (aui_session_set_request(link->session, request, agent_id)) {
    aui_transport_open(&link->transport);
  } else {
    link_fail(link, "out of memory", true);
  }
  aui_link_pump(link);
}

void aui_link_refuse_request(aui_link *link, const aui_error *error) {
  link_enter(link);
  if (!link->asks) return;
  link->asks = false;
  aui_session_refuse_request(link->session, error, aui_loop_turn_time(link->loop));
  aui_link_pump(link);
}

void aui_link_pump(aui_link *link) {
  link_enter(link);
  if (link->loop) {
    uv_update_time(link->loop->uv);
    link_pump(link);
  } else {
    link_pump_dead(link);
  }
}

bool aui_link_give_back(aui_link *link) {
  link_enter(link);
  aui_link *keeper = link->pool.name && link_may_give(link) ? make_keeper(link) : NULL;
  if (!keeper) return false;
  if (!link_give(link, keeper)) {
    link_destroy(keeper);
    return false;
  }
  link_pump(keeper);
  close_surplus(link->loop, &link->pool);
  aui_link_pump(link);
  return true;
}

void aui_link_release(aui_link *link) {
  link_enter(link);
  uint64_t now = link->loop ? aui_loop_now(link->loop) : uv_hrtime() / 1000000;
  if (link->loop) aui_link_give_back(link);
  link->released = true;
  aui_list_remove(&link->ready.node);
  aui_session_close(link->session, now);
  aui_link_pump(link);
}

/* A call: one exchange's place on the loop. It opens the transports that the exchange wants, carries bytes between the
 * two, and keeps the exchange's time. */
#include "net/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop_state.h"
#include "net/spare.h"
#include "net/transport.h"

struct aui_call {
  aui_transport transport;
  aui_loop *loop; /* NULL once the loop is gone */
  aui_guest guest;
  aui_due due; /* its timer has gone off */
  aui_ready ready;
  aui_exchange *exchange;
  bool first;    /* connection: it may be one that another call has left */
  bool notified; /* the host, that it is over */
  uv_timer_t timer;
};

static void call_pump(aui_call *call);

/* ---- Events of the transport ---- */

static aui_call *call_of_transport(aui_transport *transport) {
  return lws_container_of(transport, aui_call, transport);
}

static void call_on_phase(aui_transport *transport, aui_phase phase) {
  aui_exchange_phase(call_of_transport(transport)->exchange, phase);
}

static void call_on_connected(aui_transport *transport) {
  aui_exchange_connected(call_of_transport(transport)->exchange);
}

static void call_on_bytes(aui_transport *transport, const void *bytes, size_t n) {
  aui_exchange_receive(call_of_transport(transport)->exchange, bytes, n, aui_loop_turn_time(transport->loop));
}

static const void *call_get_output(aui_transport *transport, size_t *n) {
  return aui_exchange_output(call_of_transport(transport)->exchange, n);
}

static void call_on_written(aui_transport *transport, size_t n) {
  aui_exchange_written(call_of_transport(transport)->exchange, n);
}

static void call_on_ended(aui_transport *transport, const char *cause, bool retryable) {
  aui_exchange_disconnected(call_of_transport(transport)->exchange, cause, retryable);
}

static void call_settle(aui_transport *transport) {
  call_pump(call_of_transport(transport));
}

static const aui_transport_user transport_user = {call_on_phase,   call_on_connected, call_on_bytes, call_get_output,
                                                  call_on_written, call_on_ended,     call_settle};

/* ---- The pump ---- */

static void call_connect(aui_call *call) {
  bool reused = call->first && aui_spare_take(&call->transport);
  call->first = false;
  if (reused) {
    aui_exchange_adopted(call->exchange);
  } else {
    aui_transport_open(&call->transport);
  }
}

static void call_disconnect(aui_call *call) {
  if (aui_exchange_may_detach(call->exchange) && aui_spare_keep(&call->transport)) {
    aui_exchange_detach(call->exchange);
    return;
  }
  if (aui_exchange_get_error(call->exchange)) {
    aui_transport_reset(&call->transport); /* what has failed for the user must not arrive later */
  } else {
    aui_transport_close(&call->transport);
  }
  aui_exchange_disconnected(call->exchange, NULL, true);
}

static void call_do_what_it_wants(aui_call *call) {
  for (;;) {
    switch (aui_exchange_want(call->exchange)) {
      case AUI_WANT_CONNECT: call_connect(call); break;
      case AUI_WANT_DISCONNECT: call_disconnect(call); break;
      case AUI_WANT_NOTHING: return;
    }
  }
}

/* To be called after anything that touched the exchange. */
static void call_pump(aui_call *call) {
  call->loop->busy = true;
  call_do_what_it_wants(call);
  aui_transport_flush(&call->transport);
  if (!aui_exchange_is_over(call->exchange) || call->notified) return;
  call->notified = true;
  uv_timer_stop(&call->timer);
  aui_loop_notify(call->loop, &call->ready, AUI_NOTICE_STATE);
}

static void call_check_time(aui_due *due) {
  aui_call *call = lws_container_of(due, aui_call, due);
  if (aui_transport_is_up(&call->transport)) aui_transport_catch_up(&call->transport);
  aui_exchange_tick(call->exchange, aui_loop_turn_time(call->loop));
  call_pump(call);
}

static void call_on_timer(uv_timer_t *timer) {
  aui_call *call = timer->data;
  aui_loop_defer(call->loop, &call->due);
}

/* ---- For the host ---- */

static void call_destroy(aui_call *call) {
  aui_list_remove(&call->ready.node);
  aui_exchange_free(call->exchange);
  aui_transport_free(&call->transport);
  free(call);
}

/* Ends whatever is under way, and takes the call off the loop. */
static void call_leave(aui_call *call, const char *why, uv_close_cb on_left) {
  aui_exchange_cancel(call->exchange, why);
  call_do_what_it_wants(call);
  call->loop->busy = true;
  aui_list_remove(&call->guest.node);
  aui_list_remove(&call->due.node);
  aui_list_remove(&call->ready.node);
  uv_close((uv_handle_t *)&call->timer, on_left);
}

static bool call_is_active(const aui_guest *guest) {
  (void)guest;
  return true;
}

static void call_evict(aui_guest *guest, const char *why) {
  aui_call *call = lws_container_of(guest, aui_call, guest);
  call_leave(call, why, NULL);
  aui_loop_notify(call->loop, &call->ready, AUI_NOTICE_STATE);
  call->loop = NULL;
}

static const aui_guest_kind guest_kind = {call_is_active, call_evict};

static void call_begin(aui_call *call, uint64_t id) {
  aui_loop *loop = call->loop;
  call->ready.id = id;
  call->due.check = call_check_time;
  call->first = true;
  call->guest.kind = &guest_kind;
  aui_list_append(&loop->guests, &call->guest.node);
  uv_timer_init(loop->uv, &call->timer);
  call->timer.data = call;
  uint64_t due = aui_exchange_deadline(call->exchange);
  if (due != AUI_NEVER) uv_timer_start(&call->timer, call_on_timer, due - aui_loop_turn_time(loop), 0);
  call_pump(call);
}

aui_call *aui_call_start(aui_loop *loop, const aui_endpoint *endpoint, const aui_exchange_request *request, uint64_t id,
                         const char **why) {
  *why = loop->why;
  uint64_t now = aui_loop_now(loop);
  snprintf(loop->why, sizeof loop->why, "out of memory");
  aui_call *call = calloc(1, sizeof *call);
  if (!call) return NULL;
  call->loop = loop;
  aui_list_init(&call->ready.node);
  aui_list_init(&call->due.node);
  call->exchange = aui_exchange_new(request, now);
  if (!call->exchange || !aui_transport_init(&call->transport, loop, &transport_user, endpoint)) {
    call_destroy(call);
    return NULL;
  }
  call_begin(call, id);
  return call;
}

const aui_exchange *aui_call_exchange(const aui_call *call) {
  return call->exchange;
}

static void call_on_released(uv_handle_t *timer) {
  call_destroy(timer->data);
}

void aui_call_release(aui_call *call) {
  if (call->loop) aui_loop_enter(call->loop); /* the process may be a child of the one that made the loop */
  if (call->loop) {
    call_leave(call, "the call was given up", call_on_released);
  } else {
    call_destroy(call);
  }
}

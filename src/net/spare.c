/* Connections that calls have left. What comes on one is its end, or nothing that anybody waits for. */
#include "net/spare.h"

#include <stdlib.h>
#include <string.h>

#include "net/loop_state.h"

enum {
  FRESH = 15000, /* milliseconds for which one is kept: servers close idle ones, some after a few seconds */
  MOST = 8       /* for all places together */
};

typedef struct {
  aui_transport transport;
  aui_guest guest;
  aui_node node;
  uv_timer_t timer;
} spare;

static spare *spare_of_node(aui_node *node) {
  return lws_container_of(node, spare, node);
}

static void spare_on_closed(uv_handle_t *timer) {
  spare *kept = timer->data;
  aui_transport_free(&kept->transport);
  free(kept);
}

static void spare_drop(spare *kept) {
  aui_transport_close(&kept->transport);
  aui_list_remove(&kept->guest.node);
  aui_list_remove(&kept->node);
  uv_close((uv_handle_t *)&kept->timer, spare_on_closed);
}

static void spare_on_timer(uv_timer_t *timer) {
  spare_drop(timer->data);
}

/* ---- Events of the loop ---- */

static bool spare_is_active(const aui_guest *guest) {
  (void)guest;
  return false;
}

static void spare_evict(aui_guest *guest, const char *why) {
  (void)why;
  spare_drop(lws_container_of(guest, spare, guest));
}

static const aui_guest_kind guest_kind = {spare_is_active, spare_evict};

/* ---- Events of the transport ---- */

static void spare_on_phase(aui_transport *transport, aui_phase phase) {
  (void)transport, (void)phase;
}

static void spare_on_connected(aui_transport *transport) {
  (void)transport;
}

static void spare_on_bytes(aui_transport *transport, const void *bytes, size_t n) {
  (void)bytes, (void)n;
  aui_transport_close(transport);
}

static const void *spare_get_output(aui_transport *transport, size_t *n) {
  (void)transport;
  *n = 0;
  return NULL;
}

static void spare_on_written(aui_transport *transport, size_t n) {
  (void)transport, (void)n;
}

static void spare_on_ended(aui_transport *transport, const char *cause, bool retryable) {
  (void)transport, (void)cause, (void)retryable;
}

static void spare_settle(aui_transport *transport) {
  if (!aui_transport_is_up(transport)) spare_drop(lws_container_of(transport, spare, transport));
}

static const aui_transport_user transport_user = {spare_on_phase,   spare_on_connected, spare_on_bytes,
                                                  spare_get_output, spare_on_written,   spare_on_ended,
                                                  spare_settle};

/* ---- For calls ---- */

/* NULL if there is none. */
static spare *spare_find(const aui_transport *place) {
  aui_node *all = &place->loop->spares;
  for (aui_node *node = all->prev; node != all; node = node->prev) {
    if (aui_transport_is_like(&spare_of_node(node)->transport, place)) return spare_of_node(node);
  }
  return NULL;
}

static void spare_make_room(aui_loop *loop) {
  size_t count = 0;
  for (aui_node *node = loop->spares.next; node != &loop->spares; node = node->next) count++;
  if (count >= MOST) spare_drop(spare_of_node(loop->spares.next));
}

bool aui_spare_keep(aui_transport *transport) {
  aui_loop *loop = transport->loop;
  spare *kept = calloc(1, sizeof *kept);
  if (!kept) return false;
  const aui_endpoint place = {.host = transport->host,
                              .port = transport->port,
                              .tls = transport->tls_options,
                              .proxy = transport->proxy_options};
  if (!aui_transport_init(&kept->transport, loop, &transport_user, &place) ||
      !aui_transport_hand_over(transport, &kept->transport)) {
    aui_transport_free(&kept->transport);
    free(kept);
    return false;
  }
  spare *earlier = spare_find(&kept->transport);
  if (earlier) spare_drop(earlier);
  spare_make_room(loop);
  uv_timer_init(loop->uv, &kept->timer);
  kept->timer.data = kept;
  uv_timer_start(&kept->timer, spare_on_timer, FRESH, 0);
  kept->guest.kind = &guest_kind;
  aui_list_append(&loop->guests, &kept->guest.node);
  aui_list_append(&loop->spares, &kept->node);
  return true;
}

bool aui_spare_take(aui_transport *transport) {
  spare *kept = spare_find(transport);
  bool taken = kept && aui_transport_hand_over(&kept->transport, transport);
  if (kept) spare_drop(kept);
  return taken;
}

/* Open connections that no link uses: they wait for the next one with the same name, for a limited time. */
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

typedef struct {
  aui_owner owner;
  aui_node node;
  char *name;
  struct lws *wsi;
  aui_tls *tls;
  uv_timer_t timer;
} idle_connection;

static void on_freed(uv_handle_t *handle) {
  idle_connection *idle = handle->data;
  free(idle->name);
  free(idle);
}

/* Its connection belongs to somebody else, or is closed. */
static void forget(idle_connection *idle) {
  aui_list_remove(&idle->node);
  uv_close((uv_handle_t *)&idle->timer, on_freed);
}

static void close_connection(idle_connection *idle) {
  aui_tls_free(idle->tls);
  aui_raw_close(idle->wsi);
  forget(idle);
}

static void on_timer(uv_timer_t *timer) {
  close_connection(timer->data);
}

/* What comes on an idle connection is its end, or nothing that anybody waits for. */
static bool serve(aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in, size_t n) {
  (void)in;
  (void)n;
  idle_connection *idle = lws_container_of(owner, idle_connection, owner);
  if (reason == LWS_CALLBACK_RAW_WRITEABLE) return true;
  lws_set_opaque_user_data(wsi, NULL);
  aui_tls_free(idle->tls);
  forget(idle);
  return false;
}

static idle_connection *of_node(aui_node *node) {
  return lws_container_of(node, idle_connection, node);
}

/* The oldest of the name when `size` others were counted behind it, else NULL. */
static idle_connection *find_surplus(aui_net *net, const char *name, size_t size) {
  idle_connection *oldest = NULL;
  size_t count = 0;
  for (aui_node *node = net->idle.prev; node != &net->idle; node = node->prev) {
    if (strcmp(of_node(node)->name, name) != 0) continue;
    oldest = of_node(node);
    count++;
  }
  return count > size ? oldest : NULL;
}

bool aui_idle_keep(aui_net *net, const aui_pool_options *pool, struct lws *wsi, aui_tls *tls) {
  idle_connection *idle = calloc(1, sizeof *idle);
  char *name = strdup(pool->name);
  if (!idle || !name) {
    free(idle);
    free(name);
    return false;
  }
  *idle = (idle_connection){.owner = {serve}, .name = name, .wsi = wsi, .tls = tls};
  lws_set_opaque_user_data(wsi, &idle->owner);
  uv_timer_init(net->loop, &idle->timer);
  idle->timer.data = idle;
  uv_timer_start(&idle->timer, on_timer, pool->idle, 0);
  aui_list_append(&net->idle, &idle->node);
  idle_connection *surplus = find_surplus(net, name, pool->size);
  if (surplus) close_connection(surplus);
  return true;
}

struct lws *aui_idle_take(aui_net *net, const char *name, aui_owner *owner, aui_tls **tls) {
  for (aui_node *node = net->idle.prev; node != &net->idle; node = node->prev) {
    idle_connection *idle = of_node(node);
    if (strcmp(idle->name, name) != 0) continue;
    struct lws *wsi = idle->wsi;
    *tls = idle->tls;
    lws_set_opaque_user_data(wsi, owner);
    forget(idle);
    return wsi;
  }
  return NULL;
}

void aui_idle_close_all(aui_net *net) {
  while (!aui_list_is_empty(&net->idle)) close_connection(of_node(net->idle.next));
}

// One client's connection: bytes, HTTP requests, pace and ending; see connection.h.
#include "connection.h"

#include "canned.h"
#include "rest.h"
#include "websocket.h"

#include <linux/sockios.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LINGER_SECONDS 2.0
#define MAX_FLUSH_CHECKS 1000 // a millisecond each

void sim_connection_open(struct sim_connection *connection, struct sim_server *server, struct lws *wsi) {
  memset(connection, 0, sizeof *connection);
  connection->server = server;
  connection->number = ++server->connections;
  connection->wsi = wsi;
  connection->inbox_end = &connection->inbox;
  sim_uuid(connection->channel);
}

void sim_connection_free(struct sim_connection *connection) {
  lws_sul_cancel(&connection->timer);
  lws_sul_cancel(&connection->guard);
  sim_session_free(connection);
  sim_player_free(&connection->player);
  for (struct sim_inbox_entry *entry; (entry = sim_inbox_take(connection));) free(entry);
  sim_request_free(&connection->request);
  sim_buffer_free(&connection->in);
  sim_buffer_free(&connection->out);
  sim_buffer_free(&connection->message);
  sim_buffer_free(&connection->last_ping);
}

void sim_connection_wake(struct sim_connection *connection) {
  lws_callback_on_writable(connection->wsi);
}

static void on_timer(lws_sorted_usec_list_t *timer) {
  struct sim_connection *connection = lws_container_of(timer, struct sim_connection, timer);
  connection->sleeping = false;
  sim_connection_wake(connection);
}

void sim_connection_sleep(struct sim_connection *connection, double seconds) {
  connection->sleeping = true;
  lws_sul_schedule(connection->server->context, 0, &connection->timer, on_timer,
                   (lws_usec_t)(seconds * LWS_US_PER_SEC));
}

static void on_guard(lws_sorted_usec_list_t *timer) {
  struct sim_connection *connection = lws_container_of(timer, struct sim_connection, guard);
  if (connection->ended)
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
  else
    sim_connection_end(connection, SIM_END_CLOSE);
}

void sim_connection_guard(struct sim_connection *connection, double seconds) {
  lws_sul_schedule(connection->server->context, 0, &connection->guard, on_guard,
                   (lws_usec_t)(seconds * LWS_US_PER_SEC));
}

void sim_connection_end(struct sim_connection *connection, enum sim_end end) {
  if (connection->end == SIM_END_NONE) connection->end = end;
  sim_connection_wake(connection);
}

bool sim_connection_stream(struct sim_connection *connection, struct sim_stream *stream) {
  while (!connection->sleeping && connection->out.length < SIM_HIGH_WATER) {
    if (!sim_stream_step(stream, &connection->out)) return true;
    if (stream->pace > 0) sim_connection_sleep(connection, stream->pace);
  }
  return false;
}

// ---- requests ------------------------------------------------------------------------------------

static void refuse(struct sim_connection *connection, int status, const char *message) {
  json_t *headers =
      json_pack("{s:s, s:s, s:s}", "Content-Type", "text/plain", "Connection", "close", "Sec-WebSocket-Version", "13");
  if (connection->server->options->verbose) fprintf(stderr, "aui-sim: request refused: %s\n", message);
  sim_http_answer(&connection->out, status, headers, message, strlen(message));
  json_decref(headers);
  sim_connection_end(connection, SIM_END_CLOSE);
}

static bool key_accepted(const struct sim_server *server, const struct sim_request *request) {
  const char *wanted = server->options->api_key;
  const char *header = sim_request_header(request, "x-network-api-key");
  char *parameter = sim_request_parameter(request, "network_api_key");
  bool accepted = !wanted || (header && strcmp(header, wanted) == 0) || (parameter && strcmp(parameter, wanted) == 0);
  free(parameter);
  return accepted;
}

// Takes over the request.
static void start_session(struct sim_connection *connection, struct sim_request *request) {
  struct sim_server *server = connection->server;
  const char *refusal = sim_websocket_refusal(request);
  connection->request = *request;
  connection->state = SIM_UPGRADING;
  if (refusal) {
    refuse(connection, sim_request_has_token(request, "upgrade", "websocket") ? 400 : 426, refusal);
  } else if (!key_accepted(server, request)) {
    json_t *error = sim_error_payload(401, "Not authenticated", "Invalid API key");
    sim_websocket_accept(connection, NULL);
    sim_websocket_send(connection, error);
    sim_websocket_close(connection, 1008, "Not authenticated");
    json_decref(error);
  } else if (server->scenario) {
    size_t last = server->scenario->connection_count - 1;
    size_t n = server->sessions++;
    sim_player_start(connection, &server->scenario->connections[n < last ? n : last]);
  } else {
    sim_websocket_accept(connection, NULL);
    connection->player.agent = true;
  }
}

static void serve_call(struct sim_connection *connection, const struct sim_request *request) {
  struct sim_server *server = connection->server;
  const json_t *script = server->scenario ? server->scenario->rest : NULL;
  const json_t *canned = json_array_get(script, server->calls++);
  if (canned && !sim_canned_serves(canned)) {
    sim_canned_answer(connection, canned, NULL);
    return;
  }
  sim_rest_answer(server, request, key_accepted(server, request), &connection->out);
  if (sim_request_has_token(request, "connection", "close") || strcmp(request->version, "HTTP/1.0") == 0)
    sim_connection_end(connection, SIM_END_CLOSE);
}

static void read_request(struct sim_connection *connection) {
  struct sim_request request;
  struct sim_fault fault;
  size_t used;
  switch (sim_request_parse(connection->in.data, connection->in.length, &request, &used, &fault)) {
    case SIM_PARSE_MORE: return;
    case SIM_PARSE_FAULT: refuse(connection, (int)fault.code, fault.reason); return;
    case SIM_PARSE_DONE: break;
  }
  sim_buffer_consume(&connection->in, used);
  if (sim_rest_is_session(&request)) {
    start_session(connection, &request);
    return;
  }
  serve_call(connection, &request);
  sim_request_free(&request);
}

// ---- events --------------------------------------------------------------------------------------

void sim_connection_receive(struct sim_connection *connection, const void *data, size_t length) {
  // libwebsockets limits the time until a TLS client is established, and leaves it to us to say when it is.
  lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0);
  if (connection->end != SIM_END_NONE || connection->state == SIM_DEAF) return;
  sim_buffer_add(&connection->in, data, length);
  size_t before;
  do { // pipelined requests, and frames right behind the upgrade
    before = connection->in.length;
    if (connection->state == SIM_HTTP)
      read_request(connection);
    else if (connection->state == SIM_WEBSOCKET)
      sim_websocket_receive(connection);
  } while (connection->end == SIM_END_NONE && connection->in.length > 0 && connection->in.length < before);
  // At once, since the end of the stream may lie right behind: an agent acts on what it has read.
  bool agent = connection->state == SIM_WEBSOCKET && connection->player.agent;
  if (agent && connection->end == SIM_END_NONE) sim_session_run(connection);
  sim_connection_wake(connection);
}

// What the kernel has not yet sent or the peer not yet acknowledged, in bytes.
static int unsent(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : 0;
}

// Does what connection->end asks for, now that all is written.
static int finish(struct sim_connection *connection) {
  int fd = lws_get_socket_fd(connection->wsi);
  SSL *tls = lws_get_ssl(connection->wsi);
  if (connection->end == SIM_END_RESET && unsent(fd) > 0 && connection->flush_checks++ < MAX_FLUSH_CHECKS) {
    sim_connection_sleep(connection, 0.001); // a reset would throw these bytes away
    return 0;
  }
  if (tls && connection->end == SIM_END_CLOSE)
    SSL_shutdown(tls);
  else if (tls)
    SSL_set_quiet_shutdown(tls, 1);
  if (connection->end == SIM_END_RESET) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return -1;
  }
  // Closing right away would reset the connection if the client is still sending; it might lose our last words.
  shutdown(fd, SHUT_WR);
  connection->ended = true;
  sim_connection_guard(connection, LINGER_SECONDS);
  return 0;
}

int sim_connection_writable(struct sim_connection *connection) {
  if (connection->ended) return 0;
  if (connection->end == SIM_END_NONE && !connection->sleeping) {
    sim_player_run(connection);
    if (connection->player.agent) sim_session_run(connection);
  }
  if (connection->out.length > 0) {
    int length = (int)connection->out.length;
    if (lws_write(connection->wsi, connection->out.data, connection->out.length, LWS_WRITE_RAW) < length) return -1;
    connection->out.length = 0;
    sim_connection_wake(connection);
    return 0;
  }
  return connection->end == SIM_END_NONE ? 0 : finish(connection);
}

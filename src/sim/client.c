// One client, and who speaks to it; see client.h.
#include "client.h"

#include "canned.h"
#include "rest.h"
#include "threads_rest.h"

#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WAITING (2u * SIM_MAX_MESSAGE) // bytes of requests behind the one that is being answered by a stream

void sim_client_open(struct sim_client *client, struct sim_service *service, struct lws *wsi) {
  memset(client, 0, sizeof *client);
  client->connection.wsi = wsi;
  client->service = service;
  size_t number = client->number = ++service->connections;
  sim_websocket_init(&client->websocket, &client->connection, service->options);
  sim_player_init(&client->player, service, &client->websocket, &client->thread_session, number);
  sim_session_init(&client->session, service, &client->websocket, number);
  sim_thread_session_init(&client->thread_session, service, &client->websocket, number);
}

void sim_client_free(struct sim_client *client) {
  sim_sse_player_free(&client->stream.player);
  sim_session_free(&client->session);
  sim_thread_session_free(&client->thread_session);
  sim_player_free(&client->player);
  sim_websocket_free(&client->websocket);
  sim_connection_free(&client->connection);
}

// ---- requests ------------------------------------------------------------------------------------

static void client_refuse(struct sim_client *client, int status, const char *message) {
  json_t *headers =
      json_pack("{s:s, s:s, s:s}", "Content-Type", "text/plain", "Connection", "close", "Sec-WebSocket-Version", "13");
  if (client->service->options->verbose) fprintf(stderr, "aui-sim: request refused: %s\n", message);
  sim_http_answer(&client->connection.out, status, headers, message, strlen(message));
  json_decref(headers);
  sim_connection_end(&client->connection, SIM_END_CLOSE);
}

static bool is_key(const struct sim_service *service, const char *given) {
  const char *wanted = service->options->api_key;
  return !wanted || (given && strcmp(given, wanted) == 0);
}

static bool key_in_header(const struct sim_service *service, const struct sim_request *request) {
  return is_key(service, sim_request_header(request, "x-network-api-key"));
}

// On a socket the key may come in the query, too.
static bool key_for_session(const struct sim_service *service, const struct sim_request *request) {
  char *parameter = sim_request_parameter(request, "network_api_key");
  bool accepted = is_key(service, parameter) || key_in_header(service, request);
  free(parameter);
  return accepted;
}

// Whether an upgrade has good credentials; else says so as its API does.
static bool session_authenticated(struct sim_client *client, const struct sim_request *request) {
  struct sim_websocket *websocket = &client->websocket;
  json_t *error = NULL;
  if (websocket->subprotocol) {
    int status = sim_thread_session_refusal(client->service, request, &error);
    if (status == 200) return true;
    sim_threads_reply(&client->connection.out, status, error);
    sim_connection_end(&client->connection, SIM_END_CLOSE);
    return false;
  }
  if (key_for_session(client->service, request)) return true;
  error = sim_error_payload(401, "Not authenticated", "Invalid API key");
  sim_websocket_accept(websocket);
  sim_websocket_send(websocket, error);
  sim_websocket_close(websocket, 1008, "Not authenticated");
  json_decref(error);
  return false;
}

static enum sim_speaker agent_of(const struct sim_client *client) {
  return client->websocket.subprotocol ? SIM_SPEAKER_THREAD_AGENT : SIM_SPEAKER_AGENT;
}

// Takes over the request.
static void start_session(struct sim_client *client, struct sim_request *request) {
  struct sim_service *service = client->service;
  struct sim_websocket *websocket = &client->websocket;
  const char *refusal = sim_websocket_refusal(request);
  websocket->request = *request;
  websocket->subprotocol = sim_threads_path(request) ? SIM_THREAD_SUBPROTOCOL : NULL;
  client->speaker = SIM_SPEAKER_PLAYER; // with nothing to play, for the time being
  if (refusal) {
    client_refuse(client, sim_request_has_token(request, "upgrade", "websocket") ? 400 : 426, refusal);
  } else if (!session_authenticated(client, request)) {
    return;
  } else if (service->replay) {
    sim_player_start(&client->player, sim_replay_opening(service->replay));
  } else if (service->scenario && service->scenario->connection_count > 0) {
    size_t last = service->scenario->connection_count - 1;
    size_t n = service->sessions++;
    sim_player_start(&client->player, &service->scenario->connections[n < last ? n : last]);
  } else {
    sim_websocket_accept(websocket);
    client->speaker = agent_of(client);
  }
}

// As the request wants it (RFC 9112, 9.3).
static void end_if_asked(struct sim_client *client, const struct sim_request *request) {
  if (sim_request_has_token(request, "connection", "close") || strcmp(request->version, "HTTP/1.0") == 0)
    sim_connection_end(&client->connection, SIM_END_CLOSE);
}

static void start_stream(struct sim_client *client, const struct sim_request *request) {
  json_t *result = NULL;
  int status = sim_threads_authenticate(client->service, request, &result);
  if (status == 200)
    status =
        sim_sse_stream_open(&client->stream, client->service, &client->connection, client->number, request, &result);
  if (status == 200) {
    client->speaker = SIM_SPEAKER_STREAM;
  } else {
    sim_threads_reply(&client->connection.out, status, result);
    end_if_asked(client, request);
  }
}

// The answer that was written down for a call; NULL: there is none.
static const json_t *canned_answer(struct sim_service *service, const struct sim_request *request) {
  if (service->replay) return sim_replay_call(service->replay, request);
  return json_array_get(service->scenario ? service->scenario->rest : NULL, service->calls++);
}

static void serve_call(struct sim_client *client, const struct sim_request *request) {
  struct sim_service *service = client->service;
  struct sim_connection *connection = &client->connection;
  const json_t *canned = canned_answer(service, request);
  if (canned && !sim_canned_serves(canned)) {
    sim_canned_answer(connection, canned, NULL);
    return;
  }
  if (sim_threads_path(request))
    sim_threads_answer(service, client->number, request, &connection->out);
  else
    sim_rest_answer(service, request, key_in_header(service, request), &connection->out);
  end_if_asked(client, request);
}

// A browser asks before it makes a page's call: that is no call, and comes without a key.
static void serve_preflight(struct sim_client *client, const struct sim_request *request) {
  sim_http_preflight(&client->connection.out);
  end_if_asked(client, request);
}

static void read_request(struct sim_client *client) {
  struct sim_buffer *in = &client->connection.in;
  struct sim_request request;
  struct sim_fault fault;
  size_t used;
  switch (sim_request_parse(in->data, in->length, &request, &used, &fault)) {
    case SIM_PARSE_MORE: return;
    case SIM_PARSE_FAULT: client_refuse(client, (int)fault.code, fault.reason); return;
    case SIM_PARSE_DONE: break;
  }
  sim_buffer_consume(in, used);
  const char *threads = sim_threads_path(&request);
  if (threads ? sim_threads_is_session(&request) : sim_rest_is_session(&request)) {
    start_session(client, &request);
    return;
  }
  if (strcmp(request.method, "OPTIONS") == 0)
    serve_preflight(client, &request);
  else if (threads && sim_threads_is_stream(&request))
    start_stream(client, &request);
  else
    serve_call(client, &request);
  sim_request_free(&request);
}

// Acts on what has come: pipelined requests, and frames right behind the upgrade. While a stream is on its way, what
// comes waits.
static void client_read(struct sim_client *client) {
  struct sim_connection *connection = &client->connection;
  size_t before = SIZE_MAX;
  while (connection->end == SIM_END_NONE && !connection->deaf && connection->in.length > 0 &&
         connection->in.length < before) {
    before = connection->in.length;
    if (client->speaker == SIM_SPEAKER_HTTP)
      read_request(client);
    else if (client->websocket.open)
      sim_websocket_receive(&client->websocket);
  }
}

// ---- who speaks ------------------------------------------------------------------------------------

static void agent_speaks(struct sim_client *client) {
  if (client->speaker == SIM_SPEAKER_AGENT) {
    sim_session_run(&client->session);
  } else if (sim_thread_session_run(&client->thread_session)) {
    client->thread_session.events = -1;
    client->speaker = SIM_SPEAKER_PLAYER; // which had lent the connection for a while
    sim_connection_wake(&client->connection);
  }
}

static void player_speaks(struct sim_client *client) {
  if (sim_player_run(&client->player)) return;
  client->thread_session.events = client->player.lent;
  client->speaker = agent_of(client);
  agent_speaks(client);
}

static void client_speaks(struct sim_client *client) {
  switch (client->speaker) {
    case SIM_SPEAKER_HTTP: break;
    case SIM_SPEAKER_STREAM:
      if (!sim_sse_player_run(&client->stream.player)) break;
      sim_sse_player_free(&client->stream.player);
      client->speaker = SIM_SPEAKER_HTTP;
      client_read(client);
      break;
    case SIM_SPEAKER_PLAYER: player_speaks(client); break;
    default: agent_speaks(client);
  }
}

// ---- TLS --------------------------------------------------------------------------------------------

static void log_handshake(struct sim_client *client) {
  SSL *ssl = client->service->options->tls_dir ? lws_get_ssl(client->connection.wsi) : NULL;
  client->greeted = true;
  if (!ssl) return;
  sim_log_fields(client->service->log, "handshake", client->number,
                 json_pack("{s:s, s:b}", "version", SSL_get_version(ssl), "resumed", SSL_session_reused(ssl)));
}

// ---- events --------------------------------------------------------------------------------------

void sim_client_receive(struct sim_client *client, const void *data, size_t length) {
  struct sim_connection *connection = &client->connection;
  if (!client->greeted) log_handshake(client);
  if (!sim_connection_receive(connection, data, length)) return;
  if (client->speaker == SIM_SPEAKER_STREAM && connection->in.length > MAX_WAITING) {
    sim_connection_end(connection, SIM_END_CLOSE);
    return;
  }
  client_read(client);
  // At once, since the end of the stream may lie right behind: an agent acts on what it has read.
  bool agent = client->speaker == SIM_SPEAKER_AGENT || client->speaker == SIM_SPEAKER_THREAD_AGENT;
  if (agent && connection->end == SIM_END_NONE) agent_speaks(client);
  sim_connection_wake(connection);
}

int sim_client_writable(struct sim_client *client) {
  const struct sim_connection *connection = &client->connection;
  if (connection->end == SIM_END_NONE && !connection->sleeping) client_speaks(client);
  return sim_connection_flush(&client->connection);
}

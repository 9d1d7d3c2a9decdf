// One client's connection: bytes, pace and ending; see connection.h.
#include "connection.h"

#include <linux/sockios.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LINGER_SECONDS 2.0
#define MAX_FLUSH_CHECKS 1000 // a millisecond each

void sim_connection_free(struct sim_connection *connection) {
  lws_sul_cancel(&connection->timer);
  lws_sul_cancel(&connection->guard);
  sim_buffer_free(&connection->in);
  sim_buffer_free(&connection->out);
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
  lws_sul_schedule(lws_get_context(connection->wsi), 0, &connection->timer, on_timer,
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
  lws_sul_schedule(lws_get_context(connection->wsi), 0, &connection->guard, on_guard,
                   (lws_usec_t)(seconds * LWS_US_PER_SEC));
}

void sim_connection_end(struct sim_connection *connection, enum sim_end end) {
  if (connection->end == SIM_END_NONE) connection->end = end;
  sim_connection_wake(connection);
}

bool sim_connection_receive(struct sim_connection *connection, const void *data, size_t length) {
  // libwebsockets limits the time until a TLS client is established, and leaves it to us to say when it is.
  lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0);
  if (connection->end != SIM_END_NONE || connection->deaf) return false;
  sim_buffer_add(&connection->in, data, length);
  return true;
}

bool sim_connection_has_room(const struct sim_connection *connection) {
  return connection->end == SIM_END_NONE && !connection->sleeping && connection->out.length < SIM_HIGH_WATER;
}

// What the kernel has not yet sent or the peer not yet acknowledged, in bytes.
static int unsent(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : 0;
}

// Does what connection->end asks for, now that all is written.
static int connection_finish(struct sim_connection *connection) {
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

int sim_connection_flush(struct sim_connection *connection) {
  if (connection->ended) return 0;
  if (connection->out.length > 0) {
    int length = (int)connection->out.length;
    if (lws_write(connection->wsi, connection->out.data, connection->out.length, LWS_WRITE_RAW) < length) return -1;
    connection->out.length = 0;
    sim_connection_wake(connection);
    return 0;
  }
  return connection->end == SIM_END_NONE ? 0 : connection_finish(connection);
}

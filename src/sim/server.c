// libwebsockets carries the bytes: it listens, speaks TLS and buffers. Connections have its RAW role, since a server
// that can break every rule of HTTP and WebSocket has to speak both by itself.
#include "server.h"

#include "client.h"
#include "sim_tls.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#define MAX_DESCRIPTORS 16384
#define READ_BUFFER (64u << 10)
#define CLIENT_TIMEOUT 120 // seconds

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
  struct sim_client *client = user;
  switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT: sim_client_open(client, lws_context_user(lws_get_context(wsi)), wsi); return 0;
    case LWS_CALLBACK_RAW_RX: sim_client_receive(client, in, length); return 0;
    case LWS_CALLBACK_RAW_WRITEABLE: return sim_client_writable(client);
    case LWS_CALLBACK_RAW_CLOSE: sim_client_free(client); return 0;
    default: return 0;
  }
}

static const struct lws_protocols protocols[] = {
    {.name = "aui",
     .callback = on_event,
     .per_session_data_size = sizeof(struct sim_client),
     .rx_buffer_size = READ_BUFFER,
     .tx_packet_size = 4 * SIM_HIGH_WATER},
    {0},
};

// ---- listening -------------------------------------------------------------------------------------

// Whether the address can be listened on, in the system's own words; libwebsockets gives no reason.
static bool can_listen(const char *host, int port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST}, *address;
  char service[8];
  snprintf(service, sizeof service, "%d", port);
  int problem = getaddrinfo(host, service, &hints, &address);
  if (problem) {
    fprintf(stderr, "aui-sim: --host: expected an IP address, got '%s' (%s)\n", host, gai_strerror(problem));
    return false;
  }
  int fd = socket(address->ai_family, SOCK_STREAM, 0);
  int yes = 1;
  bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
              bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 1) == 0;
  if (!good) fprintf(stderr, "aui-sim: cannot listen on %s port %d: %s\n", host, port, strerror(errno));
  if (fd >= 0) close(fd);
  freeaddrinfo(address);
  return good;
}

static struct lws_context *make_context(struct sim_service *service, uv_loop_t *loop) {
  void *loops[] = {loop};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
      .foreign_loops = loops,
      .pt_serv_buf_size = READ_BUFFER,
      .timeout_secs = CLIENT_TIMEOUT, // for a TLS client's bytes; the default of 5 drops clients on a busy machine
      .user = service,
  };
  struct lws_context *context = lws_create_context(&info);
  if (!context)
    fputs("aui-sim: libwebsockets does not start; is its libuv plugin (libwebsockets-evlib-uv) installed?\n", stderr);
  return context;
}

static struct lws_vhost *make_vhost(const struct sim_options *options, struct lws_context *context) {
  struct sim_buffer certificate = {0}, key = {0};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
      .iface = options->host,
      .port = options->port,
      .protocols = protocols,
      .listen_accept_role = "raw-skt",
      .listen_accept_protocol = protocols[0].name,
      .alpn = "", // else libwebsockets would take over a client that offers http/1.1
      .vhost_name = "aui-sim",
  };
  // With IPv6 in play libwebsockets takes an IPv4 address for none at all, and listens on every one of the machine's.
  if (!strchr(options->host, ':')) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  if (options->tls_dir) {
    sim_buffer_printf(&certificate, "%s/" SIM_CERTIFICATE_FILE, options->tls_dir);
    sim_buffer_printf(&key, "%s/" SIM_KEY_FILE, options->tls_dir);
    info.ssl_cert_filepath = (const char *)certificate.data;
    info.ssl_private_key_filepath = (const char *)key.data;
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  }
  struct lws_vhost *vhost = lws_create_vhost(context, &info);
  sim_buffer_free(&certificate);
  sim_buffer_free(&key);
  if (!vhost)
    fprintf(stderr, "aui-sim: cannot listen on %s port %d%s%s\n", options->host, options->port,
            options->tls_dir ? " with the certificate and key in " : "", options->tls_dir ? options->tls_dir : "");
  return vhost;
}

static bool start_listening(const struct sim_options *options, struct lws_context *context) {
  struct lws_vhost *vhost = can_listen(options->host, options->port) ? make_vhost(options, context) : NULL;
  if (!vhost) return false;
  const char *bracket = strchr(options->host, ':') ? "[]" : "";
  printf("listening on %s://%.1s%s%s:%d/api/v1/external/session\n", options->tls_dir ? "wss" : "ws", bracket,
         options->host, *bracket ? bracket + 1 : "", lws_get_vhost_listen_port(vhost));
  fflush(stdout);
  return true;
}

// ---- the loop --------------------------------------------------------------------------------------

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  uv_stop(handle->loop);
}

static void on_stdin(uv_poll_t *handle, int status, int events) {
  char discarded[4096];
  (void)events;
  ssize_t length = status < 0 ? 0 : read(STDIN_FILENO, discarded, sizeof discarded);
  if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) uv_stop(handle->loop);
}

// What ends the loop.
struct triggers {
  uv_signal_t interrupt, terminate;
  uv_poll_t input;
};

static bool arm(uv_loop_t *loop, struct triggers *triggers, bool with_stdin) {
  uv_signal_init(loop, &triggers->interrupt);
  uv_signal_init(loop, &triggers->terminate);
  uv_signal_start(&triggers->interrupt, on_signal, SIGINT);
  uv_signal_start(&triggers->terminate, on_signal, SIGTERM);
  if (!with_stdin) return true;
  int problem = uv_poll_init(loop, &triggers->input, STDIN_FILENO);
  if (!problem) problem = uv_poll_start(&triggers->input, UV_READABLE, on_stdin);
  if (problem)
    fprintf(stderr, "aui-sim: --exit-with-stdin: expected a pipe or terminal as standard input: %s\n",
            uv_strerror(problem));
  return !problem;
}

static void close_handle(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

// libwebsockets 4.1 wants two turns of the loop between the two halves of its teardown.
static void tear_down(uv_loop_t *loop, struct lws_context *context) {
  if (context) {
    lws_context_destroy(context);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT);
    lws_context_destroy(context);
  }
  uv_walk(loop, close_handle, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
}

// A thousand connections need more descriptors than the usual 1,024.
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max < MAX_DESCRIPTORS ? limit.rlim_max : MAX_DESCRIPTORS;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int sim_server_run(struct sim_service *service) {
  const struct sim_options *options = service->options;
  uv_loop_t loop;
  struct triggers triggers;
  raise_descriptor_limit();
  signal(SIGPIPE, SIG_IGN);
  lws_set_log_level(options->verbose ? LLL_ERR | LLL_WARN | LLL_NOTICE : 0, NULL);
  if (uv_loop_init(&loop) != 0) {
    fputs("aui-sim: no event loop to be had\n", stderr);
    return 1;
  }
  struct lws_context *context = make_context(service, &loop);
  bool good = context && arm(&loop, &triggers, options->exit_with_stdin) && start_listening(options, context);
  if (good) uv_run(&loop, UV_RUN_DEFAULT);
  tear_down(&loop, context);
  return good ? 0 : 1;
}

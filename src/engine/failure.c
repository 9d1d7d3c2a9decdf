/* What can go wrong on a connection, as the error that its user sees. */
#include "engine/failure.h"

#include <stdio.h>
#include <string.h>

#include "engine/words.h"

void aui_failure_out_of_memory(aui_error *error) {
  aui_error_set(error, AUI_ERROR_OVERFLOW, "out of memory");
}

/* ---- The transport ---- */

void aui_failure_of_opening(aui_error *error, aui_phase phase, const char *cause, bool retryable) {
  aui_error_kind kind = phase == AUI_PHASE_REQUEST ? AUI_ERROR_AUTH : AUI_ERROR_TRANSPORT;
  aui_error_set(error, kind, "%s", cause ? cause : "the connection could not be opened");
  error->retryable = retryable;
}

enum { MISSING_SIZE = 400 }; /* bytes */

/* What did not happen in this phase of opening. */
static void say_missing(char words[MISSING_SIZE], aui_phase phase, const char *proxy) {
  const char *whose = proxy ? " of the proxy " : "", *who = proxy ? "the proxy " : "the server";
  const char *name = proxy ? proxy : "";
  switch (phase) {
    case AUI_PHASE_REQUEST: snprintf(words, MISSING_SIZE, "the key, the token or the headers were not given"); break;
    case AUI_PHASE_RESOLVE: snprintf(words, MISSING_SIZE, "the name%s%s was not resolved", whose, name); break;
    case AUI_PHASE_CONNECT: snprintf(words, MISSING_SIZE, "%s%s did not accept the connection", who, name); break;
    case AUI_PHASE_PROXY: snprintf(words, MISSING_SIZE, "%s%s did not open a tunnel", who, name); break;
    case AUI_PHASE_TLS: snprintf(words, MISSING_SIZE, "the TLS handshake was not completed"); break;
  }
}

void aui_failure_of_connect_timeout(aui_error *error, aui_phase phase, const char *proxy, bool transport_up,
                                    uint64_t timeout) {
  char what[MISSING_SIZE] = "the server did not answer the WebSocket handshake", seconds[AUI_WORDS_SECONDS];
  if (!transport_up) say_missing(what, phase, proxy);
  aui_words_seconds(seconds, timeout);
  aui_error_set(error, AUI_ERROR_TIMEOUT, "%s within %s s (timeout.connect)", what, seconds);
}

/* ---- The tunnel through a proxy ---- */

static const char *say_credentials(aui_credentials credentials) {
  switch (credentials) {
    case AUI_CREDENTIALS_MISSING: return ": it asks for a user name and a password";
    case AUI_CREDENTIALS_REFUSED: return ": it does not accept the user name and password";
    case AUI_CREDENTIALS_UNKNOWN: break;
  }
  return ": it knows no authentication by the scheme Basic";
}

void aui_failure_of_refused_tunnel(aui_error *error, const char *proxy, const aui_http *answer,
                                   aui_credentials credentials) {
  enum { UNAUTHORIZED = 401, PROXY_AUTHENTICATION_REQUIRED = 407 }; /* tinyproxy says 401 to a wrong password */
  bool asks = answer->status == PROXY_AUTHENTICATION_REQUIRED || answer->status == UNAUTHORIZED;
  const char *reason = answer->reason, *why = asks ? say_credentials(credentials) : "";
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the proxy %s refused the tunnel with HTTP status %d%s%s%s%s", proxy,
                answer->status, *reason ? " (" : "", reason, *reason ? ")" : "", why);
  error->retryable = aui_error_is_retryable(aui_error_kind_of_status(answer->status));
}

void aui_failure_of_tunnel(aui_error *error, const char *proxy, aui_http_event why, size_t max_head) {
  switch (why) {
    case AUI_HTTP_NO_MEMORY: aui_failure_out_of_memory(error); return;
    case AUI_HTTP_HEAD_TOO_LONG:
      aui_error_set(error, AUI_ERROR_TRANSPORT, "the answer of the proxy %s has a head of more than %zu bytes", proxy,
                    max_head);
      break;
    case AUI_HTTP_TLS_ALERT:
      aui_error_set(error, AUI_ERROR_TRANSPORT, "the proxy %s speaks TLS: give it as https://", proxy);
      break;
    default: aui_error_set(error, AUI_ERROR_TRANSPORT, "the answer of the proxy %s is not HTTP/1.1", proxy);
  }
  error->retryable = false;
}

void aui_failure_of_early_tunnel(aui_error *error, const char *proxy) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the proxy %s spoke before it was asked: not as HTTP/1.1 has it", proxy);
  error->retryable = false;
}

void aui_failure_of_tunnel_cut(aui_error *error, const char *proxy, bool answered, const char *cause) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the proxy %s ended the connection %s%s%s", proxy,
                answered ? "in the middle of its answer" : "without an answer", cause ? ": " : "", cause ? cause : "");
}

/* ---- The open transport ---- */

void aui_failure_of_cut(aui_error *error, const char *cause, bool retryable) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection was cut%s%s", cause ? ": " : "",
                cause ? cause : " without a close frame");
  error->retryable = retryable;
  error->close_code = 1006;
}

/* ---- The opening handshake ---- */

static void say_refused(aui_error *error, aui_handshake *handshake) {
  int status = handshake->http.status;
  aui_error_set(error, aui_error_kind_of_status(status),
                "the server refused the WebSocket handshake with HTTP status %d%s", status,
                status >= 300 && status < 400 ? " (redirects are not followed)" : "");
  error->status_code = status;
  error->retry_after = handshake->retry_after;
  error->payload = handshake->body;
  handshake->body = (aui_buffer){0};
}

void aui_failure_of_handshake(aui_error *error, aui_handshake *handshake, aui_handshake_result why) {
  switch (why) {
    case AUI_HANDSHAKE_REFUSED: say_refused(error, handshake); return;
    case AUI_HANDSHAKE_NO_MEMORY: aui_failure_out_of_memory(error); return;
    case AUI_HANDSHAKE_HEAD_TOO_LONG:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "WebSocket handshake: %s", aui_handshake_describe(why));
      error->retryable = false; /* the next answer would be as long */
      break;
    default: aui_error_set(error, AUI_ERROR_PROTOCOL, "WebSocket handshake: %s", aui_handshake_describe(why));
  }
  error->status_code = handshake->http.status;
}

void aui_failure_of_handshake_cut(aui_error *error, aui_handshake *handshake, const char *cause, bool retryable) {
  aui_handshake_result why = aui_handshake_eof(handshake);
  if (why == AUI_HANDSHAKE_REFUSED) {
    say_refused(error, handshake);
    return;
  }
  const char *end = why == AUI_HANDSHAKE_NEED_MORE ? "the server ended the connection without an answer"
                                                   : "the server ended the connection in the middle of its answer";
  aui_error_set(error, AUI_ERROR_TRANSPORT, "WebSocket handshake: %s", cause ? cause : end);
  error->retryable = retryable;
}

void aui_failure_ask_for_tls(aui_error *error) {
  bool retryable = error->retryable;
  aui_error_set(error, error->kind, "%s (does it want TLS: wss:// or https://?)", error->message);
  error->retryable = retryable;
}

void aui_failure_ask_for_stream(aui_error *error) {
  enum { BAD_REQUEST = 400 };
  bool unsaid = error->kind == AUI_ERROR_APPLICATION && (!error->status_code || error->status_code == BAD_REQUEST);
  if (!unsaid) return;
  char words[2 * sizeof error->message];
  snprintf(words, sizeof words, "%s (does it stream by Server-Sent Events only? Then use carrier = \"stream\")",
           error->message);
  aui_words_copy(error->message, sizeof error->message, words, strlen(words));
}

/* ---- One HTTP request and its answer ---- */

void aui_failure_of_http(aui_error *error, const aui_http *answer, aui_http_event why) {
  switch (why) {
    case AUI_HTTP_ENCODED:
      aui_error_set(error, AUI_ERROR_PROTOCOL, "%s: %s", aui_http_describe(why), answer->encoding);
      return;
    case AUI_HTTP_NO_MEMORY: aui_failure_out_of_memory(error); return;
    case AUI_HTTP_HEAD_TOO_LONG:
    case AUI_HTTP_FRAMING_TOO_LONG:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "%s", aui_http_describe(why));
      error->retryable = false; /* the next answer would be as long */
      return;
    default: aui_error_set(error, AUI_ERROR_PROTOCOL, "%s", aui_http_describe(why));
  }
}

void aui_failure_of_early_answer(aui_error *error) {
  aui_error_set(error, AUI_ERROR_PROTOCOL, "the server spoke before it was asked: not as HTTP/1.1 has it");
}

void aui_failure_of_switching(aui_error *error) {
  aui_error_set(error, AUI_ERROR_PROTOCOL, "the server switched to another protocol, for which nobody had asked");
}

void aui_failure_of_status(aui_error *error, int status, long retry_after, aui_buffer *body) {
  bool redirect = status >= 300 && status < 400;
  aui_error_set(error, aui_error_kind_of_status(status), "the server answered with status %d%s", status,
                redirect ? " (redirects are not followed)" : "");
  error->about_message = true;
  error->status_code = status;
  error->retry_after = retry_after;
  error->payload = *body;
  *body = (aui_buffer){0};
}

void aui_failure_of_type(aui_error *error) {
  aui_error_set(error, AUI_ERROR_PROTOCOL, "the server's answer is no event stream (by its Content-Type)");
}

void aui_failure_of_events(aui_error *error, aui_event_stream_result why, size_t max_data) {
  switch (why) {
    case AUI_EVENT_STREAM_NO_MEMORY: aui_failure_out_of_memory(error); return;
    case AUI_EVENT_STREAM_DATA_TOO_LONG:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "the server sent a message of more than %zu bytes (max_message)",
                    max_data);
      break;
    default:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "the server's event stream has a line of more than %d bytes",
                    AUI_EVENT_STREAM_MAX_LINE);
  }
  error->retryable = false; /* the next answer would be as long */
}

void aui_failure_of_short_answer(aui_error *error) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the server ended the answer before it was complete");
}

void aui_failure_of_other_thread(aui_error *error, bool resumed) {
  aui_error_set(error, AUI_ERROR_PROTOCOL,
                resumed ? "the server resumed an answer of another thread"
                        : "the server named another thread in the middle of an answer");
  error->about_message = true;
}

void aui_failure_of_other_answer(aui_error *error) {
  aui_error_set(error, AUI_ERROR_PROTOCOL, "the server resumed an answer in which what had come is different");
  error->about_message = true;
}

void aui_failure_of_idle_end(aui_error *error) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection was closed between two messages");
}

void aui_failure_of_long_body(aui_error *error, size_t max_body) {
  aui_error_set(error, AUI_ERROR_OVERFLOW, "the answer's body is longer than %zu bytes (max_response_body)", max_body);
  error->retryable = false; /* the next answer would be as long */
}

void aui_failure_of_exchange_cut(aui_error *error, aui_exchange_progress progress, const char *cause, bool retryable) {
  const char *where = progress == AUI_EXCHANGE_READING ? "in the middle of the answer" : "before an answer in HTTP/1.1";
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection was cut %s%s%s", where, cause ? ": " : "",
                cause ? cause : "");
  error->retryable = retryable;
}

void aui_failure_of_exchange_timeout(aui_error *error, aui_exchange_progress progress, aui_phase phase,
                                     const char *proxy, uint64_t timeout) {
  char what[MISSING_SIZE], seconds[AUI_WORDS_SECONDS];
  switch (progress) {
    case AUI_EXCHANGE_OPENING: say_missing(what, phase, proxy); break;
    case AUI_EXCHANGE_ASKING: snprintf(what, sizeof what, "the server did not answer"); break;
    case AUI_EXCHANGE_READING: snprintf(what, sizeof what, "the answer was not complete"); break;
  }
  aui_error_set(error, AUI_ERROR_TIMEOUT, "%s within %s s (timeout.call)", what, aui_words_seconds(seconds, timeout));
}

/* ---- The open WebSocket ---- */

void aui_failure_of_silence(aui_error *error, uint64_t timeout) {
  char seconds[AUI_WORDS_SECONDS];
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection is dead: no answer to a ping within %s s (ping_timeout)",
                aui_words_seconds(seconds, timeout));
  error->close_code = 1006;
}

/* What a close code means. */
typedef struct {
  int code;
  aui_error_kind kind;
  bool about_message; /* it is an answer to the message that was under way */
  const char *meaning;
} closing;

/* RFC 6455, 7.4.1, IANA's registry of close codes, and this protocol's own. */
static const closing closings[] = {
    {1000, AUI_ERROR_TRANSPORT, false, "normal closure"},
    {1001, AUI_ERROR_TRANSPORT, false, "going away"},
    {1002, AUI_ERROR_PROTOCOL, false, "protocol error"},
    {1003, AUI_ERROR_PROTOCOL, false, "unsupported data"},
    {1007, AUI_ERROR_PROTOCOL, false, "invalid payload"},
    {1008, AUI_ERROR_AUTH, false, "authentication failure or application error"}, /* in this protocol */
    {1009, AUI_ERROR_PROTOCOL, false, "message too big"},
    {1010, AUI_ERROR_PROTOCOL, false, "extension missing"},
    {1011, AUI_ERROR_SERVER, false, "internal server error"},
    {1012, AUI_ERROR_SERVER, false, "service restart"},
    {1013, AUI_ERROR_SERVER, false, "try again later"},
    {1014, AUI_ERROR_SERVER, false, "bad gateway"},
    {3000, AUI_ERROR_AUTH, true, "unauthorized"},
    {3003, AUI_ERROR_AUTH, true, "forbidden"},
    {3008, AUI_ERROR_TIMEOUT, false, "timeout"},
    {4001, AUI_ERROR_AUTH, true, "invalid authentication"}, /* in this protocol, as the next two */
    {4002, AUI_ERROR_APPLICATION, true, "task not found"},
    {4003, AUI_ERROR_RATE_LIMIT, true, "rate limit exceeded"},
};

static closing meaning_of_close(int code) {
  for (size_t i = 0; i < sizeof closings / sizeof *closings; i++) {
    if (closings[i].code == code) return closings[i];
  }
  aui_error_kind kind = code >= 3000 ? AUI_ERROR_APPLICATION : AUI_ERROR_TRANSPORT;
  return (closing){code, kind, false, "no meaning registered"};
}

void aui_failure_of_close(aui_error *error, int code, const char *reason, bool let_in) {
  closing c = meaning_of_close(code);
  if (code == 1008 && let_in) c.kind = AUI_ERROR_APPLICATION;
  if (code == 1005) {
    aui_error_set(error, c.kind, "the server closed the connection without giving a reason");
  } else {
    aui_error_set(error, c.kind, "the server closed the connection with %d (%s)%s%s", code, c.meaning,
                  *reason ? ": " : "", reason);
  }
  error->about_message = c.about_message;
  error->close_code = code;
}

static void say_too_big(aui_error *error, size_t max_message) {
  aui_error_set(error, AUI_ERROR_OVERFLOW, "the server sent a message of more than %zu bytes (max_message)",
                max_message);
  error->retryable = false; /* the next answer would be as long */
}

void aui_failure_of_frame(aui_error *error, aui_frame_result why, size_t max_message) {
  if (why == AUI_FRAME_TOO_BIG) {
    say_too_big(error, max_message);
  } else {
    aui_error_set(error, AUI_ERROR_PROTOCOL, "%s", aui_frame_describe(why));
  }
  error->close_code = aui_frame_close_code(why);
}

void aui_failure_of_deflate(aui_error *error, aui_deflate_result why, size_t max_message) {
  if (why == AUI_DEFLATE_TOO_BIG) {
    say_too_big(error, max_message);
  } else {
    aui_error_set(error, AUI_ERROR_PROTOCOL, "the server sent a compressed message that cannot be inflated");
  }
  error->close_code = aui_deflate_close_code(why);
}

void aui_failure_of_message(aui_error *error, aui_event_type why, unsigned max_depth) {
  switch (why) {
    case AUI_EVENT_BAD_UTF8:
      aui_error_set(error, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid UTF-8");
      break;
    case AUI_EVENT_TOO_DEEP:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "the server sent a message nested deeper than %u levels (max_depth)",
                    max_depth);
      error->retryable = false; /* the next answer would be as deep */
      break;
    default: aui_error_set(error, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid JSON");
  }
  error->close_code = 1007;
}

void aui_failure_of_payload(aui_error *error, int status_code, const char *json, size_t n) {
  if (status_code) {
    aui_error_set(error, aui_error_kind_of_status(status_code), "the server answered with status %d", status_code);
  } else {
    aui_error_set(error, AUI_ERROR_APPLICATION, "the server sent an error");
  }
  error->about_message = true;
  error->status_code = status_code;
  aui_buffer_append(&error->payload, json, n);
}

void aui_failure_close_payload(aui_error *error, const aui_error *end) {
  error->close_code = end->close_code;
  if (error->status_code) return;
  switch (end->kind) {
    case AUI_ERROR_AUTH:
    case AUI_ERROR_RATE_LIMIT:
    case AUI_ERROR_SERVER:
    case AUI_ERROR_TIMEOUT:
      error->kind = end->kind;
      error->retryable = end->retryable;
      break;
    default: break;
  }
}

static bool is_not_found(const aui_error *error) {
  return error->status_code == 404 || error->close_code == 4002;
}

/* A 503 may also be a balancer's that has passed the message on and lost the server: it tells nothing. */
aui_delivered aui_failure_delivered(const aui_error *error, bool answered) {
  if (!error->about_message) return AUI_DELIVERED_MAYBE;
  if (answered) return AUI_DELIVERED_YES;
  switch (error->kind) {
    case AUI_ERROR_APPLICATION: return is_not_found(error) ? AUI_DELIVERED_NO : AUI_DELIVERED_YES;
    case AUI_ERROR_AUTH:
    case AUI_ERROR_RATE_LIMIT: return AUI_DELIVERED_NO;
    default: return AUI_DELIVERED_MAYBE;
  }
}

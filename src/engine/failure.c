/* What can go wrong on a connection, as the error that its user sees. */
#include "engine/failure.h"

void aui_failure_out_of_memory(aui_error *error) {
  aui_error_set(error, AUI_ERROR_OVERFLOW, "out of memory");
}

/* ---- The transport ---- */

void aui_failure_of_opening(aui_error *error, aui_phase phase, const char *cause, bool retryable) {
  aui_error_kind kind = phase == AUI_PHASE_REQUEST ? AUI_ERROR_AUTH : AUI_ERROR_TRANSPORT;
  aui_error_set(error, kind, "%s", cause ? cause : "the connection could not be opened");
  error->retryable = retryable;
}

static const char *missing(aui_phase phase, bool transport_up) {
  if (transport_up) return "the server did not answer the WebSocket handshake";
  switch (phase) {
    case AUI_PHASE_REQUEST: return "the key or the headers were not given";
    case AUI_PHASE_RESOLVE: return "the name was not resolved";
    case AUI_PHASE_CONNECT: return "the server did not accept the connection";
    case AUI_PHASE_TLS: return "the TLS handshake was not completed";
  }
  return "no connection was made";
}

void aui_failure_of_connect_timeout(aui_error *error, aui_phase phase, bool transport_up, uint64_t timeout) {
  aui_error_set(error, AUI_ERROR_TIMEOUT, "%s within %g s (timeout.connect)", missing(phase, transport_up),
                (double)timeout / 1000);
}

void aui_failure_of_cut(aui_error *error, const char *cause, bool retryable) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection was cut%s%s", cause ? ": " : "",
                cause ? cause : " without a close frame");
  error->retryable = retryable;
  error->close_code = 1006;
}

/* ---- The opening handshake ---- */

static void refused(aui_error *error, aui_handshake *handshake) {
  int status = handshake->status;
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
    case AUI_HANDSHAKE_REFUSED: refused(error, handshake); return;
    case AUI_HANDSHAKE_NO_MEMORY: aui_failure_out_of_memory(error); return;
    case AUI_HANDSHAKE_TOO_LARGE:
      aui_error_set(error, AUI_ERROR_OVERFLOW, "WebSocket handshake: %s", aui_handshake_describe(why));
      error->retryable = false; /* the next answer would be as long */
      break;
    default: aui_error_set(error, AUI_ERROR_PROTOCOL, "WebSocket handshake: %s", aui_handshake_describe(why));
  }
  error->status_code = handshake->status;
}

void aui_failure_of_handshake_cut(aui_error *error, aui_handshake *handshake, const char *cause, bool retryable) {
  aui_handshake_result why = aui_handshake_eof(handshake);
  if (why == AUI_HANDSHAKE_REFUSED) {
    refused(error, handshake);
    return;
  }
  const char *end = why == AUI_HANDSHAKE_NEED_MORE ? "the server ended the connection without an answer"
                                                   : "the server ended the connection in the middle of its answer";
  aui_error_set(error, AUI_ERROR_TRANSPORT, "WebSocket handshake: %s", cause ? cause : end);
  error->retryable = retryable;
}

/* ---- The open WebSocket ---- */

void aui_failure_of_silence(aui_error *error, uint64_t timeout) {
  aui_error_set(error, AUI_ERROR_TRANSPORT, "the connection is dead: no answer to a ping within %g s (ping_timeout)",
                (double)timeout / 1000);
  error->close_code = 1006;
}

/* RFC 6455, 7.4.1, and IANA's registry of close codes. */
static const char *meaning_of_close(int code) {
  switch (code) {
    case 1000: return "normal closure";
    case 1001: return "going away";
    case 1002: return "protocol error";
    case 1003: return "unsupported data";
    case 1007: return "invalid payload";
    case 1008: return "authentication failure or application error"; /* in this protocol */
    case 1009: return "message too big";
    case 1010: return "extension missing";
    case 1011: return "internal server error";
    case 1012: return "service restart";
    case 1013: return "try again later";
    case 1014: return "bad gateway";
    default: return "no meaning registered";
  }
}

static aui_error_kind kind_of_close(int code, bool heard) {
  switch (code) {
    case 1008: return heard ? AUI_ERROR_APPLICATION : AUI_ERROR_AUTH;
    case 1011:
    case 1012:
    case 1013:
    case 1014: return AUI_ERROR_SERVER;
    case 1002:
    case 1003:
    case 1007:
    case 1009:
    case 1010: return AUI_ERROR_PROTOCOL;
    default: return code >= 3000 ? AUI_ERROR_APPLICATION : AUI_ERROR_TRANSPORT;
  }
}

void aui_failure_of_close(aui_error *error, int code, const char *reason, bool heard) {
  if (code == 1005) {
    aui_error_set(error, AUI_ERROR_TRANSPORT, "the server closed the connection without giving a reason");
  } else {
    aui_error_set(error, kind_of_close(code, heard), "the server closed the connection with %d (%s)%s%s", code,
                  meaning_of_close(code), *reason ? ": " : "", reason);
  }
  error->close_code = code;
}

void aui_failure_of_frame(aui_error *error, aui_frame_result why, size_t max_message) {
  if (why == AUI_FRAME_TOO_BIG) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "the server sent a message of more than %zu bytes (max_message)",
                  max_message);
    error->retryable = false; /* the next answer would be as long */
  } else {
    aui_error_set(error, AUI_ERROR_PROTOCOL, "%s", aui_frame_describe(why));
  }
  error->close_code = aui_frame_close_code(why);
}

void aui_failure_of_binary(aui_error *error) {
  aui_error_set(error, AUI_ERROR_PROTOCOL, "the server sent a binary message where only text is spoken");
  error->close_code = 1003;
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
  aui_error_set(error, aui_error_kind_of_status(status_code), "the server answered with status %d", status_code);
  error->status_code = status_code;
  aui_buffer_append(&error->payload, json, n);
}

aui_delivered aui_failure_delivered(const aui_error *error, bool answered) {
  int status = error->status_code;
  if (status == 0) return AUI_DELIVERED_MAYBE;
  if (answered || error->kind == AUI_ERROR_APPLICATION) return AUI_DELIVERED_YES;
  return status == 401 || status == 403 || status == 429 ? AUI_DELIVERED_NO : AUI_DELIVERED_MAYBE;
}

/* What a failed reply or connection tells its user: kinds, their names, and the message. */
#include "engine/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/utf8.h"

const char *aui_error_kind_name(aui_error_kind kind) {
  switch (kind) {
    case AUI_ERROR_NONE: return "none";
    case AUI_ERROR_AUTH: return "auth";
    case AUI_ERROR_APPLICATION: return "application";
    case AUI_ERROR_RATE_LIMIT: return "rate_limit";
    case AUI_ERROR_SERVER: return "server";
    case AUI_ERROR_TRANSPORT: return "transport";
    case AUI_ERROR_TIMEOUT: return "timeout";
    case AUI_ERROR_PROTOCOL: return "protocol";
    case AUI_ERROR_CANCELED: return "canceled";
    case AUI_ERROR_OVERFLOW: return "overflow";
  }
  return "unknown";
}

const char *aui_delivered_name(aui_delivered delivered) {
  switch (delivered) {
    case AUI_DELIVERED_NO: return "no";
    case AUI_DELIVERED_MAYBE: return "maybe";
    case AUI_DELIVERED_YES: return "yes";
  }
  return "unknown";
}

static bool worth_retrying(aui_error_kind kind) {
  return kind == AUI_ERROR_RATE_LIMIT || kind == AUI_ERROR_SERVER || kind == AUI_ERROR_TRANSPORT ||
         kind == AUI_ERROR_TIMEOUT || kind == AUI_ERROR_OVERFLOW;
}

static bool is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7F;
}

/* Copies at most `n` bytes of a text, which may be the peer's in part, as one line without a full stop at its end. */
static void copy_line(char *line, const char *text, size_t n) {
  size_t len = 0;
  for (; len < n && text[len]; len++) line[len] = is_control(text[len]) ? ' ' : text[len];
  while (len > 0 && (line[len - 1] == '.' || line[len - 1] == ' ')) len--;
  line[len] = 0;
}

void aui_error_set(aui_error *error, aui_error_kind kind, const char *format, ...) {
  char text[sizeof error->message + 1]; /* shows whether a character goes on behind the cut */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  aui_error_clear(error);
  error->kind = kind;
  error->retryable = worth_retrying(kind);
  error->retry_after = -1;
  size_t n = aui_utf8_boundary(text, strlen(text), sizeof error->message - 1);
  copy_line(error->message, text, n);
}

aui_error_kind aui_error_kind_of_status(int status_code) {
  if (status_code == 401 || status_code == 403) return AUI_ERROR_AUTH;
  if (status_code == 429) return AUI_ERROR_RATE_LIMIT;
  if (status_code >= 400 && status_code < 500) return AUI_ERROR_APPLICATION;
  if (status_code >= 500 && status_code < 600) return AUI_ERROR_SERVER;
  return AUI_ERROR_PROTOCOL;
}

void aui_error_copy(aui_error *to, const aui_error *from) {
  *to = *from;
  to->payload = (aui_buffer){0};
  aui_buffer_append(&to->payload, from->payload.data, from->payload.len);
}

void aui_error_clear(aui_error *error) {
  aui_buffer_free(&error->payload);
  memset(error, 0, sizeof *error);
}

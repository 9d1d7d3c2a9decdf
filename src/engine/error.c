/* Errors of failed replies and connections: kinds, their names, and the message. */
#include "engine/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/buffer.h"
#include "engine/words.h"

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

bool aui_error_is_retryable(aui_error_kind kind) {
  return kind == AUI_ERROR_RATE_LIMIT || kind == AUI_ERROR_SERVER || kind == AUI_ERROR_TRANSPORT ||
         kind == AUI_ERROR_TIMEOUT || kind == AUI_ERROR_OVERFLOW;
}

void aui_error_set(aui_error *error, aui_error_kind kind, const char *format, ...) {
  char text[2 * sizeof error->message]; /* spaces may go */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  aui_error_clear(error);
  error->kind = kind;
  error->retryable = aui_error_is_retryable(kind);
  error->retry_after = -1;
  aui_words_copy(error->message, sizeof error->message, text, strlen(text));
}

aui_error_kind aui_error_kind_of_status(int status_code) {
  switch (status_code) {
    case 401:
    case 403: return AUI_ERROR_AUTH;
    case 408: return AUI_ERROR_TIMEOUT;
    case 421:
    case 425: return AUI_ERROR_SERVER;
    case 429: return AUI_ERROR_RATE_LIMIT;
    default: break;
  }
  if (status_code >= 400 && status_code < 500) return AUI_ERROR_APPLICATION;
  if (status_code >= 500 && status_code < 1000) return AUI_ERROR_SERVER;
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

#define NOT_KEPT(how)                                                                                                  \
  { AUI_ERROR_OVERFLOW, how, .retryable = true, .retry_after = -1, .message = "out of memory" }

/* What stands for an error that there was no memory for. */
static const aui_error not_kept[] = {[AUI_DELIVERED_NO] = NOT_KEPT(AUI_DELIVERED_NO),
                                     [AUI_DELIVERED_MAYBE] = NOT_KEPT(AUI_DELIVERED_MAYBE),
                                     [AUI_DELIVERED_YES] = NOT_KEPT(AUI_DELIVERED_YES)};

void aui_error_keep(const aui_error **kept, aui_error *error) {
  aui_error *room = malloc(sizeof *room);
  aui_error_release(*kept);
  if (room) {
    *kept = room;
    *room = *error;
  } else {
    *kept = &not_kept[error->delivered];
    aui_buffer_free(&error->payload);
  }
  *error = (aui_error){0};
}

void aui_error_release(const aui_error *kept) {
  if (!kept || kept == &not_kept[kept->delivered]) return;
  aui_error_clear((aui_error *)kept);
  free((aui_error *)kept);
}

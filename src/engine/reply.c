/* The answer to one send: its text as it grows, what its reader has not taken yet, and its one end. */
#include "engine/reply.h"

#include <stdlib.h>

aui_reply *aui_reply_new(aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                         uint64_t now) {
  aui_reply *reply = calloc(1, sizeof *reply);
  if (!reply) return NULL;
  if (!aui_buffer_append(&reply->request, json, n)) {
    free(reply);
    return NULL;
  }
  reply->session = session;
  reply->timeouts = *timeouts;
  reply->accepted = now;
  return reply;
}

void aui_reply_free(aui_reply *reply) {
  aui_buffer_free(&reply->request);
  aui_buffer_free(&reply->text);
  aui_buffer_free(&reply->message);
  aui_error_clear(&reply->error);
  free(reply);
}

void aui_reply_text_changed(aui_reply *reply, size_t keep) {
  if (keep < reply->kept) reply->kept = keep;
}

static void end(aui_reply *reply, aui_reply_status status) {
  reply->status = status;
  reply->session = NULL;
  aui_buffer_free(&reply->request);
}

void aui_reply_finish(aui_reply *reply, aui_buffer *message) {
  end(reply, AUI_REPLY_MESSAGE);
  reply->message = *message;
  *message = (aui_buffer){0};
}

void aui_reply_fail(aui_reply *reply, const aui_error *error, aui_delivered delivered) {
  end(reply, AUI_REPLY_FAILED);
  aui_error_copy(&reply->error, error);
  reply->error.delivered = delivered;
}

static uint64_t after(uint64_t start, uint64_t span) {
  return span >= AUI_NEVER - start ? AUI_NEVER : start + span;
}

uint64_t aui_reply_deadline(const aui_reply *reply, bool active, const char **which) {
  const aui_reply_timeouts *timeouts = &reply->timeouts;
  uint64_t deadline = after(reply->accepted, timeouts->total);
  *which = "total";
  if (!active) return deadline;
  uint64_t sign = after(reply->last_sign, reply->answered ? timeouts->idle : timeouts->first);
  if (sign >= deadline) return deadline;
  *which = reply->answered ? "idle" : "first";
  return sign;
}

aui_reply_status aui_reply_get_status(const aui_reply *reply) {
  return reply->status;
}

bool aui_reply_take(aui_reply *reply, size_t *keep, const char **chunk, size_t *n) {
  if (reply->kept == reply->taken && reply->text.len == reply->kept) return false;
  *keep = reply->kept;
  *chunk = reply->text.data ? reply->text.data + reply->kept : "";
  *n = reply->text.len - reply->kept;
  reply->taken = reply->kept = reply->text.len;
  return true;
}

const char *aui_reply_text(const aui_reply *reply, size_t *n) {
  *n = reply->text.len;
  return reply->text.data ? reply->text.data : "";
}

const char *aui_reply_message(const aui_reply *reply, size_t *n) {
  if (reply->status != AUI_REPLY_MESSAGE) return NULL;
  *n = reply->message.len;
  return reply->message.data;
}

const aui_error *aui_reply_error(const aui_reply *reply) {
  return reply->status == AUI_REPLY_FAILED ? &reply->error : NULL;
}

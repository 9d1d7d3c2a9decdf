/* The answer to one send: its text as it grows, what its reader has not taken yet, and its one end. */
#include "engine/reply.h"

#include <stdlib.h>

#include "engine/deadline.h"
#include "engine/words.h"

aui_reply *aui_reply_new(struct aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
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
  reply->departed = reply->first_text = AUI_NEVER;
  reply->last_seq = -1;
  return reply;
}

void aui_reply_free(aui_reply *reply) {
  aui_buffer_free(&reply->request);
  aui_buffer_free(&reply->text);
  aui_buffer_free(&reply->message);
  aui_error_release(reply->error);
  free(reply);
}

void aui_reply_text_changed(aui_reply *reply, size_t keep) {
  if (keep < reply->kept) reply->kept = keep;
}

static void reply_end(aui_reply *reply, aui_reply_status status) {
  reply->status = status;
  reply->session = NULL;
  aui_buffer_free(&reply->request);
}

bool aui_reply_set_message(aui_reply *reply, const char *json, size_t n) {
  aui_buffer message = {0};
  if (!aui_buffer_append(&message, json, n)) return false;
  aui_buffer_free(&reply->message);
  reply->message = message;
  return true;
}

bool aui_reply_has_message(const aui_reply *reply) {
  return reply->message.data;
}

void aui_reply_finish(aui_reply *reply) {
  reply_end(reply, AUI_REPLY_MESSAGE);
  aui_error_release(reply->error);
  reply->error = NULL;
}

void aui_reply_fail(aui_reply *reply, const aui_error *error, aui_delivered delivered) {
  aui_error copy;
  reply_end(reply, AUI_REPLY_FAILED);
  aui_error_copy(&copy, error);
  bool unsure = delivered == AUI_DELIVERED_NO && (reply->resends > 0 || reply->answered);
  copy.delivered = unsure ? AUI_DELIVERED_MAYBE : delivered;
  aui_error_keep(&reply->error, &copy);
}

void aui_reply_left(aui_reply *reply, uint64_t now) {
  if (!reply->again) reply->departed = now;
  if (!reply->signaled) reply->last_sign = now;
}

void aui_reply_signed(aui_reply *reply, uint64_t now) {
  reply->signaled = true;
  reply->last_sign = now;
}

static uint64_t total_deadline(const aui_reply *reply) {
  return aui_deadline_after(reply->accepted, reply->timeouts.total);
}

static uint64_t sign_deadline(const aui_reply *reply, uint64_t down_since) {
  const aui_reply_timeouts *timeouts = &reply->timeouts;
  if (reply->signaled) return aui_deadline_after(reply->last_sign, timeouts->idle);
  if (reply->departed != AUI_NEVER) return aui_deadline_after(reply->departed, timeouts->first);
  if (reply->on_wire) return aui_deadline_after(reply->last_sign, timeouts->first);
  if (down_since == AUI_NEVER) return AUI_NEVER;
  return aui_deadline_after(down_since > reply->accepted ? down_since : reply->accepted, timeouts->first);
}

uint64_t aui_reply_deadline(const aui_reply *reply, uint64_t down_since) {
  return aui_deadline_earlier(total_deadline(reply), sign_deadline(reply, down_since));
}

typedef struct {
  const char *missing, *option;
  uint64_t span;
} expired_limit;

static expired_limit find_expired(const aui_reply *reply, uint64_t down_since) {
  const aui_reply_timeouts *timeouts = &reply->timeouts;
  if (total_deadline(reply) <= sign_deadline(reply, down_since)) {
    return (expired_limit){"complete answer", "total", timeouts->total};
  }
  if (reply->signaled) return (expired_limit){"further sign of an answer", "idle", timeouts->idle};
  return (expired_limit){reply->on_wire ? "sign of an answer" : "connection", "first", timeouts->first};
}

/* What is known of the cause of a failure goes with it; without the payload when that is long or memory is short. */
static void add_cause(aui_error *error, const aui_error *cause) {
  error->status_code = cause->status_code;
  error->close_code = cause->close_code;
  error->retry_after = cause->retry_after;
  if (cause->payload.len > AUI_ERROR_SHARED_PAYLOAD) return;
  aui_buffer_append(&error->payload, cause->payload.data, cause->payload.len);
}

void aui_reply_timed_out(const aui_reply *reply, uint64_t down_since, const aui_error *cause, aui_error *error) {
  static const aui_error none = {0};
  expired_limit limit = find_expired(reply, down_since);
  if (down_since == AUI_NEVER) cause = &none;
  if (reply->error) cause = reply->error;
  aui_error_kind kind = cause->kind == AUI_ERROR_RATE_LIMIT ? AUI_ERROR_RATE_LIMIT : AUI_ERROR_TIMEOUT;
  char seconds[AUI_WORDS_SECONDS];
  aui_error_set(error, kind, "no %s within %s s (timeout.%s)%s%s", limit.missing,
                aui_words_seconds(seconds, limit.span), limit.option, cause->kind ? ": " : "", cause->message);
  if (cause->kind) add_cause(error, cause);
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

bool aui_reply_is_answered(const aui_reply *reply) {
  return reply->answered;
}

aui_reply_times aui_reply_get_times(const aui_reply *reply) {
  return (aui_reply_times){reply->accepted, reply->departed, reply->first_text, reply->resends};
}

size_t aui_reply_untaken(const aui_reply *reply) {
  return reply->text.len - reply->kept;
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
  return reply->status == AUI_REPLY_FAILED ? reply->error : NULL;
}

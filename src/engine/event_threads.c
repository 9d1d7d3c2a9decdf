/* The threads API's envelopes: `type` says what they are, `seq` numbers them, `data` has the rest. */
#include "engine/event_api.h"

enum { FIRST_ERROR_STATUS = 400 };

static aui_json_span envelope_update_text(const aui_json_members *members) {
  return members->data_text.start ? members->data_text : members->envelope.data_text;
}

/* Which event it is need not be said, where all of them are updates. */
static bool is_update(const aui_json_members *members) {
  bool named = members->envelope.event_name == AUI_JSON_OTHER_NAME;
  return !named && envelope_update_text(members).start;
}

/* A user's has its place among the numbers, and no more. */
static aui_event_type classify_envelope_message(const aui_json_envelope *envelope) {
  bool from_user = aui_event_is_from_user(envelope->sender, envelope->receiver);
  return envelope->id.start && !from_user ? AUI_EVENT_FINAL : AUI_EVENT_OTHER;
}

static aui_event_type classify_envelope(const aui_json_members *members) {
  const aui_json_envelope *envelope = &members->envelope;
  switch (envelope->type) {
    case AUI_JSON_THREAD: return envelope->thread_id.start ? AUI_EVENT_THREAD : AUI_EVENT_OTHER;
    case AUI_JSON_EVENT: return is_update(members) ? AUI_EVENT_UPDATE : AUI_EVENT_OTHER;
    case AUI_JSON_MESSAGE: return classify_envelope_message(envelope);
    case AUI_JSON_SUGGESTIONS: return envelope->suggestions.start ? AUI_EVENT_SUGGESTIONS : AUI_EVENT_OTHER;
    case AUI_JSON_ERROR: return AUI_EVENT_ERROR;
    case AUI_JSON_OTHER_TYPE: return AUI_EVENT_OTHER;
    default: return AUI_EVENT_NONE;
  }
}

/* All that has a number is about it, and so is what names its thread. */
static bool envelope_names_answer(const aui_json_members *members) {
  return members->envelope.seq >= 0 || members->envelope.thread_id.start;
}

static aui_json_span envelope_final_id(const aui_json_members *members) {
  return members->envelope.id;
}

static aui_json_span envelope_content(const aui_json_members *members) {
  return members->envelope.data;
}

/* That of a turn has a status, one of the session a code. */
static int envelope_status_code(const aui_json_members *members) {
  const aui_json_envelope *envelope = &members->envelope;
  if (envelope->status_code >= FIRST_ERROR_STATUS) return envelope->status_code;
  return envelope->code >= FIRST_ERROR_STATUS ? envelope->code : 0;
}

static aui_json_span envelope_final_text(const aui_json_members *members) {
  return members->data_text;
}

const aui_event_api aui_event_threads = {.classify = classify_envelope,
                                         .end_word = "[DONE]",
                                         .expects_deltas = true,
                                         .is_numbered = true,
                                         .update_text = envelope_update_text,
                                         .final_text = envelope_final_text,
                                         .names_answer = envelope_names_answer,
                                         .final_id = envelope_final_id,
                                         .content = envelope_content,
                                         .status_code = envelope_status_code};

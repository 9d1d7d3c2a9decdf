/* The tasks API's messages: each is the event itself, and an answer's end is known by what it has. */
#include "engine/event_api.h"

enum { FIRST_ERROR_STATUS = 400, VALIDATION_STATUS = 422 };

static bool is_of_an_agent(const aui_json_members *members) {
  return members->has_id || members->text.start || members->has_sender || members->has_data;
}

static bool is_error(const aui_json_members *members) {
  if (members->status_code >= FIRST_ERROR_STATUS) return true;
  return (members->detail || members->errors || members->error) && !is_of_an_agent(members);
}

static aui_event_type classify_task_event(const aui_json_members *members) {
  if (members->event == AUI_JSON_UPDATE_NAME || members->channel_event_name == AUI_JSON_UPDATE_NAME) {
    return members->data_text.start ? AUI_EVENT_UPDATE : AUI_EVENT_OTHER;
  }
  if (members->event != AUI_JSON_NO_NAME || members->channel_event_name != AUI_JSON_NO_NAME) return AUI_EVENT_OTHER;
  if (members->has_id && members->has_sender && members->text.start) {
    return aui_event_is_from_user(members->sender, members->receiver) ? AUI_EVENT_NONE : AUI_EVENT_FINAL;
  }
  return is_error(members) ? AUI_EVENT_ERROR : AUI_EVENT_NONE;
}

static aui_json_span task_update_text(const aui_json_members *members) {
  return members->data_text;
}

static aui_json_span task_final_text(const aui_json_members *members) {
  return members->text;
}

static bool task_names_answer(const aui_json_members *members) {
  return members->origin.message_id.start || members->origin.interaction_id.start;
}

static aui_json_span task_final_id(const aui_json_members *members) {
  return members->id;
}

static aui_json_span task_content(const aui_json_members *members) {
  (void)members;
  return (aui_json_span){0, 0};
}

static int task_status_code(const aui_json_members *members) {
  if (members->status_code >= FIRST_ERROR_STATUS) return members->status_code;
  bool list = members->detail == AUI_JSON_FAULT_LIST || members->errors == AUI_JSON_FAULT_LIST;
  return list ? VALIDATION_STATUS : 0;
}

const aui_event_api aui_event_tasks = {.classify = classify_task_event,
                                       .update_text = task_update_text,
                                       .final_text = task_final_text,
                                       .names_answer = task_names_answer,
                                       .final_id = task_final_id,
                                       .content = task_content,
                                       .status_code = task_status_code};

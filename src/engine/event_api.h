/* What the event layer has to know of an API: one table for each. Not for anybody else. */
#ifndef AUI_ENGINE_EVENT_API_H
#define AUI_ENGINE_EVENT_API_H

#include <stdbool.h>

#include "engine/event.h"
#include "engine/json.h"

typedef struct {
  aui_event_type (*classify)(const aui_json_members *members); /* of valid JSON */
  const char *end_word;                                        /* a payload that is AUI_EVENT_DONE; NULL: none is */
  bool expects_deltas;                                         /* see growth.h */
  bool is_numbered;

  /* Of an UPDATE the string that is its text; of a FINAL likewise, none if it says nothing of that. */
  aui_json_span (*update_text)(const aui_json_members *members);
  aui_json_span (*final_text)(const aui_json_members *members);

  bool (*names_answer)(const aui_json_members *members);
  aui_json_span (*final_id)(const aui_json_members *members);
  aui_json_span (*content)(const aui_json_members *members); /* of a FINAL or ERROR: the object that users see; none: it
                                                                is the whole */
  int (*status_code)(const aui_json_members *members);       /* of an ERROR */
} aui_event_api;

/* Whether a message is what a user has said, which answers nothing. The sender's word goes before the receiver's. */
static inline bool aui_event_is_from_user(aui_json_party sender, aui_json_party receiver) {
  return sender != AUI_JSON_UNNAMED ? sender == AUI_JSON_USER : receiver == AUI_JSON_AGENT;
}

extern const aui_event_api aui_event_tasks, aui_event_threads;

#endif

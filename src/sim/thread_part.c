// A scenario's part in the threads API; see thread_part.h.
#include "thread_part.h"

void sim_thread_part_receive(struct sim_thread_part *part, const struct sim_inbox_entry *entry) {
  sim_thread_part_free(part);
  part->has_turn = sim_thread_session_take(part->session, entry, &part->cursor);
  if (part->has_turn) part->last = part->cursor.next - 1;
}

json_t *sim_thread_part_text(struct sim_thread_part *part, const char *text) {
  json_t *data = json_pack("{s:{s:s}, s:{s:s}}", "channel", "event_name", SIM_TEXT_UPDATED, "data", "text", text);
  return sim_thread_event("event", ++part->last, data);
}

// The agent's message, unasked too.
static json_t *say(struct sim_thread_part *part, const json_t *fields) {
  if (part->has_turn) return sim_cursor_say(&part->cursor, fields);
  json_t *message = sim_agent_message("anonymous", "", (json_t *)fields);
  json_t *said = sim_thread_message(message, true);
  json_decref(message);
  return said;
}

json_t *sim_thread_part_message(struct sim_thread_part *part, const json_t *fields) {
  return sim_thread_event("message", ++part->last, say(part, fields));
}

json_t *sim_thread_part_error(struct sim_thread_part *part, const json_t *fields) {
  if (part->has_turn) sim_cursor_fail(&part->cursor);
  return sim_thread_event("error", ++part->last, sim_thread_failure(fields));
}

void sim_thread_part_record(struct sim_thread_part *part, const json_t *fields) {
  json_decref(say(part, fields));
}

void sim_thread_part_free(struct sim_thread_part *part) {
  if (part->has_turn) sim_cursor_free(&part->cursor);
  part->has_turn = false;
}

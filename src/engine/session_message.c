/* Messages of the threads API on the wire: the user's own object, to which the session adds what it alone knows. */
#include <string.h>

#include "engine/session_state.h"

/* Appends a string of JSON. */
static bool write_string(aui_buffer *out, const aui_buffer *text) {
  static const char digits[] = "0123456789abcdef";
  bool ok = aui_buffer_append(out, "\"", 1);
  for (size_t i = 0; ok && i < text->len; i++) {
    unsigned char c = (unsigned char)text->data[i];
    char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    bool plain = c >= 0x20 && c != '"' && c != '\\';
    ok = plain ? aui_buffer_append(out, text->data + i, 1) : aui_buffer_append(out, escape, sizeof escape);
  }
  return ok && aui_buffer_append(out, "\"", 1);
}

/* Writes `key`, with all that stands before the value, and the value; nothing where the value is not known. */
static bool write_member(aui_buffer *out, const char *key, const aui_buffer *value) {
  if (value->len == 0) return true;
  return aui_buffer_append(out, key, strlen(key)) && write_string(out, value) && aui_buffer_append(out, ",", 1);
}

/* The members of an object that has some, or none; behind others, which end in a comma. */
static bool write_members(aui_buffer *out, const aui_buffer *object) {
  bool empty = object->len <= 2;
  if (empty && out->data[out->len - 1] == ',') out->len--;
  return aui_buffer_append(out, object->data + 1, object->len - 1);
}

bool aui_session_write_body(const aui_session *session, const aui_reply *reply, aui_buffer *out) {
  return aui_buffer_append(out, "{", 1) && write_member(out, "\"thread_id\":", &session->thread_id) &&
         write_members(out, &reply->request);
}

bool aui_session_write_frame(const aui_session *session, const aui_reply *reply, aui_buffer *out) {
  static const char type[] = "{\"type\":\"message\",";
  return aui_buffer_append(out, type, sizeof type - 1) && write_member(out, "\"agent_id\":", &session->agent_id) &&
         write_member(out, "\"thread_id\":", &session->thread_id) && write_members(out, &reply->request);
}

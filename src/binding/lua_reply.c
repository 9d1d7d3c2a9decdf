/* A reply as Lua sees it: reads its state; cancels it when asked or collected. A finalizer may still hold one that was
 * collected: it is a canceled one without text. */
#include <string.h>

#include "binding/binding.h"

typedef struct {
  aui_lua_session *session; /* kept alive by aui_keep */
  aui_reply *reply;         /* NULL while it is being made, and once it was collected */
  bool in_doubt;            /* whether Lua had no memory for a chunk that was taken */
} lua_reply;

aui_reply **aui_push_reply(lua_State *L, int session) {
  lua_reply *object = aui_new_userdata(L, sizeof *object, AUI_REPLY);
  object->session = lua_touserdata(L, session);
  aui_keep(L, session);
  return &object->reply;
}

static lua_reply *check_reply(lua_State *L) {
  return aui_check_object(L, AUI_REPLY);
}

/* The session's clock; a reply whose session is gone has ended, so that it needs none. */
static uint64_t session_now(const lua_reply *object) {
  return object->session->session ? object->session->now(object->session) : 0;
}

static void pump_session(const lua_reply *object) {
  if (object->session->session) object->session->pump(object->session);
}

static void push_status(lua_State *L, const lua_reply *object) {
  static const char *const names[] = {"pending", "done", "failed"};
  lua_pushstring(L, names[object->reply ? aui_reply_get_status(object->reply) : AUI_REPLY_FAILED]);
}

/* reply:status(): "pending", "done" or "failed". */
static int reply_status(lua_State *L) {
  push_status(L, check_reply(L));
  return 1;
}

/* Lua before 5.3 collects garbage in lua_pushlstring before it copies the bytes: a finalizer may run the loop then,
 * which changes the text, or frees its memory. So it is given a copy: in `small`, or in a userdata on top of the stack,
 * which is made before anything is looked at. */
enum { COLLECTS_FIRST = LUA_VERSION_NUM < 503, SMALL = 4096 };

/* Lengths of a reply that may have been collected meanwhile. */

static size_t text_length(const lua_reply *object) {
  size_t n = 0;
  if (object->reply) aui_reply_text(object->reply, &n);
  return n;
}

static size_t untaken_length(const lua_reply *object) {
  if (!object->reply || object->in_doubt) return text_length(object);
  return aui_reply_untaken(object->reply);
}

static size_t message_length(const lua_reply *object) {
  size_t n = 0;
  if (object->reply) aui_reply_message(object->reply, &n);
  return n;
}

/* Room for as many bytes as `length` says, also after the collection that this may cause. */
static char *make_room_for_bytes(lua_State *L, const lua_reply *object, size_t (*length)(const lua_reply *),
                                 char small[SMALL]) {
  char *room = small;
  size_t size = SMALL;
  while (COLLECTS_FIRST && length(object) > size) {
    lua_settop(L, 1);
    size = length(object);
    room = lua_newuserdata(L, size);
  }
  return room;
}

static void push_bytes(lua_State *L, char *room, const char *bytes, size_t n) {
  if (COLLECTS_FIRST && n > 0) bytes = memcpy(room, bytes, n);
  lua_pushlstring(L, bytes, n);
}

/* For reply:take(). */
static int push_no_chunk(lua_State *L, const lua_reply *object) {
  lua_pushnil(L);
  push_status(L, object);
  return 2;
}

/* reply:take(): what is new in the text, as (chunk, keep); when nothing is new, (nil, status). */
static int reply_take(lua_State *L) {
  lua_reply *object = check_reply(L);
  size_t keep, n;
  const char *chunk;
  char small[SMALL];
  char *room = make_room_for_bytes(L, object, untaken_length, small);
  if (!object->reply) return push_no_chunk(L, object);
  bool is_new = aui_reply_take(object->reply, &keep, &chunk, &n);
  if (object->in_doubt) { /* then all of it */
    keep = 0;
    chunk = aui_reply_text(object->reply, &n);
  } else if (!is_new) {
    return push_no_chunk(L, object);
  }
  object->in_doubt = true;
  push_bytes(L, room, chunk, n);
  object->in_doubt = false;
  lua_pushinteger(L, (lua_Integer)keep);
  return 2;
}

/* reply:text(): the text so far. */
static int reply_text(lua_State *L) {
  const lua_reply *object = check_reply(L);
  char small[SMALL];
  size_t n = 0;
  char *room = make_room_for_bytes(L, object, text_length, small);
  const char *text = object->reply ? aui_reply_text(object->reply, &n) : "";
  push_bytes(L, room, text, n);
  return 1;
}

/* reply:message(): the final message's JSON, or nil. */
static int reply_message(lua_State *L) {
  const lua_reply *object = check_reply(L);
  char small[SMALL];
  size_t n;
  char *room = make_room_for_bytes(L, object, message_length, small);
  const char *json = object->reply ? aui_reply_message(object->reply, &n) : NULL;
  if (!json) return 0;
  push_bytes(L, room, json, n);
  return 1;
}

/* reply:error(): a table, or nil. */
static int reply_error(lua_State *L) {
  const aui_reply *reply = check_reply(L)->reply;
  aui_error collected = {0};
  aui_error_set(&collected, AUI_ERROR_CANCELED, "the reply was dropped");
  collected.delivered = AUI_DELIVERED_MAYBE;
  const aui_error *error = reply ? aui_reply_error(reply) : &collected;
  if (!error) return 0;
  aui_push_error(L, error);
  return 1;
}

/* reply:is_parked(): whether the connection was lost in such a way that it is unknown what became of the message, and
 * one of the next three functions is to settle that. */
static int reply_is_parked(lua_State *L) {
  const aui_reply *reply = check_reply(L)->reply;
  lua_pushboolean(L, reply && aui_reply_is_parked(reply));
  return 1;
}

/* reply:is_answered(): whether some of the answer has come, its text or an event that names it. */
static int reply_is_answered(lua_State *L) {
  const aui_reply *reply = check_reply(L)->reply;
  lua_pushboolean(L, reply && aui_reply_is_answered(reply));
  return 1;
}

/* reply:answer(json): the parked reply ends with this final message; false, and nothing, if it cannot. */
static int reply_answer(lua_State *L) {
  lua_reply *object = check_reply(L);
  size_t n;
  const char *json = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, object->reply && aui_reply_answer(object->reply, json, n, session_now(object)));
  pump_session(object);
  return 1;
}

/* reply:resend(): the parked reply's message is sent again; false, and nothing, if it cannot be. */
static int reply_resend(lua_State *L) {
  lua_reply *object = check_reply(L);
  lua_pushboolean(L, object->reply && aui_reply_resend(object->reply));
  pump_session(object);
  return 1;
}

/* reply:give_up(): the parked reply fails with the error that ended the connection. */
static int reply_give_up(lua_State *L) {
  lua_reply *object = check_reply(L);
  if (object->reply) aui_reply_give_up(object->reply);
  pump_session(object);
  return 0;
}

/* reply:cancel() */
static int reply_cancel(lua_State *L) {
  lua_reply *object = check_reply(L);
  if (object->reply) aui_reply_cancel(object->reply, session_now(object));
  pump_session(object);
  return 0;
}

static int reply_collect(lua_State *L) {
  lua_reply *object = check_reply(L);
  if (!object->reply) return 0;
  aui_reply_release(object->reply, session_now(object));
  object->reply = NULL;
  pump_session(object);
  return 0;
}

static void push_time(lua_State *L, uint64_t when) {
  if (!aui_push_deadline(L, when)) lua_pushnil(L);
}

/* reply:times(): when, in seconds of the host's clock, it was accepted, its message left for the first time, and the
 * first text of its answer came, each nil where it has not; and how often the message was sent again. */
static int reply_times(lua_State *L) {
  const lua_reply *object = check_reply(L);
  aui_reply_times times = {AUI_NEVER, AUI_NEVER, AUI_NEVER, 0};
  if (object->reply) times = aui_reply_get_times(object->reply);
  push_time(L, times.accepted);
  push_time(L, times.departed);
  push_time(L, times.first_text);
  lua_pushinteger(L, (lua_Integer)times.resends);
  return 4;
}

void aui_create_reply(lua_State *L) {
  static const luaL_Reg methods[] = {{"status", reply_status},
                                     {"take", reply_take},
                                     {"text", reply_text},
                                     {"message", reply_message},
                                     {"error", reply_error},
                                     {"is_parked", reply_is_parked},
                                     {"is_answered", reply_is_answered},
                                     {"answer", reply_answer},
                                     {"resend", reply_resend},
                                     {"give_up", reply_give_up},
                                     {"cancel", reply_cancel},
                                     {"times", reply_times},
                                     {NULL, NULL}};
  aui_new_class(L, AUI_REPLY, methods, reply_collect);
}

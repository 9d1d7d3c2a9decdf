/* Events and chunks: scripts of messages in plain view, each fed in every way of support.h; then random answers against
 * a slow reference; then short memory. In the JSON of this file ' stands for a double quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The buffer is compiled in here, over an allocator that fails on demand, and takes the place of the library's. */
static size_t allocations_left = SIZE_MAX;

static void *limited_realloc(void *memory, size_t n) {
  if (allocations_left == 0) return NULL;
  allocations_left--;
  return realloc(memory, n);
}

#define realloc limited_realloc
#include "engine/buffer.c"
#undef realloc

#include "engine/event.h"
#include "engine/utf8.h"
#include "support.h"

enum { MAX_TEXT = 64 * 1024 };

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NAME "thread-message-text-content-updated"
#define FFFD "\xef\xbf\xbd"

/* Copies JSON in this file's spelling and returns its length. */
static size_t spell(char *out, const char *json) {
  size_t n = 0;
  for (; json[n]; n++) out[n] = json[n] == '\'' ? '"' : json[n];
  out[n] = '\0';
  return n;
}

/* A reader and the text that it keeps. */
typedef struct {
  aui_event_reader *reader;
  aui_buffer text;
  size_t keep;
} listener;

static listener listen_anew(unsigned max_depth) {
  listener l = {.reader = aui_event_new(AUI_API_TASKS, max_depth, MAX_TEXT)};
  assert_non_null(l.reader);
  return l;
}

static void stop_listening(listener *l) {
  aui_event_free(l->reader);
  aui_buffer_free(&l->text);
}

typedef struct {
  aui_event_reader *reader;
  int error;
  size_t taken; /* bytes before the slice that was refused */
} feeding;

static bool feed_reader(void *context, const uint8_t *slice, size_t n) {
  feeding *f = context;
  f->error = aui_event_feed(f->reader, slice, n);
  if (f->error == 0) f->taken += n;
  return f->error == 0;
}

/* Ends the message, and takes its text as if it were always ours. */
static int end_message(listener *l) {
  int type = aui_event_end(l->reader);
  bool has_text = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL;
  return has_text && !aui_event_take(l->reader, &l->text, &l->keep) ? AUI_EVENT_NO_MEMORY : type;
}

static int hear_bytes(listener *l, const void *bytes, size_t n, feed_way way) {
  feeding f = {.reader = l->reader};
  if (!feed(way, bytes, n, feed_reader, &f)) return f.error;
  return end_message(l);
}

static int hear(listener *l, const char *json, feed_way way) {
  char spelt[2048];
  return hear_bytes(l, spelt, spell(spelt, json), way);
}

static bool text_is(const listener *l, const void *text, size_t n) {
  return l->text.len == n && (n == 0 || memcmp(l->text.data, text, n) == 0);
}

/* ---- scripts ---- */

#define SIMPLE(t) "{'event':'" NAME "','data':{'text':'" t "'}}"
#define CHANNEL(t, time)                                                                                               \
  "{'channel': {'type': 'WEBSOCKET', 'event_name': '" NAME "'}, 'scope': {'data': {'text': 'no'}}, "                   \
  "'data': {'text': '" t "'}, 'timestamp': '" time "'}"
#define TEXT_FIRST(t) "{'data':{'text':'" t "'},'event':'" NAME "'}"
#define FINAL(t) "{'id':'1','text':'" t "','sender':{'id':'2','type':'agent'},'cards':[]}"

#define UPDATED(keep, text) AUI_EVENT_UPDATE, keep, text, sizeof text - 1
#define ENDED(keep, text) AUI_EVENT_FINAL, keep, text, sizeof text - 1
#define IGNORED AUI_EVENT_OTHER, 0, NULL, 0
#define NO_EVENT AUI_EVENT_NONE, 0, NULL, 0
#define FAILED AUI_EVENT_ERROR, 0, NULL, 0

typedef struct {
  const char *json; /* NULL behind the last one */
  int type;
  size_t keep;
  const char *text; /* NULL: as before */
  size_t n;
} message;

static const struct {
  const char *name;
  message messages[10];
} scripts[] = {
    {"a text grows",
     {{SIMPLE("I"), UPDATED(0, "I")},
      {SIMPLE("I found"), UPDATED(1, "I found")},
      {SIMPLE("I found several"), UPDATED(7, "I found several")},
      {FINAL("I found several."), ENDED(15, "I found several.")}}},
    {"the deployed spelling, with something new behind the text",
     {{CHANNEL("I", "12:00"), UPDATED(0, "I")},
      {CHANNEL("I found", "12:01"), UPDATED(1, "I found")},
      {CHANNEL("I found", "12:02"), UPDATED(7, "I found")},
      {FINAL("I found"), ENDED(7, "I found")}}},
    {"both spellings by turns",
     {{SIMPLE("a"), UPDATED(0, "a")},
      {CHANNEL("ab", "1"), UPDATED(1, "ab")},
      {TEXT_FIRST("abc"), UPDATED(2, "abc")},
      {SIMPLE("abcd"), UPDATED(3, "abcd")}}},
    {"a text repeats, is rewritten, shrinks, empties and comes back",
     {{SIMPLE("one"), UPDATED(0, "one")},
      {SIMPLE("one two"), UPDATED(3, "one two")},
      {SIMPLE("one two"), UPDATED(7, "one two")},
      {SIMPLE("one six"), UPDATED(4, "one six")},
      {SIMPLE("one"), UPDATED(3, "one")},
      {SIMPLE(""), UPDATED(0, "")},
      {SIMPLE(""), UPDATED(0, "")},
      {SIMPLE("one"), UPDATED(0, "one")}}},
    {"the final says less", {{SIMPLE("abc"), UPDATED(0, "abc")}, {FINAL("ab"), ENDED(2, "ab")}}},
    {"the final says something else", {{SIMPLE("abc"), UPDATED(0, "abc")}, {FINAL("xbc"), ENDED(0, "xbc")}}},
    {"the final comes alone", {{FINAL("abc"), ENDED(0, "abc")}}},
    {"updates go on behind a final",
     {{FINAL("abc"), ENDED(0, "abc")}, {SIMPLE("abd"), UPDATED(2, "abd")}, {SIMPLE("abde"), UPDATED(3, "abde")}}},
    {"other events come in between",
     {{"{'event':'workflow','data':{'text':'x'}}", IGNORED},
      {SIMPLE("ab"), UPDATED(0, "ab")},
      {"{'channel':{'event_name':'step'},'id':'1','text':'x','sender':null}", IGNORED},
      {SIMPLE("abc"), UPDATED(2, "abc")},
      {"1", NO_EVENT},
      {"{'status_code':400}", FAILED},
      {SIMPLE("abcd"), UPDATED(3, "abcd")}}},
    {"another event begins as the update does",
     {{TEXT_FIRST("ab"), UPDATED(0, "ab")},
      {"{'data':{'text':'ab'},'event':'x'}", IGNORED},
      {TEXT_FIRST("abc"), UPDATED(2, "abc")},
      {"{'data':{'text':'abcdefgh'},'event':'x'}", IGNORED},
      {TEXT_FIRST("abcd"), UPDATED(3, "abcd")},
      {"{'data':{'text':'abcd'},'id':1,'sender':null,'text':'abc'}", ENDED(3, "abc")},
      {TEXT_FIRST("abcd"), UPDATED(3, "abcd")}}},
    {"a message is a prefix of the last one, or goes on behind it",
     {{"[1,2]   ", NO_EVENT},
      {"[1,2]", NO_EVENT},
      {SIMPLE("ab") "  ", UPDATED(0, "ab")},
      {SIMPLE("ab"), UPDATED(2, "ab")},
      {SIMPLE("ab") "\n", UPDATED(2, "ab")}}},
    {"characters are never split",
     {{SIMPLE("caf"), UPDATED(0, "caf")},
      {SIMPLE("caf\xc3\xa9"), UPDATED(3, "caf\xc3\xa9")},
      {SIMPLE("caf\xc3\xa8"), UPDATED(3, "caf\xc3\xa8")},
      {SIMPLE("\xf0\x9f\x98\x80"), UPDATED(0, "\xf0\x9f\x98\x80")},
      {SIMPLE("\xf0\x9f\x98\x81!"), UPDATED(0, "\xf0\x9f\x98\x81!")},
      {SIMPLE("\\ud83d\\ude02"), UPDATED(0, "\xf0\x9f\x98\x82")},
      {SIMPLE("e"), UPDATED(0, "e")},
      {SIMPLE("e\xcc\x81"), UPDATED(1, "e\xcc\x81")}}},
    {"the same text, escaped differently",
     {{SIMPLE("a\xc3\xa9/"), UPDATED(0, "a\xc3\xa9/")},
      {SIMPLE("\\u0061\\u00e9\\/"), UPDATED(4, "a\xc3\xa9/")},
      {SIMPLE("\\u0061\\u00E9/!"), UPDATED(4, "a\xc3\xa9/!")}}},
    {"escapes at the end of the text",
     {{SIMPLE("a\\n"), UPDATED(0, "a\n")},
      {SIMPLE("a\\n\\'"), UPDATED(2, "a\n\"")},
      {SIMPLE("a\\n\\'\\\\"), UPDATED(3, "a\n\"\\")},
      {SIMPLE("a\\n\\'\\\\\\u0000"), UPDATED(4, "a\n\"\\\0")},
      {SIMPLE("a\\n\\'\\\\\\u0000b"), UPDATED(5, "a\n\"\\\0b")}}},
    {"a trailing high surrogate is held back",
     {{SIMPLE("a\\ud83d"), UPDATED(0, "a")},
      {SIMPLE("a\\ud83d"), UPDATED(1, "a")},
      {SIMPLE("a\\ud83d\\ude00"), UPDATED(1, "a\xf0\x9f\x98\x80")},
      {SIMPLE("a\\ud83d\\ude00\\ud83d"), UPDATED(5, "a\xf0\x9f\x98\x80")},
      {SIMPLE("a\\ud83d\\ude00\\ud83dx"), UPDATED(5, "a\xf0\x9f\x98\x80" FFFD "x")},
      {SIMPLE("a\\ud83d\\ude00\\ud83d\\ude00"), UPDATED(5, "a\xf0\x9f\x98\x80\xf0\x9f\x98\x80")}}},
    {"a held back surrogate is replaced in the final",
     {{SIMPLE("\\ud83d"), UPDATED(0, "")},
      {SIMPLE("\\ud83d\\ud83d"), UPDATED(0, FFFD)},
      {FINAL("\\ud83d\\ud83d"), ENDED(3, FFFD FFFD)}}},
    {"another half takes the place of a held back one",
     {{SIMPLE("a\\ud83d\\udb00"), UPDATED(0, "a" FFFD)},
      {SIMPLE("a\\ud83d\\ude00"), UPDATED(1, "a\xf0\x9f\x98\x80")},
      {SIMPLE("a\\ud83d\\udb00"), UPDATED(1, "a" FFFD)},
      {SIMPLE("a\\ud83d"), UPDATED(1, "a")},
      {SIMPLE("a\\ud83d\\udb00\\ude00"), UPDATED(1, "a" FFFD "\xf3\x90\x88\x80")}}},
    {"an escaped backslash before what looks like a surrogate",
     {{SIMPLE("\\\\ud83d"), UPDATED(0, "\\ud83d")}, {SIMPLE("\\\\ud83d\\ude00"), UPDATED(6, "\\ud83d" FFFD)}}},
    {"a lone low surrogate", {{SIMPLE("\\ude00"), UPDATED(0, FFFD)}, {FINAL("\\ude00"), ENDED(3, FFFD)}}},
    {"the text is given twice, the last one counts",
     {{"{'event':'" NAME "','data':{'text':'a'}}", UPDATED(0, "a")},
      {"{'event':'" NAME "','data':{'text':'ab'}}", UPDATED(1, "ab")},
      {"{'event':'" NAME "','data':{'text':'abc','text':'x'}}", UPDATED(0, "x")},
      {"{'event':'" NAME "','data':{'text':'abc','text':'xy'}}", UPDATED(1, "xy")},
      {"{'event':'" NAME "','data':{'text':'abc','text':'xy'},'data':{'text':'xyz'}}", UPDATED(2, "xyz")},
      {"{'event':'" NAME "','data':{'text':'abc','text':'xy'},'data':{}}", IGNORED},
      {"{'event':'" NAME "','data':{'text':'abc','text':'xyz!'}}", UPDATED(3, "xyz!")}}},
    {"deltas are appended",
     {{SIMPLE("I"), UPDATED(0, "I")},
      {SIMPLE(" found"), UPDATED(1, "I found")},
      {SIMPLE(" found"), UPDATED(7, "I found found")},
      {SIMPLE(""), UPDATED(13, "I found found")},
      {SIMPLE(" f"), UPDATED(13, "I found found f")},
      {SIMPLE("I"), UPDATED(15, "I found found fI")},
      {FINAL("I found found fI"), ENDED(16, "I found found fI")}}},
    {"deltas in the deployed spelling, with events in between",
     {{CHANNEL("one", "1"), UPDATED(0, "one")},
      {"{'event':'x'}", IGNORED},
      {CHANNEL(" two", "2"), UPDATED(3, "one two")},
      {"ping", NO_EVENT},
      {CHANNEL(" two", "2"), UPDATED(7, "one two two")},
      {FINAL("one two, two"), ENDED(7, "one two, two")}}},
    {"an equal second update says nothing",
     {{SIMPLE("ha"), UPDATED(0, "ha")},
      {SIMPLE("ha"), UPDATED(2, "ha")},
      {SIMPLE("!"), UPDATED(2, "ha!")},
      {FINAL("haha!"), ENDED(2, "haha!")}}},
    {"an empty update before any that tells takes the text's place",
     {{SIMPLE("no"), UPDATED(0, "no")}, {SIMPLE(""), UPDATED(0, "")}, {SIMPLE("ok"), UPDATED(0, "ok")}}},
    {"one that shares most of the text shows that the updates carry the whole",
     {{SIMPLE("a price"), UPDATED(0, "a price")},
      {SIMPLE("a prize"), UPDATED(5, "a prize")},
      {SIMPLE("none"), UPDATED(0, "none")}}},
    {"a delta that begins as the text does is taken for the whole",
     {{SIMPLE("th"), UPDATED(0, "th")},
      {SIMPLE("to"), UPDATED(1, "to")},
      {SIMPLE(" be"), UPDATED(2, "to be")},
      {FINAL("thto be"), ENDED(1, "thto be")}}},
    {"another wording of the whole, taken for a delta",
     {{SIMPLE("Thinking"), UPDATED(0, "Thinking")},
      {SIMPLE("I"), UPDATED(8, "ThinkingI")},
      {SIMPLE("I found"), UPDATED(0, "I found")},
      {SIMPLE("I found two"), UPDATED(7, "I found two")},
      {SIMPLE("None"), UPDATED(0, "None")}}},
    {"two other wordings",
     {{SIMPLE("Thinking"), UPDATED(0, "Thinking")},
      {SIMPLE("Asking"), UPDATED(8, "ThinkingAsking")},
      {SIMPLE("I"), UPDATED(14, "ThinkingAskingI")},
      {SIMPLE("I found"), UPDATED(15, "ThinkingAskingII found")},
      {SIMPLE("I found two"), UPDATED(0, "I found two")},
      {SIMPLE("I found two."), UPDATED(11, "I found two.")}}},
    {"the whole comes behind the deltas",
     {{SIMPLE("one"), UPDATED(0, "one")},
      {SIMPLE(" two"), UPDATED(3, "one two")},
      {SIMPLE("one two"), UPDATED(7, "one two")},
      {SIMPLE("one two six"), UPDATED(7, "one two six")}}},
    {"letters of one alphabet share a byte, and no character",
     {{SIMPLE("\xd0\xaf"), UPDATED(0, "\xd0\xaf")}, {SIMPLE("\xd0\xb8"), UPDATED(2, "\xd0\xaf\xd0\xb8")}}},
    {"deltas that part a surrogate pair",
     {{SIMPLE("a"), UPDATED(0, "a")},
      {SIMPLE("b\\ud83d"), UPDATED(1, "ab")},
      {SIMPLE("\\ude00c"), UPDATED(2, "ab\xf0\x9f\x98\x80"
                                      "c")},
      {SIMPLE("\\ud83d"), UPDATED(7, "ab\xf0\x9f\x98\x80"
                                     "c")},
      {SIMPLE(""), UPDATED(7, "ab\xf0\x9f\x98\x80"
                              "c")},
      {SIMPLE("\\ude01"), UPDATED(7, "ab\xf0\x9f\x98\x80"
                                     "c\xf0\x9f\x98\x81")},
      {SIMPLE("\\ud83d"), UPDATED(11, "ab\xf0\x9f\x98\x80"
                                      "c\xf0\x9f\x98\x81")},
      {SIMPLE("\\u0021"), UPDATED(11, "ab\xf0\x9f\x98\x80"
                                      "c\xf0\x9f\x98\x81" FFFD "!")}}},
    {"the first delta parts a surrogate pair",
     {{SIMPLE("a\\ud83d"), UPDATED(0, "a")}, {SIMPLE("\\ude00"), UPDATED(1, "a\xf0\x9f\x98\x80")}}},
};

static void run_script(const char *name, const message *messages, feed_way way) {
  listener l = listen_anew(64);
  const char *text = "";
  size_t n = 0;
  for (size_t i = 0; messages[i].json; i++) {
    const message *m = &messages[i];
    int type = hear(&l, m->json, way);
    if (type != m->type) fail_msg("%s, %s, %zu: type %d, not %d", name, feed_way_names[way], i, type, m->type);
    if (m->text) {
      text = m->text;
      n = m->n;
      if (l.keep != m->keep) fail_msg("%s, %s, %zu: keep %zu, not %zu", name, feed_way_names[way], i, l.keep, m->keep);
    }
    if (!text_is(&l, text, n)) {
      fail_msg("%s, %s, %zu: \"%.*s\"", name, feed_way_names[way], i, (int)l.text.len, l.text.data);
    }
  }
  stop_listening(&l);
}

static void tells_what_is_new(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(scripts); i++) {
    for (int way = 0; way < FEED_WAYS; way++) run_script(scripts[i].name, scripts[i].messages, way);
  }
}

/* ---- kinds of messages ---- */

static const struct {
  const char *json;
  int type;
} kinds[] = {
    {"{'event':'" NAME "','data':{'text':''}}", AUI_EVENT_UPDATE},
    {"{'\\u0065vent':'thread\\u002dmessage-text-content-updated','data':{'text':''}}", AUI_EVENT_UPDATE},
    {"{'event':'x','channel':{'event_name':'" NAME "'},'data':{'text':''}}", AUI_EVENT_UPDATE},
    {"{'event':'" NAME "','channel':{'event_name':'x'},'data':{'text':''}}", AUI_EVENT_UPDATE},
    {"{'event':'" NAME "','data':{'text':''},'id':1,'text':'','sender':null,'status_code':1}", AUI_EVENT_UPDATE},
    {"{'event':'" NAME "'}", AUI_EVENT_OTHER},
    {"{'event':'" NAME "','data':{'text':null}}", AUI_EVENT_OTHER},
    {"{'event':'" NAME "','text':'x'}", AUI_EVENT_OTHER},
    {"{'data':{'text':'x'}}", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':null}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{},'event':null,'channel':{'event_name':null}}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{},'event':'','channel':null}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{},'status_code':200}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{},'event':'x'}", AUI_EVENT_OTHER},
    {"{'id':'1','text':'','sender':{},'channel':{'event_name':'x'}}", AUI_EVENT_OTHER},
    {"{'id':null,'text':'','sender':{}}", AUI_EVENT_NONE},
    {"{'id':'1','text':null,'sender':{}}", AUI_EVENT_NONE},
    {"{'id':'1','text':''}", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':'agent'}", AUI_EVENT_NONE},
    {"{'status_code':500}", AUI_EVENT_ERROR},
    {"{'status_code':500,'event':null}", AUI_EVENT_ERROR},
    {"{'status_code':500,'event':'x'}", AUI_EVENT_OTHER},
    {"{'status_code':null}", AUI_EVENT_NONE},
    {"{'status_code':399}", AUI_EVENT_NONE},
    {"{'status_code':-7}", AUI_EVENT_NONE},
    {"{'status_code':200,'errors':['x']}", AUI_EVENT_ERROR},
    {"{'status_code':401,'id':'1','text':''}", AUI_EVENT_ERROR},
    {"{'detail':'Not authenticated'}", AUI_EVENT_ERROR},
    {"{'detail':[{'loc':[],'msg':'field required'}]}", AUI_EVENT_ERROR},
    {"{'errors':[ {}]}", AUI_EVENT_ERROR},
    {"{'errors':['Unauthorized']}", AUI_EVENT_ERROR},
    {"{'error':{'code':'x'}}", AUI_EVENT_ERROR},
    {"{'error':'x','event':'','channel':null,'data':null}", AUI_EVENT_ERROR},
    {"{'detail':'','errors':[ ],'error':null}", AUI_EVENT_NONE},
    {"{'detail':[1],'errors':{'x':1},'error':true}", AUI_EVENT_NONE},
    {"{'error':{},'event':'x'}", AUI_EVENT_OTHER},
    {"{'error':{},'channel':{'event_name':'x'}}", AUI_EVENT_OTHER},
    {"{'error':{},'id':1}", AUI_EVENT_NONE},
    {"{'error':{},'text':'x'}", AUI_EVENT_NONE},
    {"{'error':{},'sender':{}}", AUI_EVENT_NONE},
    {"{'error':{},'data':1}", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':{},'errors':['x'],'detail':'x'}", AUI_EVENT_FINAL},
    {"[{'detail':'x'}]", AUI_EVENT_NONE},
    {"{}", AUI_EVENT_NONE},
    {"[]", AUI_EVENT_NONE},
    {"null", AUI_EVENT_NONE},
    {"'" NAME "'", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':{'type':'agent'},'receiver':{'type':'agent'}}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{'type':'3p'},'receiver':{'type':'user'}}", AUI_EVENT_FINAL},
    {"{'id':'1','text':'','sender':{'type':'user'}}", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':{'type':'us\\u0065r'},'receiver':{'type':'agent'}}", AUI_EVENT_NONE},
    {"{'id':'1','text':'','sender':null,'receiver':{'type':'agent'}}", AUI_EVENT_NONE},
    {"{'receiver':{'type':'agent'},'id':'1','text':'','sender':{'type':null}}", AUI_EVENT_NONE},
    /* heartbeats */
    {"", AUI_EVENT_NONE},
    {" ", AUI_EVENT_NONE},
    {"ping", AUI_EVENT_NONE},
    {"\n Pong\r\n", AUI_EVENT_NONE},
    {"HEARTBEAT", AUI_EVENT_NONE},
    {"keepalive", AUI_EVENT_NONE},
    {"'ping'", AUI_EVENT_NONE},
    {"\xef\xbb\xbf", AUI_EVENT_NONE},
    {"\xef\xbb\xbfping", AUI_EVENT_NONE},
    {"'", AUI_EVENT_BAD_JSON},
    {".", AUI_EVENT_BAD_JSON},
    {"pin", AUI_EVENT_BAD_JSON},
    {"pings", AUI_EVENT_BAD_JSON},
    {"ping pong", AUI_EVENT_BAD_JSON},
    {"Internal server error", AUI_EVENT_BAD_JSON},
    {"{ping}", AUI_EVENT_BAD_JSON},
    {"\xef\xbb\xbf {", AUI_EVENT_BAD_JSON},
    {" [", AUI_EVENT_BAD_JSON},
    {"{'event':'" NAME "','data':{'text':'x'}", AUI_EVENT_BAD_JSON},
    {"{'event':'" NAME "','data':{'text':'x'}}}", AUI_EVENT_BAD_JSON},
    {"{'event':'" NAME "','data':{'text':'\n'}}", AUI_EVENT_BAD_JSON},
    {"{'event':'" NAME "','data':{'text':'x", AUI_EVENT_BAD_JSON},
    {"\xef\xbb\xbf{}", AUI_EVENT_NONE},
    {"\xef\xbb\xbf{'id':'1','text':'','sender':null}", AUI_EVENT_FINAL},
    {"\xef\xbb\xbf\xef\xbb\xbf{}", AUI_EVENT_BAD_JSON},
    {"[[[[1]]]]", AUI_EVENT_NONE},
    {"[[[[[1]]]]]", AUI_EVENT_TOO_DEEP},
    {"'\xc3", AUI_EVENT_BAD_UTF8},
    {"'\xc3'", AUI_EVENT_BAD_UTF8},
    {"'\xed\xa0\x80'", AUI_EVENT_BAD_UTF8},
};

static void tells_the_kinds_apart(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(kinds); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      listener fresh = listen_anew(4), warm = listen_anew(4);
      int type = hear(&fresh, kinds[i].json, way);
      if (type != kinds[i].type) fail_msg("%s: %d, not %d", kinds[i].json, type, kinds[i].type);
      assert_int_equal(hear(&warm, SIMPLE("x"), way), AUI_EVENT_UPDATE);
      assert_int_equal(hear(&warm, kinds[i].json, way), kinds[i].type);
      stop_listening(&fresh);
      stop_listening(&warm);
    }
  }
}

static void finds_bad_utf8_at_once(void **state) {
  (void)state;
  static const struct {
    const char *before; /* the last message */
    const char *bytes;
    size_t offset; /* of the first byte that cannot be valid */
  } cases[] = {
      {"0", "'\x80'", 1},
      {"0", "'\xc3(", 2},
      {"0", "'\xc0\x80'", 1},
      {"0", "'\xf4\x90\x80\x80'", 2},
      {"'a'", "'a\xff'", 2},
      {"'\xc3\xa9'", "'\xc3('", 2},
      {"'\xe2\x82\xac'", "'\xe2\x82('", 3},
      {"'\xe2\x82\xac'", "'\xe2('", 2},
      {"'\xf0\x9f\x98\x80'", "'\xf0\x9f\x98\xc0'", 4},
      {"'\xed\x9f\x80'", "'\xed\xa0\x80'", 2},
  };
  char spelt[64];
  for (size_t i = 0; i < COUNT(cases); i++) {
    listener l = listen_anew(4);
    assert_int_equal(hear(&l, cases[i].before, FEED_WHOLE), AUI_EVENT_NONE);
    feeding f = {.reader = l.reader};
    assert_false(feed(FEED_BYTES, spelt, spell(spelt, cases[i].bytes), feed_reader, &f));
    assert_int_equal(f.error, AUI_EVENT_BAD_UTF8);
    assert_int_equal(f.taken, cases[i].offset);
    stop_listening(&l);
  }
}

static void refuses_a_prefix_that_ends_within_a_character(void **state) {
  (void)state;
  listener l = listen_anew(4);
  assert_int_equal(hear(&l, "'\xe2\x82\xac'", FEED_WHOLE), AUI_EVENT_NONE);
  assert_int_equal(hear(&l, "'\xe2\x82", FEED_WHOLE), AUI_EVENT_BAD_UTF8);
  stop_listening(&l);
}

/* ---- answers, payloads, status codes ---- */

static int classify_only(listener *l, const char *json) {
  char spelt[256];
  assert_int_equal(aui_event_feed(l->reader, spelt, spell(spelt, json)), 0);
  return aui_event_end(l->reader);
}

static void what_is_not_taken_leaves_no_trace(void **state) {
  (void)state;
  listener l = listen_anew(64);
  assert_int_equal(hear(&l, SIMPLE("a"), FEED_WHOLE), AUI_EVENT_UPDATE);
  assert_int_equal(classify_only(&l, SIMPLE("ab")), AUI_EVENT_UPDATE);
  assert_int_equal(classify_only(&l, SIMPLE("abc")), AUI_EVENT_UPDATE);
  assert_int_equal(classify_only(&l, "{'status_code':400}"), AUI_EVENT_ERROR);
  assert_int_equal(classify_only(&l, FINAL("abc")), AUI_EVENT_FINAL);
  assert_int_equal(classify_only(&l, SIMPLE("abc")), AUI_EVENT_UPDATE);
  assert_true(text_is(&l, "a", 1));
  assert_int_equal(hear(&l, SIMPLE("abcd"), FEED_WHOLE), AUI_EVENT_UPDATE);
  assert_int_equal(l.keep, 1);
  assert_true(text_is(&l, "abcd", 4));
  stop_listening(&l);
}

/* Deltas that no message could hold. */
static void bounds_what_deltas_add_up_to(void **state) {
  (void)state;
  char message[2048], text[1024];
  listener l = listen_anew(64);
  size_t longest = 0;
  for (int i = 0; i < 1000; i++) {
    memset(text, 'a' + i % 2, sizeof text);
    text[sizeof text - 1] = '\0';
    sprintf(message, "{'event':'" NAME "','data':{'text':'%s'}}", text);
    assert_int_equal(hear(&l, message, FEED_WHOLE), AUI_EVENT_UPDATE);
    assert_in_range(l.text.len, sizeof text - 1, MAX_TEXT);
    if (l.text.len > longest) longest = l.text.len;
  }
  assert_in_range(longest, MAX_TEXT / 2, MAX_TEXT);
  stop_listening(&l);
}

/* ---- whose it is ---- */

#define SCOPED(text, context, time)                                                                                    \
  "{'channel':{'event_name':'" NAME "'},'scope':{'context':{" context "}},'data':{'text':'" text "'},'t':'" time "'}"

static bool is_ours(listener *l, aui_answers *answers, const char *json) {
  char spelt[512];
  assert_int_equal(aui_event_feed(l->reader, spelt, spell(spelt, json)), 0);
  aui_event_type type = aui_event_end(l->reader);
  bool ours = aui_event_claim(l->reader, answers);
  if (ours && type == AUI_EVENT_UPDATE) assert_true(aui_event_take(l->reader, &l->text, &l->keep));
  return ours;
}

static aui_answers *answers_to(const char *json) {
  char spelt[128];
  aui_answers *answers = aui_answers_new();
  assert_non_null(answers);
  aui_answers_await(answers, spelt, spell(spelt, json));
  return answers;
}

static void knows_whose_an_event_is(void **state) {
  (void)state;
  static const struct {
    const char *json;
    bool ours;
  } cases[] = {
      {SIMPLE("a"), true},
      {SCOPED("a", "'task_id':'T1'", ""), true},
      {SCOPED("a", "'task_id':'\\u00541'", ""), true},
      {SCOPED("a", "'task_id':''", ""), true},
      {SCOPED("a", "'task_id':null", ""), true},
      {SCOPED("a", "'task_id':'T2'", ""), false},
      {SCOPED("a", "'task_id':2", ""), false},
      {"{'task_id':'T2','event':'" NAME "','data':{'text':'a'}}", false},
      {"{'event':'" NAME "','data':{'text':'a'},'scope':{'context':{'task_id':'T2'}}}", false},
      {"{'event':'step','scope':{'context':{'task_id':'T1'}}}", true},
      {"{'event':'step','scope':{'context':{'task_id':'T2'}}}", false},
      {"{'id':'1','text':'a','sender':null,'task_id':'T1'}", true},
      {"{'id':'1','text':'a','sender':null,'task_id':'T2'}", false},
      {"{'id':'1','text':'a','sender':null,'scope':{'context':{'task_id':'T2'}}}", false},
      {"{'id':'1','text':'a','sender':{'type':'user'},'task_id':'T1'}", false},
      {"{'task_id':'T1'}", false},
      {"ping", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    listener l = listen_anew(64);
    aui_answers *answers = answers_to("{'text':'q','task_id':'T1'}");
    if (is_ours(&l, answers, cases[i].json) != cases[i].ours) fail_msg("%s", cases[i].json);
    aui_answers_free(answers);
    stop_listening(&l);
  }
}

/* What the fast path relies on: that an update says of whose it is what the one before it said. */
static void sees_an_origin_that_changes_in_the_middle(void **state) {
  (void)state;
#define TAIL(text, task) "{'event':'" NAME "','data':{'text':'" text "'},'scope':{'context':{'task_id':'" task "'}}}"
#define TWICE(text, tail) "{'scope':{'context':{'task_id':'T2'}},'event':'" NAME "','data':{'text':'" text "'}" tail "}"
  static const struct {
    const char *json;
    bool ours;
  } script[] = {
      {SCOPED("a", "'task_id':'T1'", "1"), true},
      {SCOPED("ab", "'task_id':'T1'", "2"), true},
      {SCOPED("ab", "'task_id':'T2'", "3"), false},
      {SCOPED("abc", "'task_id':'T2'", "4"), false},
      {SCOPED("abc", "'task_id':'T1'", "5"), true},
      {TAIL("abc", "T1"), true},
      {TAIL("abc", "T2"), false},
      {TAIL("abc", "T1"), true},
      {TAIL("abcd", "T2"), false},
      {TAIL("abcd", "T1"), true},
      {TWICE("abcd", ""), false},
      {TWICE("abcd", ",'scope':{}"), true},
      {TWICE("abcd", ""), false},
      {TWICE("abcde", ""), false},
  };
  listener l = listen_anew(64);
  aui_answers *answers = answers_to("{'task_id':'T1'}");
  for (size_t i = 0; i < COUNT(script); i++) {
    if (is_ours(&l, answers, script[i].json) != script[i].ours) fail_msg("%zu: %s", i, script[i].json);
  }
  assert_true(text_is(&l, "abcd", 4));
  aui_answers_free(answers);
  stop_listening(&l);
}

static void gives_the_payload(void **state) {
  (void)state;
  static const struct {
    const char *json;
    const char *payload;
  } cases[] = {
      {SIMPLE("a"), SIMPLE("a")},
      {SIMPLE("ab\\ud83d"), SIMPLE("ab\\ud83d")},
      {"{'event':'x\\ud83d'}", "{'event':'x\\ud83d'}"},
      {"{'event':'x'}", "{'event':'x'}"},
      {"{'\\ud83d':1,'id':1,'sender':null,'text':'\\ude00\\ud83d\\ude00','a':['\\ud83dx']}",
       "{'\\ufffd':1,'id':1,'sender':null,'text':'\\ufffd\\ud83d\\ude00','a':['\\ufffdx']}"},
      {"{'status_code':401,'message':'\\ud83d'}", "{'status_code':401,'message':'\\ufffd'}"},
      {"1 ", "1 "},
      {"\xef\xbb\xbf{'status_code':401}", "{'status_code':401}"},
  };
  char spelt[256];
  listener l = listen_anew(64);
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_true(hear(&l, cases[i].json, FEED_WHOLE) > 0);
    size_t n, expected = spell(spelt, cases[i].payload);
    const char *payload = aui_event_payload(l.reader, &n);
    assert_int_equal(n, expected);
    assert_memory_equal(payload, spelt, n);
  }
  stop_listening(&l);
}

static void gives_the_status_code(void **state) {
  (void)state;
  listener l = listen_anew(64);
  assert_int_equal(hear(&l, "{'status_code':429,'message':'slow down'}", FEED_WHOLE), AUI_EVENT_ERROR);
  assert_int_equal(aui_event_status_code(l.reader), 429);
  assert_int_equal(hear(&l, "{'detail':'no'}", FEED_WHOLE), AUI_EVENT_ERROR);
  assert_int_equal(aui_event_status_code(l.reader), 0);
  assert_int_equal(hear(&l, "{'detail':[{'msg':'no'}]}", FEED_WHOLE), AUI_EVENT_ERROR);
  assert_int_equal(aui_event_status_code(l.reader), 422);
  assert_int_equal(hear(&l, "{'errors':[{'msg':'no'}],'status_code':400}", FEED_WHOLE), AUI_EVENT_ERROR);
  assert_int_equal(aui_event_status_code(l.reader), 400);
  assert_int_equal(hear(&l, "{'status_code':1e9}", FEED_WHOLE), AUI_EVENT_ERROR);
  assert_int_equal(aui_event_status_code(l.reader), 999);
  stop_listening(&l);
}

/* ---- random answers against a slow reference ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t limit) { /* xorshift64*, of Vigna */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)((random_state * 0x2545F4914F6CDD1Du) >> 33) % limit;
}

enum { MAX_UNITS = 64, MAX_SUM = 32 * MAX_UNITS };

/* A text as UTF-16, with unpaired surrogates: what JSON strings can say. */
typedef struct {
  uint16_t units[MAX_SUM]; /* MAX_UNITS of a single message's */
  size_t n;
} utf16;

static bool pair_at(const utf16 *text, size_t i) {
  return i + 1 < text->n && text->units[i] >> 10 == 0xD800 >> 10 && text->units[i + 1] >> 10 == 0xDC00 >> 10;
}

static uint32_t code_at(const utf16 *text, size_t i) {
  if (!pair_at(text, i)) return text->units[i];
  return 0x10000 + ((text->units[i] & 0x3FFu) << 10) + (text->units[i + 1] & 0x3FFu);
}

static char *put_utf8(char *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
  } else {
    if (code >= 0x10000) {
      *out++ = (char)(0xF0 | code >> 18);
      *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    } else {
      *out++ = (char)(0xE0 | code >> 12);
    }
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  }
  return out;
}

/* The text as UTF-8; returns its length. */
static size_t reference_decode(const utf16 *text, int type, char *out) {
  char *start = out;
  for (size_t i = 0; i < text->n; i += pair_at(text, i) ? 2 : 1) {
    uint32_t code = code_at(text, i);
    bool high = code >> 10 == 0xD800 >> 10, low = code >> 10 == 0xDC00 >> 10;
    if (high && i + 1 == text->n && type == AUI_EVENT_UPDATE) break;
    out = put_utf8(out, high || low ? 0xFFFD : code);
  }
  return (size_t)(out - start);
}

/* How many bytes of whole characters both texts begin with. */
static size_t reference_keep(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t keep = 0;
  for (size_t i = 0;; i++) {
    bool a_begins = i == a_length || (a[i] & 0xC0) != 0x80, b_begins = i == b_length || (b[i] & 0xC0) != 0x80;
    if (a_begins && b_begins) keep = i;
    if (i == a_length || i == b_length || a[i] != b[i]) return keep;
  }
}

/* The answer's text as it should become, with what has to be known of its updates. */
typedef struct {
  utf16 units;
  enum { ANYTHING, WHOLES, DELTAS } way;
  size_t last_at; /* bytes before the last delta */
  bool doubtful;
} reference;

static bool begins_with(const char *a, size_t a_length, const char *b, size_t b_length) {
  return a_length >= b_length && memcmp(a, b, b_length) == 0;
}

static bool reference_is_delta(reference *r, const utf16 *update) {
  char text[3 * MAX_SUM + 1], said[3 * MAX_UNITS + 1];
  size_t n = reference_decode(&r->units, AUI_EVENT_UPDATE, text);
  size_t m = reference_decode(update, AUI_EVENT_UPDATE, said);
  if (r->way == WHOLES || n == 0) return false;
  if (m == 0) return r->way == DELTAS || update->n > 0;
  bool goes_on = begins_with(said, m, text, n), equal = goes_on && m == n;
  if (r->way == ANYTHING) {
    size_t shared = reference_keep(text, n, said, m);
    if (shared > n / 2 && !equal) r->way = WHOLES;
    if (shared > 0) return false;
    r->way = DELTAS;
    r->doubtful = true;
    return true;
  }
  if (goes_on) {
    r->way = WHOLES;
    return false;
  }
  size_t last = n - r->last_at;
  bool goes_on_with_last = m > last && begins_with(said, m, text + r->last_at, last);
  bool reworded = goes_on_with_last && r->doubtful;
  r->doubtful = goes_on_with_last;
  if (reworded) r->way = ANYTHING;
  return !reworded;
}

static void reference_take(reference *r, const utf16 *message, int type) {
  char text[3 * MAX_SUM + 1];
  bool delta = type == AUI_EVENT_UPDATE && reference_is_delta(r, message);
  if (type == AUI_EVENT_FINAL) *r = (reference){.way = ANYTHING};
  if (!delta) {
    utf16 *units = &r->units;
    *units = *message;
    bool held = units->n > 0 && units->units[units->n - 1] >> 10 == 0xD800 >> 10;
    if (held && type == AUI_EVENT_FINAL) units->units[units->n - 1] = 0xFFFD;
    return;
  }
  size_t before = reference_decode(&r->units, AUI_EVENT_UPDATE, text);
  memcpy(r->units.units + r->units.n, message->units, message->n * sizeof *message->units);
  r->units.n += message->n;
  if (reference_decode(&r->units, AUI_EVENT_UPDATE, text) > before) r->last_at = before;
}

static uint16_t random_unit(void) {
  static const uint16_t units[] = {'a',  'n',   ' ',   '"',    '\\',   '/',    '\n',   0,      0x1F,   0x7F,   0xE9,
                                   0xE8, 0x5D0, 0x301, 0x20AC, 0xFFFD, 0xFFFF, 0xD83D, 0xD83D, 0xDB00, 0xDE00, 0xDE01};
  return units[random_below(COUNT(units))];
}

static void extend(utf16 *text, size_t count) {
  for (; count > 0 && text->n < MAX_UNITS; count--) {
    text->units[text->n++] = random_unit();
    bool emoji = random_below(4) == 0 && text->n + 2 <= MAX_UNITS;
    if (!emoji) continue;
    text->units[text->n++] = 0xD83D;
    text->units[text->n++] = (uint16_t)(0xDE00 + random_below(2));
  }
}

static void evolve(utf16 *text, bool by_deltas) {
  switch (by_deltas ? 3 : random_below(10)) {
    case 0: /* repeat */ break;
    case 1: /* shrink */ text->n = random_below((uint32_t)text->n + 1); break;
    case 2: /* rewrite */
      text->n = random_below((uint32_t)text->n + 1);
      extend(text, random_below(20));
      break;
    case 3: /* say something else */
      text->n = 0;
      extend(text, random_below(4));
      break;
    case 4: /* one character differs */
      if (text->n > 0) text->units[text->n - 1 - random_below((uint32_t)text->n) / 4] = random_unit();
      break;
    default: extend(text, random_below(4));
  }
}

/* How messages are written. What stays the same from one to the next is what the reader's fast path lives on. */
typedef struct {
  uint32_t seed; /* of the choice between escaped and raw, for each position */
  uint32_t envelope;
} style;

/* Writes the text as the content of a JSON string. */
static char *put_string(char *out, const utf16 *text, uint32_t seed) {
  for (size_t i = 0; i < text->n; i++) {
    uint32_t choice = (seed + (uint32_t)i * 2654435761u) >> 16;
    uint16_t unit = text->units[i];
    if (choice % 3 && pair_at(text, i)) {
      out = put_utf8(out, code_at(text, i++));
    } else if (choice % 3 && unit >= 0x20 && unit != '"' && unit != '\\' && unit >> 11 != 0xD800 >> 11) {
      out = put_utf8(out, unit);
    } else if (choice % 2 && (unit == '"' || unit == '\\' || unit == '/' || unit == '\n')) {
      *out++ = '\\';
      *out++ = unit == '\n' ? 'n' : (char)unit;
    } else {
      out += sprintf(out, choice % 4 ? "\\u%04x" : "\\u%04X", unit);
    }
  }
  return out;
}

static const struct {
  int type;
  const char *before;
  const char *after;
} envelopes[] = {
    {AUI_EVENT_UPDATE, "{'event':'" NAME "','data':{'text':'", "'}}"},
    {AUI_EVENT_UPDATE, "{'channel':{'event_name':'" NAME "'},'scope':{'data':{'text':'no'}},'data':{'text':'",
     "'},'timestamp':'%u'}"},
    {AUI_EVENT_UPDATE, "{'data':{'text':'", "'},'event':'" NAME "'}"},
    {AUI_EVENT_UPDATE, "{'data':{'text':'", "','id':[{}]},'event':'x','channel':{'event_name':'" NAME "'}}"},
    {AUI_EVENT_UPDATE, " {\n'data' : {'a':[1,{}], 'te\\u0078t' :\t'", "' } , '\\u0065vent':'" NAME "' }\r\n"},
    {AUI_EVENT_UPDATE, "{'timestamp':%u,'event':'" NAME "','data':{'text':'", "'}}"},
    {AUI_EVENT_UPDATE, "{'data':{'text':'ab'},'event':'" NAME "','data':{'text':'", "','more':'%u'}}"},
    {AUI_EVENT_FINAL, "{'id':'1','sender':null,'text':'", "'}"},
    {AUI_EVENT_FINAL, "{'data':{'text':'ab'},'text':'", "','sender':{'text':'no'},'id':%u}"},
    {AUI_EVENT_OTHER, "{'event':'other','data':{'text':'", "'}}"},
    {AUI_EVENT_NONE, "{'data':{'text':'", "'}}"},
    {AUI_EVENT_OTHER, "{'data':{'text':'", "'},'event':'" NAME "','data':%u}"},
    {AUI_EVENT_ERROR, "{'status_code':401,'message':'", "'}"},
};

static char *put_format(char *out, const char *format) {
  char spelt[256];
  spell(spelt, format);
  return out + sprintf(out, spelt, random_below(1000));
}

static size_t write_message(char *out, const utf16 *text, style s) {
  char *p = put_format(out, envelopes[s.envelope].before);
  p = put_string(p, text, s.seed);
  return (size_t)(put_format(p, envelopes[s.envelope].after) - out);
}

static int hear_in_random_slices(listener *l, const char *bytes, size_t n) {
  uint32_t most = 1 + random_below(200);
  for (size_t at = 0; at < n;) {
    size_t slice = 1 + random_below(most);
    if (slice > n - at) slice = n - at;
    assert_int_equal(aui_event_feed(l->reader, bytes + at, slice), 0);
    at += slice;
  }
  return end_message(l);
}

static int hear_whole(listener *l, const char *bytes, size_t n) {
  assert_int_equal(aui_event_feed(l->reader, bytes, n), 0);
  return end_message(l);
}

/* Another event in between makes the reader begin at the start again. */
static int hear_the_slow_way(listener *l, const char *bytes, size_t n) {
  assert_int_equal(hear_whole(l, "0", 1), AUI_EVENT_NONE);
  return hear_whole(l, bytes, n);
}

static void hear_random_answer(listener *listeners, size_t count) {
  int (*const ways[])(listener *, const char *, size_t) = {hear_whole, hear_in_random_slices, hear_the_slow_way};
  static char text[3 * MAX_SUM + 1], old[3 * MAX_SUM + 1];
  char json[2048];
  size_t n = 0;
  utf16 model = {.n = 0};
  reference r = {.way = ANYTHING};
  bool by_deltas = random_below(3) == 0;
  style s = {random_below(1u << 30), 0};
  for (uint32_t messages = 1 + random_below(20); messages > 0; messages--) {
    evolve(&model, by_deltas);
    if (random_below(8) == 0) s.seed = random_below(1u << 30);
    if (random_below(4) == 0) s.envelope = random_below(COUNT(envelopes));
    int type = envelopes[s.envelope].type;
    size_t length = write_message(json, &model, s), old_n = n;
    memcpy(old, text, n);
    bool says_text = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL;
    if (says_text) {
      reference_take(&r, &model, type);
      n = reference_decode(&r.units, type, text);
    }
    for (size_t i = 0; i < count; i++) {
      assert_int_equal(ways[i](&listeners[i], json, length), type);
      if (says_text) assert_int_equal(listeners[i].keep, reference_keep(old, old_n, text, n));
      if (!text_is(&listeners[i], text, n)) fail_msg("way %zu: wrong text for %.*s", i, (int)length, json);
    }
  }
}

static void random_answers_agree_with_a_slow_reference(void **state) {
  (void)state;
  random_state = 0x9E3779B97F4A7C15u;
  for (int answer = 0; answer < 4000; answer++) {
    listener listeners[3];
    for (size_t i = 0; i < COUNT(listeners); i++) listeners[i] = listen_anew(64);
    hear_random_answer(listeners, COUNT(listeners));
    for (size_t i = 0; i < COUNT(listeners); i++) stop_listening(&listeners[i]);
  }
}

/* ---- memory ---- */

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void survives_short_memory(void **state) {
  (void)state;
  static const char *const messages[] = {SIMPLE("ab"), SIMPLE("ab" A50 A50), SIMPLE("x" A50 A50 A50 A50 A50 A50),
                                         FINAL("y" A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50)};
  size_t failures = 0, heard = 0;
  for (size_t allocations = 0; heard < COUNT(messages); allocations++) {
    listener l = listen_anew(64);
    char before[1024];
    size_t n = 0;
    allocations_left = allocations;
    for (heard = 0; heard < COUNT(messages); heard++) {
      int type = hear(&l, messages[heard], FEED_WHOLE);
      if (type < 0) {
        assert_int_equal(type, AUI_EVENT_NO_MEMORY);
        assert_true(text_is(&l, before, n));
        failures++;
        break;
      }
      n = l.text.len;
      memcpy(before, l.text.data, n);
    }
    allocations_left = SIZE_MAX;
    stop_listening(&l);
  }
  assert_true(failures >= 4); /* so the loop did meet failures, of the payload's and of the text's memory */
}

int main(void) {
#define TEST(f) cmocka_unit_test(f)
  const struct CMUnitTest tests[] = {
      TEST(tells_what_is_new),
      TEST(tells_the_kinds_apart),
      TEST(finds_bad_utf8_at_once),
      TEST(refuses_a_prefix_that_ends_within_a_character),
      TEST(what_is_not_taken_leaves_no_trace),
      TEST(bounds_what_deltas_add_up_to),
      TEST(knows_whose_an_event_is),
      TEST(sees_an_origin_that_changes_in_the_middle),
      TEST(gives_the_payload),
      TEST(gives_the_status_code),
      TEST(random_answers_agree_with_a_slow_reference),
      TEST(survives_short_memory),
  };
  return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}

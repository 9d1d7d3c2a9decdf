/* Envelopes of the threads API: what they are, how an answer's text grows by them, and what users get of them; each fed
 * in every way of support.h. In the JSON of this file ' stands for a double quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/event.h"
#include "support.h"

enum { MAX_TEXT = 1024 };

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UPDATE_NAME "thread-message-text-content-updated"

static size_t spell(char *out, const char *json) {
  size_t n = 0;
  for (; json[n]; n++) out[n] = json[n] == '\'' ? '"' : json[n];
  out[n] = '\0';
  return n;
}

static bool feed_reader(void *reader, const uint8_t *slice, size_t n) {
  return aui_event_feed(reader, slice, n) == 0;
}

static aui_event_type read_event(aui_event_reader *reader, const char *json, feed_way way) {
  char spelt[1024];
  assert_true(feed(way, spelt, spell(spelt, json), feed_reader, reader));
  return aui_event_end(reader);
}

static aui_event_reader *new_reader(void) {
  aui_event_reader *reader = aui_event_new(AUI_API_THREADS, 64, MAX_TEXT);
  assert_non_null(reader);
  return reader;
}

/* ---- kinds ---- */

static const struct {
  const char *json;
  int type;
} kinds[] = {
    {"{'type':'thread','data':{'thread_id':'t'}}", AUI_EVENT_THREAD},
    {"{'type':'thread','data':{'thread_id':null}}", AUI_EVENT_OTHER},
    {"{'type':'thread'}", AUI_EVENT_OTHER},
    {"{'type':'event','seq':1,'data':{'text':'a'}}", AUI_EVENT_UPDATE},
    {"{'type':'event','seq':1,'data':{'text':''}}", AUI_EVENT_UPDATE},
    {"{'type':'event','seq':1,'data':{'data':{'text':'a'}}}", AUI_EVENT_UPDATE},
    {"{'type':'event','data':{'channel':{'event_name':'" UPDATE_NAME "'},'data':{'text':'a'}}}", AUI_EVENT_UPDATE},
    {"{'type':'event','data':{'channel':{'event_name':'x'},'data':{'text':'a'}}}", AUI_EVENT_OTHER},
    {"{'type':'event','data':{'channel':{'event_name':''},'data':{'text':'a'}}}", AUI_EVENT_UPDATE},
    {"{'type':'event','data':{'text':null,'data':{}}}", AUI_EVENT_OTHER},
    {"{'type':'event','data':'a'}", AUI_EVENT_OTHER},
    {"{'type':'message','seq':2,'data':{'id':'m','text':'a'}}", AUI_EVENT_FINAL},
    {"{'type':'message','seq':2,'data':{'id':'m'}}", AUI_EVENT_FINAL},
    {"{'type':'message','seq':2,'data':{'text':'a'}}", AUI_EVENT_OTHER},
    {"{'type':'message','seq':2,'data':{'id':'m','text':'a','sender':{'type':'user'}}}", AUI_EVENT_OTHER},
    {"{'type':'message','seq':2,'data':{'id':'m','receiver':{'type':'agent'}}}", AUI_EVENT_OTHER},
    {"{'type':'message','data':{'id':'m','sender':{'type':'agent'},'receiver':{'type':'user'}}}", AUI_EVENT_FINAL},
    {"{'type':'message','data':{'id':'m','receiver':{'type':'agent'},'sender':{'type':'agent'}}}", AUI_EVENT_FINAL},
    {"{'type':'message','sender':{'type':'user'},'data':{'id':'m','sender':null}}", AUI_EVENT_FINAL},
    {"{'type':'message','seq':2,'data':null}", AUI_EVENT_OTHER},
    {"{'type':'suggestions','data':{'followup_suggestions':['a']}}", AUI_EVENT_SUGGESTIONS},
    {"{'type':'suggestions','data':{'followup_suggestions':[]}}", AUI_EVENT_SUGGESTIONS},
    {"{'type':'suggestions','data':{}}", AUI_EVENT_OTHER},
    {"{'type':'error','seq':-1,'data':{'error':'x'}}", AUI_EVENT_ERROR},
    {"{'type':'error'}", AUI_EVENT_ERROR},
    {"{'type':'workflow','data':{'text':'a','id':'m'}}", AUI_EVENT_OTHER},
    {"{'type':'','data':{'text':'a'}}", AUI_EVENT_OTHER},
    {"{'type':null,'data':{'text':'a'}}", AUI_EVENT_NONE},
    /* the tasks API's messages are nothing here */
    {"{'event':'" UPDATE_NAME "','data':{'text':'a'}}", AUI_EVENT_NONE},
    {"{'id':'m','text':'a','sender':{}}", AUI_EVENT_NONE},
    {"{'detail':'x'}", AUI_EVENT_NONE},
    {"[]", AUI_EVENT_NONE},
    {"1", AUI_EVENT_NONE},
    /* words that are no JSON */
    {"[DONE]", AUI_EVENT_DONE},
    {" [DONE]\n", AUI_EVENT_DONE},
    {"[done]", AUI_EVENT_BAD_JSON},
    {"[DONE", AUI_EVENT_BAD_JSON},
    {"[DONE]]", AUI_EVENT_BAD_JSON},
    {"'[DONE]'", AUI_EVENT_NONE},
    {"", AUI_EVENT_NONE},
    {"ping", AUI_EVENT_NONE},
    {"{", AUI_EVENT_BAD_JSON},
};

static void tells_the_kinds_apart(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(kinds); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      aui_event_reader *reader = new_reader();
      int type = read_event(reader, kinds[i].json, way);
      if (type != kinds[i].type) fail_msg("%s: %d, not %d", kinds[i].json, type, kinds[i].type);
      aui_event_free(reader);
    }
  }
}

static void the_word_done_is_no_event_of_the_tasks_api(void **state) {
  (void)state;
  aui_event_reader *reader = aui_event_new(AUI_API_TASKS, 64, MAX_TEXT);
  assert_int_equal(read_event(reader, "[DONE]", FEED_WHOLE), AUI_EVENT_BAD_JSON);
  aui_event_free(reader);
}

/* ---- the text ---- */

#define DELTA(seq, t) "{'type':'event','seq':" #seq ",'data':{'text':'" t "'}}"
#define INNER(seq, t) "{'type':'event','seq':" #seq ",'data':{'scope':{},'data':{'text':'" t "'}}}"
#define UNNUMBERED(t) "{'type':'event','data':{'text':'" t "'}}"
#define MESSAGE(t) "{'type':'message','seq':9,'data':{'id':'m','text':'" t "'}}"
#define SIXTEEN "sixteen letters:"

static const struct {
  const char *name;
  struct {
    const char *json; /* NULL behind the last one */
    size_t keep;
    const char *text;
  } messages[9];
} scripts[] = {
    {"deltas are appended, the message makes up the difference",
     {{DELTA(1, "I"), 0, "I"},
      {INNER(2, " found"), 1, "I found"},
      {DELTA(3, " three"), 7, "I found three"},
      {MESSAGE("I found three."), 13, "I found three."}}},
    {"deltas that begin as the text does, or are equal",
     {{DELTA(1, "ha"), 0, "ha"},
      {DELTA(2, "ha"), 2, "haha"},
      {DELTA(3, "hat"), 4, "hahahat"},
      {DELTA(4, ""), 7, "hahahat"},
      {DELTA(5, "h"), 7, "hahahath"},
      {MESSAGE("hahahath"), 8, "hahahath"}}},
    {"the message differs", {{DELTA(1, "one"), 0, "one"}, {MESSAGE("ones"), 3, "ones"}, {MESSAGE("two"), 0, "two"}}},
    {"a message that says nothing of its text changes nothing",
     {{DELTA(1, "one"), 0, "one"}, {"{'type':'message','data':{'id':'m','cards':[]}}", 3, "one"}}},
    {"a text that begins with all that there was is the whole",
     {{DELTA(1, SIXTEEN), 0, SIXTEEN},
      {DELTA(2, SIXTEEN " more"), 16, SIXTEEN " more"},
      {DELTA(3, SIXTEEN " more of it"), 21, SIXTEEN " more of it"},
      {DELTA(4, SIXTEEN), 16, SIXTEEN},
      {DELTA(5, "Sorry"), 0, "Sorry"}}},
    {"so is one that repeats it", {{DELTA(1, SIXTEEN), 0, SIXTEEN}, {DELTA(2, SIXTEEN), 16, SIXTEEN}}},
    {"one that repeats less is a delta",
     {{DELTA(1, "fifteen letters"), 0, "fifteen letters"},
      {DELTA(2, "fifteen letters"), 15, "fifteen lettersfifteen letters"}}},
    {"short wholes are known by going on twice",
     {{DELTA(1, "I"), 0, "I"},
      {DELTA(2, "I am"), 1, "II am"},
      {DELTA(3, "I am an"), 1, "I am an"},
      {DELTA(4, "I am an agent"), 7, "I am an agent"}}},
    {"two short wholes are mended by the message",
     {{DELTA(1, "I"), 0, "I"}, {DELTA(2, "I am"), 1, "II am"}, {MESSAGE("I am"), 1, "I am"}}},
    {"wholes whose envelopes begin alike",
     {{UNNUMBERED(SIXTEEN), 0, SIXTEEN},
      {UNNUMBERED(SIXTEEN " more"), 16, SIXTEEN " more"},
      {UNNUMBERED(SIXTEEN " more of it"), 21, SIXTEEN " more of it"}}},
    {"deltas whose envelopes begin alike",
     {{UNNUMBERED("ha"), 0, "ha"}, {UNNUMBERED("ha!"), 2, "haha!"}, {UNNUMBERED("x"), 5, "haha!x"}}},
    {"deltas that part a surrogate pair",
     {{DELTA(1, "a\\ud83d"), 0, "a"},
      {INNER(2, "\\ude00b"), 1,
       "a\xf0\x9f\x98\x80"
       "b"}}},
};

static void makes_the_text(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(scripts); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      aui_event_reader *reader = new_reader();
      aui_buffer text = {0};
      for (size_t j = 0; scripts[i].messages[j].json; j++) {
        const char *expected = scripts[i].messages[j].text;
        size_t keep = 0;
        assert_true(read_event(reader, scripts[i].messages[j].json, way) > 0);
        assert_true(aui_event_take(reader, &text, &keep));
        bool same = text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
        if (!same || keep != scripts[i].messages[j].keep)
          fail_msg("%s, %zu: \"%.*s\", keep %zu", scripts[i].name, j, (int)text.len, text.data, keep);
      }
      aui_buffer_free(&text);
      aui_event_free(reader);
    }
  }
}

static void expects_deltas(void **state) {
  (void)state;
  aui_event_reader *reader = new_reader();
  aui_buffer text = {0};
  size_t keep;
  assert_int_equal(read_event(reader, DELTA(1, "th"), FEED_WHOLE), AUI_EVENT_UPDATE);
  assert_true(aui_event_take(reader, &text, &keep));
  assert_int_equal(read_event(reader, DELTA(2, "to"), FEED_WHOLE), AUI_EVENT_UPDATE);
  assert_true(aui_event_take(reader, &text, &keep));
  assert_int_equal(text.len, 4);
  aui_buffer_free(&text);
  aui_event_free(reader);
}

/* ---- what users get ---- */

static void assert_payload(const aui_event_reader *reader, const char *json) {
  char spelt[256];
  size_t n, expected = spell(spelt, json);
  const char *payload = aui_event_payload(reader, &n);
  assert_int_equal(n, expected);
  assert_memory_equal(payload, spelt, n);
}

static void gives_the_data_of_messages_and_errors(void **state) {
  (void)state;
  aui_event_reader *reader = new_reader();
  read_event(reader, "{'type':'message','data': {'id':'m','text':'\\ud83d','a':[{}]} ,'seq':1}", FEED_WHOLE);
  assert_payload(reader, "{'id':'m','text':'\\ufffd','a':[{}]}");
  assert_int_equal(aui_event_seq(reader), 1);
  read_event(reader, "{'type':'error','data':{'message':'no','status_code':429}}", FEED_WHOLE);
  assert_payload(reader, "{'message':'no','status_code':429}");
  assert_int_equal(aui_event_status_code(reader), 429);
  assert_int_equal(aui_event_seq(reader), -1);
  read_event(reader, "\xef\xbb\xbf{'type':'error','data':'x'}", FEED_WHOLE);
  assert_payload(reader, "{'type':'error','data':'x'}");
  assert_int_equal(aui_event_status_code(reader), 0);
  read_event(reader, "{'type':'error','seq':-1,'data':{'error':'no','code':402}}", FEED_WHOLE);
  assert_int_equal(aui_event_status_code(reader), 402);
  read_event(reader, "{'type':'error','data':{'code':402,'status_code':429}}", FEED_WHOLE);
  assert_int_equal(aui_event_status_code(reader), 429);
  read_event(reader, "{'type':'error','data':{'code':'bad_frame'}}", FEED_WHOLE);
  assert_int_equal(aui_event_status_code(reader), 0);
  read_event(reader, "{'type':'error','data':{'status_code':200}}", FEED_WHOLE);
  assert_int_equal(aui_event_status_code(reader), 0);
  read_event(reader, DELTA(7, "a"), FEED_WHOLE);
  assert_payload(reader, DELTA(7, "a"));
  assert_int_equal(aui_event_seq(reader), 7);
  aui_event_free(reader);
}

static void names_the_thread(void **state) {
  (void)state;
  aui_event_reader *reader = new_reader();
  aui_buffer id = {0};
  read_event(reader, "{'type':'thread','data':{'thread_id':'T\\u00e9\\ud83d\\ude00'}}", FEED_WHOLE);
  assert_true(aui_event_thread_id(reader, &id));
  assert_int_equal(id.len, 7);
  assert_memory_equal(id.data, "T\xc3\xa9\xf0\x9f\x98\x80", 7);
  aui_buffer_free(&id);
  aui_event_free(reader);
}

static void adds_suggestions_to_the_message(void **state) {
  (void)state;
  static const struct {
    const char *message, *merged;
  } cases[] = {
      {"{'id':'m'}", "{'id':'m','followup_suggestions':[ 'a','\\ufffd']}"},
      {"{'id':'m' }", "{'id':'m' ,'followup_suggestions':[ 'a','\\ufffd']}"},
      {"{'followup_suggestions':null,'id':'m'}", "{'followup_suggestions':[ 'a','\\ufffd'],'id':'m'}"},
      {"{'id':'m','followup_suggestions':['x']}", "{'id':'m','followup_suggestions':[ 'a','\\ufffd']}"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char json[256], merged[256];
    aui_event_reader *reader = new_reader();
    aui_answers *answers = aui_answers_new();
    aui_buffer message = {0};
    size_t n;
    snprintf(json, sizeof json, "{'type':'message', 'data' : %s}", cases[i].message);
    assert_int_equal(read_event(reader, json, FEED_WHOLE), AUI_EVENT_FINAL);
    const char *payload = aui_event_payload(reader, &n);
    assert_true(aui_buffer_append(&message, payload, n));
    aui_event_ends_answer(reader, answers);
    read_event(reader, "{'type':'suggestions','data':{'followup_suggestions':[ 'a','\\ud83d']}}", FEED_BYTES);
    assert_true(aui_event_add_suggestions(reader, &message));
    assert_int_equal(message.len, spell(merged, cases[i].merged));
    assert_memory_equal(message.data, merged, message.len);
    aui_buffer_free(&message);
    aui_answers_free(answers);
    aui_event_free(reader);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(tells_the_kinds_apart, guarded_teardown),
      cmocka_unit_test_teardown(the_word_done_is_no_event_of_the_tasks_api, guarded_teardown),
      cmocka_unit_test_teardown(makes_the_text, guarded_teardown),
      cmocka_unit_test_teardown(expects_deltas, guarded_teardown),
      cmocka_unit_test_teardown(gives_the_data_of_messages_and_errors, guarded_teardown),
      cmocka_unit_test_teardown(names_the_thread, guarded_teardown),
      cmocka_unit_test_teardown(adds_suggestions_to_the_message, guarded_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The scanner: which texts are JSON, which members it sees, and how strings are decoded and
 * repaired. Every text ends at a page that faults, and is also followed by bytes that do not belong
 * to it. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/json.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UPDATE "thread-message-text-content-updated"

static aui_json_result verdict_of(const char *json, size_t n, unsigned max_depth) {
  aui_json_scan scan, followed_scan;
  aui_json_result verdict = aui_json_scan_whole((const char *)guarded(json, n), n, max_depth, &scan);
  char *followed = malloc(n + 8);
  assert_non_null(followed);
  memcpy(followed, json, n);
  memcpy(followed + n, "\"}]00,,,", 8);
  assert_int_equal(aui_json_scan_whole(followed, n, max_depth, &followed_scan), verdict);
  free(followed);
  guarded_release_all();
  return verdict;
}

static void accepts_what_rfc_8259_allows(void **state) {
  (void)state;
  static const char *const texts[] = {
      // clang-format off
      "{}", "[]", "\"\"", "0", "-0", "-1", "12", "1.5", "0.0", "1e5", "1E+5", "1e-05", "-0.1e0",
      "true", "false", "null", " \t\r\n null \t\r\n ", "[1 , 2\n,\t3]", "[[],{},[{}]]",
      "{\"a\":{\"b\":[{\"c\":null}]}}", "{ \"a\" : 1 , \"b\" : [ ] }", "{\"a\":1,\"a\":2}",
      "{\"\":0}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\\uABCD\\uabcd\"",
      "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\x7f\"",
      "\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"12345678\"", "\"1234567\\n\"",
      "\"12345678\\u00e9 12345678\"", "123456789012345678901234567890", "\xef\xbb\xbf{}", "\xef\xbb\xbf 1",
      // clang-format on
  };
  for (size_t i = 0; i < COUNT(texts); i++) {
    if (verdict_of(texts[i], strlen(texts[i]), 64) != AUI_JSON_VALID) fail_msg("refused: %s", texts[i]);
  }
}

static void refuses_everything_else(void **state) {
  (void)state;
  static const char *const texts[] = {
      // clang-format off
      "", " ", "{", "}", "[", "]", "{]", "[}", "[1", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
      "[1,", "{\"a\":1,}", "[1,]", "[,1]", "{,}", "{1:2}", "{a:1}", "{'a':1}", "{\"a\" 1}",
      "{\"a\":}", "{\"a\":1 \"b\":2}", "[1 2]", "1 2", "{}{}", "[]]", "{}}", "{}x", "\"", "\"a",
      "\"a\\", "\"a\\\"", "\"\\x\"", "\"\\u\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u123",
      "\"\\U1234\"", "\"\n\"", "\"12345678\n\"", "\"\t\"", "\"\x01\"", "\"\x1f\"", "+1", "01",
      "-01", "00", "-", ".5", "1.", "1.e5", "1e", "1e+", "1e5.5", "0x10", "1_000", "NaN",
      "Infinity", "-Infinity", "tru", "truE", "True", "nul", "nullx", "fals", "/**/1", "1//",
      "\xef\xbb\xbf", "\xef\xbb{}", " \xef\xbb\xbf{}", "\xef\xbb\xbf\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "\v1", "\f1", "\xc2\xa0[]", "[\"a\",\"b\"", "undefined",
      // clang-format on
  };
  for (size_t i = 0; i < COUNT(texts); i++) {
    if (verdict_of(texts[i], strlen(texts[i]), 64) != AUI_JSON_INVALID) fail_msg("accepted: %s", texts[i]);
  }
}

static void refuses_nul_bytes(void **state) {
  (void)state;
  static const struct {
    const char *json;
    size_t n;
  } cases[] = {
#define BYTES(s) {s, sizeof s - 1}
      BYTES("\0"),     BYTES("1\0"),      BYTES("{}\0"),  BYTES("[\0]"),
      BYTES("\"\0\""), BYTES("\"\\\0\""), BYTES("tr\0e"), BYTES("\"\\u\0\0\0\0\""),
#undef BYTES
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (verdict_of(cases[i].json, cases[i].n, 64) != AUI_JSON_INVALID) fail_msg("accepted: case %zu", i);
  }
}

static void sees_special_bytes_at_every_offset(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    aui_json_result verdict;
  } cases[] = {{"\n", AUI_JSON_INVALID},  {"\x1f", AUI_JSON_INVALID}, {"", AUI_JSON_VALID},
               {" ", AUI_JSON_VALID},     {"\x7f", AUI_JSON_VALID},   {"\xc3\x9f", AUI_JSON_VALID},
               {"\\n", AUI_JSON_VALID},   {"\\", AUI_JSON_INVALID},   {"\"", AUI_JSON_INVALID},
               {"\",\"", AUI_JSON_VALID}, {"\"\"", AUI_JSON_INVALID}, {"!", AUI_JSON_VALID}};
  char text[64];
  for (size_t i = 0; i < COUNT(cases); i++) {
    for (int offset = 0; offset <= 24; offset++) {
      size_t n = (size_t)sprintf(text, "[\"%.*s%s%.*s\"]", offset, "xxxxxxxxxxxxxxxxxxxxxxxx", cases[i].bytes,
                                 24 - offset, "xxxxxxxxxxxxxxxxxxxxxxxx");
      if (verdict_of(text, n, 64) != cases[i].verdict) fail_msg("wrong verdict on: %s", text);
    }
  }
}

static void refuses_every_prefix_of_an_object(void **state) {
  (void)state;
  static const char text[] = "{\"event\" : \"x\\u0041\", \"n\":[1,-2.5e+3,true,false,null,{\"k\":\"\\\\\"}], "
                             "\"data\":{\"text\":\"\xc3\xa9\"}}";
  for (size_t n = 0; n < sizeof text - 1; n++) {
    if (verdict_of(text, n, 64) != AUI_JSON_INVALID) fail_msg("accepted: %.*s", (int)n, text);
  }
  assert_int_equal(verdict_of(text, sizeof text - 1, 64), AUI_JSON_VALID);
}

/* Writes `depth` opening brackets and as many closing ones, objects and arrays by turns. */
static size_t nest(char *out, unsigned depth) {
  char *p = out;
  for (unsigned i = 0; i < depth; i++) p += sprintf(p, "%s", i % 2 ? "[" : i + 1 < depth ? "{\"a\":" : "{");
  for (unsigned i = depth; i-- > 0;) *p++ = i % 2 ? ']' : '}';
  return (size_t)(p - out);
}

static void limits_nesting(void **state) {
  (void)state;
  static const unsigned depths[] = {1, 2, 3, 63, 64, 65, 127, 128, 1000, 1023, 1024};
  char text[8 * 1025];
  for (size_t i = 0; i < COUNT(depths); i++) {
    size_t n = nest(text, depths[i]);
    assert_int_equal(verdict_of(text, n, depths[i]), AUI_JSON_VALID);
    assert_int_equal(verdict_of(text, n, AUI_JSON_MAX_DEPTH), AUI_JSON_VALID);
    text[n - 1] ^= '}' ^ ']'; /* the wrong kind of bracket at the end */
    assert_int_equal(verdict_of(text, n, depths[i]), AUI_JSON_INVALID);
    n = nest(text, depths[i] + 1);
    assert_int_equal(verdict_of(text, n, depths[i]), AUI_JSON_TOO_DEEP);
  }
  size_t n = nest(text, AUI_JSON_MAX_DEPTH); /* the end of what the scanner remembers, whatever it is asked for */
  assert_int_equal(verdict_of(text, n, UINT_MAX), AUI_JSON_VALID);
  n = nest(text, AUI_JSON_MAX_DEPTH + 1);
  assert_int_equal(verdict_of(text, n, UINT_MAX), AUI_JSON_TOO_DEEP);
  assert_int_equal(verdict_of("{}", 2, 0), AUI_JSON_TOO_DEEP);
  assert_int_equal(verdict_of("1", 1, 1), AUI_JSON_VALID);
  assert_int_equal(verdict_of("[[],[],[[]]]", 12, 3), AUI_JSON_VALID); /* depth, not count */
}

/* Copies JSON, in which ' stands for a double quote, and returns its length. */
static size_t spell(char *out, const char *json) {
  size_t n = 0;
  for (; json[n]; n++) out[n] = json[n] == '\'' ? '"' : json[n];
  out[n] = '\0';
  return n;
}

static void show_span(char *out, const char *name, const char *json, aui_json_span span) {
  if (span.start) sprintf(out + strlen(out), " %s=%.*s", name, (int)(span.end - span.start), json + span.start);
}

/* The members as words: " event=update text=raw id ...". */
static void show(char *out, const char *json, const aui_json_members *members) {
  static const char *const names[] = {"", "=other", "=update"}, *const parties[] = {"", "user", "agent"};
  *out = '\0';
  if (members->event) sprintf(out, " event%s", names[members->event]);
  if (members->channel_event_name) sprintf(out + strlen(out), " channel%s", names[members->channel_event_name]);
  show_span(out, "text", json, members->text);
  show_span(out, "data.text", json, members->data_text);
  if (members->status_code >= 0) sprintf(out + strlen(out), " status=%d", members->status_code);
  if (members->has_id) strcat(out, " id");
  if (members->id.start) show_span(out, "id", json, members->id);
  if (members->has_sender) strcat(out, " sender");
  static const char *const faults[] = {"", "=words", "=list"};
  if (members->detail) sprintf(out + strlen(out), " detail%s", faults[members->detail]);
  if (members->errors) sprintf(out + strlen(out), " errors%s", faults[members->errors]);
  if (members->error) sprintf(out + strlen(out), " error%s", faults[members->error]);
  if (members->sender) sprintf(out + strlen(out), " from=%s", parties[members->sender]);
  if (members->receiver) sprintf(out + strlen(out), " to=%s", parties[members->receiver]);
  show_span(out, "task", json, members->origin.task_id);
  show_span(out, "scope.task", json, members->origin.scope_task_id);
  show_span(out, "message", json, members->origin.message_id);
  show_span(out, "interaction", json, members->origin.interaction_id);
}

static const struct {
  const char *json;
  const char *members;
} member_cases[] = {
    {"{}", ""},
    {"{'event':'" UPDATE "','data':{'text':'hi'}}", " event=update data.text=hi"},
    {"{'data':{'text':'hi'},'event':'" UPDATE "'}", " event=update data.text=hi"},
    {"{'channel':{'type':'W','event_name':'" UPDATE "'}}", " channel=update"},
    {"{'channel':{'event_name':'x'},'event':'y'}", " event=other channel=other"},
    {" { 'event' : '" UPDATE "'\n,'data' :\t{ 'text' : 'a b' } } ", " event=update data.text=a b"},
    {"{'id':'1','text':'t','sender':{'id':'2','text':'no'}}", " text=t id id=1 sender"},
    {"{'id':0,'text':'','sender':null}", " text= id id=0 sender"},
    {"{'id':-1.5e3,'id':''}", " id"},
    {"{'sender':{'type':'user'},'receiver':{'type':'agent'}}", " sender from=user to=agent"},
    {"{'sender':{'type':'\\u0061gent'},'receiver':{'type':'USER'}}", " sender from=agent"},
    {"{'sender':{'type':null},'receiver':[{'type':'agent'}],'type':'user'}", " sender"},
    {"{'task_id':'T','scope':{'context':{'task_id':'U','message_id':'M','interaction_id':'I'}}}",
     " task=T scope.task=U message=M interaction=I"},
    {"{'scope':{'context':{'interaction_id':'a\\u0062','task_id':7}},'task_id':8}",
     " task=8 scope.task=7 interaction=a\\u0062"},
    {"{'scope':{'context':{'task_id':null,'message_id':'','interaction_id':[1]}},'task_id':{}}", ""},
    {"{'scope':{'task_id':'T','a':{'task_id':'T'}},'context':{'task_id':'T'},'data':{'task_id':'T'}}", ""},
    {"{'scope':{'context':{'context':{'task_id':'T'},'a':[{'task_id':'T'}]}}}", ""},
    {"{'scope':[{'context':{'task_id':'T'}}]}", ""},
    {"{'scope':{'context':[{'task_id':'T'}]}}", ""},
    {"{'status_code':401,'message':'m'}", " status=401"},
    {"{'detail':'x','errors':['x'],'error':{}}", " detail=words errors=words error=words"},
    {"{'detail':[ \t{}],'errors':[{}],'error':[{}]}", " detail=list errors=list error=list"},
    {"{'detail':{},'errors':[],'error':[null]}", ""},
    {"{'detail':'','errors':1,'error':''}", ""},
    {"{'a':{'detail':'x','errors':['x'],'error':'x'}}", ""},
    {"{'detail':'x','detail':null,'error':{'error':[{}]}}", " error=words"},
    /* keys and names may be escaped */
    {"{'\\u0065vent':'thread\\u002Dmessage-text-content-update\\u0064'}", " event=update"},
    {"{'d\\u0061ta':{'\\u0074\\u0065\\u0078\\u0074':'\\u0041'}}", " data.text=\\u0041"},
    {"{'scop\\u0065':{'cont\\u0065xt':{'interaction_i\\u0064':'I','\\u006dessage_id':'M'}},'status_cod\\u0065':500}",
     " status=500 message=M interaction=I"},
    {"{'\\u0069\\u0064':1,'s\\u0065nder':{},'rec\\u0065iver':{'typ\\u0065':'user'}}", " id id=1 sender to=user"},
    {"{'event\\u0000':'x','event\\/':'x','\\u0165vent':'x','even\\ud83d':'x'}", ""},
    {"{'event':'" UPDATE "\\u0000'}", " event=other"},
    /* keys that only resemble */
    {"{'Event':'x','events':'x','even':'x','':'x','data.text':'x','status':1}", ""},
    {"{'event':'thread-message-text-content-update'}", " event=other"},
    /* the wrong types */
    {"{'event':null,'channel':{'event_name':null}}", ""},
    {"{'event':'','channel':{'event_name':''}}", ""},
    {"{'event':['" UPDATE "'],'channel':'" UPDATE "'}", ""},
    {"{'event':{'event':'x'},'channel':[{'event_name':'x'}]}", ""},
    {"{'event':1,'data':'text','text':['x'],'status_code':'401'}", ""},
    {"{'data':{'text':null},'text':null,'id':null,'sender':'agent','status_code':null}", ""},
    {"{'data':{'text':{'text':'x'}},'sender':[],'id':[]}", " id"},
    {"{'data':['text','x',{'text':'x'}],'sender':false,'id':false}", " id"},
    /* the same names elsewhere */
    {"{'scope':{'data':{'text':'x'},'event':'x','text':'x','status_code':1,'id':1}}", ""},
    {"{'data':{'data':{'text':'x'},'event':'x','event_name':'x','id':1,'sender':null}}", ""},
    {"{'data':{'a':{'text':'x'},'b':[{'text':'x'}],'text':'y','c':{'text':'x'}}}", " data.text=y"},
    {"{'channel':{'event':'x','channel':{'event_name':'x'},'text':'x'}}", ""},
    {"[{'event':'x','data':{'text':'x'},'id':1}]", ""},
    {"['data',{'text':'x'}]", ""},
    {"{'a':[{'id':1}],'id':2}", " id id=2"},
    {"{'a':'\\',\\'event\\':\\'x'}", ""},
    /* of a repeated key the last counts, with all that it holds */
    {"{'event':'x','event':'" UPDATE "'}", " event=update"},
    {"{'event':'" UPDATE "','event':null}", ""},
    {"{'data':{'text':'a','text':'b'}}", " data.text=b"},
    {"{'data':{'text':'a'},'data':{'text':'b'}}", " data.text=b"},
    {"{'data':{'text':'a'},'data':{}}", ""},
    {"{'data':{'text':'a'},'data':null}", ""},
    {"{'data':{'text':'a','te\\u0078t':1}}", ""},
    {"{'channel':{'event_name':'x'},'channel':{}}", ""},
    {"{'text':'a','text':1,'id':1,'id':null,'sender':{},'sender':1}", ""},
    {"{'status_code':401,'status_code':'x'}", ""},
    {"{'sender':{'type':'user'},'sender':{},'receiver':{'type':'agent'},'receiver':null}", " sender"},
    {"{'scope':{'context':{'task_id':'T'}},'scope':{}}", ""},
    {"{'scope':{'context':{'task_id':'T','message_id':'M'},'context':{'message_id':'N'}}}", " message=N"},
};

static void records_members(void **state) {
  (void)state;
  char spelt[256], words[256];
  for (size_t i = 0; i < COUNT(member_cases); i++) {
    size_t n = spell(spelt, member_cases[i].json);
    const char *json = (const char *)guarded(spelt, n);
    aui_json_scan scan;
    assert_int_equal(aui_json_scan_whole(json, n, 64, &scan), AUI_JSON_VALID);
    show(words, json, &scan.members);
    if (strcmp(words, member_cases[i].members) != 0) {
      fail_msg("%s:%s instead of%s", member_cases[i].json, words, member_cases[i].members);
    }
    guarded_release_all();
  }
}

/* What an envelope of the threads API says: " type=4 seq=1 data={...} ...". */
static void show_envelope(char *out, const char *json, const aui_json_envelope *envelope) {
  static const char *const types[] = {"", "other", "thread", "event", "message", "suggestions", "error"};
  static const char *const names[] = {"", "=other", "=update"};
  *out = '\0';
  if (envelope->type) sprintf(out, " %s", types[envelope->type]);
  if (envelope->seq >= 0) sprintf(out + strlen(out), " seq=%lld", (long long)envelope->seq);
  show_span(out, "data", json, envelope->data);
  if (envelope->event_name) sprintf(out + strlen(out), " name%s", names[envelope->event_name]);
  show_span(out, "text", json, envelope->data_text);
  show_span(out, "id", json, envelope->id);
  show_span(out, "thread", json, envelope->thread_id);
  show_span(out, "interaction", json, envelope->interaction_id);
  show_span(out, "suggestions", json, envelope->suggestions);
  if (envelope->status_code >= 0) sprintf(out + strlen(out), " status=%d", envelope->status_code);
  if (envelope->code >= 0) sprintf(out + strlen(out), " code=%d", envelope->code);
}

static const struct {
  const char *json;
  const char *words;
} envelope_cases[] = {
    {"{'type':'error','seq':-1,'data':{'error':'no','code':402}}", " error data={'error':'no','code':402} code=402"},
    {"{}", ""},
    {"{'type':'thread','data':{'thread_id':'T'}}", " thread data={'thread_id':'T'} thread=T"},
    {"{'seq':12,'type':'event','data':{'data':{'text':'a'},'channel':{'event_name':'" UPDATE "'}} , 'x':{}}",
     " event seq=12 data={'data':{'text':'a'},'channel':{'event_name':'" UPDATE "'}} name=update text=a"},
    {"{'type':'event','data':{'channel':{'event_name':'x'}}}", " event data={'channel':{'event_name':'x'}} name=other"},
    {"{'type':'message','data':{'id':'m','followup_suggestions': [ 'a',['b']] ,'cards':[]}}",
     " message data={'id':'m','followup_suggestions': [ 'a',['b']] ,'cards':[]} id=m suggestions=[ 'a',['b']]"},
    {"{'type':'suggestions','data':{'interaction_id':'m','followup_suggestions':[]}}",
     " suggestions data={'interaction_id':'m','followup_suggestions':[]} interaction=m suggestions=[]"},
    {"{'type':'suggestions','data':{'followup_suggestions':null}}",
     " suggestions data={'followup_suggestions':null} suggestions=null"},
    {"{'data':{'followup_suggestions':'a','id':7}}", " data={'followup_suggestions':'a','id':7} id=7"},
    {"{'data':{'followup_suggestions':{}}}", " data={'followup_suggestions':{}}"},
    {"{'type':'error','seq':-1,'data':{'status_code':429}}", " error data={'status_code':429} status=429"},
    {"{'type':'\\u0065rror','seq':0}", " error seq=0"},
    {"{'type':'','seq':1.9}", " other seq=1"},
    {"{'type':'events','seq':1e300}", " other seq=9007199254740992"},
    {"{'seq':9007199254740991}", " seq=9007199254740991"},
    {"{'seq':12345678901230000000e-7}", " seq=1234567890123"},
    {"{'seq':0.00000000000000000000123e23}", " seq=123"},
    {"{'type':1,'seq':'1','data':[{'id':'m','thread_id':'T'}]}", ""},
    {"{'data':{'data':[{'text':'a'}],'channel':[{'event_name':'x'}]}}",
     " data={'data':[{'text':'a'}],'channel':[{'event_name':'x'}]}"},
    {"{'data':{'data':{'data':{'text':'a'},'id':1,'text':1}}}", " data={'data':{'data':{'text':'a'},'id':1,'text':1}}"},
    {"{'a':{'type':'event','seq':1,'data':{'id':1}},'type':'x'}", " other"},
    {"[{'type':'event','seq':1,'data':{'id':1}}]", ""},
    /* of a repeated key the last counts, with all that it holds */
    {"{'data':{'id':1,'data':{'text':'a'},'channel':{'event_name':'x'},'status_code':1},'seq':1,'data':{}}",
     " seq=1 data={}"},
    {"{'data':{'thread_id':1,'followup_suggestions':[]},'data':1}", ""},
    {"{'data':{'data':{'text':'a'},'data':{},'channel':{'event_name':'x'},'channel':1}}",
     " data={'data':{'text':'a'},'data':{},'channel':{'event_name':'x'},'channel':1}"},
    {"{'data':{'id':1,'id':null,'followup_suggestions':[1],'followup_suggestions':[ ]}}",
     " data={'id':1,'id':null,'followup_suggestions':[1],'followup_suggestions':[ ]} suggestions=[ ]"},
};

static void records_envelopes(void **state) {
  (void)state;
  char spelt[256], expected[512], words[512];
  for (size_t i = 0; i < COUNT(envelope_cases); i++) {
    size_t n = spell(spelt, envelope_cases[i].json);
    const char *json = (const char *)guarded(spelt, n);
    aui_json_scan scan;
    assert_int_equal(aui_json_scan_whole(json, n, 64, &scan), AUI_JSON_VALID);
    show_envelope(words, json, &scan.members.envelope);
    spell(expected, envelope_cases[i].words);
    if (strcmp(words, expected) != 0) fail_msg("%s:%s", spelt, words);
    guarded_release_all();
  }
}

static void reads_status_codes(void **state) {
  (void)state;
  static const struct {
    const char *number;
    int expected;
  } cases[] = {
      {"0", 0},
      {"401", 401},
      {"999", 999},
      {"1000", 999},
      {"-1", 0},
      {"-0", 0},
      {"401.0", 401},
      {"401.9", 401},
      {"4.01e2", 401},
      {"4010e-1", 401},
      {"4.29E+2", 429},
      {"0.5", 0},
      {"5e-1", 0},
      {"0e999999999999", 0},
      {"1e99999999999", 999},
      {"1e-99999999999", 0},
      {"99999999999999999999999999", 999},
      {"401000000000000000000000000000e-27", 401},
      {"401.000000000000000000000000000000000000009", 401},
      {"9999999999999999999999999e-999999", 0},
      {"0.00429e5", 429},
      {"0.000000000000000000000000000000503e33", 503},
  };
  char json[80];
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t n = (size_t)sprintf(json, "{\"status_code\":%s}", cases[i].number);
    aui_json_scan scan;
    assert_int_equal(aui_json_scan_whole(json, n, 64, &scan), AUI_JSON_VALID);
    if (scan.members.status_code != cases[i].expected) {
      fail_msg("%s gives %d instead of %d", cases[i].number, scan.members.status_code, cases[i].expected);
    }
  }
}

static void reads_how_long_to_wait(void **state) {
  (void)state;
  static const struct {
    const char *json;
    int expected;
  } cases[] = {
      {"{}", -1},
      {"{\"extra_data\":{\"retry_after\":30}}", 30},
      {"{\"extra_data\":{\"retry_after\":0}}", 0},
      {"{\"extra_data\":{\"retry_after\":-3}}", 0},
      {"{\"extra_data\":{\"retry_after\":1.25}}", 2},
      {"{\"extra_data\":{\"retry_after\":1e-3}}", 1},
      {"{\"extra_data\":{\"retry_after\":1e9}}", 1000000000},
      {"{\"extra_data\":{\"retry_after\":1e300}}", INT_MAX},
      {"{\"extra_data\":{\"retry_after\":\"30\"}}", -1},
      {"{\"extra_data\":{\"retry_after\":null}}", -1},
      {"{\"extra_data\":{\"retry_after\":{\"retry_after\":3}}}", -1},
      {"{\"extra_data\":{\"a\":{\"retry_after\":3}}}", -1},
      {"{\"retry_after\":3,\"extra_data\":null}", -1},
      {"{\"extra_data\":{\"retry_after\":3},\"extra_data\":[]}", -1},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    aui_json_scan scan;
    assert_int_equal(aui_json_scan_whole(cases[i].json, strlen(cases[i].json), 64, &scan), AUI_JSON_VALID);
    if (scan.members.retry_after != cases[i].expected) {
      fail_msg("%s gives %d instead of %d", cases[i].json, scan.members.retry_after, cases[i].expected);
    }
  }
}

/* Texts that begin alike and go on differently within data.text. */
static const struct {
  const char *common;
  const char *before;
  const char *after;
} continuations[] = {
    {"{'event':'" UPDATE "','data':{'text':'ab", "'}}", "cd'}}"},
    {"{'event':'" UPDATE "','data':{'text':'ab", "'}}", "\\n\\''}}"},
    {"{'event':'" UPDATE "','data':{'text':'", "'}}", "\\ud83d'}}"},
    {"{'event':'" UPDATE "','data':{'text':'a", "\\ud83d'}}", "\\ud83d\\ude00'}}"},
    {"{'data':{'text':'a", "'}}", "'},'event':'" UPDATE "'}"},
    {"{'data':{'text':'a", "'},'event':'x','id':1}", "'}}"},
    {"{'data':{'text':'a", "'}}", "b','text':'c'}}"},
    {"{'data':{'text':'a", "'}}", "b'},'data':{'text':'c'}}"},
    {"{'data':{'text':'a", "'}}", "b'},'data':1}"},
    {"{'data':{'text':'a'},'data':{'text':'b", "'}}", "bc','more':{}}}"},
    {"{'id':1,'data':{'a':[{}],'text':'a", "'}}", "'},'text':'','sender':null}"},
    /* invalid */
    {"{'data':{'text':'a", "'}}", ""},
    {"{'data':{'text':'a", "'}}", "\\"},
    {"{'data':{'text':'a", "'}}", "'"},
    {"{'data':{'text':'a", "'}}", "'}"},
    {"{'data':{'text':'a", "'}}", "']}"},
    {"{'data':{'text':'a", "'}}", "'}}}"},
};

static void scanning_from_within_gives_the_same(void **state) {
  (void)state;
  char before[256], after[256], expected[256], actual[256];
  for (size_t i = 0; i < COUNT(continuations); i++) {
    size_t from = spell(before, continuations[i].common);
    memcpy(after, before, from);
    size_t old = from + spell(before + from, continuations[i].before);
    size_t n = from + spell(after + from, continuations[i].after);
    aui_json_scan whole, continued;
    assert_int_equal(aui_json_scan_whole(before, old, 64, &continued), AUI_JSON_VALID);
    aui_json_result verdict = aui_json_scan_whole(after, n, 64, &whole);
    const char *text = (const char *)guarded(after, n);
    assert_int_equal(aui_json_scan_from(text, n, 64, from, &continued), verdict);
    guarded_release_all();
    if (verdict != AUI_JSON_VALID) continue;
    show(expected, after, &whole.members);
    show(actual, after, &continued.members);
    assert_string_equal(actual, expected);
    show(expected, after, &whole.at_text);
    show(actual, after, &continued.at_text);
    assert_string_equal(actual, expected);
  }
}

static void scanning_from_within_knows_the_depth(void **state) {
  (void)state;
  static const char before[] = "{\"data\":{\"text\":\"\"}}";
  static const char after[] = "{\"data\":{\"text\":\"\",\"a\":[[]]}}";
  const size_t from = sizeof "{\"data\":{\"text\":\"" - 1;
  aui_json_scan scan;
  assert_int_equal(aui_json_scan_whole(before, sizeof before - 1, 3, &scan), AUI_JSON_VALID);
  assert_int_equal(aui_json_scan_from(after, sizeof after - 1, 3, from, &scan), AUI_JSON_TOO_DEEP);
  assert_int_equal(aui_json_scan_whole(before, sizeof before - 1, 4, &scan), AUI_JSON_VALID);
  assert_int_equal(aui_json_scan_from(after, sizeof after - 1, 4, from, &scan), AUI_JSON_VALID);
}

#define FFFD "\xef\xbf\xbd"

static const struct {
  const char *escaped;
  const char *decoded;
  size_t n;
  int held_back; /* how many bytes at the end may yet change their meaning */
  const char *repaired;
} string_cases[] = {
#define DECODED(s) s, sizeof s - 1
    {"", DECODED(""), 0, ""},
    {"abc", DECODED("abc"), 0, "abc"},
    {"a\\nb\\\\", DECODED("a\nb\\"), 0, "a\\nb\\\\"},
    {"\\\"\\/\\b\\f\\n\\r\\t", DECODED("\"/\b\f\n\r\t"), 0, "\\\"\\/\\b\\f\\n\\r\\t"},
    {"\\u0000", DECODED("\0"), 0, "\\u0000"},
    {"\\u007f\\u0080\\u07FF\\u0800\\uFFFF", DECODED("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"), 0,
     "\\u007f\\u0080\\u07FF\\u0800\\uFFFF"},
    {"e\\u0301", DECODED("e\xcc\x81"), 0, "e\\u0301"},
    {"\\ud83d\\ude00", DECODED("\xf0\x9f\x98\x80"), 0, "\\ud83d\\ude00"},
    {"\\uD800\\uDC00\\uDBFF\\uDFFF", DECODED("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 0, "\\uD800\\uDC00\\uDBFF\\uDFFF"},
    {"a\\ud83d", DECODED("a" FFFD), 6, "a\\ufffd"},
    {"\\ud83d", DECODED(FFFD), 6, "\\ufffd"},
    {"\\ude00", DECODED(FFFD), 0, "\\ufffd"},
    {"\\ud83dx", DECODED(FFFD "x"), 0, "\\ufffdx"},
    {"\\ud83d\\n", DECODED(FFFD "\n"), 0, "\\ufffd\\n"},
    {"\\ud83d\\u0041", DECODED(FFFD "A"), 0, "\\ufffd\\u0041"},
    {"\\ud83d\\ud83d", DECODED(FFFD FFFD), 6, "\\ufffd\\ufffd"},
    {"\\ud83d\\ud83d\\ude00", DECODED(FFFD "\xf0\x9f\x98\x80"), 0, "\\ufffd\\ud83d\\ude00"},
    {"\\ude00\\ud83d", DECODED(FFFD FFFD), 6, "\\ufffd\\ufffd"},
    {"\\ud83d\\ude00\\ude00", DECODED("\xf0\x9f\x98\x80" FFFD), 0, "\\ud83d\\ude00\\ufffd"},
    {"\\\\ud83d", DECODED("\\ud83d"), 0, "\\\\ud83d"},
    {"\\\\\\ud83d", DECODED("\\" FFFD), 6, "\\\\\\ufffd"},
    {"\\\\\\\\ud83d", DECODED("\\\\ud83d"), 0, "\\\\\\\\ud83d"},
    {"\\ud83d\\\\ude00", DECODED(FFFD "\\ude00"), 0, "\\ufffd\\\\ude00"},
    {"xud83d", DECODED("xud83d"), 0, "xud83d"},
    {"\\u00e9\xc3\xa9", DECODED("\xc3\xa9\xc3\xa9"), 0, "\\u00e9\xc3\xa9"},
#undef DECODED
};

static void decodes_strings(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(string_cases); i++) {
    size_t length = strlen(string_cases[i].escaped), n = 0;
    const char *json = (const char *)guarded(string_cases[i].escaped, length);
    char decoded[64];
    aui_json_piece piece;
    for (size_t at = 0; at < length;) {
      size_t next = aui_json_decode(json, at, length, &piece);
      assert_true(next > at && piece.n > 0 && piece.n <= next - at);
      memcpy(decoded + n, piece.bytes, piece.n);
      n += piece.n;
      at = next;
    }
    assert_int_equal(n, string_cases[i].n);
    assert_memory_equal(decoded, string_cases[i].decoded, n);
  }
}

static void finds_a_high_surrogate_at_the_end(void **state) {
  (void)state;
  char json[64];
  for (size_t i = 0; i < COUNT(string_cases); i++) {
    size_t n =
        (size_t)sprintf(json, "\\\"%s\"", string_cases[i].escaped); /* a backslash before the span is none of it */
    aui_json_span string = {2, n - 1};
    assert_int_equal(aui_json_settled_end(json, string), n - 1 - (size_t)string_cases[i].held_back);
  }
}

static void replaces_unpaired_surrogates(void **state) {
  (void)state;
  char json[160], expected[160];
  for (size_t i = 0; i < COUNT(string_cases); i++) {
    const char *escaped = string_cases[i].escaped, *repaired = string_cases[i].repaired;
    size_t n = (size_t)sprintf(json, "{\"%s\":[\"%s\",\"\\ude00\"]}", escaped, escaped);
    sprintf(expected, "{\"%s\":[\"%s\",\"\\ufffd\"]}", repaired, repaired);
    char *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, json, n);
    aui_json_replace_unpaired(copy, n);
    assert_memory_equal(copy, expected, n);
    free(copy);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_teardown(f, guarded_teardown)
  const struct CMUnitTest tests[] = {
      TEST(accepts_what_rfc_8259_allows),
      TEST(refuses_everything_else),
      TEST(refuses_nul_bytes),
      TEST(sees_special_bytes_at_every_offset),
      TEST(refuses_every_prefix_of_an_object),
      TEST(limits_nesting),
      TEST(records_members),
      TEST(records_envelopes),
      TEST(reads_status_codes),
      TEST(reads_how_long_to_wait),
      TEST(scanning_from_within_gives_the_same),
      TEST(scanning_from_within_knows_the_depth),
      TEST(decodes_strings),
      TEST(finds_a_high_surrogate_at_the_end),
      TEST(replaces_unpaired_surrogates),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

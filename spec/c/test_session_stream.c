/* Sessions whose messages are POSTs, answered by Server-Sent Events: the threads API. In the JSON of this file ' stands
 * for a double quote. */
#include "support_session.h"

#define REQUEST "POST /stream HTTP/1.1\r\nHost: agent.test\r\nContent-Type: application/json\r\n"
#define ACCEPT "Accept: text/event-stream\r\n"
#define HEADERS "Authorization: Bearer t\r\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TO_THE_END "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define BODY_END "0\r\n\r\n"
#define MESSAGE(t) "{'id':'m','text':'" t "'}"

/* ---- What the server does ---- */

static void spell(char *out, size_t room, const char *json) {
  size_t n = 0;
  for (; json[n] && n + 1 < room; n++) out[n] = json[n] == '\'' ? '"' : json[n];
  out[n] = '\0';
}

static void say(peer *p, const char *bytes) {
  peer_send(p, bytes, strlen(bytes));
}

/* An event with this data, as a chunk of the body. */
static void event(peer *p, const char *json) {
  char spelt[512], chunk[600];
  spell(spelt, sizeof spelt, json);
  snprintf(chunk, sizeof chunk, "%zx\r\ndata: %s\n\n\r\n", strlen(spelt) + 8, spelt);
  say(p, chunk);
}

static void delta(peer *p, int seq, const char *text) {
  char json[256];
  snprintf(json, sizeof json, "{'type':'event','seq':%d,'data':{'text':'%s'}}", seq, text);
  event(p, json);
}

static void final(peer *p, int seq, const char *text) {
  char json[256];
  snprintf(json, sizeof json, "{'type':'message','seq':%d,'data':" MESSAGE("%s") "}", seq, text);
  event(p, json);
}

static void thread(peer *p) {
  event(p, "{'type':'thread','data':{'thread_id':'T'}}");
}

static void done(peer *p) {
  event(p, "[DONE]");
  say(p, BODY_END);
}

/* ---- What the session does ---- */

static aui_session_config stream_config(void) {
  aui_session_config config = peer_config();
  config.carrier = AUI_CARRIER_STREAM;
  config.request = (aui_request){"agent.test", "/stream", HEADERS};
  return config;
}

static void connect_stream(peer *p) {
  assert_int_equal(aui_session_want(p->session), AUI_WANT_CONNECT);
  aui_session_phase(p->session, AUI_PHASE_CONNECT, p->now);
  aui_session_connected(p->session, p->now);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
  p->incoming.len = 0;
}

static void open_with(void **state, peer *p, const aui_session_config *config) {
  peer_open(p, config, **(feed_way **)state);
  connect_stream(p);
}

static void open_stream(void **state, peer *p) {
  aui_session_config config = stream_config();
  open_with(state, p, &config);
}

/* One whose session connects again. */
static void open_resumable(void **state, peer *p) {
  aui_session_config config = stream_config();
  config.reconnect = peer_defaults().reconnect;
  config.recover = true;
  open_with(state, p, &config);
}

static void assert_posted_with(peer *p, const char *fields, const char *body) {
  char spelt[256], expected[1024];
  spell(spelt, sizeof spelt, body);
  snprintf(expected, sizeof expected, REQUEST "Content-Length: %zu\r\n" ACCEPT "%s" HEADERS "\r\n%s", strlen(spelt),
           fields, spelt);
  peer_pump(p, SIZE_MAX);
  if (p->incoming.len != strlen(expected) || memcmp(p->incoming.data, expected, p->incoming.len) != 0)
    fail_msg("posted\n%.*s\ninstead of\n%s", (int)p->incoming.len, p->incoming.len ? p->incoming.data : "", expected);
  p->incoming.len = 0;
}

static void assert_posted(peer *p, const char *body) {
  assert_posted_with(p, "", body);
}

static aui_reply *post(peer *p, const char *body) {
  char spelt[256];
  spell(spelt, sizeof spelt, body);
  aui_reply *reply = send(p, spelt);
  assert_posted(p, body);
  return reply;
}

static void assert_ends_in(const aui_reply *reply, const char *json, const char *text) {
  char spelt[256];
  size_t n;
  spell(spelt, sizeof spelt, json);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  const char *message = aui_reply_message(reply, &n);
  assert_int_equal(n, strlen(spelt));
  assert_memory_equal(message, spelt, n);
  assert_text(reply, text);
}

static void cut(peer *p, const char *cause) {
  if (cause) aui_session_was_reset(p->session);
  aui_session_disconnected(p->session, cause, true, p->now);
}

/* The connection is lost in the middle of an answer, which is resumed on the next one. */
static void go_on_after_cut(peer *p) {
  cut(p, "connection reset");
  if (aui_session_want(p->session) == AUI_WANT_NOTHING) {
    p->now = aui_session_retry_at(p->session);
    aui_session_tick(p->session, p->now);
  }
  connect_stream(p);
  peer_pump(p, SIZE_MAX);
  say(p, HEAD);
}

static void assert_thread(const peer *p, const char *id) {
  size_t n;
  const char *actual = aui_session_thread_id(p->session, &n);
  assert_non_null(actual);
  assert_int_equal(n, strlen(id));
  assert_memory_equal(actual, id, n);
}

/* ---- Answers ---- */

static void answers_come_as_events(void **state) {
  peer p;
  open_stream(state, &p);
  size_t n;
  assert_null(aui_session_thread_id(p.session, &n));
  aui_reply *reply = post(&p, "{'text':'q'}");
  say(&p, HEAD);
  thread(&p);
  assert_thread(&p, "T");
  assert_true(aui_reply_is_answered(reply));
  delta(&p, 1, "I found");
  assert_take(reply, 0, "I found");
  delta(&p, 2, " three");
  assert_take(reply, 7, " three");
  final(&p, 3, "I found three.");
  assert_take(reply, 13, ".");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING); /* suggestions may follow */
  done(&p);
  assert_ends_in(reply, MESSAGE("I found three."), "I found three.");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  release(&p, reply);
  stop(&p);
}

static void messages_follow_each_other_on_one_connection(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *first = send(&p, "{\"text\":\"1\"}"), *second = send(&p, "{\"text\":\"2\"}");
  assert_posted(&p, "{'text':'1'}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "one");
  final(&p, 2, "one");
  event(&p, "[DONE]");
  assert_ends_in(first, MESSAGE("one"), "one");
  assert_nothing_written(&p); /* the body has not ended */
  say(&p, BODY_END);
  assert_posted(&p, "{'thread_id':'T','text':'2'}");
  say(&p, HEAD);
  delta(&p, 3, "two"); /* it shares nothing with the answer before */
  assert_take(second, 0, "two");
  event(&p, "{'type':'message','seq':4,'data':{'id':'n','text':'two'}}");
  done(&p);
  assert_ends_in(second, "{'id':'n','text':'two'}", "two");
  release(&p, first);
  release(&p, second);
  stop(&p);
}

static void no_connection_is_handed_over(void **state) {
  peer p;
  aui_session_config config = stream_config();
  peer_open(&p, &config, **(feed_way **)state);
  aui_session_phase(p.session, AUI_PHASE_CONNECT, p.now);
  aui_session_adopted(p.session, NULL, 0, p.now);
  assert_int_equal(aui_session_state(p.session), AUI_STATE_OPEN);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "one");
  done(&p);
  assert_ends_in(reply, MESSAGE("one"), "one");
  release(&p, reply);
  stop(&p);
}

static void suggestions_join_the_message(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  event(&p, "{'type':'suggestions','seq':2,'data':{'thread_id':'T','followup_suggestions':['x']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'m','text':'a','followup_suggestions':['x']}", "a");
  release(&p, reply);
  stop(&p);
}

static void suggestions_may_come_again(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':1,'data':{'id':'m','followup_suggestions':['a','long','list'],'text':'a'}}");
  event(&p, "{'type':'suggestions','seq':2,'data':{'followup_suggestions':[]}}");
  event(&p, "{'type':'suggestions','seq':3,'data':{'followup_suggestions':['x','y']}}");
  event(&p, "{'type':'suggestions','seq':4,'data':{'followup_suggestions':['z']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'m','followup_suggestions':['z'],'text':'a'}", "a");
  release(&p, reply);

  reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':5,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'suggestions','seq':6,'data':{'followup_suggestions':['x','y']}}");
  event(&p, "{'type':'suggestions','seq':7,'data':{'followup_suggestions':['z']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'n','text':'b','followup_suggestions':['z']}", "b");
  release(&p, reply);
  stop(&p);
}

/* Each time the message is copied, so a server that never ended would cost the square of what it sends. */
static void suggestions_join_sixteen_times_at_most(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  for (int i = 1; i <= 20; i++) {
    char json[100];
    snprintf(json, sizeof json, "{'type':'suggestions','seq':%d,'data':{'followup_suggestions':['%d']}}", i + 1, i);
    event(&p, json);
  }
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'m','text':'a','followup_suggestions':['16']}", "a");
  release(&p, reply);

  reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':22,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'suggestions','seq':23,'data':{'followup_suggestions':['x']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'n','text':'b','followup_suggestions':['x']}", "b");
  release(&p, reply);
  stop(&p);
}

/* A message that belongs to an earlier answer changes nothing about where ours has its suggestions. */
static void suggestions_join_the_message_that_was_taken(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  done(&p);
  release(&p, reply);
  reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':2,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'message','seq':3,'data':{'id':'m','text':'a text that is longer','followup_suggestions':['y']}}");
  event(&p, "{'type':'suggestions','seq':4,'data':{'followup_suggestions':['x']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'n','text':'b','followup_suggestions':['x']}", "b");
  release(&p, reply);
  stop(&p);
}

static void nothing_of_the_text_comes_behind_the_message(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  delta(&p, 2, "b");
  assert_ends_in(reply, MESSAGE("a"), "a");
  release(&p, reply);

  say(&p, BODY_END);
  reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':3,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'message','seq':4,'data':{'id':'o','text':'of another'}}");
  assert_ends_in(reply, "{'id':'n','text':'b'}", "b");
  event(&p, "{'type':'suggestions','seq':5,'data':{'followup_suggestions':['x']}}");
  done(&p);
  assert_int_equal(aui_session_state(p.session), AUI_STATE_OPEN);
  release(&p, reply);
  stop(&p);
}

/* Most deltas differ in number and text alone; what else comes between them counts as it does by itself. */
static void deltas_are_read_whatever_comes_between_them(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "Three");
  delta(&p, 2, " quiet");
  delta(&p, 3, " fl\u00e4");
  delta(&p, 10, "\\u00e9");
  delta(&p, 10, " again");
  delta(&p, 4, " before");
  delta(&p, 11, "");
  event(&p, "{'type':'event','data':{'text':' unnumbered'}}");
  event(&p, "{'seq':12,'type':'event','data':{'text':' turned'}}");
  event(&p, "{'type':'event','seq':13,'data':{'text':' more','by':1}}");
  say(&p, "4\r\n: .\n\r\n");
  delta(&p, 14, " behind");
  event(&p, "{'type':'event','seq':15,'data':{'channel':{'event_name':'other'},'text':' not this'}}");
  delta(&p, 16, ".");
  assert_text(reply, "Three quiet fl\u00e4\u00e9 unnumbered turned more behind.");
  final(&p, 17, "Three.");
  delta(&p, 18, " late");
  assert_ends_in(reply, MESSAGE("Three."), "Three.");
  release(&p, reply);
  stop(&p);
}

/* However many of them are alike: nobody looks at each. */
static void deltas_of_another_answer_stay_out(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{'task_id':'ours'}");
  say(&p, HEAD);
  delta(&p, 1, "Ours");
  for (int seq = 2; seq <= 4; seq++) {
    char json[128];
    snprintf(json, sizeof json, "{'type':'event','seq':%d,'task_id':'theirs','data':{'text':' theirs'}}", seq);
    event(&p, json);
  }
  assert_text(reply, "Ours");
  delta(&p, 5, " again");
  assert_text(reply, "Ours again");
  release(&p, reply);
  stop(&p);
}

/* By lines that end in CR LF, and in one piece of the body. */
static void deltas_may_come_in_one_piece(void **state) {
  static const char *const ends[] = {"\n", "\r\n", "\r"};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    peer p;
    char body[1024] = TO_THE_END;
    open_stream(state, &p);
    aui_reply *reply = post(&p, "{}");
    for (int seq = 1; seq <= 8; seq++) {
      char line[128], spelt[128];
      snprintf(line, sizeof line, "data: {'type':'event','seq':%d,'data':{'text':'%c'}}%s%s", seq, 'a' + seq, ends[i],
               ends[i]);
      spell(spelt, sizeof spelt, line);
      strcat(body, spelt);
    }
    say(&p, body);
    assert_text(reply, "bcdefghi");
    release(&p, reply);
    stop(&p);
  }
}

/* Whole texts in place of deltas are told from them as soon as one begins with the text so far. */
static void texts_that_turn_out_to_be_whole_are_not_appended(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a text of more than some bytes");
  delta(&p, 2, "a text of more than some bytes, which goes on");
  delta(&p, 3, "a text of more than some bytes, which goes on and on");
  assert_text(reply, "a text of more than some bytes, which goes on and on");
  release(&p, reply);
  stop(&p);
}

/* Those for another interaction, or another thread, are another answer's. */
static void suggestions_are_for_what_they_name(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'thread','data':{'thread_id':'T'}}");
  final(&p, 1, "a");
  event(&p, "{'type':'suggestions','seq':2,'data':{'interaction_id':'other','followup_suggestions':['x']}}");
  event(&p, "{'type':'suggestions','seq':3,'data':{'thread_id':'other','followup_suggestions':['x']}}");
  event(&p,
        "{'type':'suggestions','seq':4,'data':{'thread_id':'T','interaction_id':'m','followup_suggestions':['y']}}");
  event(&p, "{'type':'suggestions','seq':5,'data':{'thread_id':'T','interaction_id':'o','followup_suggestions':[]}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'m','text':'a','followup_suggestions':['y']}", "a");
  release(&p, reply);
  stop(&p);
}

static void suggestions_may_come_too_late(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  say(&p, BODY_END);
  release(&p, reply);
  reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':6,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'suggestions','seq':7,'data':{'interaction_id':'m','followup_suggestions':['late']}}");
  say(&p, BODY_END);
  assert_ends_in(reply, "{'id':'n','text':'b'}", "b");
  release(&p, reply);
  stop(&p);
}

static void suggestions_without_a_message_are_passed_over(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'suggestions','data':{'followup_suggestions':['x']}}");
  event(&p, "{'type':'news','seq':5,'data':{'text':'no'}}");
  event(&p, "ping");
  final(&p, 6, "a");
  done(&p);
  assert_ends_in(reply, MESSAGE("a"), "a");
  release(&p, reply);
  stop(&p);
}

static void the_end_of_the_connection_ends_an_answer(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, TO_THE_END "data: {\"type\":\"message\",\"seq\":1,\"data\":{\"id\":\"m\",\"text\":\"a\"}}\n\n");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  cut(&p, NULL);
  assert_ends_in(reply, MESSAGE("a"), "a");
  assert_int_equal(aui_session_state(p.session), AUI_STATE_WAITING);
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  release(&p, reply);
  stop(&p);
}

static void a_message_is_enough_whatever_comes_behind_it(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  cut(&p, "connection reset");
  assert_ends_in(reply, MESSAGE("a"), "a");
  release(&p, reply);

  reply = send(&p, "{}");
  connect_stream(&p);
  assert_posted(&p, "{}");
  say(&p, HEAD);
  event(&p, "{'type':'message','seq':1,'data':{'id':'n','text':'b'}}");
  event(&p, "{'type':'error','seq':2,'data':{'message':'late'}}");
  assert_ends_in(reply, "{'id':'n','text':'b'}", "b");
  release(&p, reply);
  stop(&p);
}

static void a_closed_session_keeps_a_message_that_has_come(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  aui_session_close(p.session, p.now);
  assert_ends_in(reply, MESSAGE("a"), "a");
  assert_true(peer_disconnect_if_wanted(&p));
  assert_finished(&p);
  release(&p, reply);
  stop(&p);
}

static void time_ends_the_wait_for_suggestions(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, 50, AUI_NEVER});
  assert_posted(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  assert_due(&p, p.now + 50);
  assert_ends_in(reply, MESSAGE("a"), "a");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_DISCONNECT);
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_RESET);
  release(&p, reply);
  stop(&p);
}

static void a_body_that_does_not_end_is_not_waited_for(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *first = post(&p, "{}"), *second = send(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  event(&p, "[DONE]");
  assert_ends_in(first, MESSAGE("a"), "a");
  assert_due(&p, p.now + 1000); /* close_timeout */
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p);
  assert_posted(&p, "{}");
  release(&p, first);
  release(&p, second);
  stop(&p);
}

static void comments_are_signs_of_life(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){100, 100, AUI_NEVER});
  assert_posted(&p, "{}");
  uint64_t departed = p.now;
  say(&p, HEAD);
  p.now += 60;
  assert_int_equal(aui_session_deadline(p.session), departed + 100);
  say(&p, "2\r\n:\n\r\n");
  assert_due(&p, p.now + 100);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no further sign of an answer within 0.1 s (timeout.idle)");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_DISCONNECT);
  release(&p, reply);
  stop(&p);
}

/* ---- Connections ---- */

static void an_idle_connection_may_end(void **state) {
  peer p;
  open_resumable(state, &p);
  cut(&p, NULL);
  assert_int_equal(aui_session_state(p.session), AUI_STATE_WAITING);
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  assert_int_equal(aui_session_deadline(p.session), AUI_NEVER);
  assert_session_error(&p, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0,
                       "the connection was closed between two messages");
  aui_reply *reply = send(&p, "{}");
  connect_stream(&p);
  assert_posted(&p, "{}");
  release(&p, reply);
  stop(&p);
}

static void what_a_server_says_unasked_ends_an_idle_connection(void **state) {
  peer p;
  open_resumable(state, &p);
  say(&p, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  assert_true(peer_disconnect_if_wanted(&p));
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  assert_int_equal(aui_session_state(p.session), AUI_STATE_WAITING);
  stop(&p);
}

static void a_connection_that_bears_one_message_is_replaced(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *first = post(&p, "{}"), *second = send(&p, "{}");
  say(&p, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\nContent-Length: 63\r\n\r\n"
          "data: {\"type\":\"message\",\"seq\":1,\"data\":{\"id\":\"m\",\"text\":\"a\"}}\n\n");
  assert_ends_in(first, MESSAGE("a"), "a");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_DISCONNECT);
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_CLOSE);
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p);
  assert_posted(&p, "{}");
  release(&p, first);
  release(&p, second);
  stop(&p);
}

static void a_session_has_a_thread_from_the_beginning(void **state) {
  peer p;
  aui_session_config config = stream_config();
  config.thread_id = "a\"\\\x01";
  open_with(state, &p, &config);
  assert_thread(&p, "a\"\\\x01");
  aui_reply *reply = send(&p, "{}");
  assert_posted(&p, "{'thread_id':'a\\u0022\\u005c\\u0001'}");
  release(&p, reply);
  stop(&p);
}

static void the_request_of_the_day_is_used(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  final(&p, 1, "a");
  done(&p);
  release(&p, reply);
  assert_true(aui_session_set_request(p.session, &(aui_request){"other.test", "/s", ""}, NULL));
  reply = send(&p, "{}");
  peer_pump(&p, SIZE_MAX);
  assert_memory_equal(p.incoming.data, "POST /s HTTP/1.1\r\nHost: other.test\r\n", 36);
  release(&p, reply);
  stop(&p);
}

static void a_session_that_is_closed_ends_its_connection(void **state) {
  peer p;
  open_stream(state, &p);
  aui_session_close(p.session, p.now);
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_CLOSE);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_finished(&p);
  stop(&p);
}

static void a_cancelled_answer_ends_its_connection(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  aui_reply_cancel(reply, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, "the reply was canceled");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_DISCONNECT);
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_RESET);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  release(&p, reply);
  reply = send(&p, "{}");
  connect_stream(&p);
  assert_posted(&p, "{}");
  release(&p, reply);
  stop(&p);
}

static void a_message_that_has_not_left_is_taken_back(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = send(&p, "{}");
  size_t n;
  assert_non_null(aui_session_output(p.session, &n, p.now));
  aui_reply_cancel(reply, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, "the reply was canceled");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  assert_nothing_written(&p);
  release(&p, reply);
  stop(&p);
}

/* ---- Failures ---- */

static void an_error_of_the_turn_ends_the_answer(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  thread(&p);
  event(&p, "{'type':'error','seq':1,'data':{'message':'no','status_code':500,'error_code':'x'}}");
  assert_failed(reply, AUI_ERROR_SERVER, true, AUI_DELIVERED_YES, 500, 0, "the server answered with status 500");
  assert_int_equal(aui_reply_error(reply)->payload.len, 51);
  release(&p, reply);
  reply = send(&p, "{}"); /* the connection goes on */
  done(&p);
  assert_posted(&p, "{'thread_id':'T'}");
  release(&p, reply);
  stop(&p);
}

static void refusals_are_errors_of_the_message(void **state) {
  static const struct {
    const char *answer;
    expected_error error;
  } cases[] = {
      {"HTTP/1.1 422 X\r\nContent-Length: 2\r\n\r\n{}",
       {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 422, 0, "the server answered with status 422"}},
      {"HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}",
       {AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 0, "the server answered with status 401"}},
      {"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}",
       {AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE, 500, 0, "the server answered with status 500"}},
      {"HTTP/1.1 302 X\r\nContent-Length: 2\r\n\r\n{}",
       {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 302, 0,
        "the server answered with status 302 (redirects are not followed)"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    open_stream(state, &p);
    aui_reply *reply = post(&p, "{}"), *next = send(&p, "{}");
    say(&p, cases[i].answer);
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
    check_error(aui_reply_error(reply), cases[i].error);
    assert_int_equal(aui_reply_error(reply)->payload.len, 2);
    assert_int_equal(aui_reply_get_status(next), AUI_REPLY_PENDING); /* it has its own chance */
    assert_true(peer_disconnect_if_wanted(&p));
    connect_stream(&p);
    assert_posted(&p, "{}");
    release(&p, reply);
    release(&p, next);
    stop(&p);
  }
}

static void a_refusal_that_is_cut_is_one(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, "HTTP/1.1 422 X\r\n\r\n{}");
  cut(&p, NULL);
  assert_failed(reply, AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 422, 0, "the server answered with status 422");
  release(&p, reply);
  stop(&p);
}

static void too_many_requests_are_held_off(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, "HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  peer_give_random(&p);
  assert_true(peer_disconnect_if_wanted(&p));
  uint64_t at = aui_session_retry_at(p.session);
  assert_in_range(at, p.now + 7001, p.now + 7700);
  p.now = at;
  aui_session_tick(p.session, p.now);
  connect_stream(&p);
  assert_posted(&p, "{}");
  release(&p, reply);
  stop(&p);
}

static void a_key_that_is_out_of_date_is_renewed_once(void **state) {
  static const char refusal[] = "HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}";
  peer p;
  aui_session_config config = stream_config();
  config.renews = true;
  open_with(state, &p, &config);
  aui_reply *reply = post(&p, "{}");
  say(&p, refusal);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p); /* at once */
  assert_posted(&p, "{}");
  say(&p, refusal);
  assert_failed(reply, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 0, "the server answered with status 401");
  release(&p, reply);
  stop(&p);
}

static void answers_that_cannot_be_read(void **state) {
  static const struct {
    const char *answer;
    expected_error error;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
       {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 0,
        "the server's answer is no event stream (by its Content-Type)"}},
      {"HTTP/2 200\r\n", {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 0, "the server's answer is not HTTP/1.1"}},
      {TO_THE_END "data: {\n\n",
       {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 1007, "the server sent a message that is not valid JSON"}},
      {TO_THE_END "data: 12345678901234567890123456789012345678901234567890123456789012345\n\n",
       {AUI_ERROR_OVERFLOW, false, AUI_DELIVERED_MAYBE, 0, 0,
        "the server sent a message of more than 64 bytes (max_message)"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    aui_session_config config = stream_config();
    config.max_message = 64;
    open_with(state, &p, &config);
    aui_reply *reply = post(&p, "{}");
    say(&p, cases[i].answer);
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
    check_error(aui_reply_error(reply), cases[i].error);
    assert_true(peer_disconnect_if_wanted(&p));
    release(&p, reply);
    stop(&p);
  }
}

static void a_stream_that_ends_without_its_message_is_no_answer(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  done(&p);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "the server ended the answer before it was complete");
  assert_text(reply, "a");
  assert_true(peer_disconnect_if_wanted(&p));
  release(&p, reply);
  stop(&p);
}

/* ---- Resuming ---- */

static void an_answer_goes_on_where_it_was_cut(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{'text':'q'}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 4, "one");
  delta(&p, 5, " two");
  assert_take(reply, 0, "one two");
  cut(&p, "connection reset");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_false(aui_reply_is_parked(reply));
  connect_stream(&p); /* at once: the connection had served well */
  assert_posted_with(&p, "Last-Event-ID: 5\r\n", "{'thread_id':'T','text':'q'}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 5, " two"); /* again */
  delta(&p, 6, " six");
  assert_take(reply, 7, " six");
  final(&p, 7, "one two six");
  done(&p);
  assert_ends_in(reply, MESSAGE("one two six"), "one two six");
  release(&p, reply);
  stop(&p);
}

static void an_answer_that_breaks_off_in_order_goes_on(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  say(&p, BODY_END);
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  release(&p, reply);
  stop(&p);
}

static void attempts_that_bring_nothing_new_are_spaced_out(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  cut(&p, "connection reset");
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  peer_give_random(&p);
  cut(&p, "connection reset");
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  assert_in_range(aui_session_retry_at(p.session), p.now + 1, p.now + 500);
  release(&p, reply);
  stop(&p);
}

static void idle_begins_anew_with_the_loss_and_only_then(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, 5000, AUI_NEVER});
  assert_posted(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  p.now += 4000;
  cut(&p, "connection reset");
  uint64_t lost = p.now;
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  p.now += 1000;
  cut(&p, "connection reset");
  p.now = aui_session_retry_at(p.session);
  aui_session_tick(p.session, p.now);
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  assert_due(&p, lost + 5000);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no further sign of an answer within 5 s (timeout.idle)");
  release(&p, reply);
  stop(&p);
}

/* Else a server that goes on saying what is known would be asked for ever. */
static void what_is_not_new_is_no_sign_of_an_answer_that_is_resumed(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, 5000, AUI_NEVER});
  assert_posted(&p, "{}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "a");
  cut(&p, "connection reset");
  uint64_t lost = p.now;
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{'thread_id':'T'}");
  p.now += 2000;
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "a");
  assert_due(&p, lost + 5000);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no further sign of an answer within 5 s (timeout.idle)");
  release(&p, reply);
  stop(&p);
}

static void a_resumption_that_ends_with_nothing_new_is_in_doubt(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "one");
  done(&p);
  assert_false(aui_reply_is_parked(reply));
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  say(&p, HEAD);
  delta(&p, 1, "one");
  done(&p);
  assert_true(aui_reply_is_parked(reply));
  aui_reply_give_up(reply);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "the server ended the answer before it was complete");
  release(&p, reply);
  stop(&p);
}

static void a_resumption_that_is_refused_is_in_doubt(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "one");
  cut(&p, "connection reset");
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{'thread_id':'T'}");
  say(&p, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
  assert_true(aui_reply_is_parked(reply));
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p);                    /* for whoever asks for the transcript */
  assert_false(aui_reply_resend(reply)); /* some of its answer has come */
  static const char message[] = "{\"id\":\"m\",\"text\":\"one two\"}";
  assert_take(reply, 0, "one");
  assert_true(aui_reply_answer(reply, message, sizeof message - 1, p.now));
  assert_take(reply, 3, " two");
  assert_ends_in(reply, MESSAGE("one two"), "one two");
  release(&p, reply);
  stop(&p);
}

static void an_answer_of_another_thread_does_not_go_on_with_ours(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "one");
  cut(&p, "connection reset");
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{'thread_id':'T'}");
  say(&p, HEAD);
  event(&p, "{'type':'thread','data':{'thread_id':'U'}}");
  assert_thread(&p, "T");
  assert_true(aui_reply_is_parked(reply));
  assert_true(peer_disconnect_if_wanted(&p));
  aui_reply_give_up(reply);
  assert_failed(reply, AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 0,
                "the server resumed an answer of another thread");
  release(&p, reply);
  stop(&p);
}

static void an_answer_that_goes_on_from_other_text_is_not_ours(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "one");
  cut(&p, "connection reset");
  connect_stream(&p);
  assert_posted_with(&p, "Last-Event-ID: 1\r\n", "{}");
  say(&p, HEAD);
  delta(&p, 7, " of");
  final(&p, 8, "of another turn");
  assert_true(aui_reply_is_parked(reply));
  assert_text(reply, "one of");
  assert_true(peer_disconnect_if_wanted(&p));
  connect_stream(&p); /* for whoever asks for the transcript, which may say that it is ours all the same */
  static const char message[] = "{\"id\":\"m\",\"text\":\"of another turn\"}";
  assert_true(aui_reply_answer(reply, message, sizeof message - 1, p.now));
  assert_ends_in(reply, MESSAGE("of another turn"), "of another turn");
  release(&p, reply);
  stop(&p);
}

/* Deltas that begin with one another are taken for wordings of the whole, of which none is known to be right: what was
 * shown then says nothing against the message. */
static void an_answer_whose_text_was_guessed_is_ours(void **state) {
  static const struct {
    const char *deltas[6]; /* "": the connection is cut, and the answer resumed */
    const char *message;
  } answers[] = {
      {{"1", "10", "100", "", " end"}, "110100 end"},
      {{"a", "ab", "abc", "d", "", " end"}, "aababcd end"},
      {{"x", "", "1", "10", "100", "!"}, "x110100!"},
      {{"a", "ab", "abc", "", "d", ""}, "aababcd"},
      {{"1", "10", ""}, "10 were the whole"},
      {{"1", "10", "", "10 w", ""}, "10 were the whole"},
      {{"sixteen letters:", "sixteen letters: no", ""}, "sixteen letters:sixteen letters: no"},
  };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    char json[128];
    peer p;
    open_resumable(state, &p);
    aui_reply *reply = post(&p, "{}");
    say(&p, HEAD);
    for (int k = 0; k < 6 && answers[i].deltas[k]; k++) {
      if (*answers[i].deltas[k]) {
        delta(&p, k, answers[i].deltas[k]);
      } else {
        go_on_after_cut(&p);
      }
    }
    final(&p, 9, answers[i].message);
    done(&p);
    snprintf(json, sizeof json, MESSAGE("%s"), answers[i].message);
    assert_ends_in(reply, json, answers[i].message);
    release(&p, reply);
    stop(&p);
  }
}

static void one_of_which_nothing_is_in_doubt_any_more_is_not_ours_with_other_text(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "1");
  delta(&p, 2, "10"); /* was it all of "10"? */
  delta(&p, 3, "2");  /* no */
  go_on_after_cut(&p);
  final(&p, 9, "another");
  assert_true(aui_reply_is_parked(reply));
  assert_text(reply, "1102");
  release(&p, reply);
  stop(&p);
}

static void an_answer_is_not_of_two_threads(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  thread(&p);
  delta(&p, 1, "one");
  event(&p, "{'type':'thread','data':{'thread_id':'U'}}");
  assert_thread(&p, "T");
  assert_true(aui_reply_is_parked(reply)); /* the transcript may have it */
  aui_reply_give_up(reply);
  assert_failed(reply, AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 0,
                "the server named another thread in the middle of an answer");
  release(&p, reply);
  stop(&p);
}

static void a_message_without_a_numbered_event_is_in_doubt(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  cut(&p, "connection reset");
  assert_true(aui_reply_is_parked(reply));
  assert_true(aui_reply_resend(reply));
  peer_give_random(&p);
  p.now = aui_session_retry_at(p.session);
  aui_session_tick(p.session, p.now);
  connect_stream(&p);
  assert_posted(&p, "{}");
  say(&p, HEAD);
  thread(&p); /* it has arrived */
  cut(&p, "connection reset");
  assert_true(aui_reply_is_parked(reply));
  assert_false(aui_reply_resend(reply));
  aui_reply_give_up(reply);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "the connection was cut in the middle of the answer: connection reset");
  release(&p, reply);
  stop(&p);
}

static void a_resumption_may_be_cancelled(void **state) {
  peer p;
  open_resumable(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  cut(&p, "connection reset");
  aui_reply_cancel(reply, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, "the reply was canceled");
  connect_stream(&p);
  assert_nothing_written(&p);
  release(&p, reply);
  stop(&p);
}

static void without_reconnecting_nothing_is_resumed(void **state) {
  peer p;
  open_stream(state, &p);
  aui_reply *reply = post(&p, "{}");
  say(&p, HEAD);
  delta(&p, 1, "a");
  cut(&p, "connection reset");
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "the connection was cut in the middle of the answer: connection reset");
  release(&p, reply);
  stop(&p);
}

/* ---- Figures ---- */

/* There are no frames; a message counts from when it is there, though more may be said of it. */
static void figures(void **state) {
  peer p;
  aui_session_stats stats;
  open_stream(state, &p);
  aui_reply *reply = send(&p, "{}");
  peer_pump(&p, SIZE_MAX);
  aui_session_get_stats(p.session, &stats);
  assert_int_equal(stats.bytes_sent, p.incoming.len);
  say(&p, HEAD);
  p.now += 100;
  delta(&p, 1, "I");
  delta(&p, 2, " found");
  p.now += 100;
  final(&p, 3, "I found");
  done(&p);
  aui_session_get_stats(p.session, &stats);
  assert_true(stats.bytes_received > strlen(HEAD BODY_END));
  assert_int_equal(stats.frames_sent + stats.frames_received + stats.reconnects, 0);
  assert_int_equal(stats.updates_folded, 1);
  assert_int_equal(stats.first_chunk, 100);
  assert_int_equal(stats.message, 200);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  release(&p, reply);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(answers_come_as_events),
      IN_EVERY_WAY(messages_follow_each_other_on_one_connection),
      IN_EVERY_WAY(no_connection_is_handed_over),
      IN_EVERY_WAY(suggestions_join_the_message),
      IN_EVERY_WAY(suggestions_may_come_again),
      IN_EVERY_WAY(suggestions_join_sixteen_times_at_most),
      IN_EVERY_WAY(suggestions_join_the_message_that_was_taken),
      IN_EVERY_WAY(nothing_of_the_text_comes_behind_the_message),
      IN_EVERY_WAY(deltas_are_read_whatever_comes_between_them),
      IN_EVERY_WAY(deltas_of_another_answer_stay_out),
      IN_EVERY_WAY(deltas_may_come_in_one_piece),
      IN_EVERY_WAY(texts_that_turn_out_to_be_whole_are_not_appended),
      IN_EVERY_WAY(suggestions_are_for_what_they_name),
      IN_EVERY_WAY(suggestions_may_come_too_late),
      IN_EVERY_WAY(suggestions_without_a_message_are_passed_over),
      IN_EVERY_WAY(the_end_of_the_connection_ends_an_answer),
      IN_EVERY_WAY(a_message_is_enough_whatever_comes_behind_it),
      IN_EVERY_WAY(a_closed_session_keeps_a_message_that_has_come),
      IN_EVERY_WAY(time_ends_the_wait_for_suggestions),
      IN_EVERY_WAY(a_body_that_does_not_end_is_not_waited_for),
      IN_EVERY_WAY(comments_are_signs_of_life),
      IN_EVERY_WAY(an_idle_connection_may_end),
      IN_EVERY_WAY(what_a_server_says_unasked_ends_an_idle_connection),
      IN_EVERY_WAY(a_connection_that_bears_one_message_is_replaced),
      IN_EVERY_WAY(a_session_has_a_thread_from_the_beginning),
      IN_EVERY_WAY(the_request_of_the_day_is_used),
      IN_EVERY_WAY(a_session_that_is_closed_ends_its_connection),
      IN_EVERY_WAY(a_cancelled_answer_ends_its_connection),
      IN_EVERY_WAY(a_message_that_has_not_left_is_taken_back),
      IN_EVERY_WAY(an_error_of_the_turn_ends_the_answer),
      IN_EVERY_WAY(refusals_are_errors_of_the_message),
      IN_EVERY_WAY(a_refusal_that_is_cut_is_one),
      IN_EVERY_WAY(too_many_requests_are_held_off),
      IN_EVERY_WAY(a_key_that_is_out_of_date_is_renewed_once),
      IN_EVERY_WAY(answers_that_cannot_be_read),
      IN_EVERY_WAY(a_stream_that_ends_without_its_message_is_no_answer),
      IN_EVERY_WAY(an_answer_goes_on_where_it_was_cut),
      IN_EVERY_WAY(an_answer_that_breaks_off_in_order_goes_on),
      IN_EVERY_WAY(attempts_that_bring_nothing_new_are_spaced_out),
      IN_EVERY_WAY(idle_begins_anew_with_the_loss_and_only_then),
      IN_EVERY_WAY(what_is_not_new_is_no_sign_of_an_answer_that_is_resumed),
      IN_EVERY_WAY(a_resumption_that_ends_with_nothing_new_is_in_doubt),
      IN_EVERY_WAY(a_resumption_that_is_refused_is_in_doubt),
      IN_EVERY_WAY(an_answer_of_another_thread_does_not_go_on_with_ours),
      IN_EVERY_WAY(an_answer_that_goes_on_from_other_text_is_not_ours),
      IN_EVERY_WAY(an_answer_whose_text_was_guessed_is_ours),
      IN_EVERY_WAY(one_of_which_nothing_is_in_doubt_any_more_is_not_ours_with_other_text),
      IN_EVERY_WAY(an_answer_is_not_of_two_threads),
      IN_EVERY_WAY(a_message_without_a_numbered_event_is_in_doubt),
      IN_EVERY_WAY(a_resumption_may_be_cancelled),
      IN_EVERY_WAY(without_reconnecting_nothing_is_resumed),
      IN_EVERY_WAY(figures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sessions whose messages are frames of a WebSocket of the threads API. In the JSON of this file ' stands for a double
 * quote. */
#include "support_session.h"

#define OFFER "Sec-WebSocket-Protocol: t, " AUI_THREADS_PROTOCOL "\r\n"

/* ---- What the server does ---- */

static void spell(char *out, size_t room, const char *json) {
  size_t n = 0;
  for (; json[n] && n + 1 < room; n++) out[n] = json[n] == '\'' ? '"' : json[n];
  out[n] = '\0';
}

static void event(peer *p, const char *json) {
  char spelt[512];
  spell(spelt, sizeof spelt, json);
  peer_send_text(p, spelt);
}

static void delta(peer *p, int seq, const char *text) {
  char json[256];
  snprintf(json, sizeof json, "{'type':'event','seq':%d,'data':{'data':{'text':'%s'}}}", seq, text);
  event(p, json);
}

static void final(peer *p, int seq, const char *id, const char *text) {
  char json[256];
  snprintf(json, sizeof json, "{'type':'message','seq':%d,'data':{'id':'%s','text':'%s'}}", seq, id, text);
  event(p, json);
}

/* ---- What the session does ---- */

static void open_with(void **state, peer *p, const aui_session_config *config) {
  const aui_request request = {"agent.test", "/session", OFFER};
  peer_open(p, config, **(feed_way **)state);
  assert_true(aui_session_set_request(p->session, &request, "A\"1"));
  peer_handshake(p);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
}

static aui_session_config threads_config(void) {
  aui_session_config config = peer_config();
  config.carrier = AUI_CARRIER_THREADS_WEBSOCKET;
  config.close_timeout = 1000;
  return config;
}

static void open_session(void **state, peer *p) {
  aui_session_config config = threads_config();
  open_with(state, p, &config);
}

/* Our next frame. */
static void assert_sent(peer *p, const char *json) {
  char spelt[256];
  spell(spelt, sizeof spelt, json);
  assert_frame(p, PEER_TEXT, spelt);
}

static aui_reply *ask(peer *p, const char *text) {
  char json[64], sent[128];
  snprintf(json, sizeof json, "{\"text\":\"%s\"}", text);
  snprintf(sent, sizeof sent, "{'type':'message','agent_id':'A\\u00221','thread_id':'T','text':'%s'}", text);
  aui_reply *reply = send(p, json);
  assert_sent(p, sent);
  return reply;
}

static aui_session_config with_thread(void) {
  aui_session_config config = threads_config();
  config.thread_id = "T";
  return config;
}

static void open_in_thread(void **state, peer *p) {
  aui_session_config config = with_thread();
  open_with(state, p, &config);
}

static void assert_ended(const aui_reply *reply, aui_error_kind kind, int status, aui_delivered delivered) {
  const aui_error *error = aui_reply_error(reply);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
  assert_int_equal(error->kind, kind);
  assert_int_equal(error->status_code, status);
  assert_int_equal(error->delivered, delivered);
}

/* ---- Tests ---- */

static void the_thread_is_named_as_soon_as_it_is_known(void **state) {
  peer p;
  size_t n;
  open_session(state, &p);
  aui_reply *first = send(&p, "{\"text\":\"1\"}"), *second = send(&p, "{\"text\":\"2\"}"), *third = send(&p, "{}");
  assert_sent(&p, "{'type':'message','agent_id':'A\\u00221','text':'1'}");
  assert_null(aui_session_thread_id(p.session, &n));
  event(&p, "{'type':'thread','seq':0,'data':{'thread_id':'T'}}");
  delta(&p, 1, "one");
  delta(&p, 2, " and");
  final(&p, 3, "a", "one and");
  assert_int_equal(aui_reply_get_status(first), AUI_REPLY_MESSAGE);
  assert_text(first, "one and");
  assert_sent(&p, "{'type':'message','agent_id':'A\\u00221','thread_id':'T','text':'2'}");
  delta(&p, 4, "two");
  assert_take(second, 0, "two");
  final(&p, 5, "b", "two");
  assert_int_equal(aui_reply_get_status(second), AUI_REPLY_MESSAGE);
  assert_sent(&p, "{'type':'message','agent_id':'A\\u00221','thread_id':'T'}");
  release(&p, first);
  release(&p, second);
  release(&p, third);
  stop(&p);
}

static void what_cannot_be_given_back_is_no_thread(void **state) {
  peer p;
  size_t n;
  open_session(state, &p);
  aui_reply *reply = send(&p, "{\"text\":\"1\"}");
  assert_sent(&p, "{'type':'message','agent_id':'A\\u00221','text':'1'}");
  event(&p, "{'type':'thread','seq':0,'data':{'thread_id':'.'}}");
  event(&p, "{'type':'thread','seq':1,'data':{'thread_id':'\\u002e.'}}");
  event(&p, "{'type':'thread','seq':2,'data':{'thread_id':'T\\u0000'}}");
  assert_null(aui_session_thread_id(p.session, &n));
  event(&p, "{'type':'thread','seq':3,'data':{'thread_id':'...'}}");
  assert_int_equal(3, (aui_session_thread_id(p.session, &n), n));
  release(&p, reply);
  stop(&p);
}

static void an_agent_that_is_not_known_is_not_named(void **state) {
  peer p;
  open_session(state, &p);
  assert_true(aui_session_set_request(p.session, &(aui_request){"agent.test", "/session", OFFER}, NULL));
  aui_reply *reply = send(&p, "{\"text\":\"1\"}");
  assert_sent(&p, "{'type':'message','text':'1'}");
  release(&p, reply);
  stop(&p);
}

static void an_error_of_the_turn_ends_the_answer_alone(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  delta(&p, 1, "on");
  event(&p, "{'type':'error','seq':2,'data':{'message':'no','status_code':402}}");
  assert_ended(reply, AUI_ERROR_APPLICATION, 402, AUI_DELIVERED_YES);
  aui_reply *next = ask(&p, "2");
  delta(&p, 3, "two");
  final(&p, 4, "b", "two");
  assert_int_equal(aui_reply_get_status(next), AUI_REPLY_MESSAGE);
  assert_text(next, "two");
  release(&p, reply);
  release(&p, next);
  stop(&p);
}

static void an_error_of_an_answer_that_nobody_waits_for_frees_the_connection(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  delta(&p, 1, "on");
  aui_reply_cancel(reply, p.now);
  event(&p, "{'type':'error','seq':2,'data':{'status_code':500}}");
  aui_reply *next = ask(&p, "2");
  final(&p, 3, "b", "two");
  assert_int_equal(aui_reply_get_status(next), AUI_REPLY_MESSAGE);
  release(&p, reply);
  release(&p, next);
  stop(&p);
}

static void an_error_of_the_session_waits_for_its_close(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'no balance','code':402}}");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_APPLICATION, 402, AUI_DELIVERED_YES);
  assert_int_equal(aui_reply_error(reply)->close_code, 1008);
  assert_null(strstr(aui_reply_error(reply)->message, "carrier"));
  release(&p, reply);
  stop(&p);
}

static void one_without_a_close_ends_the_connection_after_a_while(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'no such thread','code':404}}");
  p.now += 1000;
  aui_session_tick(p.session, p.now);
  assert_ended(reply, AUI_ERROR_APPLICATION, 404, AUI_DELIVERED_NO);
  release(&p, reply);
  stop(&p);
}

static void a_token_that_is_out_of_date_is_renewed_for_a_message_that_was_not_acted_on(void **state) {
  peer p;
  aui_session_config config = with_thread();
  config.renews = true;
  open_with(state, &p, &config);
  aui_reply *reply = ask(&p, "1");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'ended','code':401}}");
  peer_send_close(&p, 1008, "");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  peer_pump(&p, SIZE_MAX);
  assert_true(peer_disconnect_if_wanted(&p));
  p.incoming.len = 0;
  peer_handshake(&p);
  assert_sent(&p, "{'type':'message','agent_id':'A\\u00221','thread_id':'T','text':'1'}");
  delta(&p, 1, "on");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'ended','code':401}}");
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_AUTH, 401, AUI_DELIVERED_YES);
  release(&p, reply);
  stop(&p);
}

/* The next attempt to connect comes to this. */
static void refuse_handshake(peer *p) {
  static const char answer[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
  peer_connect(p);
  peer_send(p, answer, sizeof answer - 1);
  assert_true(peer_disconnect_if_wanted(p));
  p->incoming.len = 0;
}

static void wait_for_retry(peer *p) {
  p->now = aui_session_retry_at(p->session);
  assert_true(p->now != AUI_NEVER);
  aui_session_tick(p->session, p->now);
}

static void a_handshake_is_tried_again_once_with_another_token(void **state) {
  peer p;
  aui_session_config config = with_thread();
  const aui_request request = {"agent.test", "/session", OFFER};
  config.renews = true;
  config.reconnect = peer_defaults().reconnect;
  peer_open(&p, &config, **(feed_way **)state);
  assert_true(aui_session_set_request(p.session, &request, NULL));
  aui_reply *first = send(&p, "{\"text\":\"1\"}");
  refuse_handshake(&p);
  wait_for_retry(&p);
  peer_handshake(&p);
  assert_sent(&p, "{'type':'message','thread_id':'T','text':'1'}");
  final(&p, 1, "a", "one");
  assert_int_equal(aui_reply_get_status(first), AUI_REPLY_MESSAGE);
  aui_session_was_reset(p.session);
  aui_session_disconnected(p.session, "connection reset by peer", true, p.now);
  aui_reply *second = send(&p, "{\"text\":\"2\"}");
  refuse_handshake(&p);
  assert_int_equal(aui_reply_get_status(second), AUI_REPLY_PENDING);
  wait_for_retry(&p);
  refuse_handshake(&p);
  assert_ended(second, AUI_ERROR_AUTH, 401, AUI_DELIVERED_NO);
  assert_false(aui_reply_error(second)->retryable);
  release(&p, first);
  release(&p, second);
  stop(&p);
}

static void a_turn_that_has_begun_is_not_run_again(void **state) {
  peer p;
  aui_session_config config = with_thread();
  config.renews = true;
  open_with(state, &p, &config);
  aui_reply *reply = ask(&p, "1");
  delta(&p, 1, "on");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'ended','code':401}}");
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_AUTH, 401, AUI_DELIVERED_YES);
  release(&p, reply);
  stop(&p);
}

static void an_agent_that_only_streams_is_asked_about(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'SSE only','code':400}}");
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_APPLICATION, 400, AUI_DELIVERED_YES);
  assert_false(aui_reply_error(reply)->retryable);
  assert_non_null(strstr(aui_reply_error(reply)->message, "use carrier = \"stream\""));
  release(&p, reply);
  stop(&p);
}

/* Where the tasks API has 1008 for a key that is not accepted, here the handshake has accepted it. */
static void an_error_without_a_code_is_not_about_the_key(void **state) {
  peer p;
  open_in_thread(state, &p);
  aui_reply *reply = ask(&p, "1");
  event(&p, "{'type':'error','seq':-1,'data':{'error':'no balance'}}");
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_APPLICATION, 0, AUI_DELIVERED_YES);
  release(&p, reply);
  stop(&p);
  open_in_thread(state, &p);
  reply = ask(&p, "2");
  peer_send_close(&p, 1008, "");
  assert_ended(reply, AUI_ERROR_AUTH, 0, AUI_DELIVERED_MAYBE);
  release(&p, reply);
  stop(&p);
}

static void a_server_has_to_choose_the_subprotocol(void **state) {
  peer p;
  aui_session_config config = threads_config();
  peer_open(&p, &config, **(feed_way **)state);
  peer_handshake(&p); /* of a request that offers none */
  const aui_error *error = aui_session_error(p.session);
  assert_int_equal(error->kind, AUI_ERROR_PROTOCOL);
  assert_false(error->retryable);
  assert_string_equal(error->message,
                      "WebSocket handshake: the server did not choose the subprotocol that it was asked for");
  stop(&p);
}

static void an_answer_that_is_cut_is_in_doubt(void **state) {
  peer p;
  aui_session_config config = with_thread();
  config.reconnect = peer_defaults().reconnect;
  config.recover = true;
  open_with(state, &p, &config);
  aui_reply *reply = ask(&p, "1");
  delta(&p, 1, "on");
  aui_session_disconnected(p.session, "connection reset by peer", true, p.now);
  assert_true(aui_reply_is_parked(reply));
  assert_true(aui_reply_answer(reply, "{\"id\":\"m\",\"text\":\"one\"}", 23, p.now));
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  assert_text(reply, "one");
  release(&p, reply);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(the_thread_is_named_as_soon_as_it_is_known),
      IN_EVERY_WAY(what_cannot_be_given_back_is_no_thread),
      IN_EVERY_WAY(an_agent_that_is_not_known_is_not_named),
      IN_EVERY_WAY(an_error_of_the_turn_ends_the_answer_alone),
      IN_EVERY_WAY(an_error_of_an_answer_that_nobody_waits_for_frees_the_connection),
      IN_EVERY_WAY(an_error_of_the_session_waits_for_its_close),
      IN_EVERY_WAY(one_without_a_close_ends_the_connection_after_a_while),
      IN_EVERY_WAY(an_error_without_a_code_is_not_about_the_key),
      IN_EVERY_WAY(a_token_that_is_out_of_date_is_renewed_for_a_message_that_was_not_acted_on),
      IN_EVERY_WAY(a_handshake_is_tried_again_once_with_another_token),
      IN_EVERY_WAY(a_turn_that_has_begun_is_not_run_again),
      IN_EVERY_WAY(an_agent_that_only_streams_is_asked_about),
      IN_EVERY_WAY(a_server_has_to_choose_the_subprotocol),
      IN_EVERY_WAY(an_answer_that_is_cut_is_in_doubt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

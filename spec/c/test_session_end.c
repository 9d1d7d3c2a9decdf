/* How connections and sessions end, and what their replies are told: refusals, closes, cuts, error payloads,
 * violations. */
#include "support_session.h"

#include "engine/error.h"

/* ---- The server refuses ---- */

typedef struct {
  const char *answer;
  bool ends; /* with the end of the stream, not with a length */
  expected_error error;
  long retry_after;
  const char *body;
} refusal;

#define REFUSED "the server refused the WebSocket handshake with HTTP status "

static const refusal refusals[] = {
    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno!",
     false,
     {AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 0, REFUSED "401"},
     -1,
     "no!"},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
     false,
     {AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 403, 0, REFUSED "403"},
     -1,
     ""},
    {"HTTP/1.1 429 Slow down\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n",
     false,
     {AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_NO, 429, 0, REFUSED "429"},
     17,
     ""},
    {"HTTP/1.1 503 Busy\r\n\r\n{\"a\":",
     true,
     {AUI_ERROR_SERVER, true, AUI_DELIVERED_NO, 503, 0, REFUSED "503"},
     -1,
     "{\"a\":"},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\ncut",
     true,
     {AUI_ERROR_SERVER, true, AUI_DELIVERED_NO, 503, 0, REFUSED "503"},
     -1,
     "cut"},
    {"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
     false,
     {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO, 301, 0, REFUSED "301 (redirects are not followed)"},
     -1,
     ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     false,
     {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO, 200, 0, REFUSED "200"},
     -1,
     "hi"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
     false,
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_NO, 404, 0, REFUSED "404"},
     -1,
     ""},
    {"SSH-2.0-OpenSSH_9\r\n",
     false,
     {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO, 0, 0, "WebSocket handshake: the server's answer is not HTTP/1.1"},
     -1,
     ""},
    {"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
     false,
     {AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO, 101, 0,
      "WebSocket handshake: the server's Sec-WebSocket-Accept is missing, repeated or wrong"},
     -1,
     ""},
};

static void refused_handshakes(void **state) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const refusal *r = &refusals[i];
    peer p;
    aui_session *s = start(state, &p);
    aui_reply *reply = send(&p, "{}");
    peer_connect(&p);
    peer_send(&p, r->answer, strlen(r->answer));
    if (r->ends) {
      assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
      aui_session_disconnected(s, NULL, true, p.now);
    } else {
      assert_true(peer_disconnect_if_wanted(&p));
    }
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
    const aui_error *error = aui_reply_error(reply);
    check_error(error, r->error);
    assert_int_equal(error->retry_after, r->retry_after);
    assert_int_equal(error->payload.len, strlen(r->body));
    if (error->payload.len) assert_memory_equal(error->payload.data, r->body, error->payload.len);
    check_error(aui_session_error(s), r->error);
    assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
    release(&p, reply);
    stop(&p);
  }
}

static void a_refusal_whose_body_does_not_end(void **state) {
  peer p;
  start(state, &p);
  peer_connect(&p);
  static const char answer[] = "HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nnever";
  peer_send(&p, answer, sizeof answer - 1);
  assert_due(&p, 1000 + 10000);
  assert_session_error(&p, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 0, REFUSED "401");
  stop(&p);
}

static void an_answer_with_too_long_a_head(void **state) {
  peer p;
  aui_session_config config = peer_config();
  config.max_response_head = 64;
  peer_open(&p, &config, **(feed_way **)state);
  peer_handshake(&p);
  assert_session_error(&p, AUI_ERROR_OVERFLOW, false, AUI_DELIVERED_NO, 101, 0,
                       "WebSocket handshake: the head of the server's answer exceeds the limit (max_response_head)");
  assert_true(peer_disconnect_if_wanted(&p));
  stop(&p);
}

static void the_server_speaks_before_it_is_spoken_to(void **state) {
  peer p;
  aui_session *s = start(state, &p);
  aui_session_phase(s, AUI_PHASE_CONNECT, p.now);
  aui_session_connected(s, p.now);
  aui_session_receive(s, "", 0, p.now);
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  peer_send(&p, "220 ready\r\n", 11);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  assert_session_error(&p, AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO, 0, 0,
                       "WebSocket handshake: the server's answer is not HTTP/1.1");
  stop(&p);
}

/* ---- The connection ends ---- */

typedef struct {
  int code;
  const char *reason;
  aui_error_kind kind;
  bool retryable;
  const char *message;
} closing;

/* What a close means to a reply of which nothing has come. */
static const closing closings[] = {
    {1000, "", AUI_ERROR_TRANSPORT, true, CLOSED " 1000 (normal closure)"},
    {1001, "", AUI_ERROR_TRANSPORT, true, CLOSED " 1001 (going away)"},
    {1002, "", AUI_ERROR_PROTOCOL, false, CLOSED " 1002 (protocol error)"},
    {1003, "", AUI_ERROR_PROTOCOL, false, CLOSED " 1003 (unsupported data)"},
    {1005, "", AUI_ERROR_TRANSPORT, true, "the server closed the connection without giving a reason"},
    {1007, "", AUI_ERROR_PROTOCOL, false, CLOSED " 1007 (invalid payload)"},
    {1008, "Not authenticated.", AUI_ERROR_AUTH, false,
     CLOSED " 1008 (authentication failure or application error): Not authenticated."},
    {1009, "", AUI_ERROR_PROTOCOL, false, CLOSED " 1009 (message too big)"},
    {1010, "", AUI_ERROR_PROTOCOL, false, CLOSED " 1010 (extension missing)"},
    {1011, "two\nlines", AUI_ERROR_SERVER, true, CLOSED " 1011 (internal server error): two lines"},
    {1012, "", AUI_ERROR_SERVER, true, CLOSED " 1012 (service restart)"},
    {1013, "", AUI_ERROR_SERVER, true, CLOSED " 1013 (try again later)"},
    {1014, "", AUI_ERROR_SERVER, true, CLOSED " 1014 (bad gateway)"},
    {3001, "", AUI_ERROR_APPLICATION, false, CLOSED " 3001 (no meaning registered)"},
    {3008, "", AUI_ERROR_TIMEOUT, true, CLOSED " 3008 (timeout)"},
    {4000, "own", AUI_ERROR_APPLICATION, false, CLOSED " 4000 (no meaning registered): own"},
};

static void closes_while_an_answer_is_awaited(void **state) {
  for (size_t i = 0; i < sizeof closings / sizeof *closings; i++) {
    const closing *c = &closings[i];
    peer p;
    aui_session *s = start_open(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    peer_send_close(&p, c->code, c->reason);
    assert_failed(reply, c->kind, c->retryable, AUI_DELIVERED_MAYBE, 0, c->code, c->message);
    assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
    end_transport(&p, c->code);
    assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
    assert_int_equal(aui_session_deadline(s), AUI_NEVER);
    release(&p, reply);
    stop(&p);
  }
}

static void closes_in_the_middle_of_an_answer(void **state) {
  for (size_t i = 0; i < sizeof closings / sizeof *closings; i++) {
    const closing *c = &closings[i];
    peer p;
    start_open(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    peer_send_update(&p, "half");
    fragment(&p, PEER_TEXT, "{\"event\":");
    peer_send_close(&p, c->code, c->reason);
    aui_error_kind kind = c->code == 1008 ? AUI_ERROR_APPLICATION : c->kind; /* the key was accepted */
    assert_failed(reply, kind, c->retryable, AUI_DELIVERED_MAYBE, 0, c->code, c->message);
    assert_text(reply, "half");
    end_transport(&p, c->code);
    release(&p, reply);
    stop(&p);
  }
}

static void closes_while_idle(void **state) {
  for (size_t i = 0; i < sizeof closings / sizeof *closings; i++) {
    const closing *c = &closings[i];
    peer p;
    aui_session *s = start_open(state, &p);
    peer_send_close(&p, c->code, c->reason);
    assert_session_error(&p, c->kind, c->retryable, AUI_DELIVERED_NO, 0, c->code, c->message);
    end_transport(&p, c->code);
    assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
    assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING); /* until there is something to send */
    aui_reply *reply = send(&p, "{}");
    assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
    peer_handshake(&p);
    assert_frame(&p, PEER_TEXT, "{}");
    release(&p, reply);
    stop(&p);
  }
}

/* Codes that are an answer to the message: the server has refused it. */
static void closes_that_refuse_a_message(void **state) {
  static const struct {
    int code;
    aui_error_kind kind;
    bool retryable;
    const char *message;
  } cases[] = {
      {3000, AUI_ERROR_AUTH, false, CLOSED " 3000 (unauthorized)"},
      {3003, AUI_ERROR_AUTH, false, CLOSED " 3003 (forbidden)"},
      {4001, AUI_ERROR_AUTH, false, CLOSED " 4001 (invalid authentication)"},
      {4002, AUI_ERROR_APPLICATION, false, CLOSED " 4002 (task not found)"},
      {4003, AUI_ERROR_RATE_LIMIT, true, CLOSED " 4003 (rate limit exceeded)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int answered = 0; answered < 2; answered++) {
      peer p;
      start_open(state, &p);
      aui_reply *reply = send_through(&p, "{}");
      if (answered) peer_send_update(&p, "half");
      peer_send_close(&p, cases[i].code, "");
      aui_delivered delivered = answered ? AUI_DELIVERED_YES : AUI_DELIVERED_NO;
      assert_failed(reply, cases[i].kind, cases[i].retryable, delivered, 0, cases[i].code, cases[i].message);
      end_transport(&p, cases[i].code);
      release(&p, reply);
      stop(&p);
    }
  }
}

/* Whether an answer had come on the same connection before decides what 1008 means. */
static void a_key_that_was_accepted_once_is_not_to_blame(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "one");
  aui_reply *two = send_through(&p, "{\"n\":2}");
  peer_send_close(&p, 1008, "");
  assert_failed(two, AUI_ERROR_APPLICATION, false, AUI_DELIVERED_MAYBE, 0, 1008,
                CLOSED " 1008 (authentication failure or application error)");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_close_that_cannot_be_answered_is_not_waited_for(void **state) {
  peer p;
  size_t n;
  aui_session *s = start_open(state, &p);
  peer_send_close(&p, 1000, "");
  peer_give_random(&p);
  assert_non_null(aui_session_output(s, &n, p.now));
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  assert_due(&p, p.now + 1000);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_session_error(&p, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 1000, CLOSED " 1000 (normal closure)");
  stop(&p);
}

static void cuts(void **state) {
  static const char *const causes[] = {NULL, "connection reset by peer"};
  static const char *const messages[] = {"the connection was cut without a close frame",
                                         "the connection was cut: connection reset by peer"};
  for (int i = 0; i < 2; i++) {
    for (int mid_frame = 0; mid_frame < 2; mid_frame++) {
      peer p;
      aui_session *s = start_open(state, &p);
      aui_reply *reply = send_through(&p, "{}");
      if (mid_frame) peer_send(&p, "\x81\x10{\"event\"", 10);
      aui_session_disconnected(s, causes[i], i == 0, p.now);
      assert_failed(reply, AUI_ERROR_TRANSPORT, i == 0, AUI_DELIVERED_MAYBE, 0, 1006, messages[i]);
      assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
      release(&p, reply);
      stop(&p);
    }
  }
}

static void cuts_in_the_handshake(void **state) {
  static const struct {
    const char *answer, *cause, *message;
  } cases[] = {
      {"", NULL, "WebSocket handshake: the server ended the connection without an answer"},
      {"HTTP/1.1 101 Swit", NULL, "WebSocket handshake: the server ended the connection in the middle of its answer"},
      {"HTTP/1.1 101 Switching\r\nUpgr", "reset", "WebSocket handshake: reset"},
  };
  for (int i = 0; i < 3; i++) {
    peer p;
    aui_session *s = start(state, &p);
    aui_reply *reply = send(&p, "{}");
    peer_connect(&p);
    peer_send(&p, cases[i].answer, strlen(cases[i].answer));
    aui_session_disconnected(s, cases[i].cause, true, p.now);
    assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, cases[i].message);
    release(&p, reply);
    stop(&p);
  }
}

static void a_server_that_is_silent_without_tls(void **state) {
  static const char *const messages[] = {
      "WebSocket handshake: reset (does it want TLS: wss:// or https://?)",
      "WebSocket handshake: reset",
  };
  for (int i = 0; i < 2; i++) {
    peer p;
    aui_session_config config = peer_config();
    config.is_plain = true;
    peer_open(&p, &config, **(feed_way **)state);
    aui_session *s = p.session;
    aui_reply *reply = send(&p, "{}");
    peer_connect(&p);
    peer_send(&p, "HTTP/1.1", i == 0 ? 0 : 8);
    aui_session_disconnected(s, "reset", true, p.now);
    assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, messages[i]);
    release(&p, reply);
    stop(&p);
  }
}

static void a_transport_that_does_not_open(void **state) {
  peer p;
  aui_session *s = start(state, &p);
  aui_reply *reply = send(&p, "{}");
  aui_session_phase(s, AUI_PHASE_CONNECT, p.now);
  aui_session_disconnected(s, "TLS: certificate has expired", false, p.now);
  assert_failed(reply, AUI_ERROR_TRANSPORT, false, AUI_DELIVERED_NO, 0, 0, "TLS: certificate has expired");
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  release(&p, reply);
  reply = send(&p, "{}");
  assert_int_equal(aui_session_want(s), AUI_WANT_CONNECT);
  aui_session_phase(s, AUI_PHASE_CONNECT, p.now);
  aui_session_disconnected(s, NULL, true, p.now);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, "the connection could not be opened");
  release(&p, reply);
  stop(&p);
}

/* A message none of which left goes on to the next connection, in its place. */
static void a_lost_connection_keeps_what_has_not_left(void **state) {
  peer p;
  size_t n;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "one");
  peer_give_random(&p);
  aui_reply *two = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){5, 5, AUI_NEVER}), *three = send(&p, "{\"n\":3}");
  assert_non_null(aui_session_output(s, &n, p.now));
  assert_int_equal(aui_session_deadline(s), p.now + 5);
  peer_send_close(&p, 1001, "");
  assert_int_equal(aui_session_deadline(s), p.now + 1000); /* the message waits again */
  end_transport(&p, 1001);                                 /* and the message is not written behind the peer's close */
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  aui_session_disconnected(s, NULL, true, p.now);
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_FAILED);
  assert_int_equal(aui_reply_get_status(three), AUI_REPLY_PENDING);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":3}");
  peer_send_final(&p, "three");
  assert_message(three, "three");
  release(&p, one);
  release(&p, two);
  release(&p, three);
  stop(&p);
}

static void a_connection_of_no_use_ends_all_that_wait(void **state) {
  peer p;
  size_t n;
  aui_session *s = start_open(state, &p);
  peer_give_random(&p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  assert_non_null(aui_session_output(s, &n, p.now));
  aui_session_disconnected(s, NULL, true, p.now);
  assert_failed(one, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 1006,
                "the connection was cut without a close frame");
  assert_failed(two, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 1006,
                "the connection was cut without a close frame");
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  release(&p, one);
  release(&p, two);
  stop(&p);
}

/* ---- Error payloads ---- */

typedef struct {
  const char *json;
  expected_error error; /* without a close */
} payload;

static const payload payloads[] = {
    {"{\"status_code\":401,\"description\":\"Not authenticated\",\"message\":\"Invalid API key\",\"extra_data\":{}}",
     {AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 0, "the server answered with status 401"}},
    {"{\"status_code\":403}", {AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 403, 0, "the server answered with status 403"}},
    {"{\"status_code\":429}",
     {AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_NO, 429, 0, "the server answered with status 429"}},
    {"{\"status_code\":400}",
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 400, 0, "the server answered with status 400"}},
    {"{\"status_code\":422}",
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 422, 0, "the server answered with status 422"}},
    {"{\"status_code\":500}",
     {AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE, 500, 0, "the server answered with status 500"}},
    {"{\"status_code\":404}",
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_NO, 404, 0, "the server answered with status 404"}},
    {"{\"status_code\":408}",
     {AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 408, 0, "the server answered with status 408"}},
    {"{\"status_code\":599}",
     {AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE, 599, 0, "the server answered with status 599"}},
    {"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}",
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 422, 0, "the server answered with status 422"}},
    {"{\"errors\":[{\"msg\":\"field required\"}]}",
     {AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES, 422, 0, "the server answered with status 422"}},
};

/* `code` 0: the server does not close; 1006: it cuts the connection. */
static void check_payload(void **state, const payload *expected, int code) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_cork(&p);
  peer_send_text(&p, expected->json);
  if (code == 1008 || code == 1011) peer_send_close(&p, code, "see the payload");
  peer_uncork(&p);
  if (code == 0) {
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
    assert_due(&p, p.now + 1000);
  } else if (code == 1006) {
    aui_session_disconnected(s, "reset", true, p.now);
  }
  expected_error error = expected->error;
  error.close_code = code;
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
  check_error(aui_reply_error(reply), error);
  const aui_buffer *json = &aui_reply_error(reply)->payload;
  assert_int_equal(json->len, strlen(expected->json));
  assert_memory_equal(json->data, expected->json, json->len);
  peer_pump(&p, SIZE_MAX);
  assert_int_equal(peer_disconnect_if_wanted(&p), code != 1006);
  assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
  release(&p, reply);
  stop(&p);
}

static void error_payloads(void **state) {
  static const int codes[] = {0, 1006, 1008, 1011};
  for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) check_payload(state, &payloads[i], codes[k]);
  }
}

/* An error payload of `n` bytes. */
static char *make_payload(int status_code, size_t n) {
  char *json = malloc(n + 1);
  assert_non_null(json);
  memset(json, ' ', n);
  int begin = snprintf(json, n, "{\"status_code\":%d", status_code);
  json[begin] = ' ';
  json[n - 1] = '}';
  json[n] = '\0';
  return json;
}

/* Ends the connection by an error payload that comes when nothing has left. */
static void refuse_all(peer *p, int status_code, size_t n) {
  char *json = make_payload(status_code, n);
  peer_send_text(p, json);
  free(json);
  aui_session_disconnected(p->session, "reset", true, p->now);
  assert_int_equal(aui_session_error(p->session)->payload.len, n);
}

static void a_long_error_payload_is_not_copied_for_all(void **state) {
  enum { SHORT = AUI_ERROR_SHARED_PAYLOAD, LONG = SHORT + 1, SENDS = 3 };
  static const size_t sizes[] = {SHORT, LONG};
  for (size_t i = 0; i < 2; i++) {
    peer p;
    start_open(state, &p);
    aui_reply *replies[SENDS];
    for (int k = 0; k < SENDS; k++) replies[k] = send(&p, "{}");
    refuse_all(&p, 401, sizes[i]);
    for (int k = 0; k < SENDS; k++) {
      const aui_error *error = aui_reply_error(replies[k]);
      assert_non_null(error);
      assert_int_equal(error->status_code, 401);
      assert_int_equal(error->payload.len, sizes[i] == SHORT ? SHORT : 0);
      release(&p, replies[k]);
    }
    stop(&p);
  }
}

static void nor_for_those_who_run_out_of_time(void **state) {
  enum { SHORT = AUI_ERROR_SHARED_PAYLOAD, LONG = SHORT + 1 };
  static const size_t sizes[] = {SHORT, LONG};
  for (size_t i = 0; i < 2; i++) {
    peer p;
    aui_session_config config = peer_config();
    config.reconnect.attempts = AUI_BACKOFF_NO_END;
    peer_open(&p, &config, **(feed_way **)state);
    peer_handshake(&p);
    aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, AUI_NEVER, 1});
    refuse_all(&p, 503, sizes[i]);
    p.now++;
    aui_session_tick(p.session, p.now);
    assert_int_equal(aui_reply_error(reply)->kind, AUI_ERROR_TIMEOUT);
    assert_int_equal(aui_reply_error(reply)->status_code, 503);
    assert_int_equal(aui_reply_error(reply)->payload.len, sizes[i] == SHORT ? SHORT : 0);
    release(&p, reply);
    stop(&p);
  }
}

/* An error without a status: the close code tells its kind, if it can. */
static void errors_without_a_status(void **state) {
  static const char *const bodies[] = {"{\"detail\":\"no\"}", "{\"errors\":[\"no\"]}",
                                       "{\"error\":{\"message\":\"no\"}}"};
  static const struct {
    int code; /* 0: none */
    aui_error_kind kind;
    bool retryable;
    aui_delivered delivered;
  } ends[] = {
      {0, AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES},   {1000, AUI_ERROR_APPLICATION, false, AUI_DELIVERED_YES},
      {1008, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO},        {1011, AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE},
      {3008, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE},   {4001, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO},
      {4002, AUI_ERROR_APPLICATION, false, AUI_DELIVERED_NO}, {4003, AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_NO},
  };
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
      peer p;
      start_open(state, &p);
      aui_reply *reply = send_through(&p, "{}");
      peer_send_text(&p, bodies[i]);
      if (ends[k].code) {
        peer_send_close(&p, ends[k].code, "why");
      } else {
        assert_due(&p, p.now + 1000);
      }
      assert_failed(reply, ends[k].kind, ends[k].retryable, ends[k].delivered, 0, ends[k].code,
                    "the server sent an error");
      const aui_buffer *json = &aui_reply_error(reply)->payload;
      assert_int_equal(json->len, strlen(bodies[i]));
      assert_memory_equal(json->data, bodies[i], json->len);
      release(&p, reply);
      stop(&p);
    }
  }
}

/* A reply whose time runs out while an error payload is held has not timed out: it was refused. */
static void an_error_payload_is_told_in_time(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){100, AUI_NEVER, AUI_NEVER}); /* no sign of an answer */
  peer_pump(&p, SIZE_MAX);
  peer_send_text(&p, "{\"status_code\":500}");
  assert_due(&p, p.now + 100);
  assert_failed(reply, AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE, 500, 0, "the server answered with status 500");
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  release(&p, reply);
  stop(&p);
}

static void an_error_payload_explains_what_comes_after_it(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "half");
  peer_send_text(&p, "{\"status_code\":500}");
  fragment(&p, 0x80 | PEER_BINARY, "{");
  assert_failed(reply, AUI_ERROR_SERVER, true, AUI_DELIVERED_YES, 500, 1007, "the server answered with status 500");
  end_transport(&p, 1007);
  release(&p, reply);
  stop(&p);
}

/* The others leave nothing behind: the address sanitizer looks for that. */
static void the_last_of_several_error_payloads_is_told(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  for (int i = 0; i < 3; i++) peer_send_text(&p, "{\"status_code\":500,\"detail\":\"first\"}");
  peer_send_text(&p, "{\"status_code\":503}");
  peer_send_close(&p, 1011, "");
  assert_failed(reply, AUI_ERROR_SERVER, true, AUI_DELIVERED_MAYBE, 503, 1011, "the server answered with status 503");
  release(&p, reply);
  stop(&p);
}

static void a_rate_limit_in_the_middle_of_an_answer(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "half");
  peer_send_text(&p, "{\"status_code\":429}");
  peer_send_close(&p, 1008, "");
  assert_failed(reply, AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_YES, 429, 1008, "the server answered with status 429");
  assert_text(reply, "half");
  release(&p, reply);
  stop(&p);
}

/* As when the key is wrong: it comes before anything was asked. */
static void an_error_payload_at_the_beginning(void **state) {
  peer p;
  start(state, &p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  const char *request = peer_connect(&p);
  peer_cork(&p);
  peer_accept(&p, request);
  peer_send_text(&p, payloads[0].json);
  peer_send_close(&p, 1008, "");
  peer_uncork(&p);
  end_transport(&p, 1008); /* no message is wasted on it */
  assert_failed(one, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 1008, "the server answered with status 401");
  assert_failed(two, AUI_ERROR_AUTH, false, AUI_DELIVERED_NO, 401, 1008, "the server answered with status 401");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void the_queue_goes_on_behind_a_refused_message(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  peer_send_text(&p, "{\"status_code\":400}");
  assert_nothing_written(&p);
  peer_send_close(&p, 1008, "");
  assert_int_equal(aui_reply_get_status(one), AUI_REPLY_FAILED);
  end_transport(&p, 1008);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

/* ---- The server breaks the rules ---- */

static const struct {
  const char *bytes;
  size_t n;
  int code;
  aui_error_kind kind;
  const char *message;
} violations[] = {
#define BYTES(literal) literal, sizeof literal - 1
    {BYTES("\x81\x81xxxxx"), 1002, AUI_ERROR_PROTOCOL, "the server sent a masked frame"},
    {BYTES("\xC1\x01x"), 1002, AUI_ERROR_PROTOCOL, "the server set a reserved bit without an extension that uses it"},
    {BYTES("\x83\x01x"), 1002, AUI_ERROR_PROTOCOL, "the server sent a frame with a reserved opcode"},
    {BYTES("\x80\x01x"), 1002, AUI_ERROR_PROTOCOL, "the server sent a continuation frame with no message to continue"},
    {BYTES("\x88\x02\x03\xED"), 1002, AUI_ERROR_PROTOCOL, "the server sent a close frame without a valid code"},
    {BYTES("\x88\x03\x03\xE8\xFF"), 1007, AUI_ERROR_PROTOCOL, "the server sent a close reason that is not UTF-8"},
    {BYTES("\x81\x7F\0\0\0\0\0\1\0\0"), 1009, AUI_ERROR_OVERFLOW,
     "the server sent a message of more than 1000 bytes (max_message)"},
    {BYTES("\x81\x04\"\xC3\x28\""), 1007, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid UTF-8"},
    {BYTES("\x81\x02\"\xC3"), 1007, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid UTF-8"},
    {BYTES("\x81\x02{]"), 1007, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid JSON"},
    {BYTES("\x82\x02{]"), 1007, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid JSON"},
    {BYTES("\x82\x01\xFF"), 1007, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid UTF-8"},
    {BYTES("\x81\x06[[[]]]"), 1007, AUI_ERROR_OVERFLOW,
     "the server sent a message nested deeper than 2 levels (max_depth)"},
#undef BYTES
};

static void violations_of_the_protocol(void **state) {
  for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
    for (int answered = 0; answered < 2; answered++) {
      peer p;
      aui_session_config config = peer_config();
      config.max_message = 1000;
      config.max_depth = 2;
      peer_open(&p, &config, **(feed_way **)state);
      peer_handshake(&p);
      aui_reply *reply = send_through(&p, "{}");
      peer_cork(&p);
      if (answered) peer_send_update(&p, "half");
      peer_send(&p, violations[i].bytes, violations[i].n);
      peer_send_final(&p, "behind a violation");
      peer_uncork(&p);
      assert_failed(reply, violations[i].kind, false, AUI_DELIVERED_MAYBE, 0, violations[i].code,
                    violations[i].message);
      assert_close_frame(&p, violations[i].code);
      assert_int_equal(aui_session_ending(p.session), AUI_ENDING_LINGER); /* the server may go on */
      assert_true(peer_disconnect_if_wanted(&p));
      release(&p, reply);
      stop(&p);
    }
  }
}

/* ---- The session is closed, or freed ---- */

#define SESSION_CLOSED "the session was closed before the answer was complete"

static void closing_an_open_session(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  aui_session_close(s, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, SESSION_CLOSED);
  assert_failed(two, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, SESSION_CLOSED);
  assert_int_equal(aui_session_state(s), AUI_STATE_CLOSED);
  aui_session_close(s, p.now);
  assert_close_frame(&p, 1000);
  assert_false(aui_session_finished(s));
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  peer_send_final(&p, "too late");
  peer_send_close(&p, 1000, "");
  assert_int_equal(aui_session_error(s)->kind, AUI_ERROR_NONE); /* nothing went wrong */
  assert_int_equal(aui_session_ending(s), AUI_ENDING_CLOSE);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_finished(&p);
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void closing_when_the_peer_does_not_answer(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_session_close(s, p.now);
  assert_close_frame(&p, 1000);
  assert_due(&p, p.now + 1000);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_finished(&p);
  stop(&p);
}

static void closing_with_a_message_half_written(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send(&p, "{\"n\":1}");
  peer_pump(&p, 4);
  aui_session_close(s, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, SESSION_CLOSED);
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  assert_close_frame(&p, 1000);
  aui_session_disconnected(s, "reset", true, p.now);
  assert_finished(&p);
  release(&p, reply);
  stop(&p);
}

/* Brings a session into its states one after the other; returns false behind the last. */
static bool reach(void **state, peer *p, int which) {
  aui_session *s = start(state, p);
  if (which == 0) return true; /* a connection is wanted */
  aui_session_phase(s, AUI_PHASE_RESOLVE, p->now);
  if (which == 1) return true; /* it is being opened */
  aui_session_connected(s, p->now);
  if (which == 2) return true; /* the request is due */
  peer_pump(p, SIZE_MAX);
  if (which == 3) return true; /* the answer is awaited */
  aui_session_disconnected(s, "cut", true, p->now);
  if (which == 4) return true; /* no connection */
  aui_reply_release(send(p, "{}"), p->now);
  peer_handshake(p);
  if (which == 5) return true; /* open */
  aui_reply_release(send_through(p, "{}"), p->now);
  if (which == 6) return true; /* draining */
  peer_send_text(p, "{\"status_code\":500}");
  if (which == 7) return true; /* an error payload is held */
  peer_send_close(p, 1011, "");
  if (which == 8) return true; /* the peer has closed */
  p->now += 1000;
  aui_session_tick(s, p->now);
  return which == 9; /* the transport is to be ended */
}

static void closing_in_every_state(void **state) {
  peer p;
  for (int which = 0; reach(state, &p, which); which++) {
    aui_reply *reply = which == 8 ? NULL : send(&p, "{}");
    aui_session_close(p.session, p.now);
    if (reply) {
      assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, SESSION_CLOSED);
      release(&p, reply);
    }
    assert_int_equal(aui_session_state(p.session), AUI_STATE_CLOSED);
    peer_pump(&p, SIZE_MAX);
    if (!peer_disconnect_if_wanted(&p) && !aui_session_finished(p.session)) {
      uint64_t deadline = aui_session_deadline(p.session);
      assert_in_range(deadline, p.now, p.now + 1000);
      aui_session_tick(p.session, deadline);
      assert_true(peer_disconnect_if_wanted(&p));
    }
    assert_finished(&p);
    stop(&p);
  }
  stop(&p);
}

static void freeing_in_every_state(void **state) {
  peer p;
  for (int which = 0; reach(state, &p, which); which++) {
    aui_reply *reply = send(&p, "{}");
    peer_pump(&p, 1);
    aui_session_free(p.session);
    p.session = NULL;
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
    assert_string_equal(aui_reply_error(reply)->message, SESSION_CLOSED);
    aui_reply_cancel(reply, p.now);
    release(&p, reply);
    stop(&p);
  }
  stop(&p);
}

static void replies_outlive_their_session(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "kept");
  aui_reply *two = send_through(&p, "{\"n\":2}");
  peer_send_update(&p, "half");
  aui_session_free(s);
  p.session = NULL;
  assert_message(one, "kept");
  assert_take(one, 0, "kept");
  assert_failed(two, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, SESSION_CLOSED);
  assert_take(two, 0, "half");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(refused_handshakes),
      IN_EVERY_WAY(a_refusal_whose_body_does_not_end),
      IN_EVERY_WAY(an_answer_with_too_long_a_head),
      IN_EVERY_WAY(the_server_speaks_before_it_is_spoken_to),
      IN_EVERY_WAY(closes_while_an_answer_is_awaited),
      IN_EVERY_WAY(closes_in_the_middle_of_an_answer),
      IN_EVERY_WAY(closes_while_idle),
      IN_EVERY_WAY(closes_that_refuse_a_message),
      IN_EVERY_WAY(a_key_that_was_accepted_once_is_not_to_blame),
      IN_EVERY_WAY(a_close_that_cannot_be_answered_is_not_waited_for),
      IN_EVERY_WAY(cuts),
      IN_EVERY_WAY(cuts_in_the_handshake),
      IN_EVERY_WAY(a_server_that_is_silent_without_tls),
      IN_EVERY_WAY(a_transport_that_does_not_open),
      IN_EVERY_WAY(a_lost_connection_keeps_what_has_not_left),
      IN_EVERY_WAY(a_connection_of_no_use_ends_all_that_wait),
      IN_EVERY_WAY(error_payloads),
      IN_EVERY_WAY(a_long_error_payload_is_not_copied_for_all),
      IN_EVERY_WAY(nor_for_those_who_run_out_of_time),
      IN_EVERY_WAY(errors_without_a_status),
      IN_EVERY_WAY(an_error_payload_is_told_in_time),
      IN_EVERY_WAY(an_error_payload_explains_what_comes_after_it),
      IN_EVERY_WAY(the_last_of_several_error_payloads_is_told),
      IN_EVERY_WAY(a_rate_limit_in_the_middle_of_an_answer),
      IN_EVERY_WAY(an_error_payload_at_the_beginning),
      IN_EVERY_WAY(the_queue_goes_on_behind_a_refused_message),
      IN_EVERY_WAY(violations_of_the_protocol),
      IN_EVERY_WAY(closing_an_open_session),
      IN_EVERY_WAY(closing_when_the_peer_does_not_answer),
      IN_EVERY_WAY(closing_with_a_message_half_written),
      IN_EVERY_WAY(closing_in_every_state),
      IN_EVERY_WAY(freeing_in_every_state),
      IN_EVERY_WAY(replies_outlive_their_session),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

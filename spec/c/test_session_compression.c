/* Sessions whose server compresses its messages. */
#include "support_session.h"

#include <zlib.h>

static void open_compressed(void **state, peer *p) {
  aui_session_config config = peer_config();
  config.compression = true;
  config.max_message = 1000;
  peer_open(p, &config, *(feed_way *)*state);
  peer_handshake(p);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
}

/* The server's compressor, which goes on with its window. */
static void send_compressed(peer *p, z_stream *stream, const char *json) {
  uint8_t payload[256];
  stream->next_in = (uint8_t *)json;
  stream->avail_in = (unsigned)strlen(json);
  stream->next_out = payload;
  stream->avail_out = sizeof payload;
  assert_int_equal(deflate(stream, Z_SYNC_FLUSH), Z_OK);
  peer_send_frame(p, PEER_COMPRESSED | PEER_TEXT, payload, sizeof payload - stream->avail_out - 4);
}

#define UPDATE(text) "{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"" text "\"}}"
#define FINAL(id, text)                                                                                                \
  "{\"id\":\"" id "\",\"text\":\"" text "\",\"sender\":{\"id\":\"a\",\"type\":\"agent\",\"email\":null}}"

/* And in the next session of the connection: the window goes with it. */
static void answers_are_inflated(void **state) {
  peer p;
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  open_compressed(state, &p);
  static const char *const finals[] = {FINAL("1", "I found it"), FINAL("2", "I found it"), FINAL("3", "I found it")};
  for (int i = 0; i < 3; i++) {
    aui_reply *reply = send_through(&p, "{}");
    send_compressed(&p, &stream, UPDATE("I"));
    peer_send_text(&p, UPDATE("I found"));
    send_compressed(&p, &stream, UPDATE("I found it"));
    assert_text(reply, "I found it");
    send_compressed(&p, &stream, finals[i]);
    assert_message(reply, "I found it");
    release(&p, reply);
    aui_handover *handover = aui_session_detach(p.session, p.now);
    assert_non_null(handover);
    aui_session_free(p.session);
    aui_session_config config = peer_config();
    p.session = aui_session_new(&config);
    aui_session_phase(p.session, AUI_PHASE_CONNECT, p.now);
    aui_session_adopted(p.session, handover, 0, p.now);
  }
  deflateEnd(&stream);
  stop(&p);
}

/* The first error of a session to whose message the server answers with this frame. */
static void assert_refused(void **state, const void *payload, size_t n, expected_error expected) {
  peer p;
  open_compressed(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_frame(&p, PEER_COMPRESSED | PEER_TEXT, payload, n);
  peer_send_text(&p, FINAL("1", "too late"));
  assert_failed(reply, expected.kind, expected.retryable, expected.delivered, expected.status_code, expected.close_code,
                expected.message);
  release(&p, reply);
  end_transport(&p, expected.close_code);
  stop(&p);
}

static void a_broken_message_ends_the_connection(void **state) {
  static const char *const broken[] = {"\xff", "\xf2\x48", "\xf2\x02\x11"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    assert_refused(state, broken[i], strlen(broken[i]),
                   (expected_error){AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_MAYBE, 0, 1007,
                                    "the server sent a compressed message that cannot be inflated"});
  }
}

static void a_bomb_ends_the_connection(void **state) {
  static uint8_t zeros[1001], payload[64];
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = zeros;
  stream.avail_in = sizeof zeros;
  stream.next_out = payload;
  stream.avail_out = sizeof payload;
  assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
  assert_refused(state, payload, sizeof payload - stream.avail_out - 4,
                 (expected_error){AUI_ERROR_OVERFLOW, false, AUI_DELIVERED_MAYBE, 0, 1009,
                                  "the server sent a message of more than 1000 bytes (max_message)"});
  deflateEnd(&stream);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(answers_are_inflated),
      IN_EVERY_WAY(a_broken_message_ends_the_connection),
      IN_EVERY_WAY(a_bomb_ends_the_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

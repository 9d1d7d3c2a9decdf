/* Feeds a session's open connection with arbitrary bytes: each input is a sequence of steps, of which the most common
 * hands over the bytes behind it. Sends must end, chunks must add up to the text, and what is written must not grow. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"

/* The answer to a request whose nonce is all zero (RFC 6455, 4.2.2): see establish. */
static const char accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

static const aui_reply_timeouts timeouts = {50, 50, 200};

typedef struct {
  aui_session *session;
  aui_reply *reply; /* the last send's */
  uint64_t now;
  char *shown; /* what its reader has made of the chunks */
  size_t shown_len;
} fuzz;

static void require(bool ok) {
  if (!ok) abort();
}

static void pump(fuzz *f, size_t limit) {
  static const uint8_t zeros[64];
  size_t n;
  aui_session_random(f->session, zeros, aui_session_random_wanted(f->session));
  aui_session_output(f->session, &n, f->now);
  require(n < 4096);
  aui_session_written(f->session, n < limit ? n : limit, f->now);
}

/* Does what the session wants, up to an open connection. */
static void establish(fuzz *f) {
  if (aui_session_want(f->session) == AUI_WANT_DISCONNECT) aui_session_disconnected(f->session, NULL, true, f->now);
  if (aui_session_want(f->session) != AUI_WANT_CONNECT) return;
  aui_session_phase(f->session, AUI_PHASE_CONNECT, f->now);
  aui_session_connected(f->session, f->now);
  pump(f, SIZE_MAX);
  aui_session_receive(f->session, accepted, sizeof accepted - 1, f->now);
  require(aui_session_state(f->session) == AUI_STATE_OPEN);
}

static void show_chunks(fuzz *f) {
  size_t keep, n;
  const char *bytes;
  if (!f->reply) return;
  while (aui_reply_take(f->reply, &keep, &bytes, &n)) {
    require(keep <= f->shown_len);
    f->shown_len = keep + n;
    f->shown = realloc(f->shown, f->shown_len + 1);
    require(f->shown);
    memcpy(f->shown + keep, bytes, n);
  }
  bytes = aui_reply_text(f->reply, &n);
  require(n == f->shown_len && (n == 0 || memcmp(bytes, f->shown, n) == 0));
}

static void release(fuzz *f) {
  show_chunks(f);
  if (f->reply) aui_reply_release(f->reply, f->now);
  f->reply = NULL;
  f->shown_len = 0;
}

static void send(fuzz *f) {
  aui_error refused = {0};
  release(f);
  f->reply = aui_session_send(f->session, "{}", 2, &timeouts, f->now, &refused);
  require(f->reply);
}

static void pass(fuzz *f, uint64_t time) {
  f->now += time;
  aui_session_tick(f->session, f->now);
  require(aui_session_deadline(f->session) > f->now);
}

/* One step; returns how many bytes of `data` it took. */
static size_t step(fuzz *f, const uint8_t *data, size_t size) {
  uint8_t what = data[0];
  size_t n = what & 0x7F;
  if (what & 0x80) {
    switch (what & 7) {
      case 0: send(f); break;
      case 1: show_chunks(f); break;
      case 2: pump(f, 3); break;
      case 3: pass(f, what); break;
      case 4: aui_session_disconnected(f->session, "cut", true, f->now); break;
      default: pump(f, SIZE_MAX); break;
    }
    establish(f);
    return 1;
  }
  if (n > size - 1) n = size - 1;
  aui_session_receive(f->session, data + 1, n, f->now);
  establish(f);
  return 1 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz f = {.now = 1};
  aui_session_config config;
  aui_session_defaults(&config);
  config.max_message = 100000;
  f.session = aui_session_new(&config);
  require(f.session);
  establish(&f);
  send(&f);
  pump(&f, SIZE_MAX);
  while (size > 0) {
    size_t taken = step(&f, data, size);
    data += taken;
    size -= taken;
  }
  pass(&f, 200);
  require(!f.reply || aui_reply_get_status(f.reply) != AUI_REPLY_PENDING);
  release(&f);
  aui_session_free(f.session);
  free(f.shown);
  return 0;
}

/* One WebSocket connection of a client: joins handshake and frames, and keeps what both sides owe each other. */
#include "engine/websocket.h"

#include <stdlib.h>
#include <string.h>

bool aui_websocket_begin(aui_websocket *ws, int64_t unix_time, const aui_handshake_offer *offer) {
  ws->handshake = calloc(1, sizeof *ws->handshake);
  if (!ws->handshake) return false;
  ws->state = AUI_WEBSOCKET_REQUEST;
  ws->unix_time = unix_time;
  ws->offer = *offer;
  return true;
}

static void forget_handshake(aui_websocket *ws) {
  if (!ws->handshake) return;
  aui_handshake_free(ws->handshake);
  free(ws->handshake);
  ws->handshake = NULL;
}

void aui_websocket_adopt(aui_websocket *ws, size_t max_message, const aui_deflate *deflate) {
  aui_frame_init(&ws->frames, max_message);
  ws->deflate = *deflate;
  if (deflate->extension.deflate) aui_frame_allow_compression(&ws->frames);
  ws->state = AUI_WEBSOCKET_OPEN;
}

aui_deflate aui_websocket_leave(aui_websocket *ws) {
  aui_deflate deflate = ws->deflate;
  ws->deflate = (aui_deflate){0};
  return deflate;
}

bool aui_websocket_is_quiet(const aui_websocket *ws) {
  bool nothing_due = ws->out.len == 0 && ws->pong_count == 0 && !ws->ping_due;
  return ws->state == AUI_WEBSOCKET_OPEN && nothing_due && aui_frame_is_between(&ws->frames);
}

/* Takes `n` random bytes, which are never used twice. */
static const uint8_t *draw_random(aui_websocket *ws, size_t n) {
  ws->random_len -= n;
  return ws->random + ws->random_len;
}

static bool write_frame(aui_websocket *ws, aui_opcode opcode, const void *payload, size_t n) {
  if (!aui_frame_write(&ws->out, opcode, draw_random(ws, AUI_FRAME_MASK_SIZE), payload, n)) return false;
  ws->frames_in_out++;
  return true;
}

static bool write_close(aui_websocket *ws) {
  if (!aui_frame_write_close(&ws->out, draw_random(ws, AUI_FRAME_MASK_SIZE), ws->close_code, "")) return false;
  ws->frames_in_out++;
  return true;
}

/* All pongs, a ping, a close frame and a message may follow each other before `random` is filled again. */
_Static_assert((AUI_WEBSOCKET_MAX_PONGS + 3) * AUI_FRAME_MASK_SIZE <= AUI_WEBSOCKET_RANDOM, "random is too small");

static void forget_pongs(aui_websocket *ws) {
  aui_buffer_free(&ws->pongs);
  ws->pong_count = 0;
}

static bool write_pongs(aui_websocket *ws) {
  if (ws->lost_pong) return false;
  if (ws->pong_count == 0) return true;
  const char *pong = ws->pongs.data, *end = pong + ws->pongs.len;
  while (pong < end) {
    size_t n = (uint8_t)*pong++;
    if (!write_frame(ws, AUI_OPCODE_PONG, pong, n)) return false;
    pong += n;
  }
  forget_pongs(ws);
  return true;
}

bool aui_websocket_flush(aui_websocket *ws, const aui_request *request, size_t max_head) {
  if (ws->random_len < AUI_WEBSOCKET_RANDOM) return true;
  if (ws->state == AUI_WEBSOCKET_REQUEST) {
    const uint8_t *nonce = draw_random(ws, AUI_HANDSHAKE_NONCE_SIZE);
    if (!aui_handshake_begin(ws->handshake, &ws->out, request, &ws->offer, nonce, max_head)) return false;
    ws->handshake->unix_time = ws->unix_time;
    ws->state = AUI_WEBSOCKET_HANDSHAKE;
  }
  if (ws->out.len == 0 && !write_pongs(ws)) return false;
  if (ws->ping_due && ws->out.len == 0) {
    if (!write_frame(ws, AUI_OPCODE_PING, "", 0)) return false;
    ws->ping_due = false;
  }
  if (ws->close_due) {
    if (!write_close(ws)) return false;
    ws->close_due = false;
  }
  return true;
}

bool aui_websocket_send(aui_websocket *ws, aui_opcode opcode, const void *payload, size_t n) {
  uint64_t begin = ws->written + ws->out.len;
  if (!write_frame(ws, opcode, payload, n)) return false;
  ws->text_begin = begin;
  ws->text_end = ws->written + ws->out.len;
  return true;
}

bool aui_websocket_unsend(aui_websocket *ws) {
  if (ws->written > ws->text_begin) return false;
  aui_buffer *out = &ws->out;
  char *begin = out->data + (ws->text_begin - ws->written);
  char *end = out->data + (ws->text_end - ws->written);
  memmove(begin, end, (size_t)(out->data + out->len - end));
  out->len -= (size_t)(end - begin);
  ws->frames_in_out--;
  return true;
}

void aui_websocket_wrote(aui_websocket *ws, size_t n) {
  aui_buffer_consume(&ws->out, n);
  ws->written += n;
  if (ws->out.len > 0) return;
  ws->traffic.frames_sent += ws->frames_in_out;
  ws->frames_in_out = 0;
  aui_buffer_free(&ws->out);
}

static aui_websocket_event read_handshake(aui_websocket *ws, const uint8_t **input, const uint8_t *end,
                                          size_t max_message, int *why) {
  *why = aui_handshake_read(ws->handshake, input, end);
  if (*why == AUI_HANDSHAKE_NEED_MORE) return AUI_WEBSOCKET_NEED_MORE;
  if (*why != AUI_HANDSHAKE_ACCEPTED) return AUI_WEBSOCKET_BAD_HANDSHAKE;
  aui_deflate deflate;
  aui_deflate_begin(&deflate, &ws->handshake->extension);
  forget_handshake(ws);
  aui_websocket_adopt(ws, max_message, &deflate);
  return AUI_WEBSOCKET_OPENED;
}

static void take_ping(aui_websocket *ws, const aui_frame *ping) {
  if (ws->state != AUI_WEBSOCKET_OPEN) return;
  if (ws->pong_count == AUI_WEBSOCKET_MAX_PONGS) {
    ws->pongs.len = ws->last_pong;
    ws->pong_count--;
  }
  const uint8_t length = (uint8_t)ping->len;
  ws->last_pong = ws->pongs.len;
  ws->pong_count++;
  bool kept =
      aui_buffer_append(&ws->pongs, &length, sizeof length) && aui_buffer_append(&ws->pongs, ping->data, ping->len);
  if (!kept) ws->lost_pong = true;
}

static void take_peer_close(aui_websocket *ws, const aui_frame *close) {
  ws->peer_closed = true;
  ws->peer_code = close->close_code;
  ws->peer_reason = (const char *)close->data;
  aui_websocket_close(ws, close->close_code);
}

static aui_websocket_event event_of_message(const aui_websocket *ws) {
  return ws->frames.kind == AUI_OPCODE_TEXT ? AUI_WEBSOCKET_TEXT : AUI_WEBSOCKET_BINARY;
}

/* Goes on inflating the slice that was given to `deflate`; NEED_MORE when all of it has been. */
static aui_websocket_event read_compressed(aui_websocket *ws, size_t max_message, aui_frame *slice, int *why) {
  aui_deflate_piece piece;
  aui_deflate_result result = aui_deflate_read(&ws->deflate, max_message, &piece);
  switch (result) {
    case AUI_DEFLATE_NEED_MORE: return AUI_WEBSOCKET_NEED_MORE;
    case AUI_DEFLATE_PIECE:
      *slice = (aui_frame){.data = piece.data, .len = piece.len, .last = piece.last};
      return event_of_message(ws);
    default:
      *why = result;
      aui_websocket_fail(ws, aui_deflate_close_code(result));
      return AUI_WEBSOCKET_BAD_DEFLATE;
  }
}

aui_websocket_event aui_websocket_read(aui_websocket *ws, const uint8_t **input, const uint8_t *end, size_t max_message,
                                       aui_frame *slice, int *why) {
  if (ws->state == AUI_WEBSOCKET_HANDSHAKE) return read_handshake(ws, input, end, max_message, why);
  if (*input == end && !aui_deflate_is_pending(&ws->deflate)) return AUI_WEBSOCKET_NEED_MORE;
  if (ws->state < AUI_WEBSOCKET_OPEN) {
    /* Nothing may come before the request; what does will not be the answer to it. */
    *why = AUI_HANDSHAKE_NOT_HTTP;
    return AUI_WEBSOCKET_BAD_HANDSHAKE;
  }
  while (!ws->peer_closed) {
    if (aui_deflate_is_pending(&ws->deflate)) {
      aui_websocket_event event = read_compressed(ws, max_message, slice, why);
      if (event != AUI_WEBSOCKET_NEED_MORE) return event;
    }
    aui_frame_result result = aui_frame_read(&ws->frames, input, end, slice);
    switch (result) {
      case AUI_FRAME_NEED_MORE: return AUI_WEBSOCKET_NEED_MORE;
      case AUI_FRAME_TEXT:
      case AUI_FRAME_BINARY:
        if (!slice->compressed) return event_of_message(ws);
        aui_deflate_feed(&ws->deflate, slice->data, slice->len, slice->last);
        break;
      case AUI_FRAME_PING: take_ping(ws, slice); break;
      case AUI_FRAME_PONG: break;
      case AUI_FRAME_CLOSE: take_peer_close(ws, slice); return AUI_WEBSOCKET_PEER_CLOSE;
      default:
        *why = result;
        aui_websocket_fail(ws, aui_frame_close_code(result)); /* nothing behind a violation can be trusted */
        return AUI_WEBSOCKET_BAD_FRAME;
    }
  }
  *input = end;
  return AUI_WEBSOCKET_NEED_MORE;
}

void aui_websocket_close(aui_websocket *ws, uint16_t code) {
  if (ws->state == AUI_WEBSOCKET_CLOSING) return;
  ws->state = AUI_WEBSOCKET_CLOSING;
  ws->close_code = code;
  ws->close_due = true;
  forget_pongs(ws);
  ws->ping_due = false;
}

void aui_websocket_ping(aui_websocket *ws) {
  ws->ping_due = ws->state == AUI_WEBSOCKET_OPEN;
}

uint32_t aui_websocket_random32(aui_websocket *ws) {
  uint32_t bits = UINT32_MAX;
  if (ws->random_len >= sizeof bits) memcpy(&bits, draw_random(ws, sizeof bits), sizeof bits);
  return bits;
}

void aui_websocket_fail(aui_websocket *ws, uint16_t code) {
  ws->peer_closed = true;
  aui_websocket_close(ws, code);
}

bool aui_websocket_is_done(const aui_websocket *ws) {
  return ws->state == AUI_WEBSOCKET_CLOSING && ws->peer_closed && !ws->close_due && ws->out.len == 0;
}

aui_websocket_traffic aui_websocket_get_traffic(const aui_websocket *ws) {
  aui_websocket_traffic traffic = ws->traffic;
  traffic.frames_received += ws->frames.frames;
  return traffic;
}

void aui_websocket_clear(aui_websocket *ws) {
  aui_websocket_traffic traffic = aui_websocket_get_traffic(ws);
  forget_handshake(ws);
  forget_pongs(ws);
  aui_deflate_free(&ws->deflate);
  aui_buffer_free(&ws->out);
  uint8_t random[AUI_WEBSOCKET_RANDOM];
  size_t random_len = ws->random_len;
  memcpy(random, ws->random, random_len);
  memset(ws, 0, sizeof *ws);
  memcpy(ws->random, random, random_len);
  ws->random_len = random_len;
  ws->traffic = traffic;
}

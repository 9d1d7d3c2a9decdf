/* One WebSocket connection of a client, from the opening handshake to the closing one (RFC 6455): messages come
 * out in slices, frames to write pile up in `out`. */
#ifndef AUI_ENGINE_WEBSOCKET_H
#define AUI_ENGINE_WEBSOCKET_H

#include "engine/buffer.h"
#include "engine/deflate.h"
#include "engine/frame.h"
#include "engine/handshake.h"

enum { AUI_WEBSOCKET_RANDOM = 64, AUI_WEBSOCKET_MAX_PONGS = 12 };

typedef enum {
  AUI_WEBSOCKET_DOWN,      /* no connection */
  AUI_WEBSOCKET_REQUEST,   /* the transport is up, the request is not written yet */
  AUI_WEBSOCKET_HANDSHAKE, /* the answer is awaited */
  AUI_WEBSOCKET_OPEN,
  AUI_WEBSOCKET_CLOSING /* our close frame is written or due */
} aui_websocket_state;

/* How many frames of any kind were read, and were written whole. */
typedef struct {
  uint64_t frames_received;
  uint64_t frames_sent;
} aui_websocket_traffic;

/* All zero is a websocket that is down. Fields may be read; only the functions below change them, but for `random`. */
typedef struct {
  aui_websocket_state state;
  bool lost_pong; /* there was no memory for one */
  bool ping_due;
  bool close_due;
  bool peer_closed;
  size_t random_len;
  size_t pong_count;
  uint64_t text_begin; /* where the last message's frame lies in all that this connection writes */
  uint64_t text_end;
  uint64_t written; /* bytes of this connection that were written before `out` */
  aui_buffer out;   /* bytes to write; no memory is held while there are none */
  aui_frame_reader frames;
  aui_deflate deflate;

  aui_handshake *handshake;      /* until it is open; else NULL */
  aui_websocket_traffic traffic; /* of the connections before this one, and what of this one has left */
  uint64_t frames_in_out;        /* frames that are in `out`, the first perhaps in part */

  uint8_t random[AUI_WEBSOCKET_RANDOM]; /* for the handshake's nonce and for masks: used up from the end */

  int64_t unix_time;         /* see aui_websocket_begin */
  aui_handshake_offer offer; /* likewise */

  aui_buffer pongs; /* that are due: payloads, each behind a byte that has its length */
  size_t last_pong; /* where the newest lies in `pongs` */

  uint16_t close_code;     /* the one we send */
  uint16_t peer_code;      /* of the peer's close frame; 1005: it had none; 0: there was none */
  const char *peer_reason; /* likewise, in `frames`; NULL: there was none */
} aui_websocket;

/* Begins a connection whose transport has just opened. `unix_time`: the date, as of aui_retry_after_read. `offer`: what
 * the server may choose; what it borrows is borrowed until the WebSocket is open. Returns false, and changes nothing,
 * when memory is short. */
bool aui_websocket_begin(aui_websocket *ws, int64_t unix_time, const aui_handshake_offer *offer);

/* Begins with a transport on which the WebSocket is open already. `deflate` is what was known of its messages'
 * compression: taken over, from aui_websocket_leave. */
void aui_websocket_adopt(aui_websocket *ws, size_t max_message, const aui_deflate *deflate);

/* What aui_websocket_adopt has to know of an open WebSocket that is quiet; this one is of no use then but for
 * aui_websocket_clear. To be released with aui_deflate_free, if nobody adopts it. */
aui_deflate aui_websocket_leave(aui_websocket *ws);

/* Whether it is open and nothing is under way in either direction. */
bool aui_websocket_is_quiet(const aui_websocket *ws);

/* Writes what is due: the request, pongs, the close frame. Needs full `random`, else it does nothing. Pongs wait until
 * `out` is empty, so that a peer that pings without reading cannot make it grow. Returns false when memory is
 * short, or was for a ping's payload. `request` and `max_head` are used once a connection. */
bool aui_websocket_flush(aui_websocket *ws, const aui_request *request, size_t max_head);

/* Appends a message, AUI_OPCODE_TEXT or AUI_OPCODE_BINARY, to `out`. Only while open, and with AUI_FRAME_MASK_SIZE
 * bytes in `random` at least. Returns false when memory is short. */
bool aui_websocket_send(aui_websocket *ws, aui_opcode opcode, const void *payload, size_t n);

/* Takes the last message back, if no byte of it was written, else returns false. To be called once for each. */
bool aui_websocket_unsend(aui_websocket *ws);

/* The first `n` bytes of `out` were written. */
void aui_websocket_wrote(aui_websocket *ws, size_t n);

typedef enum {
  AUI_WEBSOCKET_NEED_MORE = 0,
  AUI_WEBSOCKET_OPENED,
  AUI_WEBSOCKET_TEXT,          /* a slice of a message is in `*slice`, inflated if it was compressed; whether it is
                                  UTF-8 is for the caller to check */
  AUI_WEBSOCKET_BINARY,        /* a slice of a binary message */
  AUI_WEBSOCKET_PEER_CLOSE,    /* see peer_code and peer_reason; answered by itself */
  AUI_WEBSOCKET_BAD_HANDSHAKE, /* refused or broken: `*why` has the aui_handshake_result; details in `handshake` */
  AUI_WEBSOCKET_BAD_FRAME,     /* `*why` has the aui_frame_result; the close frame it asks for is due */
  AUI_WEBSOCKET_BAD_DEFLATE    /* the same of a message that was to be inflated: an aui_deflate_result */
} aui_websocket_event;

/* Reads from `*input` up to `end`, up to the first thing to report, and moves `*input` behind it. To be called until it
 * returns NEED_MORE. Pings are answered by themselves; of more than AUI_WEBSOCKET_MAX_PONGS that wait for their answer
 * the newest takes the place of the one before it (5.5.3 allows that). After the peer's close or a bad frame all
 * further input is dropped. */
aui_websocket_event aui_websocket_read(aui_websocket *ws, const uint8_t **input, const uint8_t *end, size_t max_message,
                                       aui_frame *slice, int *why);

/* Makes a ping due. */
void aui_websocket_ping(aui_websocket *ws);

/* 32 bits of `random`, all ones when it is empty. */
uint32_t aui_websocket_random32(aui_websocket *ws);

/* Makes a close frame due, if none was. Messages still come in until the peer's own. */
void aui_websocket_close(aui_websocket *ws, uint16_t code);

/* The same, without waiting for the peer: all further input is dropped (RFC 6455, 7.1.7). */
void aui_websocket_fail(aui_websocket *ws, uint16_t code);

/* True when both sides have closed, as far as that was asked of them, and everything is written. */
bool aui_websocket_is_done(const aui_websocket *ws);

/* The frames of all connections. */
aui_websocket_traffic aui_websocket_get_traffic(const aui_websocket *ws);

/* The transport is gone: releases the memory, and sets all but `random` and `traffic` to zero. */
void aui_websocket_clear(aui_websocket *ws);

#endif

/* Inflates the messages that a server has compressed (permessage-deflate, RFC 7692, 7.2.2), piece by piece. What was
 * agreed of that is extension's affair, and which messages are compressed is frame's. */
#ifndef AUI_ENGINE_DEFLATE_H
#define AUI_ENGINE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/extension.h"

typedef struct aui_inflater aui_inflater;
typedef struct aui_packed_window aui_packed_window;

/* What is known of a server's compressed messages. All zero: none may come. Private but for `extension`. */
typedef struct {
  aui_extension extension;
  aui_inflater *inflater;     /* NULL while nothing that has come is of any use to what will, or it is at rest: */
  aui_packed_window *packed;  /* NULL when it is not */
  const uint8_t *input, *end; /* what is to be inflated now, of the message or the four bytes that are left out of it */
  uint64_t message;           /* bytes that have come out of the message so far */
  bool pending;               /* a slice was given, */
  bool used_up;               /* nothing more comes of it, */
  bool last;                  /* it is the message's last one, */
  bool at_tail;               /* all of which was inflated */
  bool inside;                /* the compressed data goes on behind what was inflated */
} aui_deflate;

/* Begins with a new connection. Holds no memory yet. */
void aui_deflate_begin(aui_deflate *deflate, const aui_extension *agreed);

/* Gives the next slice of a compressed message, perhaps of no bytes; `last`: it ends the message. Borrowed until
 * aui_deflate_read returns anything but AUI_DEFLATE_PIECE, as it has for the slice before. */
void aui_deflate_feed(aui_deflate *deflate, const uint8_t *bytes, size_t n, bool last);

/* Whether a slice was given of which aui_deflate_read has not said yet that it is used up. */
static inline bool aui_deflate_is_pending(const aui_deflate *deflate) {
  return deflate->pending;
}

typedef struct {
  const uint8_t *data; /* valid until the next call */
  size_t len;
  bool last; /* it ends the message; it may be empty then */
} aui_deflate_piece;

typedef enum {
  AUI_DEFLATE_NEED_MORE = 0, /* the slice is used up, or there is none */
  AUI_DEFLATE_PIECE,

  /* Nothing more can be read on this connection. */
  AUI_DEFLATE_BAD_DATA = -1, /* the message is no compressed data, or breaks off in the middle of it */
  AUI_DEFLATE_TOO_BIG = -2,  /* it has more than max_message bytes */
  AUI_DEFLATE_NO_MEMORY = -3
} aui_deflate_result;

/* Inflates the next piece of the slice, never more than a few kilobytes beyond `max_message`, the limit of a message's
 * bytes. To be called until it returns something else than AUI_DEFLATE_PIECE. */
aui_deflate_result aui_deflate_read(aui_deflate *deflate, uint64_t max_message, aui_deflate_piece *piece);

/* No message is expected soon: what has to be kept for the next one is kept in as little memory as it can be, a few
 * kilobytes of some 44. Nothing changes in the middle of a message, or when memory is short. */
void aui_deflate_rest(aui_deflate *deflate);

/* The close code after a negative result: 1007 (invalid payload), 1009 (too big); RFC 7692 asks for none. */
uint16_t aui_deflate_close_code(aui_deflate_result result);

/* Releases the memory; nothing is known afterwards. */
void aui_deflate_free(aui_deflate *deflate);

#endif

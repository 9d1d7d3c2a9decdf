/* Inflates a server's messages by zlib. The memory that this takes, 44 KiB for a window of 15 bits, is there from a
 * compressed message's first byte to its last, or, where the server goes on with its window from message to message,
 * until the next rest: the window is kept then, compressed as the messages were which it has. */
#include "engine/deflate.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
  PIECE = 4096,         /* bytes; most updates are shorter */
  MOST_INPUT = 1 << 30, /* of one call: zlib counts in unsigned int */
  LEAST_BITS = 9        /* zlib as a server's compressor takes 9 for 8 */
};

struct aui_inflater {
  z_stream stream;
  uint8_t piece[PIECE];
};

/* A window at rest. */
struct aui_packed_window {
  unsigned size; /* bytes of the window */
  uLongf n;      /* bytes of the below */
  uint8_t bytes[];
};

/* What a message's compressed data ends with, and its sender leaves out (7.2.1). */
static const uint8_t tail[] = {0x00, 0x00, 0xFF, 0xFF};

void aui_deflate_begin(aui_deflate *deflate, const aui_extension *agreed) {
  *deflate = (aui_deflate){.extension = *agreed};
}

void aui_deflate_feed(aui_deflate *deflate, const uint8_t *bytes, size_t n, bool last) {
  deflate->input = bytes;
  deflate->end = bytes + n;
  deflate->last = last;
  deflate->pending = true;
}

/* ---- Memory ---- */

/* For zlib, so that tests can make memory short for it, too. */
static void *allocate(void *opaque, unsigned count, unsigned size) {
  (void)opaque;
  return count == 0 || size <= SIZE_MAX / count ? malloc((size_t)count * size) : NULL;
}

static void release(void *opaque, void *memory) {
  (void)opaque;
  free(memory);
}

static void free_inflater(aui_deflate *deflate) {
  if (!deflate->inflater) return;
  inflateEnd(&deflate->inflater->stream);
  free(deflate->inflater);
  deflate->inflater = NULL;
}

/* Gives the new inflater the window that was put away. */
static bool unpack_window(aui_deflate *deflate) {
  aui_packed_window *packed = deflate->packed;
  uint8_t *window = malloc(packed->size);
  uLongf size = packed->size;
  bool ok = window && uncompress(window, &size, packed->bytes, packed->n) == Z_OK &&
            inflateSetDictionary(&deflate->inflater->stream, window, packed->size) == Z_OK;
  free(window);
  free(packed);
  deflate->packed = NULL;
  return ok;
}

static bool make_inflater(aui_deflate *deflate) {
  if (deflate->inflater) return true;
  aui_inflater *inflater = malloc(sizeof *inflater);
  if (!inflater) return false;
  inflater->stream = (z_stream){.zalloc = allocate, .zfree = release};
  int bits = deflate->extension.window_bits;
  if (inflateInit2(&inflater->stream, -(bits < LEAST_BITS ? LEAST_BITS : bits)) != Z_OK) { /* -: without a header */
    free(inflater);
    return false;
  }
  deflate->inflater = inflater;
  return !deflate->packed || unpack_window(deflate);
}

/* The inflater's window; NULL when memory is short, or there is nothing in it. */
static aui_packed_window *pack_window(aui_inflater *inflater) {
  uint8_t window[1 << AUI_EXTENSION_MOST_BITS];
  unsigned size = 0;
  if (inflateGetDictionary(&inflater->stream, window, &size) != Z_OK || size == 0) return NULL;
  uLongf room = compressBound(size);
  aui_packed_window *packed = malloc(sizeof *packed + room);
  if (!packed) return NULL;
  packed->size = size;
  packed->n = room;
  if (compress2(packed->bytes, &packed->n, window, size, Z_BEST_SPEED) != Z_OK) {
    free(packed);
    return NULL;
  }
  aui_packed_window *fitting = realloc(packed, sizeof *packed + packed->n);
  return fitting ? fitting : packed;
}

void aui_deflate_rest(aui_deflate *deflate) {
  bool in_message = deflate->pending || deflate->inside || deflate->message > 0;
  if (!deflate->inflater || in_message) return;
  deflate->packed = pack_window(deflate->inflater);
  if (deflate->packed) free_inflater(deflate);
}

/* ---- Inflating ---- */

/* Whether the data that was inflated last ends with a block and a byte. */
static bool is_between_blocks(const z_stream *stream) {
  enum { UNUSED_BITS = 63, BEHIND_A_BLOCK = 128 };
  return stream->data_type & BEHIND_A_BLOCK && !(stream->data_type & UNUSED_BITS);
}

/* Whether zlib has taken all of the input, and given all that comes of it. */
static bool is_drained(const aui_deflate *deflate) {
  bool is_full = deflate->inflater && deflate->inflater->stream.avail_out == 0;
  return deflate->input == deflate->end && !is_full;
}

/* Makes the next piece. Only at the tail zlib stops behind each block, and says there whether it is behind one. */
static aui_deflate_result inflate_some(aui_deflate *deflate, size_t *made) {
  z_stream *stream = &deflate->inflater->stream;
  size_t left = (size_t)(deflate->end - deflate->input);
  stream->next_in = deflate->input;
  stream->avail_in = left < MOST_INPUT ? (unsigned)left : MOST_INPUT;
  stream->next_out = deflate->inflater->piece;
  stream->avail_out = PIECE;
  int result = inflate(stream, deflate->at_tail ? Z_BLOCK : Z_SYNC_FLUSH);
  *made = PIECE - stream->avail_out;
  if (stream->next_in > deflate->input) deflate->inside = true;
  deflate->input = stream->next_in;
  switch (result) {
    case Z_OK: return AUI_DEFLATE_NEED_MORE;
    case Z_BUF_ERROR: return is_drained(deflate) ? AUI_DEFLATE_NEED_MORE : AUI_DEFLATE_BAD_DATA; /* no progress */
    case Z_STREAM_END: /* some end a message by a final block (7.2.3.5); the window outlives it */
      deflate->inside = false;
      return inflateResetKeep(stream) == Z_OK ? AUI_DEFLATE_NEED_MORE : AUI_DEFLATE_BAD_DATA;
    case Z_MEM_ERROR: return AUI_DEFLATE_NO_MEMORY;
    default: return AUI_DEFLATE_BAD_DATA;
  }
}

static void begin_tail(aui_deflate *deflate) {
  deflate->at_tail = true;
  deflate->input = tail;
  deflate->end = tail + sizeof tail;
}

/* All of the input was inflated: goes on with the tail, if it is due. Some send an empty message without any data:
 * there is no tail to that, as there is none behind a final block. */
static aui_deflate_result end_input(aui_deflate *deflate) {
  if (deflate->last && deflate->inside && !deflate->at_tail) {
    begin_tail(deflate);
    return AUI_DEFLATE_NEED_MORE;
  }
  bool breaks_off = deflate->at_tail && deflate->inside && !is_between_blocks(&deflate->inflater->stream);
  deflate->used_up = true;
  return breaks_off ? AUI_DEFLATE_BAD_DATA : AUI_DEFLATE_NEED_MORE;
}

/* One step on the way to the slice's end, in which `*made` bytes of the message came out. */
static aui_deflate_result go_on(aui_deflate *deflate, uint64_t max_message, size_t *made) {
  aui_deflate_result result = AUI_DEFLATE_NEED_MORE;
  *made = 0;
  if (!is_drained(deflate)) {
    if (!make_inflater(deflate)) return AUI_DEFLATE_NO_MEMORY;
    result = inflate_some(deflate, made);
  }
  if (result != AUI_DEFLATE_NEED_MORE) return result;
  if (*made > max_message - deflate->message) return AUI_DEFLATE_TOO_BIG;
  deflate->message += *made;
  return is_drained(deflate) ? end_input(deflate) : AUI_DEFLATE_NEED_MORE;
}

/* Nobody looks at the last piece any more, which is in the inflater. */
static void end_slice(aui_deflate *deflate) {
  deflate->pending = deflate->used_up = false;
  if (!deflate->last) return;
  deflate->message = 0;
  deflate->at_tail = deflate->inside = false;
  if (!deflate->extension.takeover) free_inflater(deflate);
}

aui_deflate_result aui_deflate_read(aui_deflate *deflate, uint64_t max_message, aui_deflate_piece *piece) {
  while (deflate->pending && !deflate->used_up) {
    size_t made;
    aui_deflate_result result = go_on(deflate, max_message, &made);
    if (result != AUI_DEFLATE_NEED_MORE) return result;
    bool ends = deflate->used_up && deflate->last;
    if (made == 0 && !ends) continue;
    *piece = (aui_deflate_piece){made > 0 ? deflate->inflater->piece : tail, made, ends};
    return AUI_DEFLATE_PIECE;
  }
  end_slice(deflate);
  return AUI_DEFLATE_NEED_MORE;
}

uint16_t aui_deflate_close_code(aui_deflate_result result) {
  return result == AUI_DEFLATE_TOO_BIG ? 1009 : 1007;
}

void aui_deflate_free(aui_deflate *deflate) {
  free_inflater(deflate);
  free(deflate->packed);
  *deflate = (aui_deflate){0};
}

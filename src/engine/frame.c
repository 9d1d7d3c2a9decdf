/* Reads a server's WebSocket frames and writes a client's. Every check is made as soon as the byte
 * that it needs is there, so that a result does not depend on how the network sliced the input. */
#include "engine/frame.h"

#include <string.h>

#include "engine/utf8.h"

/* The head's bits (RFC 6455, 5.2). */
enum {
  FIN = 0x80,
  RESERVED = 0x70,
  COMPRESSED = 0x40, /* RSV1 in the first frame of a message (RFC 7692, 6) */
  OPCODE = 0x0F,
  CONTROL = 0x08, /* set in the opcodes of control frames */
  MASK = 0x80,
  LENGTH = 0x7F,
  LENGTH_16 = 126,
  LENGTH_64 = 127
};

enum { OPCODE_CONTINUATION = 0x0 };

enum { MAX_HEAD = 10, CLOSE_CODE_SIZE = 2, NO_CLOSE_CODE = 1005 };

static uint64_t load_be(const uint8_t *bytes, size_t n) {
  uint64_t value = 0;
  for (size_t i = 0; i < n; i++) value = value << 8 | bytes[i];
  return value;
}

static void store_be(uint8_t *bytes, size_t n, uint64_t value) {
  for (size_t i = n; i-- > 0; value >>= 8) bytes[i] = (uint8_t)value;
}

void aui_frame_init(aui_frame_reader *reader, uint64_t max_message) {
  memset(reader, 0, sizeof *reader);
  reader->max_message = max_message;
}

void aui_frame_allow_compression(aui_frame_reader *reader) {
  reader->may_compress = true;
}

/* ---- reading ---- */

/* How many bytes hold the length behind the first two. */
static size_t extended_length_size(uint8_t length) {
  if (length == LENGTH_16) return 2;
  return length == LENGTH_64 ? 8 : 0;
}

/* Of a first byte with reserved bits: whether they say that a message is compressed, and nothing else. */
static bool may_be_compressed(const aui_frame_reader *reader, uint8_t byte) {
  uint8_t opcode = byte & OPCODE;
  bool begins_message = opcode == AUI_OPCODE_TEXT || opcode == AUI_OPCODE_BINARY;
  return reader->may_compress && begins_message && (byte & RESERVED) == COMPRESSED;
}

static aui_frame_result check_first_byte(const aui_frame_reader *reader, uint8_t byte) {
  uint8_t opcode = byte & OPCODE;
  if (byte & RESERVED && !may_be_compressed(reader, byte)) return AUI_FRAME_RESERVED_BITS;
  switch (opcode) {
    case AUI_OPCODE_CLOSE:
    case AUI_OPCODE_PING:
    case AUI_OPCODE_PONG: return byte & FIN ? AUI_FRAME_NEED_MORE : AUI_FRAME_CONTROL_FRAGMENTED;
    case OPCODE_CONTINUATION: return reader->in_message ? AUI_FRAME_NEED_MORE : AUI_FRAME_UNEXPECTED_CONTINUATION;
    case AUI_OPCODE_TEXT:
    case AUI_OPCODE_BINARY: return reader->in_message ? AUI_FRAME_INTERLEAVED : AUI_FRAME_NEED_MORE;
    default: return AUI_FRAME_RESERVED_OPCODE;
  }
}

static aui_frame_result check_second_byte(uint8_t opcode, uint8_t byte) {
  if (byte & MASK) return AUI_FRAME_MASKED;
  if (opcode & CONTROL && byte > AUI_FRAME_MAX_CONTROL) return AUI_FRAME_CONTROL_TOO_LONG;
  if (opcode == AUI_OPCODE_CLOSE && byte == 1) return AUI_FRAME_BAD_CLOSE; /* half a code */
  return AUI_FRAME_NEED_MORE;
}

/* The limit of the message to which a data frame belongs: of what is compressed, what a compressor may need for that
 * which cannot be compressed, and more. */
static uint64_t limit_of(const aui_frame_reader *reader, uint8_t first_byte) {
  enum { SHORT = 64 };
  bool continues = (first_byte & OPCODE) == OPCODE_CONTINUATION;
  bool compressed = continues ? reader->compressed : first_byte & COMPRESSED;
  if (!compressed) return reader->max_message;
  return reader->max_message < UINT64_MAX / 2 - SHORT ? 2 * reader->max_message + SHORT : UINT64_MAX;
}

/* The payload length of a complete head, in its shortest form and within the limit. */
static aui_frame_result check_length(const aui_frame_reader *reader, const uint8_t *head, uint64_t *length) {
  size_t extended = extended_length_size(head[1]);
  *length = extended ? load_be(head + 2, extended) : head[1];
  if (extended == 2 && *length < LENGTH_16) return AUI_FRAME_BAD_LENGTH;
  if (extended == 8 && (*length <= UINT16_MAX || *length > INT64_MAX)) return AUI_FRAME_BAD_LENGTH;
  if (!(head[0] & CONTROL) && *length > limit_of(reader, head[0]) - reader->message) {
    return AUI_FRAME_TOO_BIG;
  }
  return AUI_FRAME_NEED_MORE;
}

/* Checks the first `have` bytes of a head. Sets `*size` to the head's size once these show it, and
 * begins the payload once they hold all of it. Returns NEED_MORE unless they show a violation. */
static aui_frame_result frame_take_head(aui_frame_reader *reader, const uint8_t *head, size_t have, size_t *size) {
  *size = 2;
  aui_frame_result result = check_first_byte(reader, head[0]);
  if (result < 0 || have < 2) return result;
  uint8_t opcode = head[0] & OPCODE;
  result = check_second_byte(opcode, head[1]);
  if (result < 0) return result;
  *size += extended_length_size(head[1]);
  if (have < *size) return AUI_FRAME_NEED_MORE;

  uint64_t length;
  result = check_length(reader, head, &length);
  if (result < 0) return result;
  reader->in_payload = true;
  reader->frames++;
  reader->opcode = opcode;
  reader->remaining = length;
  reader->fin = head[0] & FIN;
  if (opcode & CONTROL) {
    reader->control_len = 0;
  } else {
    if (opcode != OPCODE_CONTINUATION) {
      reader->kind = opcode;
      reader->compressed = head[0] & COMPRESSED;
    }
    reader->in_message = true;
    reader->message += length;
  }
  return AUI_FRAME_NEED_MORE;
}

/* Reads up to the payload's beginning or the input's end. */
static aui_frame_result read_head(aui_frame_reader *reader, const uint8_t **input, const uint8_t *end) {
  size_t size;
  if (reader->head_len == 0 && end - *input >= MAX_HEAD) {
    aui_frame_result result = frame_take_head(reader, *input, MAX_HEAD, &size);
    *input += size;
    return result;
  }
  while (!reader->in_payload && *input < end) {
    reader->head[reader->head_len++] = *(*input)++;
    aui_frame_result result = frame_take_head(reader, reader->head, reader->head_len, &size);
    if (result < 0) return result;
  }
  if (reader->in_payload) reader->head_len = 0;
  return AUI_FRAME_NEED_MORE;
}

/* How much of the current frame's payload the input holds. */
static size_t payload_available(const aui_frame_reader *reader, const uint8_t *input, const uint8_t *end) {
  size_t available = (size_t)(end - input);
  return reader->remaining < available ? (size_t)reader->remaining : available;
}

/* Reports the next slice of a data frame; NEED_MORE when the frame is an empty fragment, which has none. */
static aui_frame_result read_data(aui_frame_reader *reader, const uint8_t **input, const uint8_t *end,
                                  aui_frame *frame) {
  size_t len = payload_available(reader, *input, end);
  reader->remaining -= len;
  reader->in_payload = reader->remaining > 0;
  bool last = reader->fin && !reader->in_payload;
  if (len == 0 && !last) return AUI_FRAME_NEED_MORE;
  if (last) {
    reader->in_message = false;
    reader->message = 0;
  }
  *frame = (aui_frame){.data = *input, .len = len, .last = last, .compressed = reader->compressed};
  *input += len;
  return (aui_frame_result)reader->kind;
}

/* Codes that an endpoint may send (7.4), registered ones up to 1014 included. */
static bool may_be_sent(uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

/* Reports the close frame whose payload is complete. */
static aui_frame_result frame_take_close(const aui_frame_reader *reader, aui_frame *frame) {
  if (frame->len == 0) return AUI_FRAME_CLOSE;
  frame->close_code = (uint16_t)load_be(reader->control, CLOSE_CODE_SIZE);
  frame->data += CLOSE_CODE_SIZE;
  frame->len -= CLOSE_CODE_SIZE;
  if (!may_be_sent(frame->close_code)) return AUI_FRAME_BAD_CLOSE;
  if (!aui_utf8_valid(frame->data, frame->len)) return AUI_FRAME_BAD_CLOSE_REASON;
  return AUI_FRAME_CLOSE;
}

/* Collects a control frame's payload, and reports the frame when it is complete. */
static aui_frame_result read_control(aui_frame_reader *reader, const uint8_t **input, const uint8_t *end,
                                     aui_frame *frame) {
  size_t n = payload_available(reader, *input, end);
  memcpy(reader->control + reader->control_len, *input, n);
  reader->control_len += (uint8_t)n;
  reader->remaining -= n;
  *input += n;
  if (reader->remaining > 0) return AUI_FRAME_NEED_MORE;

  reader->in_payload = false;
  reader->control[reader->control_len] = 0;
  *frame = (aui_frame){.data = reader->control, .len = reader->control_len, .last = true, .close_code = NO_CLOSE_CODE};
  switch (reader->opcode) {
    case AUI_OPCODE_PING: return AUI_FRAME_PING;
    case AUI_OPCODE_PONG: return AUI_FRAME_PONG;
    default: return frame_take_close(reader, frame);
  }
}

aui_frame_result aui_frame_read(aui_frame_reader *reader, const uint8_t **input, const uint8_t *end, aui_frame *frame) {
  for (;;) {
    if (!reader->in_payload) {
      aui_frame_result result = read_head(reader, input, end);
      if (!reader->in_payload) return result;
    }
    if (reader->remaining > 0 && *input == end) return AUI_FRAME_NEED_MORE;
    aui_frame_result result =
        reader->opcode & CONTROL ? read_control(reader, input, end, frame) : read_data(reader, input, end, frame);
    if (result != AUI_FRAME_NEED_MORE || reader->in_payload) return result;
  }
}

/* ---- violations ---- */

bool aui_frame_is_between(const aui_frame_reader *reader) {
  return reader->head_len == 0 && !reader->in_payload && !reader->in_message;
}

uint16_t aui_frame_close_code(aui_frame_result violation) {
  switch (violation) {
    case AUI_FRAME_BAD_CLOSE_REASON: return 1007;
    case AUI_FRAME_TOO_BIG: return 1009;
    default: return 1002;
  }
}

const char *aui_frame_describe(aui_frame_result violation) {
  switch (violation) {
    case AUI_FRAME_MASKED: return "the server sent a masked frame";
    case AUI_FRAME_RESERVED_BITS: return "the server set a reserved bit without an extension that uses it";
    case AUI_FRAME_RESERVED_OPCODE: return "the server sent a frame with a reserved opcode";
    case AUI_FRAME_CONTROL_TOO_LONG: return "the server sent a control frame of more than 125 bytes";
    case AUI_FRAME_CONTROL_FRAGMENTED: return "the server sent a fragmented control frame";
    case AUI_FRAME_UNEXPECTED_CONTINUATION: return "the server sent a continuation frame with no message to continue";
    case AUI_FRAME_INTERLEAVED: return "the server began a message inside a fragmented one";
    case AUI_FRAME_BAD_LENGTH: return "the server sent a frame length that is not in its shortest form";
    case AUI_FRAME_BAD_CLOSE: return "the server sent a close frame without a valid code";
    case AUI_FRAME_BAD_CLOSE_REASON: return "the server sent a close reason that is not UTF-8";
    case AUI_FRAME_TOO_BIG: return "the server sent a message that is longer than the limit";
    default: return "the server's frames are in order";
  }
}

/* ---- writing ---- */

/* Copies `n` bytes, each combined with the mask's byte of its turn (5.3); eight at a time, since
 * both are repeated. */
static void copy_masked(uint8_t *out, const uint8_t *bytes, size_t n, const uint8_t mask[AUI_FRAME_MASK_SIZE]) {
  uint64_t mask_word;
  memcpy(&mask_word, mask, AUI_FRAME_MASK_SIZE);
  memcpy((uint8_t *)&mask_word + AUI_FRAME_MASK_SIZE, mask, AUI_FRAME_MASK_SIZE);
  size_t i = 0;
  for (; n - i >= sizeof mask_word; i += sizeof mask_word) {
    uint64_t word;
    memcpy(&word, bytes + i, sizeof word);
    word ^= mask_word;
    memcpy(out + i, &word, sizeof word);
  }
  for (; i < n; i++) out[i] = bytes[i] ^ mask[i % AUI_FRAME_MASK_SIZE];
}

/* Writes the head up to the mask. Returns its size. */
static size_t write_head(uint8_t head[MAX_HEAD], aui_opcode opcode, size_t n) {
  head[0] = (uint8_t)(FIN | opcode);
  if (n < LENGTH_16) {
    head[1] = (uint8_t)(MASK | n);
  } else {
    head[1] = MASK | (n <= UINT16_MAX ? LENGTH_16 : LENGTH_64);
  }
  size_t extended = extended_length_size(head[1] & LENGTH);
  store_be(head + 2, extended, n);
  return 2 + extended;
}

bool aui_frame_write(aui_buffer *out, aui_opcode opcode, const uint8_t mask[AUI_FRAME_MASK_SIZE], const void *payload,
                     size_t n) {
  uint8_t head[MAX_HEAD];
  size_t head_size = write_head(head, opcode, n);
  if (!aui_buffer_reserve(out, head_size + AUI_FRAME_MASK_SIZE + n)) return false;
  uint8_t *p = (uint8_t *)out->data + out->len;
  memcpy(p, head, head_size);
  memcpy(p + head_size, mask, AUI_FRAME_MASK_SIZE);
  copy_masked(p + head_size + AUI_FRAME_MASK_SIZE, payload, n, mask);
  out->len += head_size + AUI_FRAME_MASK_SIZE + n;
  return true;
}

bool aui_frame_write_close(aui_buffer *out, const uint8_t mask[AUI_FRAME_MASK_SIZE], uint16_t code,
                           const char *reason) {
  if (code == NO_CLOSE_CODE) return aui_frame_write(out, AUI_OPCODE_CLOSE, mask, "", 0);
  uint8_t payload[AUI_FRAME_MAX_CONTROL];
  size_t len = strlen(reason);
  if (len > AUI_FRAME_MAX_REASON) len = aui_utf8_boundary(reason, len, AUI_FRAME_MAX_REASON);
  store_be(payload, CLOSE_CODE_SIZE, code);
  memcpy(payload + CLOSE_CODE_SIZE, reason, len);
  return aui_frame_write(out, AUI_OPCODE_CLOSE, mask, payload, CLOSE_CODE_SIZE + len);
}

// WebSocket frames of a server and a strict check of a client's; see sim_frame.h.
#include "sim_frame.h"

#include <stdint.h>

void sim_frame_header(struct sim_buffer *out, unsigned first, size_t length) {
  unsigned char header[10] = {(unsigned char)first};
  size_t size = 2;
  if (length < 126) {
    header[1] = (unsigned char)length;
  } else if (length <= 0xffff) {
    header[1] = 126;
    size = 4;
  } else {
    header[1] = 127;
    size = 10;
  }
  for (size_t i = size; i > 2; i--, length >>= 8) header[i - 1] = (unsigned char)length;
  sim_buffer_add(out, header, size);
}

void sim_frame_add(struct sim_buffer *out, unsigned first, const void *payload, size_t length) {
  sim_frame_header(out, first, length);
  sim_buffer_add(out, payload, length);
}

// What is wrong with the first two bytes of a client's frame; NULL if nothing is.
static const char *check_header(unsigned first, unsigned second, unsigned reserved) {
  unsigned opcode = first & 0x0f;
  if (opcode != SIM_TEXT && opcode != SIM_BINARY) reserved = 0;
  if (first & 0x70 & ~reserved) return "reserved bit set without an extension (RFC 6455, 5.2)";
  if (opcode > SIM_PONG || (opcode > SIM_BINARY && opcode < SIM_CLOSE)) return "reserved opcode (RFC 6455, 5.2)";
  if (!(second & 0x80)) return "client frame without a mask (RFC 6455, 5.1)";
  if (opcode >= SIM_CLOSE && !(first & SIM_FIN)) return "fragmented control frame (RFC 6455, 5.5)";
  if (opcode >= SIM_CLOSE && (second & 0x7f) > SIM_MAX_CONTROL_PAYLOAD)
    return "control frame above 125 bytes (RFC 6455, 5.5)";
  return NULL;
}

static enum sim_parse frame_fail(struct sim_fault *fault, unsigned code, const char *reason) {
  *fault = (struct sim_fault){code, reason};
  return SIM_PARSE_FAULT;
}

enum sim_parse sim_frame_parse(unsigned char *data, size_t length, unsigned reserved, struct sim_frame *frame,
                               size_t *used, struct sim_fault *fault) {
  if (length < 2) return SIM_PARSE_MORE;
  const char *problem = check_header(data[0], data[1], reserved);
  if (problem) return frame_fail(fault, 1002, problem);

  uint64_t size = data[1] & 0x7f;
  size_t head = size == 127 ? 10 : size == 126 ? 4 : 2;
  if (length < head) return SIM_PARSE_MORE;
  if (head > 2) {
    size = 0;
    for (size_t i = 2; i < head; i++) size = size << 8 | data[i];
    if (size < 126 || (head == 10 && size <= 0xffff))
      return frame_fail(fault, 1002, "length not in its shortest form (RFC 6455, 5.2)");
    if (size > SIM_MAX_MESSAGE) return frame_fail(fault, 1009, "message above 1 MiB");
  }
  if (length < head + 4 + size) return SIM_PARSE_MORE;

  const unsigned char *mask = data + head;
  unsigned char *payload = data + head + 4;
  for (size_t i = 0; i < size; i++) payload[i] ^= mask[i & 3];
  frame->opcode = (enum sim_opcode)(data[0] & 0x0f);
  frame->fin = (data[0] & SIM_FIN) != 0;
  frame->compressed = (data[0] & SIM_COMPRESSED) != 0;
  frame->payload = payload;
  frame->length = (size_t)size;
  *used = head + 4 + (size_t)size;
  return SIM_PARSE_DONE;
}

// The length of the well-formed character at `text`, 0 if there is none (the table of RFC 3629, section 4).
static size_t utf8_character(const unsigned char *text, size_t left) {
  unsigned char first = text[0], low = 0x80, high = 0xbf;
  size_t size;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    size = 3;
    low = first == 0xe0 ? 0xa0 : 0x80;
    high = first == 0xed ? 0x9f : 0xbf;
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4;
    low = first == 0xf0 ? 0x90 : 0x80;
    high = first == 0xf4 ? 0x8f : 0xbf;
  } else {
    return 0;
  }
  if (left < size || text[1] < low || text[1] > high) return 0;
  for (size_t i = 2; i < size; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return size;
}

bool sim_utf8_valid(const unsigned char *text, size_t length) {
  for (size_t at = 0; at < length;) {
    size_t size = utf8_character(text + at, length - at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

bool sim_close_code_valid(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

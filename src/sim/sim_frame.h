// WebSocket frames (RFC 6455, section 5): spelling those of a server, reading and checking those of a client.
// The check is strict, so that a client tested here cannot get away with anything.
#ifndef AUI_SIM_SIM_FRAME_H
#define AUI_SIM_SIM_FRAME_H

#include "sim_buffer.h"

#include <stdbool.h>

enum sim_opcode { // RFC 6455, section 11.8
  SIM_CONTINUATION = 0x0,
  SIM_TEXT = 0x1,
  SIM_BINARY = 0x2,
  SIM_CLOSE = 0x8,
  SIM_PING = 0x9,
  SIM_PONG = 0xA
};

#define SIM_FIN 0x80u
#define SIM_COMPRESSED 0x40u // RSV1 (RFC 7692, section 6)
#define SIM_MAX_CONTROL_PAYLOAD 125
#define SIM_MAX_MESSAGE (1u << 20) // what a client may send in one message, in bytes

struct sim_frame {
  enum sim_opcode opcode;
  bool fin, compressed;
  unsigned char *payload; // unmasked, inside the bytes that were parsed
  size_t length;
};

struct sim_fault {
  unsigned code;      // close code to answer with (RFC 6455, section 7.4.1)
  const char *reason; // static; names the rule
};

enum sim_parse { SIM_PARSE_MORE, SIM_PARSE_DONE, SIM_PARSE_FAULT };

// Appends the header of an unmasked frame whose first byte (FIN, RSV, opcode) is `first`. The caller
// appends `length` bytes of payload after it.
void sim_frame_header(struct sim_buffer *out, unsigned first, size_t length);

// Appends a whole unmasked frame.
void sim_frame_add(struct sim_buffer *out, unsigned first, const void *payload, size_t length);

// Reads one client frame from the start of `data` and unmasks its payload in place. `reserved` are the reserved bits of
// the first byte that were negotiated for the first frame of a message. SIM_PARSE_DONE fills in
// *frame and *used (the bytes it took); SIM_PARSE_MORE: not all of it is there yet; SIM_PARSE_FAULT: *fault
// says which rule was broken.
enum sim_parse sim_frame_parse(unsigned char *data, size_t length, unsigned reserved, struct sim_frame *frame,
                               size_t *used, struct sim_fault *fault);

// Whether the bytes are well-formed UTF-8 (RFC 3629).
bool sim_utf8_valid(const unsigned char *text, size_t length);

// Whether a close frame may carry this code (RFC 6455, section 7.4, and the IANA registry).
bool sim_close_code_valid(unsigned code);

#endif

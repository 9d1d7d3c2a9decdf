// Compressed messages (permessage-deflate, RFC 7692) of a server: what of a client's offers it agrees to, and messages
// out and in.
#ifndef AUI_SIM_SIM_DEFLATE_H
#define AUI_SIM_SIM_DEFLATE_H

#include "sim_buffer.h"

#include <stdbool.h>

#define SIM_DEFLATE_ANSWER 160 // bytes

struct z_stream_s;

struct sim_deflate {
  bool agreed;
  bool server_takeover, client_takeover; // the window goes on from message to message
  int server_bits;
  struct z_stream_s *out, *in; // owned; NULL until they are needed
};

// Agrees to the first offer in a Sec-WebSocket-Extensions field (NULL: there is none) that it can keep, and says by
// which words; false if there is none.
bool sim_deflate_agree(struct sim_deflate *deflate, const char *offers, char answer[SIM_DEFLATE_ANSWER]);

// Appends what a message of two parts has as compressed payload.
void sim_deflate_message(struct sim_deflate *deflate, const struct sim_buffer *first, const struct sim_buffer *second,
                         struct sim_buffer *payload);

enum sim_inflation { SIM_INFLATED, SIM_INFLATE_FAULT, SIM_INFLATE_TOO_BIG };

// Appends what a compressed payload says to `message`, at most `most` bytes of it.
enum sim_inflation sim_inflate_message(struct sim_deflate *deflate, struct sim_buffer *payload, size_t most,
                                       struct sim_buffer *message);

void sim_deflate_free(struct sim_deflate *deflate);

#endif

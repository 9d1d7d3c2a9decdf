/* A driver and a server in one, for tests of sessions: the session's bytes go no further than this test. The server's
 * side shares no code with the engine but SHA-1 and base64, which have vectors of their own. Free of any test
 * framework; failures of the support itself abort. */
#ifndef AUI_SPEC_SUPPORT_PEER_H
#define AUI_SPEC_SUPPORT_PEER_H

#include "engine/aui.h"
#include "engine/buffer.h"
#include "support.h"

enum { PEER_CONTINUATION = 0, PEER_TEXT = 1, PEER_BINARY = 2, PEER_CLOSE = 8, PEER_PING = 9, PEER_PONG = 10 };

enum { PEER_COMPRESSED = 0xC0 }; /* a first byte's bits: a whole message, that is compressed */

typedef struct {
  aui_session *session;
  uint64_t now;
  feed_way way; /* how the session is handed the server's bytes */
  bool corked;  /* the server's bytes are collected in `outgoing` */
  aui_buffer outgoing;
  aui_buffer incoming; /* what the session wrote and the server has not read */
  aui_buffer payload;  /* of the frame that the server read last */
  uint32_t random;     /* state of the generator that stands in for a CSPRNG */
  int finals;          /* of which each has an id of its own */
} peer;

/* A frame that the session wrote, unmasked. `payload` is ended by a NUL that is not part of it, and valid until the
 * next frame is read. */
typedef struct {
  int opcode;
  const char *payload;
  size_t n;
  uint32_t mask;
} peer_frame;

/* Much as users have it who set no option, without a request. */
aui_session_config peer_defaults(void);

/* Those with a host, a target and a header, and with nothing that a session does by itself; to be changed as a test
 * needs. */
aui_session_config peer_config(void);

/* Begins with a new session; aborts when memory is short. */
void peer_open(peer *p, const aui_session_config *config, feed_way way);

/* Frees the session (if it was not: set NULL by the test) and all else. */
void peer_free(peer *p);

/* ---- As a driver ---- */

void peer_give_random(peer *p);

/* Gives random bytes and takes all output, at most `limit` bytes of it (SIZE_MAX: all). */
void peer_pump(peer *p, size_t limit);

/* Opens the transport that the session wants, up to the request, which the server reads. Returns the request's text,
 * valid until the next call. */
const char *peer_connect(peer *p);

/* peer_connect, and the server accepts. */
void peer_handshake(peer *p);

/* Does what the session wants to be done about ending the transport; returns whether it wanted it. */
bool peer_disconnect_if_wanted(peer *p);

/* ---- As a server ---- */

/* Agrees to compress messages, if the request offers that. */
void peer_accept(peer *p, const char *request);

/* Reads the next whole frame of `incoming`; aborts if it breaks a client's rules. False when there is none. */
bool peer_read(peer *p, peer_frame *frame);

void peer_send(peer *p, const void *bytes, size_t n);
void peer_send_frame(peer *p, int first_byte, const void *payload, size_t n);
void peer_send_text(peer *p, const char *json);

/* The same as a compressed message, which has it as it is. */
void peer_send_stored(peer *p, const char *json);
void peer_send_update(peer *p, const char *text);
void peer_send_final(peer *p, const char *text);             /* with an id that none had before */
void peer_send_close(peer *p, int code, const char *reason); /* 1005: without a payload */

/* From cork to uncork everything is collected, then handed over in one piece. */
void peer_cork(peer *p);
void peer_uncork(peer *p);

#endif

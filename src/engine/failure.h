/* What can go wrong on a connection, as the error that its user sees: the kind, the words, and how far a message that
 * was under way has got. */
#ifndef AUI_ENGINE_FAILURE_H
#define AUI_ENGINE_FAILURE_H

#include "engine/aui.h"
#include "engine/deflate.h"
#include "engine/error.h"
#include "engine/event.h"
#include "engine/event_stream.h"
#include "engine/frame.h"
#include "engine/handshake.h"

/* Each of these clears `error`, then sets it. */

void aui_failure_out_of_memory(aui_error *error);

/* The transport could not be opened: it failed in `phase`. `cause` as in aui_session_disconnected. */
void aui_failure_of_opening(aui_error *error, aui_phase phase, const char *cause, bool retryable);

/* Of what a proxy asked for by status 407: */
typedef enum {
  AUI_CREDENTIALS_MISSING,
  AUI_CREDENTIALS_REFUSED,
  AUI_CREDENTIALS_UNKNOWN /* they are of no scheme that is known here */
} aui_credentials;

/* A proxy did not open a tunnel. `proxy` is its name, as "host:port". Kind transport, of a 407 too: `auth` is said of
 * the key, which another one may mend. Final is what the next answer would be like: a refusal that is no trouble of the
 * proxy's or of what lies behind it, and what is no HTTP.
 *
 * It answered with a status that is not 2xx; */
void aui_failure_of_refused_tunnel(aui_error *error, const char *proxy, const aui_http *answer,
                                   aui_credentials credentials);

/* its answer cannot be read: `why` is an error of aui_http_read; */
void aui_failure_of_tunnel(aui_error *error, const char *proxy, aui_http_event why, size_t max_head);

/* it granted the tunnel before the whole request had left; */
void aui_failure_of_early_tunnel(aui_error *error, const char *proxy);

/* or the connection ended before there was an answer, or in the middle of it. */
void aui_failure_of_tunnel_cut(aui_error *error, const char *proxy, bool answered, const char *cause);

/* Nothing came of the transport in `timeout` milliseconds; `transport_up`: the WebSocket handshake was not answered.
 * `proxy`: its name, NULL for none. */
void aui_failure_of_connect_timeout(aui_error *error, aui_phase phase, const char *proxy, bool transport_up,
                                    uint64_t timeout);

/* The server refused the handshake or broke it. A refusal's body becomes the error's payload: it is taken. */
void aui_failure_of_handshake(aui_error *error, aui_handshake *handshake, aui_handshake_result why);

/* The transport ended before the handshake did. */
void aui_failure_of_handshake_cut(aui_error *error, aui_handshake *handshake, const char *cause, bool retryable);

/* Adds a question to an error: a transport without TLS has ended, and the server, which never said anything, may be one
 * that expects TLS. */
void aui_failure_ask_for_tls(aui_error *error);

/* Likewise to one that a server has sent by WebSocket, of the threads API, before anything else: it may be that of an
 * agent that does not answer that way. Nothing changes where the error's status says that it is something else. */
void aui_failure_ask_for_stream(aui_error *error);

/* An answer cannot be read: `why` is an error of aui_http_read. */
void aui_failure_of_http(aui_error *error, const aui_http *answer, aui_http_event why);

/* Something came before any of the request had left. */
void aui_failure_of_early_answer(aui_error *error);

/* The answer is 101. */
void aui_failure_of_switching(aui_error *error);

/* The answer's status is not 2xx; `body` (taken) becomes the payload. */
void aui_failure_of_status(aui_error *error, int status, long retry_after, aui_buffer *body);

/* The answer is no event stream, */
void aui_failure_of_type(aui_error *error);

/* or breaks the rules of one: `why` is an error of aui_event_stream_read, `max_data` its limit. */
void aui_failure_of_events(aui_error *error, aui_event_stream_result why, size_t max_data);

/* The answer has ended, and its final message has not come. */
void aui_failure_of_short_answer(aui_error *error);

/* An answer that has begun is said to be of another thread. `resumed`: it was to go on on this connection. */
void aui_failure_of_other_thread(aui_error *error, bool resumed);

/* The message of an answer that was resumed does not have the text that had come before. */
void aui_failure_of_other_answer(aui_error *error);

/* The connection ended while nothing was under way on it: no failure of anything. */
void aui_failure_of_idle_end(aui_error *error);

/* The answer has more than `max_body` bytes. */
void aui_failure_of_long_body(aui_error *error, size_t max_body);

/* How far an exchange has got. */
typedef enum {
  AUI_EXCHANGE_OPENING, /* a transport */
  AUI_EXCHANGE_ASKING,  /* the head of the answer is not there yet */
  AUI_EXCHANGE_READING
} aui_exchange_progress;

/* The open transport ended, and the answer is not complete. `cause` as in aui_session_disconnected. */
void aui_failure_of_exchange_cut(aui_error *error, aui_exchange_progress progress, const char *cause, bool retryable);

/* There was no whole answer in `timeout` milliseconds; `phase`: of opening, with `proxy` as above. */
void aui_failure_of_exchange_timeout(aui_error *error, aui_exchange_progress progress, aui_phase phase,
                                     const char *proxy, uint64_t timeout);

/* The transport ended without a close frame: 1006 (RFC 6455, 7.4.1). */
void aui_failure_of_cut(aui_error *error, const char *cause, bool retryable);

/* The peer did not answer a ping within `timeout` milliseconds. */
void aui_failure_of_silence(aui_error *error, uint64_t timeout);

/* The server closed the connection with `code` and `reason`. `let_in`: it is known that 1008 does
 * not mean that it did not accept the key. */
void aui_failure_of_close(aui_error *error, int code, const char *reason, bool let_in);

/* The server broke the rules of frames, or sent more than `max_message` bytes. */
void aui_failure_of_frame(aui_error *error, aui_frame_result why, size_t max_message);

/* The same of a compressed message. Not for AUI_DEFLATE_NO_MEMORY. */
void aui_failure_of_deflate(aui_error *error, aui_deflate_result why, size_t max_message);

/* The server sent a message that cannot be read. Not for AUI_EVENT_NO_MEMORY. */
void aui_failure_of_message(aui_error *error, aui_event_type why, unsigned max_depth);

/* The server sent an error payload; `status_code` as of aui_event_status_code. It is copied; when memory is short the
 * status must do. */
void aui_failure_of_payload(aui_error *error, int status_code, const char *json, size_t n);

/* Adds to the error of a payload what ended the connection behind it: the close code, and what that says of the kind if
 * the payload has no status. Does not clear `error`. */
void aui_failure_close_payload(aui_error *error, const aui_error *end);

/* How far a message has got of which bytes had left when `error` ended the connection. Only an error payload, or a
 * close code that stands for one, can tell: a server that did not accept the key, had too much to do, or knew no such
 * task has not acted on it; one that refused it, or broke off an answer (`answered`: see aui_reply_is_answered), has
 * had it. */
aui_delivered aui_failure_delivered(const aui_error *error, bool answered);

#endif

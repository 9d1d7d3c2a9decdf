/* A session with an agent: sends and their replies, over one WebSocket connection after another. A pure state machine:
 * bytes and times go in; bytes to write, replies and the next deadline come out. It does no I/O, reads no clock and no
 * random device, never blocks and never calls back. docs/engine.md is the guide for whoever writes a driver.
 *
 * Times are milliseconds of a monotonic clock of the driver's choice. Every function with a `now` may be given the same
 * time again, but never an earlier one. Nothing here may be called from two threads at once. */
#ifndef AUI_ENGINE_SESSION_H
#define AUI_ENGINE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/answers.h"
#include "engine/backoff.h"
#include "engine/deadline.h"
#include "engine/deflate.h"
#include "engine/driver.h"
#include "engine/error.h"
#include "engine/handshake.h"
#include "engine/liveness.h"
#include "engine/pace.h"
#include "engine/reply.h"

typedef struct aui_session aui_session;

/* What carries the messages and their answers. */
typedef enum {
  AUI_CARRIER_WEBSOCKET,         /* of the tasks API: one connection, kept open */
  AUI_CARRIER_THREADS_WEBSOCKET, /* of the threads API, likewise. The request's headers offer the token and
                                    AUI_THREADS_PROTOCOL as subprotocols */
  AUI_CARRIER_STREAM             /* of the threads API: each message is a POST, answered by Server-Sent Events. `ping`
                                    has no meaning, and a connection that ends between two messages is made anew for the
                                    next one */
} aui_carrier;

#define AUI_THREADS_PROTOCOL "aui-websocket"

typedef struct {
  aui_carrier carrier;
  const char *thread_id; /* copied: in which messages of the threads API go; NULL: the server makes one */
  aui_request request;   /* copied */
  const char *proxy;     /* copied: by which errors name the proxy, if the driver goes through one; NULL: none */
  bool is_plain;         /* the driver speaks no TLS: errors ask whether the server does */
  bool compression;      /* a WebSocket's server may compress its messages, see AUI_EXTENSION_OFFER */

  uint64_t connect_timeout; /* from AUI_WANT_CONNECT until the WebSocket is open; AUI_NEVER for none */
  uint64_t close_timeout;   /* how long to wait for the peer's close frame, also behind an error payload */

  aui_backoff_config reconnect;
  aui_liveness_config ping;
  aui_pace_config rate;
  bool renews; /* the driver finds out before each connection what the request says (AUI_PHASE_REQUEST): what is refused
                  with 401, a handshake or a message of a stream, is tried once more, whatever `reconnect` allows,
                  since it may be the request that was too old */
  bool recover; /* whether replies in doubt are parked, see aui_reply_is_parked; only while `reconnect` allows attempts
                 */

  size_t queue_messages; /* how many messages may wait to be sent, */
  size_t queue_bytes;    /* and how many bytes of JSON */

  size_t max_response_head; /* bytes */
  size_t max_message;       /* bytes of one incoming message, inflated */
  unsigned max_depth;       /* how deep an incoming message may nest, 1024 at most; more is as that */
} aui_session_config;

/* A session that wants its first connection at once, or NULL when memory is short. The caller owns it. */
aui_session *aui_session_new(const aui_session_config *config);

/* What it was made with, and its latest request. */
const aui_session_config *aui_session_get_config(const aui_session *session);

/* Ends every pending reply as canceled and releases the session. Replies that their owners have not released stay
 * readable. NULL is fine. */
void aui_session_free(aui_session *session);

/* ---- For drivers: whoever moves the bytes ---- */

/* What the driver has to do about the transport. To be asked after every other call, until AUI_WANT_NOTHING. */
aui_want aui_session_want(const aui_session *session);

typedef enum {
  AUI_ENDING_CLOSE,  /* close it */
  AUI_ENDING_LINGER, /* the server has not closed from its side, and may still be sending: a transport closed at once
                      * would answer with a reset, which may overtake our close frame; better end its output, and drop
                      * its input for a while (RFC 6455, 7.1.1). The session takes no notice of that any more */
  AUI_ENDING_RESET   /* it is given up: what it has not sent yet, a message perhaps, must not arrive later */
} aui_ending;

/* With AUI_WANT_DISCONNECT: how the transport is to be ended. */
aui_ending aui_session_ending(const aui_session *session);

/* The driver has begun to open the transport and is now in this phase. */
void aui_session_phase(aui_session *session, aui_phase phase, uint64_t now);

/* What the request says from the next connection on, instead of that in the config; and the agent that messages are for
 * by AUI_CARRIER_THREADS_WEBSOCKET, NULL where it is not known (both copied). Returns false, and changes nothing, when
 * memory is short. */
bool aui_session_set_request(aui_session *session, const aui_request *request, const char *agent_id);

/* In AUI_PHASE_REQUEST: it cannot be found out what the request says, for this reason (copied). The attempt to connect
 * has failed with it: nothing more is to be reported of that. */
void aui_session_refuse_request(aui_session *session, const aui_error *error, uint64_t now);

/* What date it is, in seconds since 1970 UTC: for a server that asks by a date to be left alone (RFC 9110, 10.2.3). To
 * be called before aui_session_connected; until then such a date is not read. */
void aui_session_set_date(aui_session *session, int64_t unix_time);

/* The transport (TLS included) is open. */
void aui_session_connected(aui_session *session, uint64_t now);

/* What goes with an open WebSocket from session to session. All zero: nothing is known, and no compression agreed. */
typedef struct {
  aui_answers *answers; /* those that have come on it: none of them answers a message of the next session */
  aui_deflate deflate;  /* how its messages are compressed; they cannot be read without */
} aui_handover;

void aui_handover_free(aui_handover *handover);

/* The transport is open, and is a WebSocket already: one that another session has detached, with this (taken over).
 * Nobody has listened to it for `unheard` milliseconds: when these are no fewer than ping.interval, messages wait until
 * the server has answered a ping. For a session's first connection only. If it turns out to have died meanwhile, it is
 * replaced at once. */
void aui_session_adopted(aui_session *session, aui_handover *handover, uint64_t unheard, uint64_t now);

/* Whether no reply is pending. */
bool aui_session_is_idle(const aui_session *session);

/* Whether the session's WebSocket may serve another one: it is open, nothing is under way on it, nothing was cancelled
 * or has failed on it, and the agent has not spoken unasked. */
bool aui_session_may_detach(const aui_session *session);

/* If it may: closes the session, and leaves the transport to the driver, and `*handover`, for aui_session_adopted or
 * aui_handover_free. Else returns false, and changes nothing. */
bool aui_session_detach(aui_session *session, aui_handover *handover, uint64_t now);

/* What the transport has taken and not sent is thrown away: the driver resets it (a socket with SO_LINGER and a time of
 * 0), or the peer has done so. To be called just before aui_session_disconnected. Of a transport that ends otherwise, a
 * message that had left may still arrive, whatever the agent's history says: it is not sent again. */
void aui_session_was_reset(aui_session *session);

/* The transport could not be opened or has ended. `cause` says why in words, as "connection reset by peer" (copied), or
 * is NULL for an orderly end of the stream and for a close that the session wanted. `retryable` is false for what
 * trying again cannot mend, such as a certificate that does not verify. */
void aui_session_disconnected(aui_session *session, const char *cause, bool retryable, uint64_t now);

/* Bytes arrived. They are not kept: what is needed later is copied. */
void aui_session_receive(aui_session *session, const void *bytes, size_t n, uint64_t now);

/* How many bytes of a CSPRNG the session would like to have, AUI_MOST_RANDOM at most; frames are not written while it
 * lacks them. */
enum { AUI_MOST_RANDOM = 80 };
size_t aui_session_random_wanted(const aui_session *session);
void aui_session_random(aui_session *session, const void *bytes, size_t n);

/* Bytes to write, NULL with `*n` 0 when there are none; valid until the next call that changes the session. */
const void *aui_session_output(aui_session *session, size_t *n, uint64_t now);

/* The transport took the first `n` bytes of the output: they may reach the peer. To be called as soon as that is so,
 * and before anything that the peer may have answered to them is received. */
void aui_session_written(aui_session *session, size_t n, uint64_t now);

/* When aui_session_tick must be called at the latest; AUI_NEVER when nothing is due. */
uint64_t aui_session_deadline(const aui_session *session);
void aui_session_tick(aui_session *session, uint64_t now);

/* What users are to be notified of, each thing once. */
typedef enum {
  AUI_NOTICE_NONE,
  AUI_NOTICE_TEXT, /* a reply has more text, and nothing else has changed */
  AUI_NOTICE_STATE /* what a waiting user may care about has changed: a state, a reply's text or its end */
} aui_notice;

aui_notice aui_session_take_notice(aui_session *session);

/* ---- For users: bindings ---- */

typedef enum {
  AUI_STATE_CONNECTING,
  AUI_STATE_OPEN,
  AUI_STATE_WAITING, /* no connection: until aui_session_retry_at, or until the next send asks for one */
  AUI_STATE_CLOSED   /* for good, by aui_session_close */
} aui_state;

aui_state aui_session_state(const aui_session *session);
const char *aui_state_name(aui_state state); /* "connecting", "open", "waiting", "closed" */

/* Why there is no connection: of the last failed attempt or lost connection; kind NONE before the first. Valid until
 * the next call that changes the session. */
const aui_error *aui_session_error(const aui_session *session);

/* In state WAITING, when the next connection will be tried; AUI_NEVER when only a send brings it about. */
uint64_t aui_session_retry_at(const aui_session *session);

/* What a session has moved and met so far. */
typedef struct {
  uint64_t bytes_received; /* from its transports: what is inside of TLS, without what opens a tunnel */
  uint64_t bytes_sent;
  uint64_t frames_received; /* of WebSockets, of any kind */
  uint64_t frames_sent;     /* likewise, those that left whole */
  uint64_t updates_folded;  /* messages of the agent whose text joined some that nobody had taken yet */
  uint64_t reconnects;      /* how often it was open again */

  /* Of the newest message that was accepted, milliseconds since then; AUI_NEVER until it is so far: */
  uint64_t first_chunk; /* until the first text of its answer, */
  uint64_t message;     /* and until its final message */
} aui_session_stats;

void aui_session_get_stats(const aui_session *session, aui_session_stats *stats);

/* Of the threads API: the id of the thread, `*n` bytes of UTF-8, as soon as it is known; else NULL. Valid until the
 * next call that changes the session. */
const char *aui_session_thread_id(const aui_session *session, size_t *n);

/* Accepts a message: `json` (copied), an object, is sent as one text frame, or as the body of a POST, as soon as there
 * is a connection and every earlier reply has ended; a session that waits for its next attempt makes it sooner. In the
 * threads API it is sent with the thread's id, and in a frame with its type and the agent's id. What comes belongs to
 * the answer only if it names no other task than the message's `task_id` (a string at the top of its JSON; without one,
 * any), see docs/engine.md, "Whose answer". Returns its reply, which the caller owns and must release. Each accepted
 * send ends exactly once, in a message or in an error. NULL when it is not accepted: `error`, which must be clear, says
 * why (canceled: the session is closed; overflow: the queue is full, or memory is short). */
aui_reply *aui_session_send(aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                            uint64_t now, aui_error *error);

/* Ends every pending reply as canceled, sends close 1000 and wants to disconnect when the peer has answered it or the
 * close timeout is over. The session stays closed. */
void aui_session_close(aui_session *session, uint64_t now);

/* True when the closed session has no transport any more: it may be freed without cutting anything. */
bool aui_session_finished(const aui_session *session);

/* Ends a pending reply as canceled. Its message is not sent any more if no byte of it has left; else the rest of the
 * answer is dropped as it comes, or the connection is replaced as soon as another send waits. */
void aui_reply_cancel(aui_reply *reply, uint64_t now);

/* ---- Replies in doubt ----
 *
 * A connection may die when a message has left, whole or in part, and its answer has not come: nobody knows whether the
 * agent has acted on it. If it was cut, or closed by the server without an error payload (as transport or server
 * trouble), and another one will be tried, then such a reply is parked: it stays pending, and later messages wait
 * behind it. Its user finds out what became of it by other means, connection or not, and says so by one of the
 * functions below. At most one reply of a session is parked.
 *
 * Until then all else that ends a reply ends it too (delivered: maybe): cancelling, and its times, of which `idle`,
 * when there had been a sign of an answer, begins anew when the connection is lost. The error of a timeout says what
 * ended the connection. When the session stops trying to connect, it is given up. */

bool aui_reply_is_parked(const aui_reply *reply);

/* Whether a message from the agent named this id (`n` bytes of UTF-8) before the message in doubt left: it is no answer
 * to that. */
bool aui_session_has_seen(const aui_session *session, const char *id, size_t n);

/* The agent has answered: `json` (copied) is the final message. The chunk that aui_reply_take returns makes up for what
 * differs from the text so far. Returns false, and changes nothing, when the reply is not parked, the JSON is no final
 * message within `max_depth`, or one that belongs to another answer, or memory is short. */
bool aui_reply_answer(aui_reply *reply, const char *json, size_t n, uint64_t now);

/* The message has not arrived: it is sent again, before any that waits. Returns false, and changes nothing, when the
 * reply is not parked, when some of its answer has come (aui_reply_is_answered), when its transport was not reset and
 * the peer had not closed either (see aui_session_was_reset), or when it was sent again AUI_MOST_RESENDS times: it may
 * be what makes its connections die. */
bool aui_reply_resend(aui_reply *reply);

#define AUI_MOST_RESENDS 2

/* It cannot be known: the reply fails with the error that ended the connection (delivered: maybe). Nothing happens when
 * it is not parked. */
void aui_reply_give_up(aui_reply *reply);

/* Gives the reply back, cancelling it if it is pending. The pointer is not valid afterwards. */
void aui_reply_release(aui_reply *reply, uint64_t now);

#endif

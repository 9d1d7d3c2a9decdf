/* The engine's interface, whole: what whoever moves its bytes needs, and whoever talks to an agent by it. Sessions,
 * their replies, HTTP exchanges and tunnels are pure state machines: bytes and times go in; bytes to write, replies and
 * the next deadline come out. Nothing here does I/O, reads a clock or a random device, blocks, or calls back.
 * docs/engine.md is the guide for whoever writes a driver.
 *
 * Times are milliseconds of a monotonic clock of the driver's choice. Every function with a `now` may be given the same
 * time again, but never an earlier one. One object may not be used by two threads at once; two of them share nothing,
 * but for a session and its replies. */
#ifndef AUI_H
#define AUI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* the only names that the library exports */

/* The version of lua-aui, in its one place. */
#define AUI_VERSION "1.0.0"

#define AUI_NEVER UINT64_MAX /* the time that does not come */

/* Bytes, owned by whatever this is a part of: `len` of them at `data`, which is NULL while nothing was ever stored.
 * The rest is the engine's own. */
typedef struct {
  char *data;
  size_t len;
  size_t cap;  /* from `data` on */
  size_t gone; /* bytes before `data` that were consumed: room to be used again */
} aui_buffer;

/* ---- Errors ---- */

typedef enum {
  AUI_ERROR_NONE = 0,
  AUI_ERROR_AUTH,        /* missing or invalid key */
  AUI_ERROR_APPLICATION, /* the agent's application refused this message */
  AUI_ERROR_RATE_LIMIT,
  AUI_ERROR_SERVER,    /* internal server error */
  AUI_ERROR_TRANSPORT, /* name not found, refused, unreachable, TLS, cut */
  AUI_ERROR_TIMEOUT,
  AUI_ERROR_PROTOCOL, /* the peer broke WebSocket, HTTP or JSON */
  AUI_ERROR_CANCELED,
  AUI_ERROR_OVERFLOW /* a limit of ours */
} aui_error_kind;

/* Whether the user's message reached the agent. */
typedef enum { AUI_DELIVERED_NO = 0, AUI_DELIVERED_MAYBE, AUI_DELIVERED_YES } aui_delivered;

enum { AUI_ERROR_MESSAGE_SIZE = 501 }; /* bytes, NUL included */

typedef struct {
  aui_error_kind kind;
  aui_delivered delivered;
  bool retryable;     /* whether the same message, sent again later, has a chance */
  bool about_message; /* the server has said this itself, about the message that was under way, not the connection */
  int status_code;    /* HTTP or error payload, 0 when unknown */
  int close_code;     /* RFC 6455 7.4, 0 when unknown */
  long retry_after;   /* seconds the server asked for, -1 when it did not */
  char message[AUI_ERROR_MESSAGE_SIZE]; /* one line of UTF-8, however the server had written it */
  aui_buffer payload; /* the server's own words, when it sent some: an error payload or a response body */
} aui_error;

/* The names that users see: "auth", "application", "rate_limit", "server", "transport", "timeout", "protocol",
 * "canceled", "overflow"; "no", "maybe", "yes". */
const char *aui_error_kind_name(aui_error_kind kind);
const char *aui_delivered_name(aui_delivered delivered);

/* Clears `error` (releasing its payload), then sets its kind and the message by printf's rules; that is cut, and
 * made one line of UTF-8. `retryable` follows the kind: rate_limit, server, transport, timeout and overflow are. */
__attribute__((format(printf, 3, 4))) void aui_error_set(aui_error *error, aui_error_kind kind, const char *format,
                                                         ...);

/* Releases the payload and sets all to zero: AUI_ERROR_NONE. */
void aui_error_clear(aui_error *error);

/* ---- Requests and transports ---- */

/* What a request says of itself. Borrowed for the call only. None may hold CR, LF or NUL but for the line ends of
 * `headers`; the caller has checked that. */
typedef struct {
  const char *host;    /* the Host field: name or address, with ":port" unless it is the scheme's own */
  const char *target;  /* path and query, beginning with "/" */
  const char *headers; /* further fields, each line ended by CRLF; "" for none */
} aui_request;

/* What the driver has to do about the transport. */
typedef enum {
  AUI_WANT_NOTHING,
  AUI_WANT_CONNECT,   /* open a transport: call ..._phase, later ..._connected or ..._disconnected */
  AUI_WANT_DISCONNECT /* close the transport, or give up opening it, now: then call ..._disconnected */
} aui_want;

/* How far opening a transport has got: named in the error if time runs out. */
typedef enum {
  AUI_PHASE_REQUEST, /* finding out what the request is to say, see aui_session_set_request */
  AUI_PHASE_RESOLVE, /* this and the next: of the proxy's name and address, if there is a proxy */
  AUI_PHASE_CONNECT,
  AUI_PHASE_PROXY, /* the way through it: TLS with the proxy, if it has that, and the tunnel */
  AUI_PHASE_TLS
} aui_phase;

/* ---- Sessions ----
 *
 * Sends and their replies, over one connection after another. */

typedef struct aui_session aui_session;
typedef struct aui_reply aui_reply;

/* Times in milliseconds; base and max below 2^32, more is as that. */
typedef struct {
  uint64_t base;        /* the first delay is drawn from 1..base, each further one from twice as much */
  uint64_t max;         /* but at most from 1..max */
  uint32_t attempts;    /* how many may fail in a row; 0: the session does not connect again by itself */
  uint64_t reset_after; /* a connection that was open so long was healthy */
} aui_backoff_config;

#define AUI_BACKOFF_NO_END UINT32_MAX

/* Milliseconds; AUI_NEVER as interval: no pings. */
typedef struct {
  uint64_t interval; /* of silence, after which a ping is sent */
  uint64_t timeout;  /* from the ping, or what left last, until anything must have come */
} aui_liveness_config;

/* At most `messages` in `per` milliseconds, evenly spaced; messages 0: no limit. */
typedef struct {
  uint32_t messages;
  uint64_t per;
} aui_pace_config;

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
  bool compression;      /* a WebSocket's server may compress its messages, by permessage-deflate (RFC 7692) */

  uint64_t connect_timeout; /* from AUI_WANT_CONNECT until the WebSocket is open; AUI_NEVER for none */
  uint64_t close_timeout;   /* how long to wait for the peer's close frame, also behind an error payload */

  aui_backoff_config reconnect;
  aui_liveness_config ping;
  aui_pace_config rate;
  bool renews; /* the driver finds out before each connection what the request says (AUI_PHASE_REQUEST): what is refused
                  with 401, a handshake or a message of a stream, is tried once more, whatever `reconnect` allows,
                  since it may be the request that was too old */
  bool records; /* what passes over its connections is kept until it is taken: aui_session_take_recorded */
  bool recover; /* whether replies in doubt are parked, see aui_reply_is_parked; only while `reconnect` allows attempts
                 */

  size_t queue_messages; /* how many messages may wait to be sent, */
  size_t queue_bytes;    /* and how many bytes of JSON */

  size_t max_response_head; /* bytes */
  size_t max_message;       /* bytes of one incoming message, inflated */
  unsigned max_depth;       /* how deep an incoming message may nest, 1024 at most; more is as that */
} aui_session_config;

/* For an initializer of a config, behind the request: the times and sizes that sessions have in Lua. Not set by it is
 * what is 0, false or NULL by default: they connect once, without pace, recovery and compression. */
#define AUI_SESSION_DEFAULTS                                                                                           \
  .connect_timeout = 10000, .close_timeout = 1000, .ping = {20000, 10000}, .queue_messages = 64,                       \
  .queue_bytes = 1 << 20, .max_response_head = 16384, .max_message = 1 << 20, .max_depth = 64

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

/* What goes with an open WebSocket from session to session: which answers have come on it, none of which answers a
 * message of the next session, and how its messages are compressed. */
typedef struct aui_handover aui_handover;

void aui_handover_free(aui_handover *handover); /* NULL is fine */

/* The transport is open, and is a WebSocket already: one that another session has detached, with this (taken over;
 * NULL: nothing is known of it, and no compression was agreed).
 * Nobody has listened to it for `unheard` milliseconds: when these are no fewer than ping.interval, messages wait until
 * the server has answered a ping. For a session's first connection only. If it turns out to have died meanwhile, it is
 * replaced at once. By AUI_CARRIER_STREAM no connection lasts from session to session: it is taken as a new one. */
void aui_session_adopted(aui_session *session, aui_handover *handover, uint64_t unheard, uint64_t now);

/* Whether no reply is pending. */
bool aui_session_is_idle(const aui_session *session);

/* Whether the session's WebSocket may serve another one: it is open, nothing is under way on it, nothing was cancelled
 * or has failed on it, and the agent has not spoken unasked. */
bool aui_session_may_detach(const aui_session *session);

/* If it may: closes the session, leaves the transport to the driver, and returns what goes with it, for
 * aui_session_adopted or aui_handover_free. Else, and when memory is short, returns NULL, and changes nothing. */
aui_handover *aui_session_detach(aui_session *session, uint64_t now);

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

/* What has passed over the connections of a session that records (docs/simulator.md). */
typedef enum {
  AUI_RECORDED_UP,      /* a WebSocket's handshake begins */
  AUI_RECORDED_OPEN,    /* the server has accepted it */
  AUI_RECORDED_SENT,    /* our message; `number`: behind which event its answer goes on, -1: it begins */
  AUI_RECORDED_MESSAGE, /* one of the server's, inflated, or the data of an event */
  AUI_RECORDED_COMMENT, /* a stream's */
  AUI_RECORDED_CLOSE,   /* the server's close frame: its code in `number` (1005: it has none), and its reason */
  AUI_RECORDED_END,     /* of a stream's body, in order */
  AUI_RECORDED_REFUSED, /* a status in `number` that refuses, and the body's beginning; the transport is gone */
  AUI_RECORDED_CUT,     /* the transport was ended by the peer, or is broken, */
  AUI_RECORDED_RESET,   /* likewise, by a reset, */
  AUI_RECORDED_DROPPED, /* or by us */
  AUI_RECORDED_SILENCE, /* no ping is answered any more */
  AUI_RECORDED_LOSS     /* there was no room: what follows is not whole */
} aui_recorded_kind;

typedef struct {
  aui_recorded_kind kind;
  uint64_t at; /* milliseconds */
  int64_t number;
  long retry_after; /* of REFUSED: seconds; -1: none */
  const char *bytes;
  size_t n;
} aui_recorded;

/* Of a session that records: the oldest thing that was not taken yet, to be freed with aui_recorded_free. There was a
 * notice of it, AUI_NOTICE_STATE. NULL: there is none. */
aui_recorded *aui_session_take_recorded(aui_session *session);

/* NULL is fine. */
void aui_recorded_free(aui_recorded *recorded);

/* "message", "cut" and so on. */
const char *aui_recorded_name(aui_recorded_kind kind);

#define AUI_SIGN_BYTES 16384

/* Times in milliseconds, AUI_NEVER for none. */
typedef struct {
  uint64_t first; /* from the frame's first departure until the first sign of an answer; while it has not left and there
                   * is no connection, from the loss of the last one that was healthy. A sign is a whole message that
                   * may belong to the answer, another AUI_SIGN_BYTES of one, or a stream's comment, so that a server
                   * that goes on with those is ended by `total` alone; bytes and pings are none */
  uint64_t idle;  /* between two signs of an answer */
  uint64_t total; /* from aui_session_send to the end */
} aui_reply_timeouts;

typedef enum { AUI_REPLY_PENDING, AUI_REPLY_MESSAGE, AUI_REPLY_FAILED } aui_reply_status;

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

/* ---- Replies ----
 *
 * The answer to one send. */

aui_reply_status aui_reply_get_status(const aui_reply *reply);

/* Takes what is new in the text since the last call, however many updates that were: the reader is to keep the first
 * `*keep` bytes of what it has and to append the chunk (valid until the next call that changes the session or the
 * reply). Returns false when nothing is new. Applied in order, the chunks add up to the text of the final message. */
bool aui_reply_take(aui_reply *reply, size_t *keep, const char **chunk, size_t *n);

/* Whether some of the answer has come, its text or an event that names it: the message has surely arrived. */
bool aui_reply_is_answered(const aui_reply *reply);

/* What befell a message: times are the session's, AUI_NEVER where something has not come to pass. */
typedef struct {
  uint64_t accepted;   /* by aui_session_send */
  uint64_t departed;   /* some of it, for the first time */
  uint64_t first_text; /* of the answer */
  unsigned resends;    /* how often it was found not to have arrived, and sent again */
} aui_reply_times;

aui_reply_times aui_reply_get_times(const aui_reply *reply);

/* How long the chunk is that aui_reply_take would return. */
size_t aui_reply_untaken(const aui_reply *reply);

/* The whole text so far; valid as above. */
const char *aui_reply_text(const aui_reply *reply, size_t *n);

/* The final message's JSON once the status is MESSAGE, else NULL; valid until the reply is released. */
const char *aui_reply_message(const aui_reply *reply, size_t *n);

/* The error once the status is FAILED, else NULL; valid until the reply is released. */
const aui_error *aui_reply_error(const aui_reply *reply);

/* ---- Exchanges ----
 *
 * One HTTP request and its whole answer, for REST, with a session's rules for whoever moves its bytes. Redirects are
 * not followed. */

typedef struct aui_exchange aui_exchange;

/* Borrowed for the call only. */
typedef struct {
  const char *method; /* "GET", "POST", "PUT", "PATCH" or "DELETE" */
  aui_request head;   /* its headers without Content-Length, Transfer-Encoding and Connection, which are set here */
  const void *body;   /* of all but a GET; may be NULL when `body_len` is 0 */
  size_t body_len;
  const char *proxy;        /* as in aui_session_config */
  bool is_plain;            /* likewise */
  uint64_t timeout;         /* milliseconds from now to the end of the answer; AUI_NEVER for none */
  size_t max_response_head; /* bytes that the answer's head may have, */
  size_t max_body;          /* and its body */
  int64_t unix_time;        /* the date now, seconds since 1970 UTC, for a Retry-After that is one; negative: unknown */
} aui_exchange_request;

/* An exchange that wants a connection at once, or NULL when memory is short. The caller owns it. */
aui_exchange *aui_exchange_new(const aui_exchange_request *request, uint64_t now);
void aui_exchange_free(aui_exchange *exchange);

/* ---- For drivers ---- */

/* What the driver has to do about the transport; to be asked after every other call, until AUI_WANT_NOTHING. A second
 * AUI_WANT_CONNECT asks for another connection: the one that was adopted had ended before. */
aui_want aui_exchange_want(const aui_exchange *exchange);

/* The driver has begun to open the transport and is now in this phase. */
void aui_exchange_phase(aui_exchange *exchange, aui_phase phase);

/* The transport is open, and new. */
void aui_exchange_connected(aui_exchange *exchange);

/* The transport is open: another exchange has left it. Should it turn out to have ended before the request was read,
 * another is wanted; what may have been read is sent again only if it is a GET (RFC 9110, 9.2.2; RFC 9112, 9.3.1). */
void aui_exchange_adopted(aui_exchange *exchange);

/* Bytes to write, NULL with `*n` 0 when there are none; the first `n` of them were taken by the transport. */
const void *aui_exchange_output(const aui_exchange *exchange, size_t *n);
void aui_exchange_written(aui_exchange *exchange, size_t n);

/* Bytes arrived. They are not kept: what is needed is copied. */
void aui_exchange_receive(aui_exchange *exchange, const void *bytes, size_t n, uint64_t now);

/* The transport could not be opened or has ended. `cause` says why in words (copied), or is NULL for an end in
 * order, which may be that of the answer. `retryable` is false for what trying again cannot mend. */
void aui_exchange_disconnected(aui_exchange *exchange, const char *cause, bool retryable);

/* When it is over with AUI_WANT_DISCONNECT: whether the transport may serve another exchange to the same place
 * (aui_exchange_detach leaves it to the driver then). */
bool aui_exchange_may_detach(const aui_exchange *exchange);
void aui_exchange_detach(aui_exchange *exchange);

/* When to call aui_exchange_tick: AUI_NEVER for not at all. */
uint64_t aui_exchange_deadline(const aui_exchange *exchange);
void aui_exchange_tick(aui_exchange *exchange, uint64_t now);

/* ---- For users ---- */

/* Gives it up, if it is not over: kind canceled, with these words. */
void aui_exchange_cancel(aui_exchange *exchange, const char *why);

bool aui_exchange_is_over(const aui_exchange *exchange);

typedef struct {
  int status;       /* 200 to 999; a redirect is but a status */
  long retry_after; /* seconds, 2^31 - 1 at most; -1 when absent */
  aui_buffer body;  /* transfer coding removed */
} aui_answer;

/* Once it is over, one of these two; else NULL. Both valid as long as the exchange is. Nothing of the request is in the
 * error, whose kind is transport, timeout, protocol, overflow (memory, or a limit) or canceled; `delivered` is "no" if
 * no byte of the request has left, else "maybe". */
const aui_answer *aui_exchange_get_answer(const aui_exchange *exchange);
const aui_error *aui_exchange_get_error(const aui_exchange *exchange);

/* ---- Tunnels ----
 *
 * The way through an HTTP proxy (RFC 9110, 9.3.6): a tunnel is asked for, and what the proxy answers is read. What goes
 * through it is for those who asked. */

enum { AUI_TUNNEL_MAX_HEAD = 16 * 1024 }; /* bytes that the proxy's answer may have before the tunnel begins */

/* Borrowed for the call only. None of the strings may hold CR, LF or NUL, which the caller has checked. */
typedef struct {
  const char *proxy_host; /* name or address, IPv6 without brackets; it is the driver who connects there */
  uint16_t proxy_port;
  const char *credentials; /* "user:password" for the proxy (RFC 7617); NULL: none */
  const char *host;        /* where the tunnel is to lead, as above: the proxy resolves the name */
  uint16_t port;
} aui_tunnel_route;

typedef struct aui_tunnel aui_tunnel;

/* A tunnel that is to be asked for, on a connection to the proxy; NULL when memory is short. The caller owns it. */
aui_tunnel *aui_tunnel_new(const aui_tunnel_route *route);
void aui_tunnel_free(aui_tunnel *tunnel); /* NULL is fine */

/* Bytes for the proxy, NULL with `*n` 0 when there are none; the first `n` of them were taken by the connection. */
const void *aui_tunnel_output(const aui_tunnel *tunnel, size_t *n);
void aui_tunnel_written(aui_tunnel *tunnel, size_t n);

typedef enum {
  AUI_TUNNEL_MORE,  /* all input is used; more is needed */
  AUI_TUNNEL_OPEN,  /* it is there: what is behind the input that was read comes through it */
  AUI_TUNNEL_FAILED /* see aui_tunnel_error; the connection is to be dropped */
} aui_tunnel_event;

/* Reads from `*input` up to `end` and moves `*input` behind what was consumed. After any event but MORE it must not be
 * called again. */
aui_tunnel_event aui_tunnel_read(aui_tunnel *tunnel, const uint8_t **input, const uint8_t *end);

/* The connection ended before any event but MORE: the tunnel has failed. `cause` as in aui_session_disconnected. */
void aui_tunnel_cut(aui_tunnel *tunnel, const char *cause);

/* After a failure: why, naming the proxy and what it has answered; kind transport (or overflow, of memory). Nothing of
 * the credentials is in it, unless the proxy has repeated them. Valid as long as the tunnel is. */
const aui_error *aui_tunnel_error(const aui_tunnel *tunnel);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

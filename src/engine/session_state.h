/* What the parts of a session share; not for anybody else. */
#ifndef AUI_ENGINE_SESSION_STATE_H
#define AUI_ENGINE_SESSION_STATE_H

#include "engine/answers.h"
#include "engine/aui.h"
#include "engine/backoff.h"
#include "engine/deflate.h"
#include "engine/event.h"
#include "engine/liveness.h"
#include "engine/pace.h"
#include "engine/recording.h"
#include "engine/reply.h"
#include "engine/stream.h"
#include "engine/websocket.h"

typedef enum {
  TRANSPORT_NONE,
  TRANSPORT_PAUSED,  /* it will be wanted at `retry_at` */
  TRANSPORT_WANTED,  /* the driver has not begun yet */
  TRANSPORT_OPENING, /* name, connection, TLS */
  TRANSPORT_UP,
  TRANSPORT_DROPPING /* the driver is to end it */
} transport_state;

/* What of the peer's messages is arriving. */
typedef enum {
  READING_NOTHING, /* between two messages */
  READING_ANSWER,  /* a message of the answer that is awaited: that was asked for before it began */
  READING_UNASKED  /* a message when no answer was awaited */
} reading_state;

/* What is known of one connection until its transport is gone; all zero at the beginning. While it is draining no reply
 * is active or parked. */
typedef struct {
  reading_state reading;
  size_t arrived;          /* how many bytes of the message that is being read */
  bool message_left;       /* bytes of a message have left */
  bool agent_spoke;        /* an update or a final message has come */
  bool went_on;            /* an event of the answer that is new has come, by its number */
  bool resumes;            /* the message has asked for the rest of an answer */
  size_t had_text;         /* bytes of that answer that had come before */
  bool ended_short;        /* the answer has ended in order, without its message */
  bool draining;           /* an answer is awaited that nobody waits for any more */
  bool not_detachable;     /* it is draining, or has been, or the agent has spoken unasked */
  bool accepted_after_end; /* a message was, and only a message brings about the next connection */
  bool was_reset;          /* its transport was, and is gone with the next call: nothing unsent will be sent */
} connection_state;

/* Whether a message may bring the next attempt to connect forward. */
typedef enum {
  RETRY_PLANNED, /* it may */
  RETRY_EARLY,   /* one has */
  RETRY_HELD     /* one has brought the last attempt forward: only that it would be too late lets another do so */
} retry_state;

/* The states of a session, and what may be there in each (+); HANDSHAKE, OPEN and CLOSING are UP by the state of the
 * connection. Random walks check that nothing else occurs, and that all of this does (spec/c/support_states.c).
 *
 *              closed  queue  parked  active  refusal  connection
 *   NONE         +                                                 until a message is accepted: WANTED
 *   PAUSED               +      +                                  until retry_at: WANTED
 *   WANTED               +      +                                  until the driver begins: OPENING
 *   OPENING              +      +                                  until it is open: HANDSHAKE; if adopted: OPEN
 *   HANDSHAKE            +      +                                  until the server accepts: OPEN
 *   OPEN                 +      +       +       +         +        until one side closes: CLOSING
 *   CLOSING      +       +      +               +         +        until that takes too long: DROPPING
 *   DROPPING     +       +      +                         +
 *
 * When the transport is gone, in whatever state from OPENING on, it is PAUSED, WANTED or NONE, as plan_next_connection
 * decides. A failure that the session finds itself leads to DROPPING, or to CLOSING if the peer is to know of it.
 * A stream's connection is OPEN at once and never CLOSING: it is dropped.
 *
 * aui_session_close leads from PAUSED and WANTED to NONE, from OPENING and HANDSHAKE to DROPPING, and from OPEN to
 * CLOSING; aui_session_detach from OPEN to NONE. */

/* How far a connection has got, whose transport is up. */
typedef enum { CARRIER_OPENING, CARRIER_OPEN, CARRIER_CLOSING, CARRIER_CLOSED } carrier_state;

/* What carries messages and answers over a transport: session_websocket.c (for either API), session_stream.c. A session
 * knows no more of it than this. All but `clear` are for a transport that is up, or is to be dropped after it was. */
typedef struct {
  aui_api api;

  /* A connection is worth having for its own sake, since the agent may speak unasked: it is made anew without a message
   * that waits, and what is left of an abandoned answer is read, not cut off. */
  bool is_lasting;

  bool has_end;      /* an answer has an end of its own, behind its message */
  bool is_resumable; /* it may be resumed on another connection, from the last event with a number */

  /* What makes an event of a final message from elsewhere. */
  const char *before_message, *behind_message;

  carrier_state (*state)(const aui_session *);
  void (*begin)(aui_session *, uint64_t now); /* the transport has just opened */

  bool (*is_ready)(const aui_session *); /* a message may be sent */
  bool (*is_quiet)(const aui_session *); /* another session may take over, see aui_session_may_detach */

  /* Writes what is due; `sends`: a message is about to follow. Then, if there is one, the message. Both return false
   * when memory is short. */
  bool (*write_due)(aui_session *, bool sends, uint64_t now);
  bool (*send)(aui_session *, const aui_reply *, uint64_t now);
  bool (*unsend)(aui_session *); /* takes the last message back, if no byte of it was written, else returns false */

  const aui_buffer *(*output)(const aui_session *);
  bool (*wrote)(aui_session *, size_t n); /* the first bytes of that have left; true if some of the message has */

  void (*receive)(aui_session *, const uint8_t *bytes, size_t n, uint64_t now);
  void (*take_error)(aui_session *, aui_error *, uint64_t now); /* of the awaited answer (taken over) */
  void (*ping)(aui_session *);

  void (*close)(aui_session *, uint16_t code, uint64_t now); /* in order, as far as there is one; code: RFC 6455, 7.4 */
  void (*fail)(aui_session *, uint16_t code, uint64_t now);  /* without waiting for the peer */
  aui_ending (*ending)(const aui_session *);
  bool (*peer_reads_no_more)(const aui_session *); /* the peer has said so */

  /* Why a transport ended that was not to; and the same for one that took too long to open, which returns false when
   * there is nothing to say but that. */
  void (*explain_cut)(aui_session *, const char *cause, bool retryable, aui_error *reason);
  bool (*explain_delay)(aui_session *, aui_error *reason);

  void (*clear)(aui_session *); /* the transport is gone */
} session_carrier;

struct aui_handover {
  aui_answers *answers;
  aui_deflate deflate;
};

extern const session_carrier aui_session_websocket, aui_session_threads_websocket, aui_session_stream;

struct aui_session {
  aui_session_config config; /* its strings are ours */
  aui_phase phase;
  retry_state retry;
  uint64_t soonest;    /* and sooner than that, nobody may bring the next attempt forward */
  int64_t unix_time;   /* the date, as set by the driver; -1: it is not */
  uint64_t down_since; /* when the last healthy connection was lost, or the first one begun; AUI_NEVER before that */
  aui_backoff backoff;
  aui_pace pace;
  aui_stream *stream;     /* of a connection of that carrier; else NULL */
  aui_buffer thread_id;   /* of the conversation, when the API has threads and it is known */
  aui_buffer agent_id;    /* of the agent, likewise */
  uint64_t opened_at;     /* of this connection, AUI_NEVER until it is open */
  const aui_error *error; /* why there is no connection; NULL: none has ended */
  uint64_t accepted;      /* how many messages were */
  struct {
    aui_reply *last;
    size_t messages, bytes;
  } queued; /* of the queue */
  bool was_open;
  bool renewed; /* the request was too old for the last handshake, and none has been accepted since */

  /* An error payload is held until the close that follows it, so that the error can have the close code; NULL: none. */
  aui_error *refusal;

  aui_recording *recording; /* NULL: nothing is recorded */

  /* From here to the middle of `ws` stands what each piece of input comes by: of many sessions that get one now and
   * then, none is in the processor's cache any more. */
  const session_carrier *carrier;
  transport_state transport;
  bool closed;
  bool notify;   /* of a state, see aui_session_take_notice */
  bool has_text; /* likewise, of text */
  uint64_t connect_deadline;
  uint64_t close_deadline;
  uint64_t retry_at;
  aui_answers *answers; /* NULL once they are handed on by aui_session_detach */
  aui_reply *parked;    /* whose message has left on a connection that was lost; nothing is sent meanwhile */
  aui_reply *queue;     /* replies whose messages wait to be sent, oldest first */

  /* Before then none of them runs out of time; AUI_NEVER of none. It may be the time of one that has left the queue. */
  uint64_t queue_deadline;

  /* Of this connection: */
  aui_event_reader *events; /* of an answer, or of a message that is being read; else NULL */
  aui_reply *active;        /* whose answer is awaited; only while it is open */
  aui_liveness liveness;
  connection_state connection;

  aui_session_stats stats; /* but for the frames, which the WebSocket counts */
  aui_websocket ws;        /* also keeps the randomness that delays are drawn by */
};

/* ---- Figures (session_stats.c) ---- */

/* The reply is that to the newest message. */
void aui_session_count_accepted(aui_session *session, aui_reply *reply);

/* The reply's text, which had `before` bytes, has been given a new end from byte `keep` on; aui_reply_text_changed has
 * not been called yet. */
void aui_session_count_text(aui_session *session, aui_reply *reply, size_t before, size_t keep, uint64_t now);

/* The reply is about to end in its message. */
void aui_session_count_message(aui_session *session, const aui_reply *reply, uint64_t now);

/* The WebSocket is open. */
void aui_session_count_opened(aui_session *session);

/* ---- Messages that wait (session_queue.c) ---- */

/* Whether another one, of `n` bytes, may; else says why not. */
bool aui_session_queue_has_room(const aui_session *session, size_t n, aui_error *error);

/* Puts the reply behind those that wait. */
void aui_session_enqueue(aui_session *session, aui_reply *reply);

/* Puts it before them: its message is sent again. */
void aui_session_enqueue_first(aui_session *session, aui_reply *reply);

/* Takes the reply, which waits, out of them. */
void aui_session_dequeue(aui_session *session, aui_reply *reply);

/* Finds out when the first of them runs out of time: after one has, and whenever aui_session_down_since changes. */
void aui_session_time_queue(aui_session *session);

/* ---- Replies (session_replies.c) ---- */

/* Ends the reply, wherever it is. */
void aui_session_fail_reply(aui_session *session, aui_reply *reply, const aui_error *error, aui_delivered delivered);

/* Ends the parked reply with the error of its connection. */
void aui_session_fail_parked(aui_session *session);

/* Ends all that wait; a long payload of the error is not for them. */
void aui_session_fail_queue(aui_session *session, const aui_error *error);

/* Ends every reply, since the session is closed. */
void aui_session_cancel_all(aui_session *session);

/* The rest of the awaited answer is of no interest any more: it is read and dropped, unless another message waits. */
void aui_session_abandon(aui_session *session, uint64_t now);

/* Ends the reply by its user's wish or its own time, whatever the connection is doing for it. */
void aui_session_end_early(aui_session *session, aui_reply *reply, const aui_error *error, uint64_t now);

/* ---- The connection's end (session_end.c) ----
 *
 * A connection ends when it serves no more, which is known before its transport is gone: it is closed, by a close frame
 * that the peer may answer, or dropped, without one. Its transport is gone when the driver says so. */

/* Forgets the error payload that is held, if there is one. */
void aui_session_forget_refusal(aui_session *session);

/* The connection has ended, for this reason (taken over), unless an error payload that is held says more: the active
 * reply is failed, parked or put back into the queue. */
void aui_session_end_connection(aui_session *session, aui_error *reason);

/* The driver is to end the transport, now, of a connection that has ended or serves nobody. */
void aui_session_drop_transport(aui_session *session);

/* Ends the connection without a close frame. */
void aui_session_drop_connection(aui_session *session, aui_error *reason);

/* Drops the connection, since memory is short for what it needs. */
void aui_session_out_of_memory(aui_session *session);

/* The peer's close is awaited, for the time that the config allows. */
void aui_session_start_close_timer(aui_session *session, uint64_t now);

/* Ends the connection by our own decision, with a close frame whose answer is not awaited. */
void aui_session_close_connection(aui_session *session, aui_error *reason, uint16_t close_code, uint64_t now);

/* Ends all that wait for another connection, for the reason that ended the last one. */
void aui_session_fail_waiting(aui_session *session);

/* Whether connecting again is of use to anybody, now that session->error has ended the connection. */
bool aui_session_is_worth_reconnecting(const aui_session *session);

/* A message has been accepted: it brings the next attempt to connect forward. Of the attempts that are due by
 * themselves each may come sooner once, and the next not, so that many messages do not make many attempts; but a
 * message whose time would be over before then has its own in the middle of that time. */
void aui_session_retry_earlier(aui_session *session, const aui_reply *reply, uint64_t now);

/* The transport is gone, or was never there. */
void aui_session_transport_gone(aui_session *session, uint64_t now);

/* ---- Messages of the threads API (session_message.c) ----
 *
 * The thread is added as soon as it is known: a message may have been accepted before, and a resumption has to name it.
 * Both append, and return false when memory is short. */

/* The body of a POST. */
bool aui_session_write_body(const aui_session *session, const aui_reply *reply, aui_buffer *out);

/* A WebSocket's message. */
bool aui_session_write_frame(const aui_session *session, const aui_reply *reply, aui_buffer *out);

/* ---- Input from the peer (session_input.c) ---- */

/* The connection is open. */
void aui_session_opened(aui_session *session, uint64_t now);

/* Reads the events of this session; NULL when memory is short. */
aui_event_reader *aui_session_new_reader(const aui_session *session);

/* Nothing more belongs to the awaited answer, which nobody waits for any more. */
void aui_session_answer_is_over(aui_session *session);

/* The answer has ended, and nothing more belongs to it: the reply, if there is still one, ends in its message. Without
 * one the connection ends. */
void aui_session_end_answer(aui_session *session);

/* A slice of a message has come. `asked`: our message had left whole before; `last`: it ends the message. */
void aui_session_take_slice(aui_session *session, const void *bytes, size_t n, bool asked, bool last, uint64_t now);

/* A message has come that is an update of the answer, a delta. Returns whether others like it are deltas, too. */
bool aui_session_take_delta(aui_session *session, const aui_delta *delta, uint64_t now);

/* ---- What is recorded of it (session_recording.c), if anything ---- */

void aui_session_record(aui_session *session, const aui_recorded *recorded);

/* The same of a message, whose answer goes on behind the event of this number; -1: it begins. */
void aui_session_record_sent(aui_session *session, const aui_buffer *message, int64_t last_seq, uint64_t now);

/* The same of a slice of one of the server's. There is a recording. */
void aui_session_record_slice(aui_session *session, const void *bytes, size_t n, bool last, uint64_t now);

/* The transport is about to be gone; `by_peer`: we have not asked for that. */
void aui_session_record_end(aui_session *session, bool by_peer, bool in_order, uint64_t now);

/* ---- Time (session_time.c) ---- */

/* From when on waiting for a connection counts; AUI_NEVER while there is one. */
uint64_t aui_session_down_since(const aui_session *session);

/* ---- Its transport (session_transport.c) ---- */

/* The transport is open now; false if it was not to be. */
bool aui_session_begin_transport(aui_session *session);

/* Whether it is up, and how far the connection has got then. */
bool aui_session_is_up(const aui_session *session, carrier_state state);

#endif

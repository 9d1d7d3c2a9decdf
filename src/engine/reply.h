/* The answer to one send, as its session fills it. What its user may do with it is in aui.h. */
#ifndef AUI_ENGINE_REPLY_H
#define AUI_ENGINE_REPLY_H

#include "engine/aui.h"
#include "engine/buffer.h"
#include "engine/error.h"

struct aui_reply {
  struct aui_session *session; /* NULL once it has ended */
  aui_reply *next, *previous;  /* in the session's queue */
  aui_reply_status status;
  aui_buffer request; /* the JSON to send */
  aui_buffer text;    /* so far */
  size_t taken;       /* how long the text was when the reader last took of it */
  size_t kept;        /* how many of those bytes still stand */
  aui_buffer message; /* the final message's JSON; of a reply that is pending, more may belong to it */
  int64_t last_seq;   /* the number of the newest event of its answer, from which it can be resumed; -1: none had one */
  const aui_error *error; /* what ended it; while it is pending, what ended the connection on which its message left
                             last; NULL: nothing. See aui_error_keep */
  aui_reply_timeouts timeouts;
  uint64_t number;     /* among its session's messages, from 1 on */
  uint64_t accepted;   /* when it was sent by its user */
  uint64_t departed;   /* when its frame left for the first time; AUI_NEVER until some of it has */
  uint64_t first_text; /* when the first text of its answer came; AUI_NEVER until then */
  uint64_t last_sign;  /* when bytes of its frame last left, then when the agent last gave a sign of an answer */
  unsigned resends;    /* how often it was found not to have arrived, and sent again */
  bool renewed;        /* it was refused once for want of a fresh key */
  bool again;          /* its frame has left before the connection that it is on or waits for */
  bool may_arrive;     /* it is parked, and the network may still bring the peer what has left */
  bool guessed;        /* its text may be wrong: a connection was lost on which it had become a guess, see growth.h */
  bool on_wire;        /* its frame was handed to the connection: `first` or `idle` runs */
  bool signaled;       /* a sign has come: `idle` runs */
  bool answered;       /* some of its answer has come, see aui_reply_is_answered */
};

/* A pending reply, or NULL when memory is short. */
aui_reply *aui_reply_new(struct aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                         uint64_t now);
void aui_reply_free(aui_reply *reply);

/* The text was changed from byte `keep` on. */
void aui_reply_text_changed(aui_reply *reply, size_t keep);

/* The final message has come: `json` is copied. Returns false, and changes nothing, when memory is short. */
bool aui_reply_set_message(aui_reply *reply, const char *json, size_t n);
bool aui_reply_has_message(const aui_reply *reply);

/* Ends the reply, which must be pending; its session must forget it. It ends in its message, which it must have, or in
 * an error. `delivered` is what its last connection tells: no is not said of a message that had left on an earlier one,
 * nor of one whose answer has begun. */
void aui_reply_finish(aui_reply *reply);
void aui_reply_fail(aui_reply *reply, const aui_error *error, aui_delivered delivered);

/* Bytes of its frame have left. */
void aui_reply_left(aui_reply *reply, uint64_t now);

/* The agent has given a sign of an answer. */
void aui_reply_signed(aui_reply *reply, uint64_t now);

/* When the reply must end at the latest. `down_since`: since when there has been no connection, AUI_NEVER when there is
 * one; waiting for one counts as waiting for the first sign of an answer. */
uint64_t aui_reply_deadline(const aui_reply *reply, uint64_t down_since);

/* The error of having run out of time; to be called when it has. `cause`: why there is no connection, if there is none.
 * That, or what ended the connection on which the message had left, gives its words, codes and payload to the error; a
 * rate limit, which says when a message may pass, its kind too. */
void aui_reply_timed_out(const aui_reply *reply, uint64_t down_since, const aui_error *cause, aui_error *error);

#endif

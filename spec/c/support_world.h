/* Everything around one session, for tests of whole lives: its users, its driver, the network, and a server that keeps
 * a log. What happens, and when, is up to the test; what sessions promise is checked here, whatever happens. Free of
 * any test framework; a broken promise aborts, saying which. */
#ifndef AUI_SPEC_SUPPORT_WORLD_H
#define AUI_SPEC_SUPPORT_WORLD_H

#include "support_peer.h"
#include "support_states.h"

#define world_require(condition) ((condition) ? (void)0 : world_broken(#condition, __FILE__, __LINE__))
_Noreturn void world_broken(const char *condition, const char *file, int line);

enum { WORLD_SENDS = 256, WORLD_MAX_TEXT = 4096, WORLD_MAX_REQUEST = 1024 };

/* One send, from its user's view and from the server's. */
typedef struct {
  aui_reply *reply; /* NULL once released */
  aui_reply_status status;
  int number;
  uint64_t ends_by;  /* when `total` is over at the latest */
  int length;        /* of the whole answer behind its prefix; -1: not known to the server */
  aui_buffer shown;  /* what the user has made of the chunks */
  bool canceled;     /* by its user */
  bool read;         /* the server has had the whole message */
  bool acted;        /* and acts, or has acted, on it: the log of the server */
  bool settled;      /* its user has found its answer elsewhere */
  int resends;       /* how often its user has had it sent again */
  bool lost;         /* since then, a connection that had carried it has ended, */
  bool gone;         /* and nothing of it is under way any more */
  int answer_id;     /* of its answer, 0: the server has not read it */
  bool anything_may; /* raw bytes came while it was pending: it may have got any text and any end */
} world_sent;

typedef enum { WORLD_NO_TRANSPORT, WORLD_OPENING, WORLD_UP } world_transport;

typedef struct {
  peer p; /* corked: what the server says waits in `outgoing` for world_deliver */
  aui_session_config config;
  bool closed;
  aui_state state; /* as its users know it */
  bool keeps;      /* the driver cannot reset: what the network has not carried yet arrives when it likes */
  aui_buffer late; /* of connections that have ended */

  /* Of this connection: */
  world_transport transport;
  char request[WORLD_MAX_REQUEST]; /* the session's handshake; empty until it is here */
  bool accepted;
  bool cut_off;        /* nothing gets through, either way */
  bool silent;         /* the server says nothing more */
  bool closed_by_peer; /* by a close frame of its own accord */
  bool mute;           /* nor does it answer pings and close frames */
  bool closing;        /* the session has sent a close frame */
  bool raw;            /* raw bytes were sent, so that the server cannot know what it has said */
  int answering;       /* which send; -1: none */
  bool answered;       /* some of that answer is out, */
  int said;            /* of a text so long */
  int answer_id;       /* and its id */
  size_t delivered;    /* bytes */

  int sends;
  int last_read; /* which send the server has read last; -1: none */
  int ids;       /* how many messages of the server have one */
  int seq;       /* the number of its last envelope */
  int over;      /* the id of an answer that its user has had; 0: none */
  int messages;  /* how many the server has had */
  int pings;     /* and how many pings */
  states_seen states;
  world_sent sent[WORLD_SENDS]; /* send n in n % WORLD_SENDS */
} world;

/* Begins with a new session of either API by WebSocket, which wants a connection. Released with world_close. In the
 * threads API the server has deltas, which do not take back what was said. */
world *world_open(const aui_session_config *config);

/* Frees the session, then the replies, all of which must have ended, and all else. */
void world_close(world *w);

/* What must hold at any time; to be called after every step. */
void world_check(world *w);

/* ---- Users ---- */

/* A send; NULL when it was refused, or when there is no slot free. */
world_sent *world_send(world *w, aui_reply_timeouts timeouts);

/* The send of this number, NULL when its reply has been released. */
world_sent *world_find(world *w, int number);

void world_show(world_sent *s); /* takes and applies all chunks */
void world_cancel(world *w, world_sent *s);
void world_release(world *w, world_sent *s);
world_sent *world_parked(world *w); /* NULL: none is */

/* What a user does about a parked send who knows the server's log. */
void world_settle(world *w, world_sent *s);

/* What one may do who does not. `length`: of the answer. */
void world_settle_by_answer(world *w, world_sent *s, int length);
void world_settle_by_resend(world *w, world_sent *s);
void world_settle_by_giving_up(world *w, world_sent *s);

void world_end(world *w); /* aui_session_close */
bool world_all_ended(const world *w);

/* ---- The driver and the network ---- */

/* Begins or ends the transport if the session wants that now; returns whether it did. */
bool world_follow(world *w);
void world_transport_up(world *w); /* if it is opening */

/* With a cause, by the peer's reset, which drops what is unsent. */
void world_lose(world *w, const char *cause, bool retryable);

/* At most `limit` bytes leave and are read by the server. */
void world_write(world *w, size_t limit);

/* The server reads what connections that have ended have left behind in the network. */
void world_arrive_late(world *w);

/* The session receives the next `n` bytes of what the server has said, or all there are. */
void world_deliver(world *w, size_t n);

/* Time goes on until `now`; ticks if that is due. */
void world_pass(world *w, uint64_t now);

/* ---- The server: each does nothing where it would make no sense ---- */

void world_accept(world *w);
void world_refuse(world *w, const char *response, size_t n); /* the handshake, by these bytes */
void world_answer(world *w, int length, bool final);         /* an update, or the final message, so many bytes long */
void world_event(world *w);                                  /* of another kind, while nothing is under way */
void world_greet(world *w, bool final);                      /* the agent speaks unasked, and is heard at once */
void world_stray(world *w, int how);                         /* 0 to 3: speaks of what is over, or not theirs */
void world_refuse_turn(world *w, int status_code);           /* in the threads API: the answer ends, and nothing else */
void world_ping(world *w);
void world_refuse_message(world *w, int status_code);    /* by an error of the session; says nothing more */
void world_close_frame(world *w, int code);              /* says nothing more */
void world_break(world *w, const void *bytes, size_t n); /* bytes that no session may accept; says nothing more */

/* Any bytes at all, at any time. */
void world_raw(world *w, const void *bytes, size_t n);

#endif

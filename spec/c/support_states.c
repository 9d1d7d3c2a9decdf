/* Which states a session may be in. What is asserted here is what session_state.h declares, row by row. */
#include "support_states.h"

#include "engine/session_state.h"
#include "support_world.h"

/* What may be there. */
enum {
  CLOSED = 1,
  QUEUE = 2,
  PARKED = 4,
  ACTIVE = 8,
  PAYLOAD = 16,    /* an error payload is held */
  READER = 32,     /* of events */
  OPENED = 64,     /* a time when it was */
  KNOWN = 128,     /* something of the connection, */
  AFTER_END = 256, /* but for that a message was accepted after its end */
};

typedef enum { NONE, PAUSED, WANTED, OPENING, HANDSHAKE, OPEN, CLOSING, DROPPING } state;

static const struct {
  unsigned may, must;
} table[STATES] = {
    [NONE] = {CLOSED, 0},
    [PAUSED] = {QUEUE | PARKED, 0},
    [WANTED] = {QUEUE | PARKED, 0},
    [OPENING] = {QUEUE | PARKED, 0},
    [HANDSHAKE] = {QUEUE | PARKED, 0},
    [OPEN] = {QUEUE | PARKED | READER | OPENED | ACTIVE | PAYLOAD | KNOWN, OPENED},
    [CLOSING] = {QUEUE | PARKED | READER | OPENED | CLOSED | PAYLOAD | KNOWN | AFTER_END, OPENED},
    [DROPPING] = {QUEUE | PARKED | READER | OPENED | CLOSED | KNOWN | AFTER_END, 0},
};

static state state_of(const aui_session *s) {
  switch (s->transport) {
    case TRANSPORT_NONE: return NONE;
    case TRANSPORT_PAUSED: return PAUSED;
    case TRANSPORT_WANTED: return WANTED;
    case TRANSPORT_OPENING: return OPENING;
    case TRANSPORT_DROPPING: return DROPPING;
    case TRANSPORT_UP: break;
  }
  world_require(s->ws.state != AUI_WEBSOCKET_DOWN);
  if (s->ws.state == AUI_WEBSOCKET_OPEN) return OPEN;
  return s->ws.state == AUI_WEBSOCKET_CLOSING ? CLOSING : HANDSHAKE;
}

static unsigned there_is(const aui_session *s) {
  const connection_state *c = &s->connection;
  bool known = c->reading || c->message_left || c->agent_spoke || c->draining || c->not_detachable;
  return (s->closed ? CLOSED : 0) | (s->queue ? QUEUE : 0) | (s->parked ? PARKED : 0) | (s->active ? ACTIVE : 0) |
         (s->refusal ? PAYLOAD : 0) | (s->events ? READER : 0) | (s->opened_at != AUI_NEVER ? OPENED : 0) |
         (known ? KNOWN : 0) | (c->accepted_after_end ? AFTER_END : 0);
}

static void check_connection(const aui_session *s) {
  const connection_state *c = &s->connection;
  world_require(!c->draining || (c->not_detachable && c->message_left && !s->active && !s->parked));
  world_require(!c->agent_spoke || c->message_left || c->not_detachable);
  world_require(c->reading != READING_ANSWER || c->message_left);
  world_require(!c->was_reset); /* but between two calls */
}

void states_check(const aui_session *session, states_seen *seen) {
  state now = state_of(session);
  unsigned there = there_is(session);
  world_require((there & ~table[now].may) == 0);
  world_require((table[now].must & ~there) == 0);
  world_require(!(there & CLOSED) || !(there & (QUEUE | PARKED | ACTIVE)));
  world_require(!(there & PARKED) || !(there & ACTIVE));
  world_require(now != PAUSED || session->retry_at != AUI_NEVER);
  check_connection(session);
  seen->there[now] |= there;
}

void states_check_all(const states_seen *seen) {
  for (int i = 0; i < STATES; i++) world_require(seen->there[i] == table[i].may);
}

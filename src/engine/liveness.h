/* Finds a dead peer: a silent connection is pinged, and whoever does not answer in time is gone. Load balancers drop
 * idle connections without a word, and only this finds out. */
#ifndef AUI_ENGINE_LIVENESS_H
#define AUI_ENGINE_LIVENESS_H

#include "engine/aui.h"

typedef struct {
  uint64_t heard;     /* when something last came */
  uint64_t pinged_at; /* when a ping was sent since then, or bytes left behind that, */
  bool pinged;        /* if one was */
  bool doubtful;      /* nobody knows how long nothing has come, */
  bool unproven;      /* and nobody listened for so long that it may well be dead */
} aui_liveness;

/* Something came, or the connection has just opened. */
void aui_liveness_heard(aui_liveness *liveness, uint64_t now);

/* The connection is taken over from somebody who has not listened to it for `unheard` milliseconds. */
void aui_liveness_adopted(aui_liveness *liveness, const aui_liveness_config *config, uint64_t unheard, uint64_t now);

/* A message is about to leave. True when a ping is to go with it (said once), since nothing has come for a while: a
 * connection that died meanwhile is found out after the ping's timeout then, and not after the interval as well. */
bool aui_liveness_leaving(aui_liveness *liveness, const aui_liveness_config *config, uint64_t now);

/* Bytes have left. A ping may wait behind a long message, and a peer that takes that in is not dead. */
void aui_liveness_left(aui_liveness *liveness, uint64_t now);

/* When aui_liveness_tick has something to say. */
uint64_t aui_liveness_deadline(const aui_liveness *liveness, const aui_liveness_config *config);

typedef enum { AUI_LIVENESS_FINE, AUI_LIVENESS_PING, AUI_LIVENESS_DEAD } aui_liveness_result;

/* What time asks for: a ping is to be sent now (said once), or the peer is dead. */
aui_liveness_result aui_liveness_tick(aui_liveness *liveness, const aui_liveness_config *config, uint64_t now);

#endif

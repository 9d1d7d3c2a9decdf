/* Which states a session may be in: the table of session_state.h, checked. */
#ifndef AUI_SPEC_SUPPORT_STATES_H
#define AUI_SPEC_SUPPORT_STATES_H

#include "engine/aui.h"

enum { STATES = 8 };

/* What of the table has occurred; all zero at the beginning. */
typedef struct {
  unsigned there[STATES];
} states_seen;

/* Takes note of the session's state; aborts, saying what is wrong, if the table does not have it. */
void states_check(const aui_session *session, states_seen *seen);

/* Aborts unless all that the table has was seen. */
void states_check_all(const states_seen *seen);

#endif

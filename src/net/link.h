/* A link: one session's place on the loop. */
#ifndef AUI_NET_LINK_H
#define AUI_NET_LINK_H

#include "engine/aui.h"
#include "net/endpoint.h"
#include "net/loop.h"

typedef struct aui_link aui_link;

/* Puts `session` on the loop: takes ownership of it and does what it wants from now on. `id` comes back from
 * aui_loop_ready. Strings of `endpoint` are copied. Returns NULL, with the session still the caller's, when memory is
 * short or a file cannot be used; `*why` says so then, valid until the next call: "tls.ca_file: cannot use /x/y.pem: No
 * such file or directory". Files that have changed since are read again for a new connection. Does not resolve, connect
 * or wait. */
aui_link *aui_loop_open(aui_loop *loop, aui_session *session, const aui_endpoint *endpoint, uint64_t id,
                        const char **why);

/* True when the link is about to connect and waits for what the request shall say, which is for one of the next
 * two functions; they do nothing when it is false. The session notifies its users when it becomes true. */
bool aui_link_asks(const aui_link *link);

/* The request and the agent (copied; NULL: not known) are these, see aui_session_set_request: the link connects. */
void aui_link_give_request(aui_link *link, const aui_request *request, const char *agent_id);

/* There is no request, for this reason (copied): the attempt to connect has failed. */
void aui_link_refuse_request(aui_link *link, const aui_error *error);

/* To be called after whatever can have changed the link's session: of what aui.h has for a session's users, send,
 * cancel, release and close. */
void aui_link_pump(aui_link *link);

/* Closes the session and leaves its connection to its pool, if it has one and the connection may serve another session
 * (aui_session_detach); else returns false, and changes nothing. */
bool aui_link_give_back(aui_link *link);

/* Gives the link back. The session is closed if it was not, by aui_link_give_back or by a closing handshake (close
 * frame, a moment for the peer's) while the loop is being stepped; then the link and its session are freed. The pointer
 * is not valid afterwards. */
void aui_link_release(aui_link *link);

#endif

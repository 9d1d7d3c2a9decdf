/* One HTTP request and its answer, on the loop (loop.h). */
#ifndef AUI_NET_CALL_H
#define AUI_NET_CALL_H

#include "engine/aui.h"
#include "net/endpoint.h"
#include "net/loop.h"

typedef struct aui_call aui_call;

/* Begins a request (copied); nothing comes of it before the loop is stepped. It goes by the connection that the last
 * call to the same place has left, if that is fresh, else by a new one. `id` comes back from aui_loop_ready once, when
 * the call is over. Returns NULL when memory is short or a file of `endpoint` cannot be used; `*why` says so then,
 * naming the argument, valid until the next call. The caller owns the call and must release it. */
aui_call *aui_call_start(aui_loop *loop, const aui_endpoint *endpoint, const aui_exchange_request *request, uint64_t id,
                         const char **why);

/* The call's exchange, for what is said there under "for users", but for cancelling it. Valid until the call is
 * released; if the loop is freed before the end, it is canceled. */
const aui_exchange *aui_call_exchange(const aui_call *call);

/* Gives the call back, and up if it is under way: its id is not returned any more. Also after aui_loop_free. */
void aui_call_release(aui_call *call);

#endif

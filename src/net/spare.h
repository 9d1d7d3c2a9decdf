/* Connections that calls have left: the next call to the same place may take one over. */
#ifndef AUI_NET_SPARE_H
#define AUI_NET_SPARE_H

#include "net/transport.h"

/* Keeps the transport's open connection for a while; one that was kept for the same place before is closed. The
 * transport is closed then. Returns false, and changes nothing, if it cannot be kept. */
bool aui_spare_keep(aui_transport *transport);

/* Gives a closed transport the connection that is kept for its place; false if there is none. */
bool aui_spare_take(aui_transport *transport);

#endif

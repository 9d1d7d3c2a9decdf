/* What a state machine of the engine (a session, an exchange) and its driver say to each other about a transport. */
#ifndef AUI_ENGINE_DRIVER_H
#define AUI_ENGINE_DRIVER_H

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

#endif

// The WebSocket side of a connection (RFC 6455): the upgrade, messages, control frames, the closing handshake.
#ifndef AUI_SIM_SIM_WEBSOCKET_H
#define AUI_SIM_SIM_WEBSOCKET_H

#include "connection.h"
#include "message.h"
#include "sim_deflate.h"
#include "sim_http.h"
#include "sim_options.h"

struct sim_inbox_entry {
  struct sim_inbox_entry *next;
  size_t length;
  char text[]; // NUL after it
};

struct sim_websocket {
  struct sim_connection *connection;
  const struct sim_options *options;
  struct sim_request request; // the upgrade, once it has come
  const char *subprotocol;    // to be selected when it is accepted; NULL: none. Static
  bool answered;              // it has got its answer
  bool open;                  // which was 101
  char channel[SIM_UUID_SIZE];
  struct sim_deflate deflate;
  struct sim_buffer message; // the fragments of an unfinished message
  bool in_message, compressed;
  struct sim_inbox_entry *inbox, **inbox_end; // text messages that nobody has taken yet, oldest first
  size_t inbox_length;
  bool ignores_pings, ignores_close; // what a scenario asked for
  bool close_sent;
  bool pong_due;               // our last ping has not been answered yet
  struct sim_buffer last_ping; // its payload
};

void sim_websocket_init(struct sim_websocket *websocket, struct sim_connection *connection,
                        const struct sim_options *options);
void sim_websocket_free(struct sim_websocket *websocket);

// What is wrong with an upgrade request (RFC 6455, section 4.2.1): a static text, NULL if nothing is.
const char *sim_websocket_refusal(const struct sim_request *request);

// Answers the upgrade with 101, or takes note of another's answer: `open` if that was 101.
void sim_websocket_accept(struct sim_websocket *websocket);
void sim_websocket_answered(struct sim_websocket *websocket, bool open);

// Takes in the frames that have arrived: text messages go to the inbox, pings and closes are answered, and mistakes
// end the connection with the right close code.
void sim_websocket_receive(struct sim_websocket *websocket);

// Sends a text message of two parts, as one frame.
void sim_websocket_send_text(struct sim_websocket *websocket, const struct sim_buffer *first,
                             const struct sim_buffer *second);

// For whoever cuts such a message into frames: appends its payload, compressed if that was agreed. Returns the first
// byte of the first frame, without SIM_FIN.
unsigned sim_websocket_payload(struct sim_websocket *websocket, const struct sim_buffer *first,
                               const struct sim_buffer *second, struct sim_buffer *payload);

// Sends a JSON value as one text frame, compactly.
void sim_websocket_send(struct sim_websocket *websocket, const json_t *value);

// Sends a ping; pong_due is true until it is answered.
void sim_websocket_ping(struct sim_websocket *websocket, const char *payload, size_t length);

// Sends a close frame; code 0: without a code. The connection ends when the client answers, or after 5 s.
void sim_websocket_close(struct sim_websocket *websocket, unsigned code, const char *reason);

// Takes the oldest message out of the inbox, to be freed with free(); NULL if there is none.
struct sim_inbox_entry *sim_inbox_take(struct sim_websocket *websocket);

#endif

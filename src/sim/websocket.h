// The WebSocket side of a connection (RFC 6455): the upgrade, messages, control frames, the closing handshake.
#ifndef SIM_WEBSOCKET_H
#define SIM_WEBSOCKET_H

#include "connection.h"

// What is wrong with an upgrade request (RFC 6455, section 4.2.1): a static text, NULL if nothing is.
const char *sim_websocket_refusal(const struct sim_request *request);

// Answers the upgrade with 101; `headers` (an object, or NULL) are added to the answer.
void sim_websocket_accept(struct sim_connection *connection, const json_t *headers);

// Takes in the frames that have arrived: text messages go to the inbox, pings and closes are answered, and mistakes
// end the connection with the right close code.
void sim_websocket_receive(struct sim_connection *connection);

// Sends a JSON value as one text frame, compactly.
void sim_websocket_send(struct sim_connection *connection, const json_t *value);

// Sends a close frame; code 0: without a code. The connection ends when the client answers, or after 5 s.
void sim_websocket_close(struct sim_connection *connection, unsigned code, const char *reason);

// Takes the oldest message out of the inbox, to be freed with free(); NULL if there is none.
struct sim_inbox_entry *sim_inbox_take(struct sim_connection *connection);

#endif

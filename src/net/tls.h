/* TLS as a filter: encrypted bytes of the peer in, encrypted bytes for the peer out, and plain bytes on the other side.
 * It knows no socket and no loop. OpenSSL's error queue is left empty by every function. */
#ifndef AUI_NET_TLS_H
#define AUI_NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aui_tls aui_tls; /* one connection */

/* A connection to `host`, a name or an address, and `port`, that has yet to shake hands; NULL when memory is short.
 * With verification the peer's certificate must be valid for `host` (RFC 9110 4.3.4, RFC 6125). It keeps `context`
 * alive. If there is a ticket of the context's for the same host and port, it resumes that session, whose verification
 * stands; the server may refuse that within the same handshake. Nothing is ever sent before the handshake is complete
 * (0-RTT). */
aui_tls *aui_tls_new(SSL_CTX *context, const char *host, uint16_t port);
void aui_tls_free(aui_tls *tls);

typedef enum {
  AUI_TLS_MORE,  /* all input is used; more is needed */
  AUI_TLS_OPEN,  /* the handshake is complete: returned once */
  AUI_TLS_PLAIN, /* `*n` bytes of plain text are in the buffer; there may be more */
  AUI_TLS_END,   /* the peer ended the stream in order, with close_notify */
  AUI_TLS_FAILED /* see aui_tls_error; an alert for the peer may be in the output */
} aui_tls_event;

/* Gives the next bytes from the peer, all of those before having been used; they must stay where they are until
 * aui_tls_read has returned AUI_TLS_MORE, AUI_TLS_END or AUI_TLS_FAILED. */
void aui_tls_feed(aui_tls *tls, const void *bytes, size_t n);

/* Goes on with what was fed, up to the next event. To be called once at the beginning, which makes the first output. */
aui_tls_event aui_tls_read(aui_tls *tls, void *buffer, size_t size, size_t *n);

/* Encrypts `n` plain bytes, at least one, into the output; returns false after a failure. Only while the connection is
 * open. */
bool aui_tls_write(aui_tls *tls, const void *bytes, size_t n);

/* Puts close_notify into the output, if the connection is open. Nothing can be written afterwards. */
void aui_tls_close(aui_tls *tls);

bool aui_tls_is_open(const aui_tls *tls);

/* Encrypted bytes for the peer; valid until the next call. */
const void *aui_tls_output(const aui_tls *tls, size_t *n);
void aui_tls_written(aui_tls *tls, size_t n);

/* After a failure: what it was, and whether another attempt has a chance. */
const char *aui_tls_error(const aui_tls *tls);
bool aui_tls_retryable(const aui_tls *tls);

#endif

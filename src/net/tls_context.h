/* TLS contexts, which connections with the same options share, made of what the options' files hold when a connection
 * begins: certificates are renewed while a program runs. OpenSSL's error queue is left empty by every function. */
#ifndef AUI_NET_TLS_CONTEXT_H
#define AUI_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "net/endpoint.h"
#include "net/tls_tickets.h"

typedef struct aui_tls_entry aui_tls_entry;

/* Those of a loop; all zero at the beginning. They stay where they are, and outlive what is made of a context. */
typedef struct {
  aui_tls_entry *newest;
} aui_tls_contexts;

enum {
  AUI_TLS_CONTEXTS_KEPT = 8, /* for further connections, the most recently used */
  AUI_TLS_RENEWAL = 10000    /* milliseconds for which a context outlives files that cannot be used any more */
};

/* The context for a connection that begins at `now` (milliseconds, monotonic): TLS 1.2 or newer. It stays valid until
 * the next call, and as long as an SSL is made of it, whose app data must be its aui_tls_place. The files are read
 * again when another one has come into their place or they were written to; connections that were made before keep
 * theirs. Files that cannot be used are an error, NULL with the reason in `why`, such as "tls.ca_file: cannot use
 * /x/y.pem: No such file or directory"; but in the midst of being replaced they may be half there or not fit each
 * other, so the context of what they held before serves for AUI_TLS_RENEWAL more. */
SSL_CTX *aui_tls_contexts_get(aui_tls_contexts *contexts, const aui_tls_options *options, uint64_t now, char *why,
                              size_t why_size);

/* The tickets by which connections of this context, which must be alive, resume sessions: no other policy, client's
 * certificate or state of the files has a part in them. Valid until the next call of aui_tls_contexts_get. NULL: none
 * are kept, since the context serves no further connections. */
aui_tls_tickets *aui_tls_context_tickets(const SSL_CTX *context);

/* Drops all tickets: each is for one connection, and a child of this process has a copy of them. */
void aui_tls_contexts_forget(aui_tls_contexts *contexts);

void aui_tls_contexts_free(aui_tls_contexts *contexts);

/* The result of verification when the peer's certificate is for another host because it has no names. */
enum { AUI_TLS_NAMELESS = X509_V_ERR_APPLICATION_VERIFICATION };

#endif

// A throw-away certificate authority, and a server certificate from it.
#ifndef AUI_SIM_SIM_TLS_H
#define AUI_SIM_SIM_TLS_H

#include <stdbool.h>

// Files in the directory of --tls-dir.
#define SIM_CA_FILE "ca.pem"
#define SIM_CERTIFICATE_FILE "server.pem"
#define SIM_KEY_FILE "server.key"

// Makes the three files above in `directory` (made if it is missing), unless the certificate and its key are there.
// The certificate is for `name`, or, if that is NULL, for localhost, 127.0.0.1 and ::1; it is valid from yesterday for
// a year, or, if `expired`, was until an hour ago. False: a line on stderr says why.
bool sim_tls_prepare(const char *directory, const char *name, bool expired);

#endif

/* To be preloaded: the resolver never answers about names that begin with "hanging", as behind a firewall that swallows
 * its questions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  if (node && strncmp(node, "hanging", 7) == 0) {
    for (;;) pause();
  }
  int (*original)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&original = dlsym(RTLD_NEXT, "getaddrinfo");
  return original(node, service, hints, result);
}

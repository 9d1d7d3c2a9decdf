/* Which libraries this program runs with: for reports of faults. */
#ifndef AUI_NET_LIBRARIES_H
#define AUI_NET_LIBRARIES_H

/* Their versions, in texts of their own. */
typedef struct {
  const char *libwebsockets, *libuv, *openssl;
} aui_libraries;

/* Those that are loaded, whatever this was compiled against. */
aui_libraries aui_libraries_loaded(void);

#endif

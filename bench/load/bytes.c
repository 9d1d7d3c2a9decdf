#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

char *bytes_room(bytes *to, size_t n) {
  if (to->size - to->length < n) {
    to->size = 2 * to->size + n;
    to->at = realloc(to->at, to->size);
    if (!to->at) fail("realloc");
  }
  return to->at + to->length;
}

void bytes_add(bytes *to, const void *from, size_t n) {
  if (n > 0) memcpy(bytes_room(to, n), from, n);
  to->length += n;
}

void bytes_format(bytes *to, const char *format, ...) {
  enum { MOST = 1024 };
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(bytes_room(to, MOST), MOST, format, arguments);
  va_end(arguments);
  if (n < 0 || n >= MOST) fail("bytes_format");
  to->length += (size_t)n;
}

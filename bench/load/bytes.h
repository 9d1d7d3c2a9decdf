/* Bytes that grow. */
#ifndef BENCH_BYTES_H
#define BENCH_BYTES_H

#include <stddef.h>

typedef struct {
  char *at;
  size_t length, size;
} bytes;

/* Room for `n` more; the place where they go. Ends the program when memory is short. */
char *bytes_room(bytes *to, size_t n);
void bytes_add(bytes *to, const void *from, size_t n);
void bytes_format(bytes *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

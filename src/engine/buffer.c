/* A growable byte buffer: doubles its capacity, so that appending costs a constant time on average. */
#include "engine/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM_CAPACITY = 64 };

bool aui_buffer_reserve(aui_buffer *buffer, size_t extra) {
  if (extra <= buffer->cap - buffer->len) return true;
  if (extra > SIZE_MAX / 2 - buffer->len) return false;
  size_t cap = buffer->cap ? buffer->cap : MINIMUM_CAPACITY;
  while (cap < buffer->len + extra) cap *= 2;
  char *data = realloc(buffer->data, cap);
  if (!data) return false;
  buffer->data = data;
  buffer->cap = cap;
  return true;
}

bool aui_buffer_append(aui_buffer *buffer, const void *bytes, size_t n) {
  if (n == 0) return true;
  if (!aui_buffer_reserve(buffer, n)) return false;
  memcpy(buffer->data + buffer->len, bytes, n);
  buffer->len += n;
  return true;
}

void aui_buffer_consume(aui_buffer *buffer, size_t n) {
  if (n < buffer->len) {
    memmove(buffer->data, buffer->data + n, buffer->len - n);
    buffer->len -= n;
  } else {
    buffer->len = 0;
  }
}

void aui_buffer_free(aui_buffer *buffer) {
  free(buffer->data);
  *buffer = (aui_buffer){0};
}

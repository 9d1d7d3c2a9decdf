/* A growable byte buffer: doubles its capacity, and moves what is left to the front only when that is no more than was
 * consumed, so that each byte costs a constant time on average. */
#include "engine/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM_CAPACITY = 64 };

static bool buffer_has_room(const aui_buffer *buffer, size_t extra) {
  return extra <= buffer->cap - buffer->len;
}

static char *memory_of(const aui_buffer *buffer) {
  return buffer->gone > 0 ? buffer->data - buffer->gone : buffer->data;
}

/* Moves what is left to the front: what was consumed becomes room behind it. */
static void reclaim(aui_buffer *buffer) {
  char *memory = memory_of(buffer);
  if (buffer->len > 0) memmove(memory, buffer->data, buffer->len);
  buffer->data = memory;
  buffer->cap += buffer->gone;
  buffer->gone = 0;
}

static bool grow(aui_buffer *buffer, size_t extra) {
  if (extra > SIZE_MAX / 4 - buffer->gone - buffer->len) return false; /* twice that is as large as an object may be */
  size_t used = buffer->gone + buffer->len, cap = buffer->gone + buffer->cap;
  if (cap == 0) cap = MINIMUM_CAPACITY;
  while (cap < used + extra) cap *= 2;
  char *memory = realloc(memory_of(buffer), cap);
  if (!memory) return false;
  buffer->data = memory + buffer->gone;
  buffer->cap = cap - buffer->gone;
  return true;
}

bool aui_buffer_reserve(aui_buffer *buffer, size_t extra) {
  if (buffer_has_room(buffer, extra)) return true;
  if (buffer->gone >= buffer->len) reclaim(buffer);
  return buffer_has_room(buffer, extra) || grow(buffer, extra);
}

bool aui_buffer_append(aui_buffer *buffer, const void *bytes, size_t n) {
  if (n == 0) return true;
  if (!aui_buffer_reserve(buffer, n)) return false;
  memcpy(buffer->data + buffer->len, bytes, n);
  buffer->len += n;
  return true;
}

void aui_buffer_consume(aui_buffer *buffer, size_t n) {
  if (n > buffer->len) n = buffer->len;
  if (n == 0) return; /* `data` may be NULL */
  buffer->data += n;
  buffer->len -= n;
  buffer->cap -= n;
  buffer->gone += n;
  if (buffer->len == 0) reclaim(buffer);
}

void aui_buffer_free(aui_buffer *buffer) {
  free(memory_of(buffer));
  *buffer = (aui_buffer){0};
}

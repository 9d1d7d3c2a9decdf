// Growable byte buffers and checked allocation; see sim_buffer.h.
#include "sim_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(void) {
  fputs("aui-sim: out of memory\n", stderr);
  exit(1);
}

void *sim_alloc(size_t size) {
  void *memory = calloc(1, size ? size : 1);
  if (!memory) out_of_memory();
  return memory;
}

char *sim_copy(const char *text, size_t length) {
  char *copy = sim_alloc(length + 1);
  if (length > 0) memcpy(copy, text, length);
  return copy;
}

// Where the next bytes go, with room for this many and a NUL.
static unsigned char *reserve(struct sim_buffer *buffer, size_t more) {
  if (buffer->capacity - buffer->length <= more) {
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity - buffer->length <= more) capacity *= 2;
    unsigned char *data = realloc(buffer->data, capacity);
    if (!data) out_of_memory();
    buffer->data = data;
    buffer->capacity = capacity;
  }
  return buffer->data + buffer->length;
}

void sim_buffer_add(struct sim_buffer *buffer, const void *data, size_t length) {
  if (length == 0) return;
  memcpy(reserve(buffer, length), data, length);
  buffer->length += length;
  buffer->data[buffer->length] = '\0';
}

void sim_buffer_add_string(struct sim_buffer *buffer, const char *text) {
  sim_buffer_add(buffer, text, strlen(text));
}

void sim_buffer_printf(struct sim_buffer *buffer, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length > 0) {
    char *room = (char *)reserve(buffer, (size_t)length);
    vsnprintf(room, (size_t)length + 1, format, again);
    buffer->length += (size_t)length;
  }
  va_end(again);
}

void sim_buffer_add_hex(struct sim_buffer *buffer, const char *hex) {
  for (; *hex; hex++) {
    unsigned byte;
    if (*hex == ' ') continue;
    sscanf(hex++, "%2x", &byte);
    sim_buffer_add(buffer, &(unsigned char){(unsigned char)byte}, 1);
  }
}

void sim_buffer_consume(struct sim_buffer *buffer, size_t length) {
  if (length == 0) return;
  buffer->length -= length;
  memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

void sim_buffer_free(struct sim_buffer *buffer) {
  free(buffer->data);
  *buffer = (struct sim_buffer){0};
}

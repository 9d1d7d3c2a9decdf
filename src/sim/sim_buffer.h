// A growable run of bytes, and allocation that does not come back empty-handed: a simulator that is out
// of memory says so and exits with status 1.
#ifndef AUI_SIM_SIM_BUFFER_H
#define AUI_SIM_SIM_BUFFER_H

#include <stddef.h>

struct sim_buffer {
  unsigned char *data; // owned; NULL while capacity is 0, else with a NUL after its bytes
  size_t length;
  size_t capacity;
};

// As calloc(1, size). Never returns NULL: exits with status 1 when memory is out. Free it with free().
void *sim_alloc(size_t size);

// A copy of the length bytes at text, with a NUL after them. Never NULL; free it with free().
char *sim_copy(const char *text, size_t length);

// Appends bytes; `data` must not lie inside the buffer itself.
void sim_buffer_add(struct sim_buffer *buffer, const void *data, size_t length);

// Appends a NUL-terminated string, without its NUL.
void sim_buffer_add_string(struct sim_buffer *buffer, const char *text);

// Appends as printf does.
void sim_buffer_printf(struct sim_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Appends the bytes that this text spells in hexadecimal, two digits each, with spaces between some of them.
void sim_buffer_add_hex(struct sim_buffer *buffer, const char *hex);

// Removes the first `length` bytes (at most buffer->length).
void sim_buffer_consume(struct sim_buffer *buffer, size_t length);

// Frees the storage; the buffer is empty and may be used again.
void sim_buffer_free(struct sim_buffer *buffer);

#endif

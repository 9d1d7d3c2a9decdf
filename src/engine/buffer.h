/* A growable byte buffer: the one owner of memory that the engine's layers share. */
#ifndef AUI_ENGINE_BUFFER_H
#define AUI_ENGINE_BUFFER_H

#include "engine/aui.h"

/* All zero is an empty buffer. The fields may be read; only the functions below change `data` and `cap`. A holder may
 * lower `len` to drop bytes from the end, and raise it over bytes that it wrote there after aui_buffer_reserve. */

/* Makes room for `extra` bytes behind `len`. Returns false, with the buffer unchanged, when memory is short. Pointers
 * into the buffer are invalid afterwards. */
bool aui_buffer_reserve(aui_buffer *buffer, size_t extra);

/* Appends `n` bytes. Returns false, with the buffer unchanged, when memory is short. `bytes` must not point into it. */
bool aui_buffer_append(aui_buffer *buffer, const void *bytes, size_t n);

/* Removes the first `n` bytes (at most `len`) in constant time: what is left stays where it is. */
void aui_buffer_consume(aui_buffer *buffer, size_t n);

/* Releases the memory; the buffer is empty and may be used again. */
void aui_buffer_free(aui_buffer *buffer);

#endif

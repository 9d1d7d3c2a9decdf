/* An allocator that fails when it is told to. */
#include "scarce_memory.h"

#include <string.h>

scarce_memory memory;

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *block, size_t n);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *block, size_t n);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static bool fails(void) {
  if (!memory.armed) return false;
  if (memory.left > 0) {
    memory.left--;
    return false;
  }
  bool fail = memory.for_good || !memory.failed;
  memory.failed = true;
  return fail;
}

static void *counted(void *block) {
  memory.live += block != NULL;
  return block;
}

void *__wrap_malloc(size_t n) {
  return fails() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t count, size_t n) {
  return fails() ? NULL : counted(__real_calloc(count, n));
}

void *__wrap_realloc(void *block, size_t n) {
  if (fails()) return NULL;
  return block ? __real_realloc(block, n) : counted(__real_realloc(NULL, n));
}

char *__wrap_strdup(const char *text) {
  return fails() ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *block) {
  memory.live -= block != NULL;
  __real_free(block);
}

void memory_begin(size_t left, bool for_good) {
  memory = (scarce_memory){.left = left, .for_good = for_good};
}

void memory_arm(void) {
  memory.armed = true;
}

void memory_disarm(void) {
  memory.armed = false;
}

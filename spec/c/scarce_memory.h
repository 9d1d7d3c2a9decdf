/* An allocator that fails when it is told to, before the C library's: for programs that are linked with --wrap for
 * malloc, calloc, realloc, strdup and free. */
#ifndef AUI_SPEC_SCARCE_MEMORY_H
#define AUI_SPEC_SCARCE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* `failed` and `live` may be read. */
typedef struct {
  bool armed;    /* it is the code under test that allocates */
  bool for_good; /* once one has failed, all do */
  size_t left;   /* allocations that succeed before */
  bool failed;
  size_t live; /* blocks that are not freed */
} scarce_memory;

extern scarce_memory memory;

/* Begins anew, disarmed: while it is armed, `left` allocations succeed, and then one fails, or all. */
void memory_begin(size_t left, bool for_good);
void memory_arm(void);
void memory_disarm(void);

#endif

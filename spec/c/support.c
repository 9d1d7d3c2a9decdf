/* Guard pages by mmap and mprotect, and the slicing of inputs. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS under -std=c11 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A readable and writable stretch of whole pages between two that fault. */
typedef struct region {
  struct region *next;
  uint8_t *mapping;
  size_t mapping_size;
  uint8_t *begin;
  uint8_t *end;
} region;

static region *regions;

const char *const feed_way_names[FEED_WAYS] = {"whole", "before", "bytes", "followed"};

static void die(const char *what) {
  perror(what);
  abort();
}

static region region_open(size_t n) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t usable = (n + page) / page * page;
  region r = {.mapping_size = usable + 2 * page};
  void *mapping = mmap(NULL, r.mapping_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) die("mmap");
  r.mapping = mapping;
  r.begin = r.mapping + page;
  r.end = r.begin + usable;
  if (mprotect(r.begin, usable, PROT_READ | PROT_WRITE) != 0) die("mprotect");
  return r;
}

static void region_close(const region *r) {
  if (munmap(r->mapping, r->mapping_size) != 0) die("munmap");
}

static const uint8_t *copy_to(uint8_t *target, const void *bytes, size_t n) {
  if (n > 0) memcpy(target, bytes, n);
  return target;
}

/* Opens a region that lives until guarded_release_all. */
static const region *keep_region(size_t n) {
  region *kept = malloc(sizeof *kept);
  if (!kept) die("malloc");
  *kept = region_open(n);
  kept->next = regions;
  regions = kept;
  return kept;
}

const uint8_t *guarded(const void *bytes, size_t n) {
  return copy_to(keep_region(n)->end - n, bytes, n);
}

const uint8_t *guarded_before(const void *bytes, size_t n) {
  return copy_to(keep_region(n)->begin, bytes, n);
}

void guarded_release_all(void) {
  while (regions) {
    region *r = regions;
    regions = r->next;
    region_close(r);
    free(r);
  }
}

int guarded_teardown(void **state) {
  (void)state;
  guarded_release_all();
  return 0;
}

static bool feed_bytes(const region *r, const uint8_t *bytes, size_t n, feed_sink *sink, void *context) {
  for (size_t i = 0; i < n; i++) {
    if (!sink(context, copy_to(r->end - 1, bytes + i, 1), 1)) return false;
  }
  return true;
}

static bool feed_followed(const region *r, const void *bytes, size_t n, feed_sink *sink, void *context) {
  memset(r->begin, 0xFF, (size_t)(r->end - r->begin));
  return sink(context, copy_to(r->begin, bytes, n), n);
}

bool feed(feed_way way, const void *bytes, size_t n, feed_sink *sink, void *context) {
  region r = region_open(n);
  bool all = false;
  switch (way) {
    case FEED_WHOLE: all = sink(context, copy_to(r.end - n, bytes, n), n); break;
    case FEED_BEFORE: all = sink(context, copy_to(r.begin, bytes, n), n); break;
    case FEED_BYTES: all = feed_bytes(&r, bytes, n, sink, context); break;
    case FEED_FOLLOWED: all = feed_followed(&r, bytes, n, sink, context); break;
    default: fprintf(stderr, "feed: %d is no way to feed\n", (int)way); abort();
  }
  region_close(&r);
  return all;
}

/* An allocation that fails is what tests of memory shortage are about, not a mistake. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

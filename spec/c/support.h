/* Support for tests of code that reads bytes: memory whose neighbours fault when touched, and the
 * ways in which a network may slice an input. Free of any test framework; failures of the support
 * itself abort. */
#ifndef AUI_SPEC_SUPPORT_H
#define AUI_SPEC_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A copy of `n` bytes (0 is fine) that ends exactly at a page that faults: reading byte `n`
 * crashes. The page before its memory faults too. Lives until guarded_release_all; to be used for
 * tens of copies, not for thousands: see feed. */
const uint8_t *guarded(const void *bytes, size_t n);

/* The same, but it begins exactly behind a page that faults: reading byte -1 crashes. */
const uint8_t *guarded_before(const void *bytes, size_t n);

/* Releases every copy of the two functions above. */
void guarded_release_all(void);

/* guarded_release_all as a cmocka teardown: cmocka_unit_test_teardown(test, guarded_teardown).
 * Returns 0. */
int guarded_teardown(void **state);

/* How an input is handed over. Loop over all of them: for (int way = 0; way < FEED_WAYS; way++). */
typedef enum {
  FEED_WHOLE,    /* one slice that ends at a faulting page */
  FEED_BEFORE,   /* one slice that begins behind a faulting page */
  FEED_BYTES,    /* slices of one byte, each ending at a faulting page; the last slice's memory is
                    overwritten each time */
  FEED_FOLLOWED, /* one slice with readable bytes behind it that are not part of the input */
  FEED_WAYS
} feed_way;

extern const char *const feed_way_names[FEED_WAYS];

/* Takes a slice, which is valid during the call only. Returns true to go on, false to stop. */
typedef bool feed_sink(void *context, const uint8_t *slice, size_t n);

/* Hands `bytes` to `sink` in the given way. An empty input is one empty slice, in FEED_BYTES none.
 * Returns true when the sink took all slices, false when it stopped. */
bool feed(feed_way way, const void *bytes, size_t n, feed_sink *sink, void *context);

#endif

/* When a server asks to be left alone: the value of a Retry-After field (RFC 9110, 10.2.3), and for how long it is
 * obeyed. */
#ifndef AUI_ENGINE_RETRY_AFTER_H
#define AUI_ENGINE_RETRY_AFTER_H

#include <stddef.h>
#include <stdint.h>

/* Seconds for which a server is obeyed, whatever it asks: a mistake of its clock must not silence us for a day. */
#define AUI_RETRY_AFTER_OBEYED 300

/* Reads the field's value, without blanks around it: a number of seconds, or a date in one of the three forms of RFC
 * 9110, 5.6.7. `unix_time` is the date now, seconds since 1970 UTC, or negative where it is unknown: dates are not read
 * then. Returns the seconds from now, at most INT32_MAX; 0 for a date that is over; -1 for anything else. */
long aui_retry_after_read(const char *value, size_t n, int64_t unix_time);

#endif

/* Reads Retry-After: delay-seconds or HTTP-date (RFC 9110, 10.2.3 and 5.6.7). */
#include "engine/retry_after.h"

#include <stdbool.h>
#include <string.h>

enum { SECONDS_OF_DAY = 24 * 60 * 60 };

/* What is left to read. */
typedef struct {
  const char *at, *end;
} span;

typedef struct {
  int64_t year, month, day; /* from 1 on, but for the year */
  int64_t hour, minute, second;
} date;

/* ---- Pieces ---- */

static bool take_word(span *text, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(text->end - text->at) < n || memcmp(text->at, word, n) != 0) return false;
  text->at += n;
  return true;
}

/* Exactly `digits` digits. */
static bool take_number(span *text, int digits, int64_t *number) {
  if (text->end - text->at < digits) return false;
  *number = 0;
  while (digits-- > 0) {
    if (*text->at < '0' || *text->at > '9') return false;
    *number = *number * 10 + (*text->at++ - '0');
  }
  return true;
}

/* One of `count` names: its index from 0 on, or -1. */
static int take_name(span *text, const char *const *names, int count) {
  for (int i = 0; i < count; i++) {
    if (take_word(text, names[i])) return i;
  }
  return -1;
}

static bool take_month(span *text, int64_t *month) {
  static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  *month = take_name(text, names, 12) + 1;
  return *month > 0;
}

static bool take_short_day(span *text) {
  static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  return take_name(text, names, 7) >= 0;
}

static bool take_long_day(span *text) {
  static const char *const names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  return take_name(text, names, 7) >= 0;
}

static bool take_time_of_day(span *text, date *d) {
  return take_number(text, 2, &d->hour) && take_word(text, ":") && take_number(text, 2, &d->minute) &&
         take_word(text, ":") && take_number(text, 2, &d->second);
}

/* ---- The three forms ---- */

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_imf_fixdate(span text, date *d) {
  return take_short_day(&text) && take_word(&text, ", ") && take_number(&text, 2, &d->day) && take_word(&text, " ") &&
         take_month(&text, &d->month) && take_word(&text, " ") && take_number(&text, 4, &d->year) &&
         take_word(&text, " ") && take_time_of_day(&text, d) && take_word(&text, " GMT") && text.at == text.end;
}

/* Sunday, 06-Nov-94 08:49:37 GMT; the year is one of its century. */
static bool read_rfc850(span text, date *d) {
  return take_long_day(&text) && take_word(&text, ", ") && take_number(&text, 2, &d->day) && take_word(&text, "-") &&
         take_month(&text, &d->month) && take_word(&text, "-") && take_number(&text, 2, &d->year) &&
         take_word(&text, " ") && take_time_of_day(&text, d) && take_word(&text, " GMT") && text.at == text.end;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(span text, date *d) {
  return take_short_day(&text) && take_word(&text, " ") && take_month(&text, &d->month) && take_word(&text, " ") &&
         (take_word(&text, " ") ? take_number(&text, 1, &d->day) : take_number(&text, 2, &d->day)) &&
         take_word(&text, " ") && take_time_of_day(&text, d) && take_word(&text, " ") &&
         take_number(&text, 4, &d->year) && text.at == text.end;
}

/* ---- Calendar ---- */

static bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* A leap second is allowed anywhere. */
static bool is_real(const date *d) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t last = days[d->month - 1] + (d->month == 2 && is_leap(d->year));
  return d->day >= 1 && d->day <= last && d->hour < 24 && d->minute < 60 && d->second <= 60;
}

/* Days from 1970-01-01. Years begin in March here, so that the leap day is the last one of its year. */
static int64_t days_until(const date *d) {
  int64_t year = d->month <= 2 ? d->year - 1 : d->year, month = (d->month + 9) % 12;
  int64_t leap_days = year / 4 - year / 100 + year / 400;
  return year * 365 + leap_days + (month * 153 + 2) / 5 + d->day - 1 - 719468;
}

static int64_t seconds_until(const date *d) {
  return days_until(d) * SECONDS_OF_DAY + d->hour * 3600 + d->minute * 60 + d->second;
}

/* A year of two digits that seems to be more than 50 years ahead is one of the past (RFC 9110, 5.6.7). */
static void complete_year(date *d, int64_t unix_time) {
  int64_t year_now = 1970 + unix_time / (SECONDS_OF_DAY * 365 + SECONDS_OF_DAY / 4);
  d->year += year_now / 100 * 100;
  if (d->year > year_now + 50) d->year -= 100;
}

/* ---- The value ---- */

static long within_bounds(int64_t seconds) {
  if (seconds < 0) return 0;
  return (long)(seconds < INT32_MAX ? seconds : INT32_MAX);
}

static long read_seconds(span text) {
  int64_t seconds = 0;
  while (text.at < text.end) {
    if (*text.at < '0' || *text.at > '9') return -1;
    if (seconds < INT32_MAX) seconds = seconds * 10 + (*text.at - '0');
    text.at++;
  }
  return within_bounds(seconds);
}

static long read_date(span text, int64_t unix_time) {
  date d;
  if (read_rfc850(text, &d)) {
    complete_year(&d, unix_time);
  } else if (!read_imf_fixdate(text, &d) && !read_asctime(text, &d)) {
    return -1;
  }
  return is_real(&d) ? within_bounds(seconds_until(&d) - unix_time) : -1;
}

long aui_retry_after_read(const char *value, size_t n, int64_t unix_time) {
  span text = {value, value + n};
  if (n == 0) return -1;
  long seconds = read_seconds(text);
  if (seconds < 0 && unix_time >= 0) return read_date(text, unix_time);
  return seconds;
}

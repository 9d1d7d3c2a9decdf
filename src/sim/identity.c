// Fresh identifiers and the time of day; see identity.h.
#include "identity.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void random_bytes(unsigned char *out, int length) {
  if (RAND_bytes(out, length) == 1) return;
  fputs("aui-sim: the system has no random bytes to give\n", stderr);
  exit(1);
}

void sim_uuid(char out[SIM_UUID_SIZE]) {
  unsigned char b[16];
  random_bytes(b, sizeof b);
  b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
  b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
  snprintf(out, SIM_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void sim_hex_id(char out[SIM_HEX_ID_SIZE]) {
  unsigned char b[(SIM_HEX_ID_SIZE - 1) / 2];
  random_bytes(b, sizeof b);
  for (size_t i = 0; i < sizeof b; i++) snprintf(out + 2 * i, 3, "%02x", b[i]);
}

void sim_time_now(char out[SIM_TIME_SIZE]) {
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t length = strftime(out, SIM_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(out + length, SIM_TIME_SIZE - length, ".%06uZ", (unsigned)(now.tv_nsec / 1000) % 1000000);
}

double sim_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

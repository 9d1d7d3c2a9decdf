/* A clock that can be set, for a program that is started with this in LD_PRELOAD: as long as there is a file CLOCK (a
   path, given to the compiler), the time of day is that of the file's last change, and stands still. */

#include <stddef.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec time;
  struct stat file;

  (void)zone;
  clock_gettime(CLOCK_REALTIME, &time);
  if (stat(CLOCK, &file) == 0) time = file.st_mtim;
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

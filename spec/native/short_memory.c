/* A host of Lua whose memory runs short: it runs a program's `converse` again and again, each time in a new state in
 * which a later allocation fails than the last time. After that everything has to work: `settle` deals with what was
 * left behind, then a second conversation (`converse_again`) must be complete, and lua_close must give everything back.
 *
 * usage: short_memory FIRST STEP PROGRAM: the FIRSTth allocation fails, then that STEP behind, and so on. Prints what
 * it found; exit status 1 if that is anything. */
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 30 }; /* seconds until SIGALRM ends a conversation that hangs */

static volatile sig_atomic_t current; /* the allocation that fails just now, for on_alarm */

static void on_alarm(int signal) {
  char words[64];
  int n = snprintf(words, sizeof words, "allocation %d: nothing goes on\n", (int)current);
  (void)signal;
  if (write(STDOUT_FILENO, words, (size_t)n) >= 0) _exit(1);
}

/* What the allocator knows. */
typedef struct {
  long countdown; /* until an allocation fails; 0: none does */
  long failing;   /* how many more fail then: Lua tries again once it has collected its garbage */
  long burst;     /* how many fail in all */
  long live;      /* bytes */
} memory;

static void *allocate(void *data, void *block, size_t old, size_t wanted) {
  memory *m = data;
  if (!block) old = 0;
  if (wanted > old) {
    if (m->countdown > 0 && --m->countdown == 0) m->failing = m->burst;
    if (m->failing > 0) {
      m->failing--;
      return NULL;
    }
  }
  void *result = NULL;
  if (wanted == 0) {
    free(block);
  } else if (!(result = realloc(block, wanted))) {
    return NULL;
  }
  m->live += (long)wanted - (long)old;
  return result;
}

static int open_descriptors(void) {
  int n = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (directory && readdir(directory)) n++;
  if (directory) closedir(directory);
  return n;
}

static bool complain(long n, const char *what, const char *words) {
  printf("allocation %ld: %s: %s\n", n, what, words);
  return false;
}

/* Calls the program's function; what it returns or raises, in words, stays on the stack. */
static const char *call(lua_State *L, const char *name, bool *ok) {
  lua_settop(L, 0);
  lua_getglobal(L, name);
  *ok = lua_pcall(L, 0, 1, 0) == 0;
  return lua_tostring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1);
}

/* One state's life, in which the nth allocation fails. `reached` says whether there were so many. */
static bool try_state(long n, long burst, const char *program, bool *reached) {
  memory m = {.burst = burst};
  bool fine = true, ok;
  lua_State *L = lua_newstate(allocate, &m);
  if (!L) return complain(n, "no state", "lua_newstate returned NULL");
  luaL_openlibs(L);
  if (luaL_loadfile(L, program) || lua_pcall(L, 0, 0, 0)) return complain(n, "the program", lua_tostring(L, -1));
  m.countdown = n;
  call(L, "converse", &ok); /* which may fail, cleanly */
  *reached = m.countdown == 0;
  m.countdown = m.failing = 0;
  const char *words = call(L, "settle", &ok);
  if (!ok) fine = complain(n, "what was left behind", words);
  words = call(L, "converse_again", &ok);
  if (!ok || strcmp(words, "complete") != 0) fine = complain(n, "the second conversation", words);
  lua_close(L);
  if (m.live != 0) fine = complain(n, "lua_close", "bytes were not given back");
  return fine;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long first = atol(argv[1]), step = atol(argv[2]), bursts[] = {2, 1L << 40};
  bool fine = true, reached;
  int descriptors = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGALRM, on_alarm);
  for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
    long n = first;
    do {
      alarm(PATIENCE);
      current = (sig_atomic_t)n;
      if (!try_state(n, bursts[i], argv[3], &reached)) fine = false;
      if (descriptors == 0) descriptors = open_descriptors();
      if (open_descriptors() > descriptors) return complain(n, "lua_close", "descriptors were left open"), 1;
      n += step;
    } while (reached);
    printf("%ld allocations, %s\n", n, i == 0 ? "of which one failed" : "which failed from one on");
  }
  return fine ? 0 : 1;
}

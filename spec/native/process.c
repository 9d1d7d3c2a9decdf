/* The module `spec_process`: what Lua cannot do with a process, and specs must. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork(): the child's id; 0 in the child. */
static int process_fork(lua_State *L) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) return luaL_error(L, "fork failed");
  lua_pushinteger(L, pid);
  return 1;
}

/* wait(pid): how the child ended: its status, and the number of the signal that ended it, else 0. */
static int process_wait(lua_State *L) {
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return luaL_error(L, "no such child");
  }
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  lua_pushinteger(L, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return 2;
}

typedef struct {
  pthread_t thread;
  const char *program;
  int rounds;
  char failure[512];
} worker;

static void *work(void *argument) {
  worker *self = argument;
  for (int i = 0; i < self->rounds && !self->failure[0]; i++) {
    lua_State *L = luaL_newstate();
    if (!L) {
      snprintf(self->failure, sizeof self->failure, "no memory for a state");
      break;
    }
    luaL_openlibs(L);
    if (luaL_loadstring(L, self->program) || lua_pcall(L, 0, 0, 0)) {
      snprintf(self->failure, sizeof self->failure, "%s", lua_tostring(L, -1));
    }
    lua_close(L);
  }
  return NULL;
}

/* states(program, threads, rounds): runs Lua source in so many threads, in each so often in a new Lua state, which is
 * closed afterwards. Raises the first failure, of which there must be none. */
static int process_states(lua_State *L) {
  const char *program = luaL_checkstring(L, 1);
  int threads = (int)luaL_checkinteger(L, 2), rounds = (int)luaL_checkinteger(L, 3);
  worker *workers = lua_newuserdata(L, (size_t)threads * sizeof *workers);
  for (int i = 0; i < threads; i++) {
    workers[i].program = program;
    workers[i].rounds = rounds;
    workers[i].failure[0] = '\0';
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) abort();
  }
  for (int i = 0; i < threads; i++) pthread_join(workers[i].thread, NULL);
  for (int i = 0; i < threads; i++) {
    if (workers[i].failure[0]) return luaL_error(L, "%s", workers[i].failure);
  }
  return 0;
}

int luaopen_spec_process(lua_State *L);
int luaopen_spec_process(lua_State *L) {
  static const luaL_Reg functions[] = {{"fork", process_fork}, {"wait", process_wait}, {"states", process_states}};
  lua_newtable(L);
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    lua_pushcfunction(L, functions[i].func);
    lua_setfield(L, -2, functions[i].name);
  }
  return 1;
}

/* The module `spec_process`: what Lua cannot do with a process, and specs must. */
#define _GNU_SOURCE /* environ, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#define SERVER "spec_process.Server"

typedef struct {
  pid_t pid;
  int input; /* -1: closed */
} server;

/* The environment without LD_PRELOAD; the caller frees the list. NULL: no memory. */
static char **environment_of_servers(void) {
  size_t n = 0, kept = 0;
  while (environ[n]) n++;
  char **list = calloc(n + 1, sizeof *list);
  for (size_t i = 0; list && i < n; i++) {
    if (strncmp(environ[i], "LD_PRELOAD=", 11)) list[kept++] = environ[i];
  }
  return list;
}

/* Runs the command with these ends of pipes as standard input and output. Returns an error number, 0 for none. */
static int spawn(const char *command, int input, int output, pid_t *pid) {
  char *arguments[] = {"sh", "-c", (char *)command, NULL};
  char **environment = environment_of_servers();
  posix_spawn_file_actions_t actions;
  if (!environment || posix_spawn_file_actions_init(&actions)) {
    free(environment);
    return ENOMEM;
  }
  int status = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  if (!status) status = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (!status) status = posix_spawn(pid, "/bin/sh", &actions, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  return status;
}

/* Pushes the first line that comes, without its end, or what there is of it. */
static void push_line(lua_State *L, int output) {
  luaL_Buffer buffer;
  char byte;
  ssize_t n;
  luaL_buffinit(L, &buffer);
  while ((n = read(output, &byte, 1)) != 0) {
    if (n < 0 && errno != EINTR) break;
    if (n > 0 && byte == '\n') break;
    if (n > 0) luaL_addchar(&buffer, byte);
  }
  luaL_pushresult(&buffer);
}

/* launch(command): runs a server by the shell, and waits for its first line. Returns the server, which has `pid` and
 * `close`, and the line. It goes on until its standard input ends: with `close`, which waits for it, or with us. A
 * sanitizer's runtime that is preloaded for us is none of its business. */
static int process_launch(lua_State *L) {
  const char *command = luaL_checkstring(L, 1);
  int input[2], output[2];
  server *self = lua_newuserdata(L, sizeof *self);
  self->input = -1;
  luaL_getmetatable(L, SERVER);
  lua_setmetatable(L, -2);
  if (pipe2(input, O_CLOEXEC)) return luaL_error(L, "no pipe");
  self->input = input[1];
  self->pid = 0;
  if (pipe2(output, O_CLOEXEC)) {
    close(input[0]);
    return luaL_error(L, "no pipe");
  }
  int status = spawn(command, input[0], output[1], &self->pid);
  close(input[0]);
  close(output[1]);
  if (!status) push_line(L, output[0]);
  close(output[0]);
  if (status) return luaL_error(L, "%s: %s", command, strerror(status));
  return 2;
}

static int server_pid(lua_State *L) {
  server *self = luaL_checkudata(L, 1, SERVER);
  lua_pushinteger(L, self->pid);
  return 1;
}

static int server_close(lua_State *L) {
  server *self = luaL_checkudata(L, 1, SERVER);
  if (self->input < 0) return 0;
  close(self->input);
  self->input = -1;
  while (self->pid > 0 && waitpid(self->pid, NULL, 0) < 0 && errno == EINTR) continue;
  return 0;
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

static void set_functions(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

int luaopen_spec_process(lua_State *L);
int luaopen_spec_process(lua_State *L) {
  static const luaL_Reg methods[] = {{"pid", server_pid}, {"close", server_close}, {"__gc", server_close}, {0}};
  static const luaL_Reg functions[] = {
      {"fork", process_fork}, {"wait", process_wait}, {"launch", process_launch}, {"states", process_states}, {0}};
  luaL_newmetatable(L, SERVER);
  set_functions(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  set_functions(L, functions);
  return 1;
}

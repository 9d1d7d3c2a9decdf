# shellcheck shell=bash
# What the commands of this directory share: the root of the checkout, errors, quiet steps, builds,
# and the environment in which Lua finds the module. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# complain MESSAGE: says what is wrong.
complain() {
  echo "$0: $1" >&2
}

# die MESSAGE: ends the command with an error.
die() {
  complain "$1"
  exit 1
}

# usage_if_asked TEXT ARGUMENTS...: prints TEXT and ends if the first argument is --help.
usage_if_asked() {
  case ${2:-} in
    -h | --help)
      echo "$1"
      exit 0
      ;;
  esac
}

# quietly COMMAND...: shows the command's output only if it fails, and passes its status on.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

# build PRESET: builds into build/PRESET. WebSocket test suites find their testee at build/aui-ws-echo.
build() (
  cd "$root" || return
  mkdir -p build
  exec {lock}>build/.lock # parts of the tests that run beside each other build in turn
  flock "$lock"
  quietly cmake --preset "$1" || return
  quietly cmake --build --preset "$1" || return
  if [[ $1 == dev ]]; then ln -sf dev/bin/aui-ws-echo build/aui-ws-echo; fi
)

# example_build GROUP: sets `build_dir`, the build that an example runs by: that of AUI_BUILD, or else one that is made
# here, with the packages of script/setup GROUP.
# shellcheck disable=SC2034 # It is for the caller.
example_build() {
  build_dir=${AUI_BUILD:-}
  if [[ -n $build_dir ]]; then return; fi
  "$root/script/setup" "$1"
  echo "Building..." >&2
  build release
  build_dir=$root/build/release
}

# start_simulator BUILD_DIR: starts aui-sim on a free port; AUI_URL is from now on where it is, as it is the service's
# place for programs: of the threads API if there is an AUI_PUBLISHABLE_KEY, else of the tasks API. It ends when the
# script does, or the program that takes its place; in a session of its own, Ctrl-C is for the example alone.
start_simulator() {
  local directory line input
  directory=$(mktemp -d)
  mkfifo "$directory/output"
  # shellcheck disable=SC2034 # It is there to stay open.
  exec {input}> >(exec setsid "$1/bin/aui-sim" --port 0 --exit-with-stdin >"$directory/output")
  read -r -t 10 line <"$directory/output" || die "aui-sim did not start"
  rm -r "$directory"
  line=${line#listening on }
  if [[ -n ${AUI_PUBLISHABLE_KEY:-} ]]; then line=http${line#ws} line=${line%/api/v1/*}/apollo-api; fi
  export AUI_URL=$line
}

lua_versions=(5.1 5.2 5.3 5.4 luajit)

# lua_for VERSION BUILD_DIR: sets `lua`, the interpreter of VERSION (one of lua_versions), and
# `lua_paths`, arguments for env that make it find the module's Lua files and its build. Fails, and
# says why, for an unknown version or when there is no such build.
# shellcheck disable=SC2034 # Both are for the caller.
lua_for() {
  local abi=$1
  case $1 in
    luajit) lua=luajit abi=5.1 ;;
    5.[1-4]) lua=lua$1 ;;
    *)
      complain "Lua version '$1': expected one of ${lua_versions[*]}"
      return 1
      ;;
  esac
  # An empty path at the end, between two semicolons, stands for the interpreter's own.
  lua_paths=(
    -u LUA_PATH_5_2 -u LUA_CPATH_5_2 -u LUA_PATH_5_3 -u LUA_CPATH_5_3 -u LUA_PATH_5_4 -u LUA_CPATH_5_4
    "LUA_PATH=$root/lua/?.lua;$root/lua/?/init.lua;${LUA_PATH:-;}"
    "LUA_CPATH=$2/lua/$abi/?.so;${LUA_CPATH:-;}"
  )
  if [[ ! -e $2/lua/$abi/aui/net.so ]]; then
    if [[ -d $2/lua ]]; then
      complain "$2 has no module for Lua $abi: install that Lua's headers (script/setup test does) and build again"
    else
      complain "$2 has no module for Lua $abi: ./script/demo makes a build"
    fi
    return 1
  fi
}

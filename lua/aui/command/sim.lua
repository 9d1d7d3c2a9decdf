-- aui sim: starts aui-sim, with the words that follow.

local sim = {}

--- Declares what the list of commands and the shell's completion say of it.
function sim.declare(command)
  command:argument("words", "What aui-sim is given: aui sim --help has its options."):args "*"
end

--- Whether a command line asks for it: its words are not ours to read.
function sim.is_meant(words) return words[1] == "sim" end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local NOT_FOUND = 127 -- the shell's status
local WHERE = "aui: %s is not there: CMake and the Debian packages install it, LuaRocks does not; a checkout has "
  .. "./script/aui sim; AUI_SIM may say where it is\n"

-- What a command of the shell exits with.
local function status_of(command)
  local done, how, code = os.execute(command)
  if type(done) == "number" then -- Lua 5.1, which has what wait(2) says: a signal, or 256 times the status
    return done % 128 > 0 and 128 + done % 128 or math.floor(done / 256)
  end
  return done and 0 or how == "signal" and 128 + code or code
end

--- Runs it until it ends; returns its status.
function sim.run(words)
  local program = os.getenv "AUI_SIM" or "aui-sim"
  local parts = { ("command -v %s >/dev/null || exit %d; exec %s"):format(quoted(program), NOT_FOUND, quoted(program)) }
  for index = 2, #words do parts[#parts + 1] = quoted(words[index]) end
  local status = status_of(table.concat(parts, " "))
  if status == NOT_FOUND then io.stderr:write(WHERE:format(program)) end
  return status
end

return sim

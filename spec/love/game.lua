-- The game of examples/love, played in real LÖVE by programs that spec/love/player describes.

local game = {}

local build = assert(os.getenv "AUI_BUILD", "AUI_BUILD: expected the directory of a build")

local function write_file(text)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  return name
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- The words of `env` by which the game has what a user has, and these variables: those that are left out are not set.
local function environment(variables)
  local words = {}
  for _, name in ipairs { "NETWORK_API_KEY", "PUBLISHABLE_KEY", "URL", "USER_ID", "TASK_ID", "THREAD_ID" } do
    words[#words + 1] = "-u AUI_" .. name
  end
  for name, value in pairs(variables) do words[#words + 1] = name .. "=" .. quoted(value) end
  return table.concat(words, " ")
end

--- Plays the game by `program`, Lua source, to its end, with these variables of the environment: the agent at AUI_URL,
--- or else the one that the game starts. When the program tells a line that `answers` has as a key, the function there
--- is called. The game must end well. Returns the lines that the program told, and that were not such.
function game.play(variables, program, answers)
  local file = write_file(program)
  local command = ("env -u LUA_PATH -u LUA_CPATH %s AUI_BUILD=%s "
    .. "AUI_PLAYER_PROGRAM=%s PATH=spec/love/bin:$PATH timeout -k 10 120 examples/love/run 2>&1; "
    .. "echo status $?"):format(environment(variables), quoted(build), file)
  local pipe = assert(io.popen(command))
  local told, status = {}, nil
  for line in pipe:lines() do
    status = line:match "^status (%d+)$"
    local answer = (answers or {})[line]
    if answer then
      answer()
    elseif not status then
      told[#told + 1] = line
    end
  end
  pipe:close()
  os.remove(file)
  if status ~= "0" then error(("the game ended with status %s:\n%s"):format(status, table.concat(told, "\n")), 2) end
  return told
end

return game

-- :checkhealth aui: what the plugin needs and whether it is there. Its place in the tree is where Neovim looks for it.

local options = require "aui_nvim.options"

local reports = vim.health or require "health" -- Neovim 0.7 has no vim.health

-- Up to 0.9 their names began so.
local function reporter(name) return reports[name] or reports["report_" .. name] end

local start, ok, warn, err, info =
  reporter "start", reporter "ok", reporter "warn", reporter "error", reporter "info"

local INSTALL = "Install the module for Lua 5.1, which is Neovim's: luarocks --lua-version 5.1 make --deps-mode none"
local PATHS = "If it is elsewhere, start Neovim with its directories in LUA_PATH and LUA_CPATH."

local function places(path) return "Where Neovim looks: " .. path end

local function check_editor()
  local version, uv = vim.version(), vim.uv or vim.loop
  ok(("Neovim %d.%d.%d"):format(version.major, version.minor, version.patch))
  ok("libuv " .. uv.version_string() .. " by luv")
end

-- What `require` gives, or nil and why it does not, in one line: nil too if there is no such module.
local function load(name)
  local loaded, result = pcall(require, name)
  if loaded then return result end
  local words = tostring(result):gsub("%s+", " ")
  return nil, not words:find(("module '%s' not found"):format(name), 1, true) and words or nil
end

local function check_cjson()
  local cjson, why = load "cjson"
  if cjson then return ok("lua-cjson " .. cjson._VERSION) end
  err("lua-cjson " .. (why and "does not load: " .. why or "is not to be found"), {
    places(package.cpath),
    "Install lua-cjson for Lua 5.1, by the system's packages (Debian: lua-cjson) or LuaRocks.",
  })
end

local function check_c_module()
  local module, why = load "aui.net"
  if module then return ok "the C module aui.net" end
  if why then
    local words = "the C module aui.net does not load, as when it was built for another version of Lua: "
    err(words .. why, { INSTALL, PATHS })
  else
    err("the C module aui.net is not to be found", { places(package.cpath), INSTALL, PATHS })
  end
end

local function check_module()
  check_cjson()
  check_c_module()
  local aui, why = load "aui"
  if aui then return ok("aui " .. aui._VERSION) end
  if why then
    err("the module aui does not load: " .. why)
  else
    err("the module aui is not to be found", { places(package.path), INSTALL, PATHS })
  end
end

local function check_settings()
  info "What can be set: :help aui-options"
  local aui = load "aui"
  if not aui then return warn "they can be checked once the module is there" end
  local given, user_id = options.read()
  local ready, client = pcall(aui.client, given)
  if not ready then return err((client:gsub("^[^:]+:%d+: ", ""))) end
  ok(("the agent is at %s, of the %s API"):format(client.url, client.api))
  local conversation = options.conversation(given, client.api, user_id)
  local kind, id = client.api:sub(1, -2), conversation.task_id or conversation.thread_id
  ok(id and ("the %s is %s"):format(kind, id) or ("a new %s of the user %s"):format(kind, user_id))
end

local health = {}

function health.check()
  start "Neovim"
  check_editor()
  start "The module"
  check_module()
  start "Settings"
  check_settings()
end

return health

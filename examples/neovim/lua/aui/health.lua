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

local function check_place(given)
  if given.url then
    local words = given.url:gsub("//.*@", "//"):gsub("%?.*", "") -- without what may be secret
    ok("the agent's address is " .. words)
  elseif given.region then
    ok("the agent's region is " .. given.region)
  else
    local region = given.publishable_key and "us" or "gcp"
    local advice = "Set url or region, or AUI_URL or AUI_REGION in the environment."
    warn("no url and no region: the region is " .. region, advice)
  end
end

local function check_settings()
  local given = options.merged()
  check_place(given)
  if given.publishable_key then
    ok "there is a publishable key, of the threads API"
  elseif given.api_key or (vim.env.AUI_NETWORK_API_KEY or "") ~= "" then
    ok "there is an API key"
  else
    local advice = "Set api_key or publishable_key, or in the environment AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY."
    warn("no API key, without which only a simulator answers", advice)
  end
  local kind, id = "task", given.task_id
  if given.publishable_key then kind, id = "thread", given.thread_id end
  ok(id and ("the %s is %s"):format(kind, id) or ("a new %s of the user %s"):format(kind, given.user_id))
  info "What can be set: :help aui-options"
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

-- When Lua's memory runs short for a moment, whatever is under way then fails cleanly, and everything works after that.
-- Not LuaJIT: its own tables do not survive it.

local support = require "spec.support"

-- Every so many allocations, of nearly ten thousand: all of them would take minutes, and more with a sanitizer.
local STEP = os.getenv "LD_PRELOAD" and 293 or 97

local host = os.getenv "AUI_BUILD" .. "/bin/short_memory_lua" .. _VERSION:match "%d.%d"
local file = io.open(host)
if file then file:close() end
-- lua-cjson loses its buffers when Lua's memory ends while it decodes. A sanitizer knows it as long as it stays loaded.
local searchpath = package.searchpath -- luacheck: ignore (not in Lua 5.1)
local SUPPRESSED = "LD_PRELOAD=$LD_PRELOAD:%s LSAN_OPTIONS=suppressions=spec/native/leaks.supp:print_suppressions=0"
local CJSON_LEAKS = SUPPRESSED:format(searchpath and searchpath("cjson", package.cpath) or "")

local it_has_host = file and it or pending

describe("#native a conversation that memory is too short for", function()
  it_has_host("fails cleanly, wherever an allocation fails, and leaves nothing broken or behind", function()
    local server = support.start { "--pace", "0" }
    finally(function() server:stop() end)
    local first = os.time() % STEP + 1
    local command = ("%s AUI_URL='%s' '%s' %d %d spec/native/conversation.lua 2>&1; echo $?"):format(
      CJSON_LEAKS,
      server.url,
      host,
      first,
      STEP
    )
    local output = assert(io.popen(command))
    local words = output:read "*a"
    output:close()
    assert(words:match "(%d+)\n$" == "0", ("from allocation %d on: %s"):format(first, words))
  end)
end)

-- What README.md and the pages of docs/ show runs as it stands. The rule for the pages:
--
--   A section is what stands between two headings. Its ```lua blocks are one program, one after the other: a block goes
--   on from those before it in its section, and from nothing else. It prints what the ```text blocks there say, if any,
--   and complains of nothing.
--   A word after `lua` is the host: none, Lua 5.4 and LuaJIT, natively; `luajit` that alone; `love`; `neovim`.
--   A program has what a user has: the agent in AUI_URL and the key in AUI_NETWORK_API_KEY. The word `threads` is that
--   of one which has the agent of the threads API there instead, and the key in AUI_PUBLISHABLE_KEY; `either` that of
--   one which runs in both ways. In SHOP_PROXY there is the URL of a proxy. No block of Lua is left out.
--
--   ```sh blocks are commands of script/ in a checkout where first.lua is the Lua program of the section. What has
--   other commands is marked by the word `elsewhere`, and not run.
--
--   ```json blocks are scenarios of aui-sim, but for what is marked by `elsewhere`.
--
--   A ```nginx block with Lua in it stands in a server of the http block that its page shows before.
--
-- The agent is aui-sim. Whatever leads elsewhere ends at a proxy that is not there.

local lfs = require "lfs"
local page = require "spec.pages.page"
local support = require "spec.support"

local KEY = "hunter2-pages"
local simulator = assert(os.getenv "AUI_SIM", "AUI_SIM: expected the path of aui-sim")
local build_dir = assert(os.getenv "AUI_BUILD", "AUI_BUILD: expected the build's directory")
local root = lfs.currentdir()
local COMMANDS = { ["./script/demo"] = true, ["./script/lua"] = true, ["./script/aui"] = true }

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function pages()
  local list = { "README.md" }
  for name in lfs.dir "docs" do
    if name:match "%.md$" then list[#list + 1] = "docs/" .. name end
  end
  table.sort(list)
  return list
end

local function write_file(name, text)
  local file = assert(io.open(name, "w"))
  assert(file:write(text))
  file:close()
end

local function read_file(name)
  local file = assert(io.open(name))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the program of", function()
  local server, proxy, directory

  lazy_setup(function()
    server = support.start { "--pace", "0" }
    proxy = support.real_proxy("tinyproxy", "ann:secret")
  end)
  lazy_teardown(function()
    server:stop()
    proxy:stop()
  end)
  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(lfs.mkdir(directory))
  end)
  after_each(function() os.execute("rm -rf " .. directory) end)

  -- What the words of a shell write to the standard output and error output; they have to end well, and in time.
  local function output_of(words)
    local command = ": | timeout --kill-after=5 60 %s >%s/output 2>%s/errors; echo $?"
    local pipe = assert(io.popen(command:format(words, directory, directory)))
    local status = pipe:read "*l"
    pipe:close()
    local output, errors = read_file(directory .. "/output"), read_file(directory .. "/errors")
    assert.equal("0", status, output .. errors)
    return output, errors
  end

  local function of_tasks() return { AUI_URL = server.url, AUI_NETWORK_API_KEY = KEY } end

  local function of_threads() return { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_" .. KEY } end

  -- The same of words that have this in the environment, and the program's text in a file.
  local function run(program, words, variables)
    local file = directory .. "/first.lua"
    write_file(file, program.text)
    local environment = {
      AUI_BUILD = build_dir,
      AUI_PAGE_PROGRAM = file,
      SHOP_PROXY = proxy.url:gsub("^http://", "http://ann:secret@"):gsub("/$", ""),
      HTTPS_PROXY = "http://127.0.0.1:1",
    }
    for name, value in pairs(variables) do environment[name] = value end
    local assignments = {}
    for name, value in pairs(environment) do assignments[#assignments + 1] = name .. "=" .. quoted(value) end
    local words_of_env = "env -u LUA_PATH -u LUA_CPATH -u AUI_URL -u AUI_NETWORK_API_KEY -u AUI_PUBLISHABLE_KEY %s %s"
    return output_of(words_of_env:format(table.concat(assignments, " "), words))
  end

  local function natively(version, variables_of)
    return function(program)
      local words = ("script/lua -v %s %s/first.lua"):format(version, directory)
      local output, errors = run(program, words, variables_of())
      assert.equal("", errors)
      if program.output then assert.equal(program.output, output) end
    end
  end

  -- In a host that has the program's answers on its screen.
  local function on_screen(question, words)
    return function(program)
      local echo = support.start { "--pace", "0", "--echo" }
      finally(function() echo:stop() end)
      run(program, words, { AUI_URL = echo.url, AUI_PAGE_SHOWN = question })
    end
  end

  -- Nothing is run that is not known to harm nobody.
  local function in_shell(program)
    for line in program.text:gmatch "[^\n]+" do
      local command = line:gsub("^[%u_]+=%S+ ", ""):match "^%S+"
      assert(COMMANDS[command], "to be marked as of elsewhere: " .. line)
    end
    for name in lfs.dir(root) do
      if not name:match "^%." then assert(lfs.link(root .. "/" .. name, directory .. "/" .. name, true)) end
    end
    write_file(directory .. "/block.sh", "set -euo pipefail\n" .. program.text)
    local words = ("bash -c 'cd %s && . ./block.sh'"):format(directory)
    run(program.before or program, words, { AUI_URL = server.url }) -- it says its key itself
  end

  local function in_nginx(program)
    local echo = support.start { "--pace", "0", "--echo" }
    finally(function() echo:stop() end)
    write_file(directory .. "/page.conf", program.before.text)
    write_file(directory .. "/location.conf", program.text)
    local words = ("spec/pages/ask_nginx %s '/ask?text=a+quiet+laptop'"):format(directory)
    assert.equal("a quiet laptop", (run(program, words, { AUI_URL = echo.url })))
  end

  local love = "spec/love/screen spec/pages/with_luajit love spec/pages/love"
  local neovim = "spec/pages/with_luajit nvim --clean --headless -c 'luafile spec/pages/neovim.lua'"
  local function by_simulator(program)
    write_file(directory .. "/scenario", program.text)
    run(program, ("%s --port 0 --exit-with-stdin --scenario %s/scenario"):format(quoted(simulator), directory), {})
  end

  -- By language and word; a block that has neither here fails.
  local runs = {
    lua = {
      [""] = { ["by Lua 5.4"] = natively("5.4", of_tasks), ["by LuaJIT"] = natively("luajit", of_tasks) },
      luajit = { ["by LuaJIT"] = natively("luajit", of_tasks) },
      threads = { ["by Lua 5.4"] = natively("5.4", of_threads), ["by LuaJIT"] = natively("luajit", of_threads) },
      either = {
        ["in the tasks API, by Lua 5.4"] = natively("5.4", of_tasks),
        ["in the tasks API, by LuaJIT"] = natively("luajit", of_tasks),
        ["in the threads API, by Lua 5.4"] = natively("5.4", of_threads),
        ["in the threads API, by LuaJIT"] = natively("luajit", of_threads),
      },
      love = { ["in LÖVE"] = on_screen("Who goes there?", love) },
      neovim = { ["in Neovim"] = on_screen("a quiet laptop", neovim) },
    },
    sh = { [""] = { ["by bash"] = in_shell }, elsewhere = {} },
    nginx = { [""] = {}, ["with Lua"] = { ["in nginx"] = in_nginx } },
    json = { [""] = { ["by aui-sim"] = by_simulator }, elsewhere = {} },
    c = { [""] = {} },
    text = { [""] = {} },
    [""] = { [""] = {} },
  }

  for _, path in ipairs(pages()) do
    for _, program in ipairs(page.programs(path)) do
      local hosts = (runs[program.language] or {})[program.word]
      if not hosts then
        local problem = ("expected a block that can be run, got one of '%s %s'"):format(program.language, program.word)
        it(program.name, function() error(problem) end)
      end
      for where, fn in pairs(hosts or {}) do
        it(program.name .. ", " .. where, function() fn(program) end)
      end
    end
  end
end)

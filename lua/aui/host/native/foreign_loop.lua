-- Another loop that runs just now, below us on the stack: who waits by running ours stops it meanwhile. Its adapter
-- would have let both go on, so that is told, once.
--
-- Only loops that tell so themselves are known. Copas before version 2 does not, nor does Neovim's where its commands
-- run; and a loop that will run later is nobody's trouble yet.

local log = require "aui.log"

local foreign_loop = {}

local loaded = package.loaded

local RUNS = {}

function RUNS.luv(luv) return luv.loop_mode ~= nil and luv.loop_mode() ~= nil end

function RUNS.cqueues(cqueues) return cqueues.running ~= nil and cqueues.running() ~= nil end

function RUNS.copas(copas) return copas.running == true end

-- The names of modules and of their adapters, and what is attached.
local LOOPS = { { "luv", "" }, { "cqueues", "cq" }, { "copas", "" } }

local WORDS = "aui runs a loop of its own inside the loop of %s, which stands still meanwhile; "
  .. 'require("aui.adapter.%s").attach(%s) lets both go on'

local is_told = false

--- To be called by who is about to wait in our own loop, though no adapter is attached.
function foreign_loop.check()
  if is_told or not (loaded.luv or loaded.cqueues or loaded.copas) then return end
  for index = 1, #LOOPS do
    local name, attached = LOOPS[index][1], LOOPS[index][2]
    local module = loaded[name]
    if type(module) == "table" and RUNS[name](module) then
      is_told = true
      return log.advise(WORDS:format(name, name, attached))
    end
  end
end

return foreign_loop

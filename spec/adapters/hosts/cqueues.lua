local cqueues = require "cqueues"

local cq = cqueues.new()
require("aui.adapter.cqueues").attach(cq)

local host = { ends = true }

function host.start(fn) cq:wrap(fn) end

function host.every(seconds, fn)
  local on = true
  cq:wrap(function()
    while on do
      cqueues.sleep(seconds)
      fn()
    end
  end)
  return function() on = false end
end

function host.read_line(port)
  local client = require("cqueues.socket").connect("127.0.0.1", port)
  local line = client:read "*l"
  client:close()
  return line
end

function host.turn() assert(cq:step()) end

function host.loop() assert(cq:loop()) end

function host.forked() cq:reset() end

return host

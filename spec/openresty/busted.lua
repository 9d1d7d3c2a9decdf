-- Runs busted in a worker, as the handler of a request: the body of the request has its arguments, one a line. Output
-- goes to nginx's own; the response is the exit status.

local arguments = {}
ngx.req.read_body()
for line in (ngx.req.get_body_data() or ""):gmatch "[^\n]+" do arguments[#arguments + 1] = line end

-- nginx warns of new globals, which a program like busted may make.
setmetatable(_G, nil)
arg = arguments -- luacheck: ignore
io.stdout:setvbuf "line"

local function write_line(...)
  local words = { ... }
  for index = 1, select("#", ...) do words[index] = tostring(words[index]) end
  io.write(table.concat(words, "\t"), "\n")
end
print = write_line -- luacheck: ignore (nginx's writes to the error log)

-- The worker must live on. busted raises nil to say that specs have failed.
local exit = {}
os.exit = function(code) -- luacheck: ignore
  exit.status = (code == true or code == 0) and 0 or 1
  error(exit, 0)
end

local function tell(failure)
  if failure == nil or failure == exit then return exit end
  io.write("busted failed: ", debug.traceback(tostring(failure)), "\n")
  return exit
end

local finished = xpcall(function() require "busted.runner" { standalone = false } end, tell)
ngx.print(finished and 0 or exit.status or 1)

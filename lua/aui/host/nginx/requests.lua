-- What tells requests and timers apart, and the calls of aui.run that are under way in each.

local task_module = require "aui.host.task"

local requests = {}

--- The request or timer that this runs in; its `runs` are those that were begun in it, the latest at the end.
function requests.current()
  local context = ngx.ctx
  if not context.aui then context.aui = { runs = {} } end
  return context.aui
end

--- The latest that is awaited, or that of tasks which belong to none.
function requests.run_under_way()
  local runs = requests.current().runs
  while runs[1] and not task_module.is_awaited(runs[#runs]) do table.remove(runs) end
  return runs[#runs] or task_module.none
end

--- Of the calling thread, which waits for it until it is over.
function requests.add_run(run)
  requests.run_under_way() -- which drops those that are over
  table.insert(requests.current().runs, run)
end

return requests

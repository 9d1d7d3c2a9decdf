-- What workloads may ask of a run: how it is called, and how it follows from what the contender and the load server
-- report. `is_beside` of those that are compared with the floor's by their difference; all others by their ratio.

local function replies(work)
  return work.chats * work.replies
end

return {
  update_cpu = {
    title = "CPU an update, us",
    of = function(run, work) return run.cpu * 1e6 / (replies(work) * work.updates) end,
  },
  reply_cpu = {
    title = "CPU a reply, us",
    of = function(run, work) return run.cpu * 1e6 / replies(work) end,
  },
  second_cpu = {
    title = "CPU a second of all conversations, ms",
    of = function(run, work) return run.cpu * 1000 * work.pace / work.updates / work.replies end,
  },
  whole_cpu = {
    title = "CPU of connecting and of all replies, s",
    of = function(run) return run.connect_cpu + run.cpu end,
  },
  connect_cpu = {
    title = "CPU a connection, us",
    of = function(run, work) return run.connect_cpu * 1e6 / work.chats end,
  },
  connect_wall = {
    title = "time until all are connected, s",
    of = function(run) return run.connect_wall end,
  },
  latency = {
    title = "from when a reply's first text is written to when it is there: the median, us",
    is_beside = true,
    of = function(run) return run.latency * 1e6 end,
  },
  memory = {
    title = "memory a connection after its reply, kB",
    is_beside = true,
    of = function(run, work) return run.resident / work.chats end,
  },
  conversation_memory = {
    title = "memory of all processes for each answer under way, kB",
    is_beside = true,
    of = function(run, work) return run.resident / work.chats end,
  },
  quiet_cpu = {
    title = "CPU a second for each answer under way of which nothing comes, us",
    of = function(run, work) return run.quiet_cpu * 1e6 / run.quiet_wall / work.chats end,
  },
  resumed = {
    title = "TLS sessions resumed",
    is_beside = true,
    of = function(run) return run.server.resumed end,
  },
}

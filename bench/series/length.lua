return {
  title = "one chat, replies in 200 updates",
  x_title = "bytes in the answer",
  x = function(work) return work.updates * work.growth end,
  metric = "reply_cpu",
  work = { chats = 1, warm_up = 5, replies = 50, updates = 200 },
  steps = { { growth = 2 }, { growth = 5 }, { growth = 10 }, { growth = 20 }, { growth = 50 }, { growth = 100 } },
}

return {
  title = "one chat, answers of 4,000 bytes",
  x_title = "updates that an answer comes in",
  x = function(work) return work.updates end,
  metric = "reply_cpu",
  work = { chats = 1, warm_up = 5, replies = 50 },
  steps = {
    { updates = 20, growth = 200 },
    { updates = 50, growth = 80 },
    { updates = 100, growth = 40 },
    { updates = 200, growth = 20 },
    { updates = 500, growth = 8 },
    { updates = 1000, growth = 4 },
  },
}

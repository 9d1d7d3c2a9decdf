return {
  title = "chats that get 10 updates a second, evenly one after the other",
  x_title = "chats",
  x = function(work) return work.chats end,
  metric = "second_cpu",
  work = { replies = 1, updates = 20, growth = 5, pace = 10 },
  steps = { { chats = 50 }, { chats = 100 }, { chats = 200 }, { chats = 500 }, { chats = 1000 }, { chats = 2000 } },
}

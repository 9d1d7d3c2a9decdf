return {
  title = "500 chats, in streams of each of which come 50 deltas a second, evenly one after the other",
  chats = 500,
  replies = 1,
  updates = 100,
  growth = 5,
  pace = 50,
  carrier = "stream",
  metrics = { "update_cpu" },
}

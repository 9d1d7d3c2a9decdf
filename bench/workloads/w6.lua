return {
  title = "500 chats, each of which gets 50 updates of 5 bytes more a second, evenly one after the other",
  chats = 500,
  replies = 1,
  updates = 100,
  growth = 5,
  pace = 50,
  metrics = { "update_cpu" },
}

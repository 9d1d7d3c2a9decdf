return {
  title = "one chat, long replies of 4,000 updates of 8 bytes more each, as fast as they are read",
  chats = 1,
  warm_up = 1,
  replies = 10,
  updates = 4000,
  growth = 8,
  metrics = { "update_cpu" },
}

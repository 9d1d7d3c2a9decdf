return {
  title = "one chat, replies of 500 updates of 5 bytes more each, as fast as they are read",
  chats = 1,
  warm_up = 10,
  replies = 400,
  updates = 500,
  growth = 5,
  metrics = { "update_cpu" },
}

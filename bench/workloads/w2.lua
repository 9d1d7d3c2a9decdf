return {
  title = "50 chats, replies of 500 updates of 5 bytes more each in the full envelope, as fast as they are read",
  chats = 50,
  warm_up = 2,
  replies = 20,
  updates = 500,
  growth = 5,
  envelope = "full",
  metrics = { "update_cpu" },
}

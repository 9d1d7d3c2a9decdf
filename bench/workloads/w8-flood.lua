return {
  title = "as w1, compressed",
  chats = 1,
  warm_up = 10,
  replies = 400,
  updates = 500,
  growth = 5,
  compression = true,
  metrics = { "update_cpu" },
}

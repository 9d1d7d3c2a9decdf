return {
  title = "as w6, compressed",
  chats = 500,
  replies = 1,
  updates = 100,
  growth = 5,
  pace = 50,
  compression = true,
  metrics = { "update_cpu" },
}

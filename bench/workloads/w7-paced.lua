return {
  title = "as w6, over TLS",
  chats = 500,
  replies = 1,
  updates = 100,
  growth = 5,
  pace = 50,
  tls = true,
  metrics = { "update_cpu" },
}

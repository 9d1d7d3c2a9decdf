return {
  title = "as w1, over TLS",
  chats = 1,
  warm_up = 10,
  replies = 400,
  updates = 500,
  growth = 5,
  tls = true,
  metrics = { "update_cpu" },
}

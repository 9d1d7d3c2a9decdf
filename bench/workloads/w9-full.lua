return {
  title = "1,000 chats are opened over TLS, 20 at the same time, and no session is resumed",
  chats = 1000,
  at_once = 20,
  replies = 0,
  updates = 1,
  growth = 5,
  tls = true,
  resumption = false,
  metrics = { "connect_cpu", "connect_wall" },
}

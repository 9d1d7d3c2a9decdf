return {
  title = "as w9-full, but sessions of TLS may be resumed",
  chats = 1000,
  at_once = 20,
  replies = 0,
  updates = 1,
  growth = 5,
  tls = true,
  metrics = { "connect_cpu", "connect_wall", "resumed" },
}

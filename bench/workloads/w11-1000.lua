return {
  title = "a gateway of two workers, whose 1,000 browsers get 2 updates of 20 bytes more a second each",
  gateway = true,
  chats = 1000,
  warm_up = 1,
  replies = 1,
  updates = 20,
  growth = 20,
  pace = 2,
  metrics = { "update_cpu", "quiet_cpu", "conversation_memory" },
}

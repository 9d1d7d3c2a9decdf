return {
  title = "one chat that rests a while before each update; replies of one",
  chats = 1,
  warm_up = 20,
  replies = 400,
  updates = 1,
  growth = 5,
  pace = 250,
  metrics = { "latency", "reply_cpu" },
}

return {
  title = "one chat, streams of 500 deltas of 5 bytes, as fast as they are read",
  chats = 1,
  warm_up = 10,
  replies = 400,
  updates = 500,
  growth = 5,
  carrier = "stream",
  metrics = { "update_cpu" },
}

return {
  title = "5,000 chats are opened, and each gets one reply of 50 updates of 5 bytes more each; 100 at the same time",
  chats = 5000,
  at_once = 100,
  replies = 1,
  updates = 50,
  growth = 5,
  metrics = { "memory", "whole_cpu" },
}

-- What the shopkeeper says when something went wrong: a line for people, by the kind of the error (lua/aui/error.lua).

local BY_KIND = {
  auth = "Sorry, I may not talk to you: the key to this shop does not fit.",
  application = "Sorry, that I cannot answer.",
  rate_limit = "One moment, please! That was a bit too fast for me.",
  server = "Oh dear, I have lost my thread.",
  transport = "Hello? I cannot hear you any more.",
  timeout = "Sorry, I have been thinking for too long.",
  protocol = "Sorry, I got my words mixed up.",
  overflow = "Sorry, that is too much for me at once.",
}

return function(err) return BY_KIND[err.kind] or "Sorry, something went wrong." end

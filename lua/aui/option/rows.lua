-- The options, a row each: what is checked, filled in, handed to the core and documented of them comes from here alone.
-- docs/write.lua writes the tables of docs/options.md and the classes of lua/aui/option/classes.lua.
--
-- A row has
--   name         "timeout.connect" is the field `connect` of the option `timeout`, whose row comes before
--   type         how it is read: a key of `readers` in lua/aui/option/read.lua
--   default      what it is if it is not given: nil for none; in a table's own row, which fields it then has
--   environment  the variable whose value it has if it is not given
--   required     whether its table must have it
--   choices      of the types "choice" and "region", of which each API has some
--   least, most  of numbers; of seconds, what is more counts as `most`
--   core         what the core calls it (aui_read_config in src/binding/lua_options.c)
--   off          what the core gets where the option that it is a field of is false, or nil without a default
--   unit         "bytes", of whole numbers
--   class        the LuaCATS class of a table
--   words        what it is: a phrase of Markdown
--   more         what else is to say of it: whole sentences
--   shown        the default in words, where it does not speak for itself

local KIB, MIB = 1024, 1024 * 1024
local MOST_BYTES = 2 ^ 52
local MOST_COUNT = 2 ^ 31
local MOST_SECONDS = 4e6 -- of a delay, which the engine holds in 32 bits of milliseconds
local NO_END = 2 ^ 32 - 1 -- attempts, by which the engine knows that there is no end

local rows = {}

--- Of aui.connect, aui.session and pool:connect.
rows.session = {
  {
    name = "api_key",
    type = "key",
    environment = "AUI_NETWORK_API_KEY",
    words = "the network API key, needed unless `url` is given; or a function that returns it, asked before each "
      .. "connection and REST call; never shown",
    more = "The function may wait. It returns the key, or nil and why it cannot be had just now, which is tried again; "
      .. "in what it raises there is no use in trying again.",
  },
  {
    name = "publishable_key",
    type = "key",
    environment = "AUI_PUBLISHABLE_KEY",
    words = "the key of an agent in the threads API, in place of `api_key`; or a function, likewise",
    more = "The token that it is exchanged for is shared by all clients and sessions with the same key, and renewed a "
      .. "minute before it ends.",
  },
  {
    name = "region",
    type = "region",
    choices = { "gcp", "azure", "aws", "us", "eu" },
    shown = '`"gcp"`, of the threads API `"us"`',
    words = 'where the agent is; in the threads API `"us"` or `"eu"`, else one of the others',
  },
  {
    name = "url",
    type = "url",
    words = "a `ws://` or `wss://` URL, instead of a region",
    more = "Of the threads API it is the base of all addresses, an `http://` or `https://` URL.",
  },
  {
    name = "task_id",
    type = "id",
    words = "the task of messages that name none",
  },
  {
    name = "thread_id",
    type = "id",
    words = "in the threads API: the thread of a session's messages; without one the server makes it",
  },
  {
    name = "user_id",
    type = "id",
    words = "`aui.connect` makes a task for this user, unless there is a `task_id`; in the threads API: the user "
      .. "of messages that name none",
  },
  {
    name = "carrier",
    type = "choice",
    choices = { "stream", "websocket" },
    default = "stream",
    words = 'in the threads API: how a session\'s answers come, `"stream"`, as every agent answers, or '
      .. '`"websocket"`, as older ones do, too',
  },
  {
    name = "auth",
    type = "choice",
    choices = { "query", "header" },
    default = "query",
    words = "where the key goes in the request",
  },
  {
    name = "headers",
    type = "headers",
    words = "more request headers, by name; or a function as of `api_key` that returns them",
  },
  {
    name = "allow_plaintext",
    type = "boolean",
    default = false,
    words = "send the key over `ws://` to another machine too",
    more = "So it is with headers that are as secret: Authorization, Proxy-Authorization, Cookie.",
  },
  {
    name = "proxy",
    type = "proxy",
    words = '`"http://user:password@host:port"`, or `https://`: the HTTP proxy to go through; `false`: none: '
      .. "[docs/proxies.md](docs/proxies.md)",
    shown = "`$HTTPS_PROXY`, as curl reads it",
  },
  {
    name = "tls",
    type = "table",
    class = "aui.Tls",
    default = {},
    words = "for `wss://`",
    more = "The files are read again for a new connection when they have changed. In nginx, whose directives have "
      .. "their places, they are refused.",
    shown = "the system's CAs, verified",
  },
  {
    name = "tls.ca_file",
    type = "file",
    words = "PEM file of the certificate authorities to trust, instead of the system's; of an `https://` proxy too",
  },
  {
    name = "tls.cert",
    type = "file",
    words = "PEM file of a client certificate",
  },
  {
    name = "tls.key",
    type = "file",
    words = "PEM file of its key",
  },
  {
    name = "tls.verify",
    type = "boolean",
    default = true,
    words = "whether to verify the server's certificate and name",
  },
  {
    name = "compression",
    type = 'boolean or "auto"',
    default = "auto",
    words = "whether a WebSocket's server may compress its messages; `\"auto\"`: unless it is on this machine",
    more = "Nothing that is sent is ever compressed.",
  },
  {
    name = "timeout",
    type = "table",
    class = "aui.Timeouts",
    default = {},
    words = "seconds; `false`: no limit",
  },
  {
    name = "timeout.connect",
    type = "seconds or false",
    default = 10,
    core = "connect_timeout",
    words = "until the connection is open",
  },
  {
    name = "timeout.first",
    type = "seconds or false",
    default = 60,
    words = "from a message's departure to the first sign of an answer",
    more = "A sign is a message that may belong to the answer, another 16 KiB of a long one, or a comment of a stream; "
      .. "no byte, and no ping.",
  },
  {
    name = "timeout.idle",
    type = "seconds or false",
    default = 60,
    words = "between two signs of an answer",
    more = "A server that keeps a stream alive by comments gives signs: only `timeout.total` ends its answer.",
  },
  {
    name = "timeout.total",
    type = "seconds or false",
    default = false,
    words = "from `session:send` to the end of the answer",
  },
  {
    name = "timeout.call",
    type = "seconds or false",
    default = 60,
    words = "of a REST call, with all attempts and the pauses between them",
  },
  {
    name = "reconnect",
    type = "table or false",
    class = "aui.Reconnect",
    default = {},
    words = "delays in seconds; `false`: only the next message connects again",
    more = "The delays are random, and grow exponentially (full jitter).",
  },
  {
    name = "reconnect.base",
    type = "seconds",
    most = MOST_SECONDS,
    default = 0.5,
    core = "reconnect_base",
    off = 0,
    words = "the first delay is drawn at random up to this, each further one up to twice as much",
  },
  {
    name = "reconnect.max",
    type = "seconds",
    most = MOST_SECONDS,
    default = 30,
    core = "reconnect_max",
    off = 0,
    words = "but at most up to this",
  },
  {
    name = "reconnect.attempts",
    type = "whole number",
    least = 1,
    most = NO_END,
    default = NO_END,
    shown = "no end",
    core = "reconnect_attempts",
    off = 0,
    words = "how many may fail in a row",
  },
  {
    name = "reconnect.reset_after",
    type = "seconds",
    most = MOST_SECONDS,
    default = 10,
    core = "reconnect_reset_after",
    off = 0,
    words = "a connection that was open so long was healthy: the delays begin anew",
  },
  {
    name = "retries",
    type = "whole number",
    least = 0,
    most = MOST_COUNT,
    default = 2,
    words = "how often a REST call that failed is made again, where the server cannot act on it twice",
    more = "So it is with what only reads, and with what surely did not arrive. The pauses are those of `reconnect`, "
      .. "or as long as the server asks for.",
  },
  {
    name = "recover",
    type = "boolean",
    default = true,
    words = "ask the task's history for an answer whose connection died: [docs/recovery.md](docs/recovery.md)",
    more = "Without effect where `reconnect` is `false`, or the URL's path does not end in /api/v1/external/session.",
  },
  {
    name = "queue",
    type = "table",
    class = "aui.Queue",
    default = {},
    words = "what may wait to be sent",
  },
  {
    name = "queue.messages",
    type = "whole number",
    least = 1,
    most = MOST_COUNT,
    default = 64,
    core = "queue_messages",
    words = "so many messages",
  },
  {
    name = "queue.bytes",
    type = "whole number",
    unit = "bytes",
    least = 1,
    most = MOST_BYTES,
    default = MIB,
    core = "queue_bytes",
    words = "of their JSON",
  },
  {
    name = "rate",
    type = "table",
    class = "aui.Rate",
    words = "at most so many messages in so many seconds, evenly spaced",
    shown = "no limit",
  },
  {
    name = "rate.messages",
    type = "whole number",
    required = true,
    least = 1,
    most = MOST_COUNT,
    core = "rate_messages",
    off = 0,
    words = "at most so many",
  },
  {
    name = "rate.per",
    type = "seconds",
    required = true,
    most = MOST_SECONDS,
    core = "rate_per",
    off = 0,
    words = "in so many seconds",
  },
  {
    name = "ping_interval",
    type = "seconds or false",
    default = 20,
    core = "ping_interval",
    words = "seconds of silence before a ping; `false`: no pings",
  },
  {
    name = "ping_timeout",
    type = "seconds",
    default = 10,
    core = "ping_timeout",
    words = "seconds within which a ping must be answered",
  },
  {
    name = "max_message",
    type = "whole number",
    unit = "bytes",
    least = 1,
    most = MOST_BYTES,
    default = MIB,
    core = "max_message",
    words = "of one incoming message; a session takes some seven times as much at its peak",
    more = "The default is many times what agents write. A server that means harm can make Lua 5.1 to 5.3, in which it "
      .. "can choose keys with equal hashes, take some seconds for 1 MiB, a hundred times that for ten.",
  },
  {
    name = "max_response_head",
    type = "whole number",
    unit = "bytes",
    least = 128,
    most = MOST_COUNT,
    default = 16 * KIB,
    core = "max_response_head",
    words = "of the head of an HTTP answer: the handshake's, a REST call's",
  },
  {
    name = "max_response_body",
    type = "whole number",
    unit = "bytes",
    least = 1,
    most = MOST_BYTES,
    default = 8 * MIB,
    words = "of the body of a REST call's answer; decoded it may take thirty times as much",
    more = "On Lua 5.1 to 5.3 a server that means harm makes it take as much time as `max_message` says of such "
      .. "lengths.",
  },
  {
    name = "max_depth",
    type = "whole number",
    least = 1,
    most = 1024,
    default = 64,
    core = "max_depth",
    words = "how deep an incoming message may nest",
  },
}

--- Of aui.pool.
rows.pool = {
  {
    name = "size",
    type = "whole number",
    least = 1,
    most = 2 ^ 16,
    default = 16,
    words = "how many idle connections to keep for each server, key and task",
  },
  {
    name = "idle",
    type = "seconds",
    default = 60,
    words = "seconds after which an idle one is closed; less where tasks are many and short",
  },
}

return rows

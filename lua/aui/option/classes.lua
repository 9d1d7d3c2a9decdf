---@meta
-- The options as language servers read them (LuaCATS). Written by docs/options.lua from lua/aui/option/rows.lua.

---@class (exact) aui.Tls for wss://
---@field ca_file? string PEM file of the certificate authorities to trust, instead of the system's; of an https://
---proxy too
---@field cert? string PEM file of a client certificate
---@field key? string PEM file of its key
---@field verify? boolean whether to verify the server's certificate and name; default: true

---@class (exact) aui.Timeouts seconds; false: no limit
---@field connect? number|false until the connection is open; default: 10
---@field first? number|false from a message's departure to the first sign of an answer; default: 60
---@field idle? number|false between two signs of an answer; default: 60
---@field total? number|false from session:send to the end of the answer; default: false

---@class (exact) aui.Reconnect delays in seconds; false: only the next message connects again
---@field base? number the first delay is drawn at random up to this, each further one up to twice as much; default: 0.5
---@field max? number but at most up to this; default: 30
---@field attempts? integer how many may fail in a row; default: no end
---@field reset_after? number a connection that was open so long was healthy: the delays begin anew; default: 10

---@class (exact) aui.Queue what may wait to be sent
---@field messages? integer so many messages; default: 64
---@field bytes? integer bytes of their JSON; default: 1 MiB

---@class (exact) aui.Rate at most so many messages in so many seconds, evenly spaced
---@field messages integer at most so many
---@field per number in so many seconds

---@class (exact) aui.Options of aui.connect, aui.session and pool:connect
---@field api_key? string|fun(): string? the network API key, needed unless url is given; or a function that returns it,
---asked before each connection; never shown; default: $AUI_NETWORK_API_KEY. The function may wait. It returns the key,
---or nil and why it cannot be had just now, which is tried again; in what it raises there is no use in trying again.
---@field region? "gcp"|"azure" where the agent is; default: "gcp"
---@field url? string a ws:// or wss:// URL, instead of a region
---@field task_id? string the task of messages that name none
---@field auth? "query"|"header" where the key goes in the request; default: "query"
---@field headers? table<string, string>|fun(): table<string, string>? more request headers, by name; or a function as
---of api_key that returns them
---@field allow_plaintext? boolean send the key over ws:// to another machine too; default: false. So it is with headers
---that are as secret: Authorization, Proxy-Authorization, Cookie.
---@field proxy? string|false "http://user:password@host:port", or https://: the HTTP proxy to go through; false: none:
---docs/proxies.md; default: $HTTPS_PROXY, as curl reads it
---@field tls? aui.Tls for wss://. The files are read again for a new connection when they have changed. In nginx, whose
---directives have their places, they are refused.
---@field timeout? aui.Timeouts seconds; false: no limit
---@field reconnect? aui.Reconnect|false delays in seconds; false: only the next message connects again. The delays are
---random, and grow exponentially (full jitter).
---@field recover? boolean ask the task's history for an answer whose connection died: docs/recovery.md; default: true.
---Without effect where reconnect is false, or the URL's path does not end in /api/v1/external/session.
---@field queue? aui.Queue what may wait to be sent
---@field rate? aui.Rate at most so many messages in so many seconds, evenly spaced
---@field ping_interval? number|false seconds of silence before a ping; false: no pings; default: 20
---@field ping_timeout? number seconds within which a ping must be answered; default: 10
---@field max_message? integer bytes of one incoming message; a session takes some seven times as much at its peak;
---default: 1 MiB. The default is many times what agents write. A server that means harm can make Lua 5.1 to 5.3, in
---which it can choose keys with equal hashes, take some seconds for 1 MiB, a hundred times that for ten.
---@field max_response_head? integer bytes of the head of an HTTP answer: the handshake's, the history's; default: 16
---KiB
---@field max_depth? integer how deep an incoming message may nest; default: 64

---@class (exact) aui.PoolOptions of aui.pool
---@field size? integer how many idle connections to keep for each server, key and task; default: 16
---@field idle? number seconds after which an idle one is closed; less where tasks are many and short; default: 60

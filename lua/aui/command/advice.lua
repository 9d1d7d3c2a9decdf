-- What to do about what goes wrong between a program and its agent.

local advice = {}

-- The first row whose words are in what our own errors say is what to do about them.
local BY_WORDS = {
  {
    "api_key: expected",
    "Set AUI_NETWORK_API_KEY, or AUI_PUBLISHABLE_KEY, to your agent's key. Or try without: aui sim starts an offline "
      .. "agent, and AUI_URL is to be what that prints.",
  },
  { "url: ", "AUI_URL is to be ws://... or wss://..., and with a publishable key http://... or https://..." },
  { "speak TLS here", "The server speaks no TLS: write ws:// (with a publishable key http://) in AUI_URL." },
  { "proxy", "HTTPS_PROXY says which proxy, by which name and password; NO_PROXY lists servers that need none." },
  { "does it want TLS", "Write wss:// (with a publishable key https://) in AUI_URL." },
  { "not yet valid", "Is this machine's clock right? It stands above." },
  { "has expired", "Is this machine's clock right? It stands above. Then the server's certificate must be renewed." },
  {
    "certificate",
    "The server shows a certificate that this machine does not trust: apt install ca-certificates; where a CA of your "
      .. "own, or of a proxy that reads along, has signed it, the option tls.ca_file is to name its file.",
  },
  { "status 404", "Nothing is at this address: is AUI_URL right, its path too?" },
  { "refused", "Nobody listens there: is the server up, and are name and port in AUI_URL right?" },
  { "name not found", "Is AUI_URL spelt right? Else this machine has no resolver, or no network: /etc/resolv.conf." },
  { "was not resolved", "The resolver is silent: /etc/resolv.conf says which one it is." },
  {
    "did not accept the connection",
    "Nothing answers there: a firewall may swallow what is sent. Is there a proxy, for HTTPS_PROXY to name?",
  },
  { "unreachable", "This machine knows no way there: is it online?" },
}

local BY_KIND = {
  auth = { "The server does not accept the key: is it complete, of this server and region, and not revoked?" },
  application = { "The server has refused the call, and its words say why: is AUI_URL right?" },
  rate_limit = { "Too many calls were made with this key: wait." },
  server = { "The trouble is the server's: try again later, and report it with the words above." },
  timeout = { "The server takes too long: try again, and raise the option timeout if it is always so slow." },
  protocol = { "What answers there does not speak this API: is AUI_URL right?" },
}

--- What to do about an error, or about misuse: lines, or none.
function advice.of(problem)
  local words = tostring(problem)
  for _, row in ipairs(BY_WORDS) do
    if words:find(row[1], 1, true) then return { row[2] } end
  end
  return type(problem) == "table" and BY_KIND[problem.kind] or {}
end

--- What is wrong with a key as it stands in this variable: its words and a remedy; or nil.
function advice.problem_of_key(variable, key)
  if key:find "[%s%c]" then
    return { words = "has a blank or a line feed in it", remedy = "Copy the key again, without what is around it." }
  end
  if key:find "^[\"']" then
    return { words = "begins with a quote", remedy = "Leave the quotes out: they are part of the key now." }
  end
  local is_publishable = key:find "^pk_network_" ~= nil
  if is_publishable ~= (variable == "AUI_PUBLISHABLE_KEY") then
    local other = is_publishable and "AUI_PUBLISHABLE_KEY" or "AUI_NETWORK_API_KEY"
    return { words = "has a key of the other API", remedy = "Set " .. other .. " to it instead." }
  end
end

return advice

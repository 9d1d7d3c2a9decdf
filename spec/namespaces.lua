-- Namespaces of their own for programs that specs run (see child.run, `under`): another network, other names.

local namespaces = {}

--- Words of a command that runs what follows in namespaces of these kinds (see unshare(1)) by the command `...`. That
--- takes root; else the test is pending.
function namespaces.enter(kinds, ...)
  local status = os.execute(("unshare %s true 2>/dev/null"):format(kinds))
  if status ~= true and status ~= 0 then -- 0: Lua 5.1, LuaJIT
    pending "this user may not make namespaces"
  end
  return { "unshare", kinds, ... }
end

--- The same where /etc/hosts has this text; and the name of the file that has it, which is the caller's to remove.
function namespaces.with_hosts(text)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local words = namespaces.enter("-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', name)
  return words, name
end

return namespaces

-- Certificates of every kind, made by openssl(1), and a server that shows them: spec/servers/tls_mirror.py.

local cjson = require "cjson"
local support = require "spec.support"

local certificates = {}

local function run(words)
  local ok = os.execute(words .. " 2>/dev/null")
  assert(ok == true or ok == 0, words)
end

local Directory = {}
Directory.__index = Directory

--- A directory in which certificates and keys are made as NAME.pem and NAME.key.
function certificates.directory()
  local path = os.tmpname()
  os.remove(path)
  run("mkdir " .. path)
  return setmetatable({ path = path }, Directory)
end

function Directory:remove() run("rm -r " .. self.path) end

function Directory:file(name) return self.path .. "/" .. name end

local NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

--- An authority that has signed its certificate itself.
function Directory:authority(name)
  local words = "cd %s && openssl req -x509 %s -keyout %s.key -out %s.pem -days 2 -subj '/CN=%s'"
  run(words:format(self.path, NEW_KEY, name, name, name))
end

--- A certificate of `issuer`, which is one of the names here. `extensions` are lines of openssl's configuration, as
--- "subjectAltName=DNS:localhost".
function Directory:certificate(name, issuer, extensions)
  local file = assert(io.open(self:file(name .. ".extensions"), "w"))
  file:write(extensions, "\n")
  file:close()
  local request = "cd %s && openssl req %s -keyout %s.key -out %s.request -subj '/CN=%s'"
  run(request:format(self.path, NEW_KEY, name, name, name))
  local sign = "cd %s && openssl x509 -req -in %s.request -CA %s.pem -CAkey %s.key -CAcreateserial -days 2 "
    .. "-extfile %s.extensions -out %s.pem"
  run(sign:format(self.path, name, issuer, issuer, name, name))
end

--- Writes over the file `to` with what `from` has: the file stays the same one.
function Directory:copy(from, to) run(("cd %s && cat %s >%s"):format(self.path, from, to)) end

--- Tells servers started with this directory what to show from the next connection on: see servers/tls_mirror.py. Files
--- are named without the directory.
function Directory:show(settings)
  for _, name in ipairs { "cert", "key", "client_ca" } do
    if settings[name] then settings[name] = self:file(settings[name]) end
  end
  local file = assert(io.open(self:file "settings.new", "w"))
  file:write(cjson.encode(settings))
  file:close()
  run(("cd %s && mv settings.new settings"):format(self.path))
end

--- Starts a server that shows what `show` says.
function Directory:serve() return support.tls_mirror(self:file "settings") end

return certificates

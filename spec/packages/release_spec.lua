-- script/release, in a repository of its own that has the files of this one.

local aui = require "aui"

local version = aui._VERSION
local NAME = "lua-aui-" .. version

describe("script/release", function()
  local folder, output = ".", nil

  -- Whether the shell's commands succeed there; `output` has what they printed.
  local function succeeds(commands)
    local pipe = assert(io.popen(("cd '%s' && { %s; } 2>&1; echo $?"):format(folder, commands)))
    output = pipe:read "*a"
    pipe:close()
    return output:match "(%d+)\n$" == "0"
  end

  local function must(commands) assert(succeeds(commands), output) end
  local function commit()
    must "git add -A && git -c user.name=ada -c user.email=ada@localhost commit -q -m 'A state'"
  end

  setup(function()
    local name = os.tmpname()
    os.remove(name)
    local files = "git ls-files -z --cached --others --exclude-standard | tar --null -T - -c"
    must(("mkdir '%s' && %s | tar -C '%s' -x"):format(name, files, name))
    folder = name
    must "git init -q"
    must(("sed -i '0,/^## .*/s//## [%s] - 2026-11-29/' CHANGELOG.md"):format(version))
    commit()
  end)

  teardown(function() os.execute(("rm -rf '%s'"):format(folder)) end)

  it("makes an archive with one folder, and the rockspec that takes it", function()
    must("script/release " .. version)
    assert.matches("git tag -a v" .. version, output, 1, true)
    must(("tar -tf build/release-%s/%s.tar.gz | cut -d/ -f1 | sort -u"):format(version, NAME))
    assert.equal(NAME .. "\n0\n", output)

    local path = ("build/release-%s/%s-1.rockspec"):format(version, NAME)
    must("luarocks lint " .. path)
    local rockspec = {}
    local chunk = assert(loadfile(folder .. "/" .. path, "t", rockspec))
    if setfenv then setfenv(chunk, rockspec) end -- luacheck: ignore setfenv
    chunk()
    assert.equal(version .. "-1", rockspec.version)
    assert.matches("/v" .. version .. "/" .. NAME .. ".tar.gz", rockspec.source.url, 1, true)
  end)

  it("names each place that has another version", function()
    assert.is_false(succeeds "script/release 99.0.0")
    for _, place in ipairs {
      "src/engine/aui.h",
      "src/sim/CMakeLists.txt",
      "dist.ini",
      "script/debian/changelog",
      "CHANGELOG.md",
    } do
      assert.matches(place .. ": " .. version, output, 1, true)
    end
    must "sed -i 's/^version = .*/version = 0.0.1/' dist.ini"
    commit()
    assert.is_false(succeeds("script/release " .. version))
    assert.matches("\n  dist.ini: 0.0.1\n", output, 1, true)
    must "git reset -q --hard HEAD~1"
  end)

  it("takes what is committed, and nothing else", function()
    must "echo >> README.md"
    assert.is_false(succeeds("script/release " .. version))
    assert.matches("not committed", output, 1, true)
    must "git checkout -q README.md"
  end)

  it("asks for a version", function()
    for _, words in ipairs { "", "1.0", "v1.0.0", "1.0.0 now" } do
      assert.is_false(succeeds("script/release " .. words))
      assert.matches("expected one version", output, 1, true)
    end
  end)
end)

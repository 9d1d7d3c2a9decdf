"""Complains of what is public in Lua and not typed, or typed and not there: each documented function of the public files
has the type of every argument and of its results, names no argument that it does not have, and says of no table that it
is but a table; each class that a type names is declared; the kinds of errors are those that the engine has, and that
docs/errors.md tells. Prints nothing when all is well. Run in the project's root."""
import pathlib
import re
import sys

# Those that docs/versions.md calls public, and the classes of what they return.
PUBLIC = ("init", "client", "session", "reply", "pool", "task", "message", "test", "log", "option/classes",
          "error/class", "api/message", "adapter/*")
PRIVATE = ("_module", "log")  # modules of ours, whose functions are for us alone

FUNCTION = re.compile(r"^function (\w+)([.:])(\w+)\(([^)]*)\)(.*)$")
TAG = re.compile(r"^---@(\w+) (.*)$")
CLASS = re.compile(r"\baui\.[A-Z]\w+")
BARE = re.compile(r"\btable\b(?!<)")


def type_of(words):
    """The type at the beginning of what stands behind @param NAME, @field NAME or @return."""
    depth, end = 0, len(words)
    for at, char in enumerate(words):
        depth += (char in "(<{[") - (char in ")>}]")
        before = words[:at].rstrip()
        if char == " " and depth == 0 and not before.endswith(("|", ":", ",")):
            end = at
            break
    return words[:end]


def functions(lines):
    """The tags, name, arguments and text of each function that has a comment with three hyphens."""
    tags, documented = [], False
    for at, line in enumerate(lines):
        if line.startswith("---"):
            documented = True
            tag = TAG.match(line)
            if tag:
                tags.append(tag.groups())
            continue
        found = FUNCTION.match(line)
        if found and documented:
            body = [found[5]]
            if not found[5].endswith(" end"):
                body += lines[at + 1 : at + 1 + lines[at + 1 :].index("end")]
            arguments = [name.strip() for name in found[4].split(",") if name.strip()]
            yield tags, found[1], found[3], arguments, "\n".join(body)
        tags, documented = [], False


def returns(text):
    """Whether it returns something itself, outside of the functions in it."""
    inner = re.sub(r"(?ms)^( *)(local )?function\b.*?^\1end", "", text)
    inner = re.sub(r"(?ms)^( *)[^\n]*\bfunction\([^)]*\)$.*?^\1end", "", inner)
    return re.search(r"\breturn +(?!nil$|end\b)[^\s;]", re.sub(r"\bfunction\b[^\n]*\bend\b", "", inner)) is not None


def wrong_in_function(tags, name, arguments, text):
    typed = [words.split()[0] for tag, words in tags if tag == "param"]
    names = [one.rstrip("?") for one in typed]
    for argument in arguments:
        if argument != "..." and argument not in names:
            yield f"{name}: the argument {argument} has no type"
    for one in names:
        if one not in arguments:
            yield f"{name}: there is no argument {one}"
    if returns(text) and not any(tag == "return" for tag, _ in tags):
        yield f"{name}: its results have no type"


def wrong_types(lines):
    for line in lines:
        tag = TAG.match(line)
        if not tag or tag[1] not in ("param", "field", "return"):
            continue
        words = tag[2] if tag[1] == "return" else tag[2].partition(" ")[2]
        if BARE.search(type_of(words)):
            yield f"but a table: {line}"


def public_files(root):
    for pattern in PUBLIC:
        yield from sorted((root / "lua/aui").glob(pattern + ".lua"))


def wrong_kinds(root):
    typed = re.findall(r'"(\w+)"', re.search(r"(?m)^---\|(.*)$", (root / "lua/aui/error/class.lua").read_text())[1])
    made = re.findall(r'case AUI_ERROR_(?!NONE).*"(\w+)"', (root / "src/engine/error.c").read_text())
    told = re.findall(r"(?m)^\| `(\w+)` \|", (root / "docs/errors.md").read_text())
    for where, names in (("lua/aui/error/class.lua", typed), ("docs/errors.md", told)):
        for kind in sorted({*made, "pending"} ^ set(names)):  # which waits alone have
            yield f"{where}: {kind} {'is no kind of error' if kind in names else 'is missing'}"


def complaints(root):
    declared = set()
    for path in (root / "lua").rglob("*.lua"):
        declared.update(re.findall(r"(?m)^---@(?:class(?: \(exact\))?|alias) (aui\.\w+)", path.read_text()))
    for path in public_files(root):
        lines = path.read_text().split("\n")
        for tags, owner, name, arguments, text in functions(lines):
            if owner.endswith(PRIVATE):
                continue
            for problem in wrong_in_function(tags, name, arguments, text):
                yield f"{path.relative_to(root)}: {problem}"
        for problem in wrong_types(lines):
            yield f"{path.relative_to(root)}: {problem}"
        named = {name for line in lines if TAG.match(line) for name in CLASS.findall(line)}
        for name in sorted(named - declared):
            yield f"{path.relative_to(root)}: there is no class {name}"
    yield from wrong_kinds(root)


if __name__ == "__main__":
    found = list(complaints(pathlib.Path.cwd()))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)

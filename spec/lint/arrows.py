"""Draws the arrows between the files of the project, from what they include and require, and complains of a circle, of an
arrow against lua -> binding -> net -> engine, of one between aui-sim and the rest, and of an example that requires what
docs/versions.md does not call public. Prints nothing when all is well. Run in the project's root."""
import fnmatch
import os
import pathlib
import re
import sys

# Whom each room may know besides itself. aui-sim shares no code with what it tests.
ROOMS = {
    "src/engine": (),
    "src/net": ("src/engine",),
    "src/binding": ("src/engine",),
    "src/binding/engine": ("src/binding", "src/engine"),
    "src/binding/net": ("src/binding", "src/net", "src/engine"),
    "src/sim": (),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
REQUIRE = re.compile(r"""\brequire\b[\s(,]*["']([\w.]+)["']""")  # pcall(require, "name") too
PUBLIC = re.compile(r"^\*\*Public\*\* are the modules ([^:]*):", re.M)
LITERAL = re.compile(r"""["'](\w+\.[\w.]+)["']""")


# ---- C ------------------------------------------------------------------------------------------


def room_of(path):
    """The innermost."""
    return max((room for room in ROOMS if path.startswith(room + "/")), key=len, default=None)


def includes(root, pattern):
    """From file to files. What is included is looked for as the compiler does: beside the file, else below src."""
    arrows = {}
    for path in sorted((root / "src").rglob(pattern)):
        heads = arrows.setdefault(os.path.relpath(path, root), set())
        for name in INCLUDE.findall(path.read_text()):
            beside = path.parent / name
            heads.add(os.path.relpath(beside if beside.exists() else root / "src" / name, root))
    return arrows


def unit_of(path, paths):
    """A source and its header are one unit, with the parts of it that have files of their own: session_end is a part of
    session."""
    stem, folder = pathlib.Path(path).stem, pathlib.Path(path).parent
    wholes = (folder / stem[:at] for at, char in enumerate(stem) if char == "_")
    stems = {str(pathlib.Path(other).with_suffix("")) for other in paths}
    return next((str(whole) for whole in wholes if str(whole) in stems), str(folder / stem))


def units(files):
    arrows = {}
    for path, heads in files.items():
        arrows.setdefault(unit_of(path, files), set()).update(unit_of(head, files) for head in heads)
    return {unit: heads - {unit} for unit, heads in arrows.items()}


def wrong_includes(files):
    for path, heads in files.items():
        for head in sorted(heads):
            mine, its = room_of(path), room_of(head)
            if mine and its != mine and its not in ROOMS[mine]:
                yield f"{path} includes {head}: {mine} may not know {its or 'that'}"


# ---- Lua ----------------------------------------------------------------------------------------


def code_of(path):
    text = re.sub(r"--\[(=*)\[.*?\]\1\]", "", path.read_text(), flags=re.S)
    return re.sub(r"--[^\n]*", "", text)


def module_of(path, root):
    name = ".".join(path.relative_to(root / "lua").with_suffix("").parts)
    return name.removesuffix(".init")


def requires(root):
    """From module to modules. What is required may be chosen while the program runs: so each string that is the dotted
    name of a module counts."""
    modules = {module_of(path, root): path for path in sorted((root / "lua").rglob("*.lua"))}
    return {
        name: {*REQUIRE.findall(code_of(path)), *LITERAL.findall(code_of(path))} & modules.keys()
        for name, path in modules.items()
    }


def public_modules(root):
    """As docs/versions.md has them; a star stands for any name. There must be some."""
    names = PUBLIC.search((root / "docs/versions.md").read_text())
    return re.findall(r"`([\w.*]+)`", names[1]) if names else []


def is_ours(module):
    return re.match(r"(resty\.)?aui(\.|$)", module) is not None


def wrong_requires(root):
    """Of examples: they are to show what users can rely on."""
    public = public_modules(root)
    if not public:
        yield "docs/versions.md: expected a paragraph that begins with **Public** are the modules"
    for path in sorted((root / "examples").rglob("*.lua")):
        for module in sorted(set(REQUIRE.findall(code_of(path)))):
            if is_ours(module) and not any(fnmatch.fnmatch(module, name) for name in public):
                yield f"{os.path.relpath(path, root)} requires {module}, which docs/versions.md does not call public"


# ---- Both ---------------------------------------------------------------------------------------


def circles_in(arrows):
    """Each as the names that lead back to the least one."""
    done, path = set(), []

    def visit(name):
        if name in path:
            circle = path[path.index(name) :]
            least = circle.index(min(circle))
            yield "circle: " + " -> ".join(circle[least:] + circle[: least + 1])
        elif name in arrows and name not in done:
            path.append(name)
            for other in sorted(arrows[name]):
                yield from visit(other)
            done.add(path.pop())

    for name in arrows:
        yield from visit(name)


def complaints(root):
    files = includes(root, "*.[ch]")
    yield from wrong_includes(files)
    yield from circles_in(includes(root, "*.h"))
    yield from circles_in(units(files))
    yield from circles_in(requires(root))
    yield from wrong_requires(root)


if __name__ == "__main__":
    found = list(complaints(pathlib.Path.cwd()))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)

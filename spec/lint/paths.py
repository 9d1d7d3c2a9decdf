"""Complains of what the Markdown pages name and is not there: links into the checkout, and files and folders of it in
`code`. Prints nothing when all is well. Run in the project's root."""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([\w./-]+)`")
ROOMS = ("src/", "lua/", "spec/", "examples/", "script/", "bench/", "docs/")


def named(page):
    """What the page names, as paths from the root."""
    text = page.read_text()
    for link in LINK.findall(text):
        yield page.parent / link
    for code in CODE.findall(text):
        if code.startswith(ROOMS):
            yield pathlib.Path(code)


def main():
    pages = subprocess.check_output(["git", "ls-files", "*.md"], text=True).split()
    missing = [
        f"{page}: {path} is not there"
        for page in map(pathlib.Path, pages)
        for path in named(page)
        if not path.exists() and not path.with_suffix(".lua").exists()
    ]
    print("\n".join(missing), end="\n" if missing else "")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

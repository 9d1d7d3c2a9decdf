"""Complains of what the Markdown pages name and is not there: links into the checkout, also to a page's headings, and
files and folders of it in `code`. Prints nothing when all is well. Run in the project's root."""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
HEADING_LINK = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.M)
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


def names_of_headings(page):
    """As GitHub makes them up."""
    words = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in words}


def missing_headings(page):
    for link, name in HEADING_LINK.findall(page.read_text()):
        target = page.parent / link if link else page
        if target.suffix == ".md" and target.exists() and name not in names_of_headings(target):
            yield f"{page}: {link}#{name} is not there"


def main():
    pages = [pathlib.Path(name) for name in subprocess.check_output(["git", "ls-files", "*.md"], text=True).split()]
    missing = [
        f"{page}: {path} is not there"
        for page in pages
        for path in named(page)
        if not path.exists() and not path.with_suffix(".lua").exists()
    ]
    missing += [words for page in pages for words in missing_headings(page)]
    print("\n".join(missing), end="\n" if missing else "")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

"""What Sphinx makes the site of, for script/docs: the pages of this directory, in the order of index.md. Their links out
of it lead to the repository, and the command's page has the text of its manual, aui.1."""
import pathlib
import re
import subprocess

project = "lua-aui"
html_title = project
extensions = ["myst_parser"]
myst_heading_anchors = 4
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]  # nginx's language with Lua in it
smartquotes = False  # options begin with two hyphens
html_theme = "furo"
html_static_path = html_css_files = ["site.css"]
html_extra_path = ["chat-wide.png", "chat-dark.png", "chat-narrow.png", "chat-markdown.png"]  # by HTML of a page
html_use_index = html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

REPOSITORY = "https://github.com/lua-aui/lua-aui/tree/HEAD/"


def manual(path):
    """The sections of a manual page in Markdown, without its header and footer."""
    text = subprocess.check_output(["mandoc", "-T", "markdown", path], text=True)
    sections = text[text.index("# ") : text.rindex("\n\n")]
    return re.sub(r"^# (.*)$", lambda heading: "## " + heading[1].capitalize(), sections, flags=re.M)


def navigation(index):
    """The lists of links in the first page as what Sphinx knows the order of pages by."""
    for section in index.split("\n## ")[1:]:
        pages = [f"{title} <{name}>" for title, name in re.findall(r"^- \[(.*?)\]\((\w+)\.md\)", section, re.M)]
        options = [":hidden:", ":caption: " + section.partition("\n")[0]]
        yield "\n".join(["```{toctree}", *options, *pages, "```"])


def prepare(app, name, source):
    source[0] = source[0].replace("](../", f"]({REPOSITORY}")
    if name == "index":
        source[0] += "\n\n".join(["", *navigation(source[0])])
    if name == "command":
        source[0] += manual(f"{app.srcdir}/aui.1")


def mend(app, error):
    """Does for the theme what a bundler does for others, and not for Debian's: its script imports another, and of its
    styles one is on a server, and those of a dark system are lost."""
    static = pathlib.Path(app.outdir, "_static")
    script, style = static / "scripts/furo.js", static / "styles/furo.css"
    script.write_text((static / "scripts/gumshoe-patched.js").read_text() + script.read_text().partition("\n")[2])
    rules = style.read_text().partition("\n")[2]
    dark = re.search(r'body\[data-theme="dark"\] (\{[^}]*\})', rules)[1]
    style.write_text(rules + f'@media screen and (prefers-color-scheme: dark) {{ body[data-theme="auto"] {dark} }}\n')


def setup(app):
    app.connect("source-read", prepare)
    app.connect("build-finished", mend)

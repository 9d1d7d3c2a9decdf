"""What spec/lint/annotations.py complains of, in small trees made for the purpose. Run in the project's root."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).with_name("annotations.py")

SESSION = """---@class aui.Session
local Session = {}

--- Sends.
---@param text string
---@param more? table<string, any>
---@return aui.Session? itself
function Session:send(text, more)
  list.each(function(item) return item end)
  return self
end

--- Closes.
function Session:close() end

function Session:private(what) return what end
"""
KINDS = '---@alias aui.ErrorKind\n---| "auth"|"pending"\n'
ENGINE = 'case AUI_ERROR_NONE: return "none";\ncase AUI_ERROR_AUTH: return "auth";\n'
PAGE = "| `auth` | the key |\n| `pending` | not yet |\n"


class Annotations(unittest.TestCase):
    def complaints(self, session=SESSION, kinds=KINDS, page=PAGE):
        files = {
            "lua/aui/session.lua": session,
            "lua/aui/error/class.lua": kinds,
            "src/engine/error.c": ENGINE,
            "docs/errors.md": page,
        }
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, CHECK], cwd=root, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return [line.removeprefix("lua/aui/session.lua: ") for line in done.stdout.splitlines()]

    def after(self, old, new):
        self.assertIn(old, SESSION)
        return self.complaints(SESSION.replace(old, new))

    def test_what_is_typed_is_fine(self):
        self.assertEqual(self.complaints(), [])

    def test_an_argument_without_a_type(self):
        self.assertEqual(self.after("---@param text string\n", ""), ["send: the argument text has no type"])

    def test_an_argument_that_is_not_there(self):
        self.assertEqual(self.after("(text, more)", "(text)"), ["send: there is no argument more"])

    def test_results_without_a_type(self):
        self.assertEqual(self.after("---@return aui.Session? itself\n", ""), ["send: its results have no type"])
        self.assertEqual(self.after("close() end", "close() return 1 end"), ["close: its results have no type"])

    def test_but_a_table(self):
        found = self.after("more? table<string, any>", "more? table with more")
        self.assertEqual(found, ["but a table: ---@param more? table with more"])
        found = self.after("aui.Session? itself", "table[]? list")
        self.assertEqual(found, ["but a table: ---@return table[]? list"])

    def test_a_table_in_the_words_is_none(self):
        self.assertEqual(self.after("aui.Session? itself", "aui.Session? a table"), [])

    def test_a_class_that_is_not_declared(self):
        self.assertEqual(self.after("@return aui.Session?", "@return aui.Sesion?"), ["there is no class aui.Sesion"])

    def test_a_kind_of_error_that_is_missing(self):
        found = self.complaints(kinds=KINDS.replace('"auth"|', ""))
        self.assertEqual(found, ["lua/aui/error/class.lua: auth is missing"])
        found = self.complaints(page=PAGE.replace("| `pending` | not yet |\n", ""))
        self.assertEqual(found, ["docs/errors.md: pending is missing"])

    def test_a_kind_of_error_that_nobody_makes(self):
        found = self.complaints(page=PAGE + "| `other` | what else |\n")
        self.assertEqual(found, ["docs/errors.md: other is no kind of error"])


if __name__ == "__main__":
    unittest.main()

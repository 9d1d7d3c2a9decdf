"""What spec/lint/arrows.py complains of, in small trees made for the purpose. Run in the project's root."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).with_name("arrows.py")

SOUND = {
    "src/engine/session.h": '#include "engine/reply.h"\n',
    "src/engine/reply.h": "#include <stdint.h>\n",
    "src/engine/session_state.h": '#include "engine/session.h"\n',
    "src/engine/session.c": '#include "engine/session_state.h"\n',
    "src/net/link.c": '#include "engine/session.h"\n',
    "src/binding/binding.h": '#include "engine/session.h"\n',
    "src/binding/net/lua_net.h": '#include "binding/binding.h"\n#include "net/link.h"\n',
    "src/net/link.h": "",
    "src/sim/sim_session.h": "",
    "src/sim/sim_session.c": '#include "sim_session.h"\n',
    "lua/aui/init.lua": 'local json = require "aui.text.json"\n',
    "lua/aui/text/json.lua": '-- as require "aui" does\n',
    "docs/versions.md": "**Public** are the modules `aui` and\n`aui.adapter.*`: what `aui.text` says is not.\n",
    "examples/bot/main.lua": 'local aui = require "aui"\nrequire("aui.adapter.luv").attach()\nrequire "screen"\n',
}


class Arrows(unittest.TestCase):
    def complaints(self, **changes):
        """Of the sound tree with these files instead."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**SOUND, **changes}.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, CHECK], cwd=root, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout.splitlines()

    def test_a_sound_tree_passes(self):
        self.assertEqual(self.complaints(), [])

    def test_a_circle_of_units(self):
        self.assertEqual(
            self.complaints(**{"src/engine/reply.c": '#include "engine/session.h"\n'}),
            ["circle: src/engine/reply -> src/engine/session -> src/engine/reply"],
        )

    def test_a_part_counts_as_its_whole(self):
        self.assertEqual(
            self.complaints(**{"src/engine/reply.c": '#include "engine/session_state.h"\n'}),
            ["circle: src/engine/reply -> src/engine/session -> src/engine/reply"],
        )

    def test_a_circle_of_headers_within_a_unit(self):
        self.assertEqual(
            self.complaints(**{"src/engine/session.h": '#include "engine/session_state.h"\n'}),
            ["circle: src/engine/session.h -> src/engine/session_state.h -> src/engine/session.h"],
        )

    def test_an_arrow_against_the_direction(self):
        self.assertEqual(
            self.complaints(**{"src/engine/reply.c": '#include "net/list.h"\n'}),
            ["src/engine/reply.c includes src/net/list.h: src/engine may not know src/net"],
        )
        self.assertEqual(
            self.complaints(**{"src/net/link.c": '#include "binding/binding.h"\n'}),
            ["src/net/link.c includes src/binding/binding.h: src/net may not know src/binding"],
        )

    def test_the_binding_without_io_knows_no_net(self):
        self.assertEqual(
            self.complaints(**{"src/binding/engine/lua_engine.c": '#include "net/link.h"\n'}),
            ["src/binding/engine/lua_engine.c includes src/net/link.h: src/binding/engine may not know src/net"],
        )

    def test_aui_sim_and_the_rest_share_nothing(self):
        complaint = ["src/sim/sim_session.c includes src/engine/reply.h: src/sim may not know src/engine"]
        self.assertEqual(self.complaints(**{"src/sim/sim_session.c": '#include "engine/reply.h"\n'}), complaint)
        self.assertEqual(self.complaints(**{"src/sim/sim_session.c": '#include "../engine/reply.h"\n'}), complaint)
        self.assertEqual(
            self.complaints(**{"src/net/link.c": '#include "sim/sim_session.h"\n'}),
            ["src/net/link.c includes src/sim/sim_session.h: src/net may not know src/sim"],
        )

    def test_a_circle_of_modules(self):
        circle = ["circle: aui -> aui.text.json -> aui"]
        self.assertEqual(self.complaints(**{"lua/aui/text/json.lua": 'local function late() require("aui") end\n'}), circle)

    def test_a_circle_by_a_module_that_is_chosen(self):
        self.assertEqual(
            self.complaints(**{"lua/aui/text/json.lua": 'return require(nginx and "aui.log" or "cjson")\n',
                               "lua/aui/log.lua": 'require "aui.text.json"\n'}),
            ["circle: aui.log -> aui.text.json -> aui.log"],
        )

    def test_an_example_that_requires_what_is_not_public(self):
        for call in ('require "aui.text.json"', "pcall(require, 'aui.text.json')", 'require("aui.text.json").x()'):
            self.assertEqual(
                self.complaints(**{"examples/bot/text.lua": f"local json = {call}\n"}),
                ["examples/bot/text.lua requires aui.text.json, which docs/versions.md does not call public"],
            )
        self.assertEqual(
            self.complaints(**{"examples/web/a/b.lua": 'require "resty.aui"\n-- require "aui.net"\n'}),
            ["examples/web/a/b.lua requires resty.aui, which docs/versions.md does not call public"],
        )

    def test_a_readme_that_calls_nothing_public(self):
        self.assertEqual(
            self.complaints(**{"docs/versions.md": "", "examples/bot/main.lua": ""}),
            ["docs/versions.md: expected a paragraph that begins with **Public** are the modules"],
        )


if __name__ == "__main__":
    unittest.main()

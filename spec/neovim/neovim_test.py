"""Tests of the Neovim plugin (examples/neovim) in a real Neovim that talks to aui-sim. Run with /usr/bin/python3;
AUI_SIM and AUI_BUILD name the build."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from editor import KEY, NAME, PATIENCE, PLUGIN, ROOT, RUN, Case, Terminal, wait_until

LAPTOP = "a laptop under $1000"
NOBODY = "ws://127.0.0.1:1/api/v1/external/session"  # where no server listens
RECEIVE, FINAL = {"receive": True}, {"message": {}}
BEGINNING = [RECEIVE, {"update": "I found"}]  # of an answer that does not end

# Every state of the transcript from now on.
WATCH = """
states = {}
local buf = vim.fn.bufnr(...)
local function keep() table.insert(states, table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\\n")) end
vim.api.nvim_buf_attach(buf, false, { on_lines = keep })
"""

# What current Neovims call what this one has under older names.
CURRENT_NAMES = """
vim.uv, vim.loop = vim.loop, nil
vim.health = {}
for _, name in ipairs { "start", "ok", "warn", "error", "info" } do
  vim.health[name] = require("health")["report_" .. name]
end
package.loaded.health = nil
package.preload.health = function() error "gone" end
"""

# A timer of another plugin's.
TICK = "ticks = 0; vim.loop.new_timer():start(10, 10, function() ticks = ticks + 1 end)"


# A plugin as docs/neovim.md has it: everywhere in it the editor can be used.
README = """
aui = require "aui"
require("aui.adapter.luv").attach()
local function write(...) vim.api.nvim_buf_set_lines(0, -1, -1, true, { table.concat({ ... }, " ") }) end
aui.log(function(event) write("log", event.event) end, "debug")
local options = { url = ..., user_id = "ada", api_key = function() write "key" return "k" end }
coroutine.wrap(function()
  local session = assert(aui.connect(options))
  session:on("state", function(state) write("state", state) end)
  local reply = session:send "one"
  for chunk in reply do write("chunk", chunk) end
  session:send("two"):on("message", function(message) write("handler", message.text) end)
  aui.spawn(function() write("task", session:ask("three").text) end)
  aui.sleep(0.001)
  write "coroutine"
  session:ask "four"
  session:close()
end)()
"""

# Nothing that is scheduled comes to pass meanwhile, as while a prompt is open.
PROMPT = """
local log, seconds = ...
local function is_asked() return io.open(log):read("*a"):find '"event": ?"message"' ~= nil end
return vim.wait(seconds * 1000, is_asked, 10, true)
"""


def exchange(question, answer):
    return f"## You\n\n{question}\n\n## Agent\n\n{answer}"


class Streaming(Case):
    def test_streams_an_answer_into_a_buffer_beside_the_users_own(self):
        editor = self.start("--pace", "0.01")
        editor.command("Aui " + LAPTOP)
        editor.lua(WATCH, NAME)
        whole = editor.ended()
        states = editor.lua("return states")
        self.assertGreater(len(states), 5)
        for earlier, later in zip(states, states[1:]):
            self.assertTrue(later.startswith(earlier), (earlier, later))
        self.assertTrue(whole.startswith(exchange(LAPTOP, "I found two laptops that fit.")), whole)
        self.assertEqual(("nofile", "markdown"), tuple(editor.eval(f"getbufvar('{NAME}', '&{option}')")
                                                       for option in ("buftype", "filetype")))
        self.assertEqual("", editor.eval("bufname()"))
        self.assertEqual(2, editor.eval("winnr('$')"))

    def test_shows_the_next_answer_below_in_the_same_window(self):
        editor = self.start("--echo", "--pace", "0")
        for text in ("One", "Two"):
            editor.command("Aui " + text)
            editor.ended()
        self.assertEqual(exchange("One", "One") + "\n\n" + exchange("Two", "Two"), editor.text())
        self.assertEqual(2, editor.eval("winnr('$')"))

    def test_opens_its_window_as_the_commands_modifiers_say(self):
        editor = self.start("--echo")
        editor.command("vertical Aui One")
        self.assertEqual("row", editor.eval("winlayout()[0]"))

    def test_takes_back_what_the_agent_takes_back(self):
        updates = ["Ä\nIt costs €300", "Ä\nIt costs €279\nfor you", "Ä\nIt", "Ä\nIt is free"]
        steps = [step for text in updates for step in ({"update": text}, {"wait": 0.1})]
        editor = self.start(scenario=[RECEIVE, *steps, FINAL])
        editor.command("Aui How much?")
        self.assertEqual(exchange("How much?", updates[-1]), editor.ended())

    def test_lists_products_and_suggestions(self):
        parameters = [{"title": "Price", "value": 279, "type": "numeric"}, {"title": "Grill", "value": True},
                      {"title": "Odd", "value": None}, {"title": "Note", "value": "two\nlines"}]
        editor = self.start(scenario=[RECEIVE, {"message": {
            "text": "Look", "followup_suggestions": ["And then?", "Or\nthis?"],
            "cards": [{"id": "1", "name": "Oven", "parameters": parameters, "is_recommended": True},
                      {"id": "2", "name": "Pan", "parameters": []}]}}])
        editor.command("Aui Show me")
        below = ("\n\n### Products\n\n- **Oven** ★\n  Price: 279, Grill: yes, Note: two lines\n- **Pan**"
                 "\n\n### You could ask\n\n→ And then?\n→ Or this?")
        self.assertEqual(exchange("Show me", "Look" + below), editor.ended())

    def test_asks_the_suggestion_under_the_cursor(self):
        editor = self.start("--pace", "0")
        editor.command("Aui " + LAPTOP)
        editor.ended()
        editor.enter_transcript()
        editor.command("call search('→', 'w')")
        suggestion = editor.eval("getline('.')")[len("→ "):]
        editor.press("<CR>")
        editor.see("## You\n\n" + suggestion)
        editor.ended()
        self.assertEqual([LAPTOP, suggestion], self.questions())

    def test_leaves_the_key_what_it_is_on_other_lines(self):
        editor = self.start("--pace", "0")
        editor.command("Aui " + LAPTOP)
        editor.ended()
        editor.enter_transcript()
        editor.press("gg<CR>")
        self.assertEqual(2, editor.eval("line('.')"))
        self.assertEqual([LAPTOP], self.questions())

    def test_asks_about_the_lines_of_a_range(self):
        editor = self.start("--echo", "--pace", "0")
        editor.request("nvim_buf_set_lines", 0, 0, -1, False, ["one", "two", "three"])
        editor.command("2,3Aui What | is \"this\"?")
        editor.ended()
        editor.press("ggVj:Aui<CR>")
        editor.ended()
        self.assertEqual(["What | is \"this\"?\n\ntwo\nthree", "one\ntwo"], self.questions())

    def test_shows_the_transcript_when_nothing_is_asked(self):
        editor = self.start("--echo")
        editor.command("Aui")
        self.assertEqual(2, editor.eval("winnr('$')"))
        self.assertEqual([], self.questions())


class Editing(Case):
    """What the user does while an answer comes."""

    def stream(self, tokens=400):
        """An answer of some seconds, in lines: each question is answered by its next thousand words."""
        texts = [" ".join(f"word{number}" + ("\n" if number % 5 == 0 else "") for number in range(count + 1))
                 for count in range(tokens)]
        steps = [step for text in texts for step in ({"update": text}, {"wait": 0.005})]
        return self.start(scenario=[RECEIVE, *steps, FINAL, RECEIVE, {"message": {"text": "Second"}}])

    def test_leaves_the_cursor_where_the_user_has_put_it(self):
        editor = self.stream()
        editor.command("Aui Go on")
        editor.see("word50")
        editor.enter_transcript()
        editor.press("3G0")
        editor.grow()
        self.assertEqual([3, 0], editor.lua("return vim.api.nvim_win_get_cursor(0)"))
        editor.press("<C-w>p")
        editor.grow()
        window = editor.eval(f"bufwinid('{NAME}')")
        self.assertEqual([3, 0], editor.request("nvim_win_get_cursor", window))
        self.assertTrue(editor.is_writing())

    def test_puts_the_cursor_at_the_end_when_its_line_is_taken_back(self):
        editor = self.start(scenario=[RECEIVE, {"update": "1\n2\n3\n4\n5"}, {"wait": 0.5}, {"update": "Six"}, FINAL])
        editor.command("Aui Count")
        editor.see("5")
        editor.enter_transcript()
        editor.press("Gk")
        self.assertEqual(exchange("Count", "Six"), editor.ended())
        self.assertEqual(7, editor.eval("line('.')"))
        self.assertNotIn("Error", editor.messages())

    def test_follows_the_text_with_a_cursor_at_its_end(self):
        editor = self.stream()
        editor.command("Aui Go on")
        editor.see("word50")
        window = editor.eval(f"bufwinid('{NAME}')")
        at_end = f"line('.', {window}) == line('$', {window})"
        editor.grow()
        self.assertTrue(editor.eval(at_end))
        editor.enter_transcript()
        editor.press("ggG")
        editor.grow()
        editor.grow()
        self.assertTrue(editor.is_writing())
        self.assertTrue(editor.eval(at_end))

    def test_does_not_disturb_typing_nor_a_selection_elsewhere(self):
        editor = self.stream()
        editor.command("Aui Go on")
        editor.see("word5")
        editor.press("iHello")
        editor.grow()
        editor.press(" world")
        self.assertEqual("i", editor.request("nvim_get_mode")["mode"])
        editor.press("<Esc>0v")
        editor.grow()
        editor.press("e")
        self.assertEqual("v", editor.request("nvim_get_mode")["mode"])
        editor.press("y")
        self.assertEqual("Hello", editor.eval("@\""))
        editor.press("u")
        self.assertEqual("", editor.eval("getline(1)"))
        self.assertTrue(editor.is_writing())

    def test_does_not_extend_a_selection_in_the_transcript(self):
        editor = self.stream()
        editor.command("Aui Go on")
        editor.see("word5")
        editor.enter_transcript()
        editor.press("GV")
        line = editor.eval("line('.')")
        editor.see("word60")
        self.assertEqual([line, line], editor.eval("[line('v'), line('.')]"))

    def test_is_one_step_to_undo_though_other_buffers_were_edited_meanwhile(self):
        editor = self.stream(100)
        editor.command("Aui Go on")
        for number in range(10):
            editor.press(f"oline {number}<Esc>")
            editor.grow()
        editor.press("u")
        whole = editor.ended()
        self.assertEqual([""] + [f"line {number}" for number in range(9)],
                         editor.request("nvim_buf_get_lines", 0, 0, -1, False))
        editor.command("Aui And then?")
        both = editor.ended()
        editor.enter_transcript()
        steps = []
        for keys in ("u", "u", "<C-r>", "<C-r>"):
            editor.press(keys)
            steps.append(editor.text())
        self.assertEqual([whole, "", whole, both], steps)

    def test_is_one_step_to_undo_though_the_user_moved_about_in_it(self):
        editor = self.stream(100)
        editor.command("Aui Go on")
        editor.enter_transcript()
        for keys in ("gg", "j", "G", "yy", "/word1<CR>", "G"):
            editor.press(keys)
            editor.grow()
        editor.ended()
        editor.press("u")
        self.assertEqual("", editor.text())

    def test_cannot_be_changed_before_the_answer_has_ended(self):
        editor = self.start(scenario=BEGINNING)
        editor.command("Aui " + LAPTOP)
        editor.see("I found")
        editor.enter_transcript()
        self.assertIn("E21", editor.refuse("normal u"))
        self.assertIn("E21", editor.refuse("normal dd"))
        self.assertEqual(exchange(LAPTOP, "I found"), editor.text())
        editor.command("AuiStop")
        editor.see("Stopped")
        editor.command("normal Goand more")
        self.assertIn("and more", editor.text())

    def test_goes_on_while_its_window_is_closed(self):
        editor = self.stream(100)
        editor.command("Aui Go on")
        editor.enter_transcript()
        editor.command("close")
        editor.see("word20")
        editor.command("Aui")
        self.assertEqual(2, editor.eval("winnr('$')"))
        self.assertIn("word99", editor.ended())

    def test_gives_the_answer_up_when_its_buffer_is_unloaded(self):
        for command in ("bwipeout!", "bdelete!"):
            with self.subTest(command):
                editor = self.start(scenario={"connections": [BEGINNING, [{"agent": True}]]})
                editor.command("Aui " + LAPTOP)
                editor.see("I found")
                editor.command(f"{command} {editor.eval(f'bufnr({chr(39)}{NAME}{chr(39)})')}")

                def asks_again():
                    editor.command("messages clear")
                    editor.command("Aui " + LAPTOP)
                    return "under way" not in editor.messages()
                wait_until(asks_again, "the end of the answer")
                self.assertTrue(editor.ended().startswith(exchange(LAPTOP, "I found two laptops")))
                editor.enter_transcript()
                self.assertEqual(["markdown", "nofile"], editor.eval("[&filetype, &buftype]"))

    def test_never_starves_the_timers_of_others(self):
        editor = self.stream()
        editor.lua(TICK)
        editor.command("Aui Go on")
        editor.see("word1")
        ticks = editor.lua("return ticks")
        editor.ended()
        self.assertGreater(editor.lua("return ticks") - ticks, 50)  # of more than 200

    def test_never_starves_the_timers_of_others_in_a_flood(self):
        editor = self.start("--tokens", "20000", "--token-bytes", "5", "--pace", "0")
        editor.lua(TICK)
        editor.command("Aui Go on")
        ticks, states = [0], 0
        while editor.is_writing():
            ticks.append(editor.lua("return ticks"))
            states += 1
        self.assertGreater(ticks[-1], 10)
        self.assertGreater(len(editor.text()), 100_000)


class Ends(Case):
    def test_stops_an_answer_and_goes_on_with_the_next(self):
        editor = self.start(scenario={"connections": [BEGINNING, [{"agent": True}]]})
        editor.command("Aui " + LAPTOP)
        editor.see("I found")
        editor.command("AuiStop")
        editor.see("I found\n\n*Stopped.*")
        editor.command("Aui " + LAPTOP)
        self.assertIn("I found two laptops", editor.ended())

    def test_writes_one_answer_at_a_time(self):
        editor = self.start(scenario=BEGINNING)
        editor.command("Aui One")
        editor.see("I found")
        editor.command("Aui Two")
        self.assertIn("an answer is under way; :AuiStop stops it", editor.messages())
        self.assertNotIn("Two", editor.text())

    def test_says_that_there_is_nothing_to_stop(self):
        editor = self.start()
        editor.command("AuiStop")
        self.assertIn("there is no answer to stop", editor.messages())

    def test_shows_an_error_below_what_has_arrived_and_asks_again(self):
        failing = [RECEIVE, {"update": "I found"}, {"error": {"status_code": 500, "message": "Out of order"}},
                   {"close": 1011}]
        editor = self.start(scenario={"connections": [failing, [{"agent": True}]]})
        editor.command("Aui " + LAPTOP)
        editor.ended()
        self.assertRegex(editor.text(), r"I found\n\n\*\*Error:\*\* server: .*Out of order\. `:Aui!` asks again\.$")
        self.assertIn("Out of order", editor.messages())
        editor.command("Aui!")
        editor.see("I found two laptops")
        self.assertEqual([LAPTOP, LAPTOP], self.questions())

    def test_keeps_what_has_arrived_when_the_server_dies_and_asks_again_when_it_is_back(self):
        sim = self.sim(scenario=BEGINNING)
        editor = self.editor(sim.url)
        editor.lua("vim.g.aui = { recover = false }")
        editor.command("Aui " + LAPTOP)
        editor.see("I found")
        sim.process.terminate()
        sim.process.wait()
        editor.ended()
        self.assertRegex(editor.text(), r"I found\n\n\*\*Error:\*\* transport: .* `:Aui!` asks again\.$")
        self.sim("--port", str(sim.port), "--pace", "0")
        editor.command("Aui!")
        editor.see("I found two laptops")

    def test_waits_for_a_server_that_is_away_and_says_so(self):
        sim = self.sim()
        sim.process.terminate()
        sim.process.wait()
        editor = self.editor(sim.url)
        editor.lua("vim.g.aui = { reconnect = { max = 0.2 } }")
        editor.command("Aui " + LAPTOP)
        wait_until(lambda: f"port {sim.port} refused" in editor.messages(), editor.messages)
        self.sim("--port", str(sim.port), "--pace", "0")
        editor.see("I found two laptops")

    def test_stops_to_wait_for_a_server_that_is_away(self):
        editor = self.editor(NOBODY)
        editor.command("Aui " + LAPTOP)
        editor.command("AuiStop")
        self.assertEqual(exchange(LAPTOP, "*Stopped.*"), editor.ended())

    def test_says_what_is_wrong_with_the_options(self):
        editor = self.start()
        for given, words in (("{ url = 'http://x' }", 'url: expected "ws://..." or "wss://..."'),
                             ("{ tsk_id = 'x' }", "tsk_id"), ("{ log = 'loud' }", "loud"),
                             ("{ tls = { ca_file = 'nowhere' }, url = 'wss://127.0.0.1:1' }", "nowhere")):
            with self.subTest(given):
                editor.lua(f"require('aui_nvim').setup({given})")
                self.assertRegex(editor.refuse("Aui Hello"), "^Vim:aui: .*" + words)
        self.assertEqual([], self.questions())

    def test_begins_a_task_in_which_the_agent_has_the_first_word(self):
        editor = self.start("--pace", "0", AUI_TASK_ID=None)
        editor.command("Aui " + LAPTOP)
        editor.see("I found two laptops")
        text = editor.ended()
        self.assertRegex(text, "^## Agent\n\nHello! I help you choose [^#]* fits\\.\n\n## You\n\n" + re.escape(LAPTOP)
                         + "\n\n## Agent\n\nI found two laptops")
        editor.command("Aui Thank you")
        editor.see("## You\n\nThank you")
        self.assertEqual(1, editor.ended().count("Hello! I help you choose"))
        self.assertEqual([LAPTOP, "Thank you"], self.questions())

    def test_shows_the_welcome_and_its_suggestions_where_nothing_is_asked(self):
        editor = self.start("--pace", "0", AUI_TASK_ID=None)
        editor.command("Aui")
        editor.see("→ Wireless headphones")
        self.assertRegex(editor.ended(), "^## Agent\n\nHello! I help you choose ")
        editor.command("Aui")
        editor.enter_transcript()
        editor.command("call search('Wireless')")
        editor.press("<CR>")
        editor.see("I found three headphones")
        self.assertEqual(1, editor.ended().count("Hello! I help you choose"))

    def test_speaks_the_threads_api_where_there_is_a_publishable_key(self):
        sim = self.sim("--pace", "0")
        editor = self.editor(sim.base(), AUI_PUBLISHABLE_KEY="pk_network_" + KEY, AUI_TASK_ID=None)
        editor.command("Aui " + LAPTOP)
        editor.see("I found two laptops")
        self.assertRegex(editor.ended(), "^## Agent\n\nHello! I help you choose [^#]* fits\\.\n\n## You\n\n"
                         + re.escape(LAPTOP))
        editor.command("Aui Tell me more about the first one")
        editor.see("Here is what I know")
        self.assertEqual(1, editor.ended().count("Hello! I help you choose"))
        self.assertEqual([LAPTOP, "Tell me more about the first one"], self.questions())
        report = self.report(editor)
        self.assertRegex(report, "OK: the agent is at http://127.0.0.1:[^ ]*, of the threads API")
        self.assertIn("OK: a new thread of the user ", report)
        self.assertNotIn(KEY, report)

    def test_goes_on_in_a_thread(self):
        sim = self.sim("--pace", "0")
        variables = {"AUI_PUBLISHABLE_KEY": "pk_network_" + KEY, "AUI_TASK_ID": None}
        editor = self.editor(sim.base(), **variables)
        editor.lua("vim.g.aui = { user_id = 'ada' }")
        editor.command("Aui " + LAPTOP)
        editor.see("I found two laptops")
        editor.ended()
        thread_id = self.messages()[0]["thread_id"]
        other = self.editor(sim.base(), AUI_THREAD_ID=thread_id, **variables)
        other.command("Aui Tell me more about the first one")
        other.see("Here is what I know")
        self.assertNotIn("Hello!", other.ended())
        self.assertEqual(thread_id, self.messages()[1]["thread_id"])

    def test_asks_again_where_no_task_could_be_made(self):
        editor = self.start(scenario={"connections": [[{"agent": True}]], "rest": [{"status": 400, "body": "{}"}]},
                            AUI_TASK_ID=None)
        editor.command("Aui " + LAPTOP)
        editor.see("**Error:** application: POST /api/v1/external/tasks: ")
        editor.ended()
        editor.command("Aui!")
        editor.see("I found two laptops")
        self.assertEqual([LAPTOP], self.questions())

    def test_stops_while_the_task_is_made(self):
        editor = self.start(scenario={"connections": [[{"agent": True}]], "rest": ["ignore"]}, AUI_TASK_ID=None)
        editor.command("Aui " + LAPTOP)
        self.assertTrue(editor.is_writing())
        editor.command("AuiStop")
        self.assertEqual("## Agent\n\n*Stopped.*", editor.ended())
        self.assertEqual([], self.questions())

    def test_begins_a_new_task_for_new_options(self):
        editor = self.start("--pace", "0", AUI_TASK_ID=None)
        editor.command("Aui")
        editor.see("Wireless")
        editor.ended()
        editor.lua("require('aui_nvim').setup { user_id = 'ada' }")
        editor.command("Aui Hello")
        editor.see("## You\n\nHello")
        self.assertEqual(3, editor.ended().count("Hello! I help you choose"))

    def test_goes_on_where_there_is_no_room_for_a_window(self):
        editor = self.start("--echo", "--pace", "0")
        editor.command("set winheight=10 winminheight=10 lines=12")
        self.assertIn("E36", editor.refuse("Aui One"))
        editor.ended()
        editor.command("set winminheight=1 winheight=1")
        editor.command("Aui Two")
        self.assertTrue(editor.ended().endswith(exchange("Two", "Two")))

    def test_says_where_to_look_when_the_module_cannot_be_had(self):
        self.assertIn("see :checkhealth aui", self.bare().refuse("Aui Hello"))


class Keys(Case):
    def assert_hidden(self, editor):
        self.assertNotIn(KEY, editor.text() + editor.messages())

    def test_asks_a_function_for_the_key_where_it_may_use_all_of_the_editor(self):
        for code in ("vim.g.aui = { api_key = ... }", "require('aui_nvim').setup { api_key = ... }"):
            with self.subTest(code):
                editor = self.start("--api-key", KEY, "--echo", "--pace", "0")
                editor.lua(f"local function set(...) {code} end\n"
                           f"set(function() return vim.fn.trim(vim.fn.system('echo {KEY}')) end)")
                editor.command("Aui Hello")
                self.assertEqual(exchange("Hello", "Hello"), editor.ended())
                self.assert_hidden(editor)

    def test_shows_why_a_function_has_no_key(self):
        editor = self.start("--api-key", KEY)
        editor.lua("vim.g.aui = { api_key = function() error 'The safe is locked' end }")
        editor.command("Aui Hello")
        self.assertIn("The safe is locked", editor.ended())

    def test_shows_that_the_key_is_wrong_but_not_the_key(self):
        editor = self.start("--api-key", "right", AUI_NETWORK_API_KEY=KEY)
        editor.command("Aui Hello")
        self.assertRegex(editor.ended(), r"\*\*Error:\*\* auth: .*Invalid API key\.$")
        self.assert_hidden(editor)
        editor.command("checkhealth aui")
        self.assertNotIn(KEY, "\n".join(editor.request("nvim_buf_get_lines", 0, 0, -1, False)))


class Neighbours(Case):
    def test_shares_the_loop_with_other_plugins_that_use_the_module(self):
        editor = self.start("--echo", "--pace", "0")
        editor.lua("aui = require 'aui'; require('aui.adapter.luv').attach(vim.loop)")
        editor.lua("local session = aui.session { url = ..., task_id = 'other' }\n"
                   "session:send('Hello'):on('message', function(message) theirs = message.text end)",
                   editor.eval("$AUI_URL"))
        editor.command("Aui One")
        self.assertEqual(exchange("One", "One"), editor.ended())
        wait_until(lambda: editor.lua("return theirs") == "Hello", "the other plugin's answer")

    def test_may_use_all_of_the_editor_where_the_module_goes_on_or_calls(self):
        editor = self.start("--echo", "--pace", "0")
        editor.lua(README, editor.eval("$AUI_URL"))
        lines = wait_until(lambda: "state closed" in (seen := self.lines(editor)) and seen,
                           lambda: (self.lines(editor), editor.messages()))
        for line in ("key", "chunk one", "handler two", "task three", "coroutine", "log state", "log answer"):
            self.assertIn(line, lines)

    @staticmethod
    def lines(editor):
        return editor.request("nvim_buf_get_lines", 0, 0, -1, False)

    def test_lets_connections_live_on_while_the_editor_attends_to_nothing(self):
        editor = self.start("--echo", "--pace", "0")
        editor.lua("aui = require 'aui'; require('aui.adapter.luv').attach()\n"
                   "reply = aui.session({ url = ..., task_id = 'other' }):send 'Hello'\n"
                   "reply:on('message', function(message) vim.cmd('let g:answer = \"' .. message.text .. '\"') end)",
                   editor.eval("$AUI_URL"))
        self.assertTrue(editor.lua(PROMPT, self.sim_log.name, PATIENCE))
        wait_until(lambda: editor.eval("get(g:, 'answer', '')") == "Hello", "the answer")

    def test_uses_the_names_of_current_neovims_where_they_are(self):
        editor = self.start("--echo", "--pace", "0")
        editor.lua(CURRENT_NAMES)
        editor.command("Aui One")
        self.assertEqual(exchange("One", "One"), editor.ended())
        editor.command("checkhealth aui")
        self.assertIn("OK: libuv", "\n".join(editor.request("nvim_buf_get_lines", 0, 0, -1, False)))


class Quitting(Case):
    def test_quits_silently_in_the_middle_of_an_answer(self):
        editor = self.start("--pace", "0.01")
        editor.command("Aui " + LAPTOP)
        editor.see("I found")
        self.assertEqual((0, ""), editor.quit())

    def test_says_goodbye_to_the_server(self):
        update = json.dumps({"event": "thread-message-text-content-updated", "data": {"text": "I found"}}).encode()
        frame = bytes([0x81, len(update)]) + update
        with subprocess.Popen([sys.executable, ROOT + "/spec/servers/peer.py", frame.hex()],
                              stdout=subprocess.PIPE, text=True) as peer:
            self.addCleanup(peer.kill)
            editor = self.editor(f"ws://127.0.0.1:{peer.stdout.readline().split()[-1]}/")
            editor.command("Aui " + LAPTOP)
            editor.see("I found")
            editor.quit()
            frames = json.loads(peer.stdout.readline())["frames"]
            peer.kill()
        self.assertEqual([{"opcode": 8, "close_code": 1000}], frames)

    def test_quits_silently_in_a_flood(self):
        editor = self.start("--tokens", "20000", "--pace", "0")
        editor.command("Aui " + LAPTOP)
        editor.grow()
        self.assertEqual((0, ""), editor.quit())

    def test_quits_silently_while_it_connects(self):
        editor = self.start(scenario=[{"handshake": "ignore"}])
        editor.command("Aui " + LAPTOP)
        self.assertEqual((0, ""), editor.quit())

    def test_quits_silently_after_an_answer(self):
        editor = self.start("--pace", "0")
        editor.command("Aui " + LAPTOP)
        editor.ended()
        self.assertEqual((0, ""), editor.quit("qa"))


class Installation(Case):
    def test_says_what_is_there(self):
        report = self.report(self.start(AUI_NETWORK_API_KEY=KEY))
        for words in ("Neovim ", "libuv ", "lua-cjson 2", "the C module aui.net", "aui 1.",
                      "the agent is at ws://127.0.0.1:", "the task is demo"):
            self.assertIn("OK: " + words, report)
        self.assertNotIn("ERROR", report)
        self.assertNotIn("WARNING", report)

    def test_says_what_is_missing(self):
        report = self.report(self.bare(AUI_URL=None, AUI_TASK_ID=None, LUA_CPATH="/nowhere/?.so"))
        for words in ("ERROR: lua-cjson is not to be found", "ERROR: the C module aui.net is not to be found",
                      "ERROR: the module aui is not to be found", "WARNING: they can be checked once", "/nowhere/?.so"):
            self.assertIn(words, report)

    def test_says_what_is_wrong_with_the_settings(self):
        report = self.report(self.editor("http://127.0.0.1/", AUI_NETWORK_API_KEY=KEY))
        self.assertIn('ERROR: url: expected "ws://..." or "wss://..."', report)
        self.assertNotIn(KEY, report)

    def test_takes_of_two_keys_that_of_the_agents_address(self):
        editor = self.start("--echo", "--pace", "0", AUI_NETWORK_API_KEY=KEY, AUI_PUBLISHABLE_KEY="pk_network_" + KEY)
        editor.command("Aui Hello")
        self.assertEqual(exchange("Hello", "Hello"), editor.ended())
        self.assertIn("of the tasks API", self.report(editor))

    def test_knows_a_module_that_was_built_for_another_lua(self):
        report = self.report(self.bare(LUA_PATH=f"{ROOT}/lua/?.lua;{ROOT}/lua/?/init.lua;;",
                                       LUA_CPATH=os.environ["AUI_BUILD"] + "/lua/5.4/?.so;;"))
        self.assertIn("ERROR: the C module aui.net does not load, as when it was built for another version", report)
        self.assertIn("net.so: undefined symbol: lua", report)

    def test_tells_no_key_that_is_where_none_may_be(self):
        report = self.report(self.editor(f"ws://me:{KEY}@127.0.0.1/?network_api_key={KEY}"))
        self.assertIn("ERROR: url: must not ", report)
        self.assertNotIn(KEY, report)

    def test_is_found_where_packages_are(self):
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(directory + "/pack/any/start")
            os.symlink(PLUGIN, directory + "/pack/any/start/aui")
            editor = self.editor(NOBODY, ("nvim", "--clean", "--cmd", "set packpath^=" + directory))
            self.assertEqual(2, editor.eval("exists(':Aui')"))
            self.assertIn("see :checkhealth aui", editor.refuse("Aui Hello"))

    def test_has_help(self):
        editor = self.start()
        for tag in ("aui", ":Aui", ":AuiStop", "aui-options", "g:aui", "aui.setup()"):
            editor.command("help " + tag)
            self.assertEqual("aui.txt", editor.eval("expand('%:t')"))
            self.assertIn(f"*{tag}*", editor.eval("getline('.')"))


class Person(Case):
    """What a person at a terminal sees."""

    def terminal(self, url):
        terminal = Terminal(RUN, {"AUI_URL": url})
        self.addCleanup(terminal.close)
        terminal.see("[No Name]")
        return terminal

    def test_sees_the_answer_grow_stops_it_and_quits(self):
        terminal = self.terminal(self.sim("--pace", "0.05").url)
        terminal.type(":Aui " + LAPTOP)
        screens = [terminal.see(words) for words in ("## You", "I found two", "costs $649")]
        self.assertEqual(3, len(set(screens)))
        self.assertNotIn("costs $649", screens[1])
        terminal.type(":AuiStop")
        terminal.see("*Stopped.*")
        terminal.type(":Aui " + LAPTOP)
        terminal.see("→ Tell me more about the first one")
        terminal.press("C-w", "w")
        terminal.type("gg/first one")
        terminal.press("Enter")
        terminal.see("## You\n\nTell me more about the first one")
        terminal.type(":qa!")
        self.assertEqual("status 0", terminal.see("status").strip())

    def test_sees_the_answer_grow_while_a_command_is_typed(self):
        lines = [f"line{number}" for number in range(100)]
        steps = [step for count in range(100) for step in ({"update": "\n".join(lines[:count + 1])}, {"wait": 0.05})]
        terminal = self.terminal(self.sim(scenario=[RECEIVE, *steps, FINAL]).url)
        terminal.type(":Aui Count")
        terminal.see("line9")
        terminal.press(":")
        terminal.press(*"Aui")
        self.assertIn(":Aui", terminal.see("line40"))
        terminal.press(*"Stop", "Enter")
        terminal.see("*Stopped.*")

    def goes_on_after(self, terminal, words):
        """Whether these words are on the screen, and no key press is waited for."""
        self.assertNotIn("ENTER", terminal.see(words))
        terminal.press("i", "w", "o", "r", "d", "s")
        self.assertNotIn("ENTER", terminal.see("words\n"))

    def test_is_told_that_the_server_is_away_and_goes_on(self):
        terminal = self.terminal(NOBODY)
        terminal.type(":Aui " + LAPTOP)
        self.goes_on_after(terminal, "s: connection to 127.0.0.1 port 1 refused")

    def test_needs_not_confirm_long_messages(self):
        error = {"status_code": 400, "message": "What an unlikely thing to say: 电子产品! " * 10}
        terminal = self.terminal(self.sim(scenario=[RECEIVE, {"error": error}, {"close": 1008}]).url)
        terminal.type(":Aui " + LAPTOP)
        terminal.see("**Error:**")
        self.goes_on_after(terminal, "aui: application: ")

    def test_needs_not_confirm_several_messages(self):
        terminal = self.terminal("http://127.0.0.1/")
        terminal.type(":lua vim.defer_fn(function() for _ = 1, 2 do require('aui_nvim').ask 'x' end end, 100)")
        self.goes_on_after(terminal, "aui: url: expected")


if __name__ == "__main__":
    unittest.main()

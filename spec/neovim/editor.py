"""What the tests of the Neovim plugin share: a real Neovim without a screen, driven by its RPC (MessagePack-RPC over
standard input and output; :help api), and one in a terminal of tmux, as a person sees it."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from sim_test import Sim  # noqa: E402

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
PLUGIN = ROOT + "/examples/neovim"
RUN = PLUGIN + "/run"
KEY = "hunter2-neovim"
PATIENCE = 60  # seconds; bounds against hangs
NAME = "aui://conversation"


def wait_until(condition, what):
    limit = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > limit:
            raise AssertionError(f"waited in vain for {what() if callable(what) else what}")
        time.sleep(0.02)
    return result


def environment(changes):
    """That of the tests, without what would lead elsewhere; a value of None takes a variable away."""
    mixed = {name: value for name, value in os.environ.items() if not name.startswith(("AUI_", "LUA_", "NVIM", "TMUX"))}
    mixed |= {"AUI_BUILD": os.environ["AUI_BUILD"], "AUI_TASK_ID": "demo"} | changes
    return {name: value for name, value in mixed.items() if value is not None}


class EditorError(Exception):
    """What a request ended in."""


class Editor:
    """Neovim with the plugin, started by examples/neovim/run, or another command that takes the same arguments."""

    def __init__(self, variables, command=(RUN,)):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*command, "--embed", "--headless"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=environment(variables))
        self.unpacker = msgpack.Unpacker(raw=False, ext_hook=lambda code, data: msgpack.unpackb(data))
        self.requests = 0

    def request(self, method, *arguments):
        self.requests += 1
        self.process.stdin.write(msgpack.packb([0, self.requests, method, arguments]))
        self.process.stdin.flush()
        while True:
            for message in self.unpacker:
                if message[:2] == [1, self.requests]:
                    if message[2] is not None:
                        raise EditorError(message[2][1])
                    return message[3]
            received = os.read(self.process.stdout.fileno(), 65536)
            if not received:
                raise EOFError("Neovim has ended")
            self.unpacker.feed(received)

    def lua(self, code, *arguments):
        return self.request("nvim_exec_lua", code, arguments)

    def command(self, words):
        self.request("nvim_command", words)

    def refuse(self, words):
        """A command that ends in an error: what it says."""
        try:
            self.command(words)
        except EditorError as error:
            return str(error)
        raise AssertionError(f"{words!r} was no error")

    def eval(self, expression):
        return self.request("nvim_eval", expression)

    def press(self, keys):
        """Types keys, and waits until Neovim has taken them."""
        self.request("nvim_input", keys)
        wait_until(lambda: not self.request("nvim_get_mode")["blocking"], "Neovim's attention")
        self.eval("1")

    def messages(self):
        return self.eval("execute('messages')")

    def transcript(self):
        """The lines of the transcript."""
        return self.request("nvim_buf_get_lines", self.eval(f"bufnr('{NAME}')"), 0, -1, False)

    def text(self):
        return "\n".join(self.transcript())

    def see(self, words):
        return wait_until(lambda: words in self.text(), lambda: f"{words!r}; seen:\n{self.text()}\n{self.messages()}")

    def grow(self):
        """Waits until more text has come."""
        before = self.text()
        wait_until(lambda: self.text() != before, "more text")

    def is_writing(self):
        return not self.eval(f"getbufvar('{NAME}', '&modifiable')")

    def ended(self):
        """Waits until the answer has ended; returns the transcript."""
        wait_until(lambda: not self.is_writing(), self.text)
        return self.text()

    def enter_transcript(self):
        self.command(f"{self.eval(f'bufwinnr({chr(39)}{NAME}{chr(39)})')}wincmd w")

    def quit(self, command="qa!"):
        """Returns the exit status, and what Neovim said on its way."""
        try:
            self.command(command)
        except (EOFError, BrokenPipeError):
            pass
        status = self.process.wait(PATIENCE)
        self.errors.seek(0)
        return status, self.errors.read()

    def close(self):
        if self.process.poll() is None:
            self.quit()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


class Terminal:
    """A shell's line in tmux, 80 columns wide; ends with the exit status on the screen."""

    def __init__(self, line, variables):
        self.directory = tempfile.TemporaryDirectory()
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                  f"{line}; echo status $?; read wait", env=environment(variables) | {"TERM": "xterm"})

    def tmux(self, *words, **options):
        command = ["tmux", "-S", self.directory.name + "/socket", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, words):
        self.tmux("send-keys", "-l", words)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def see(self, words):
        return wait_until(lambda: words in self.screen() and self.screen(),
                          lambda: f"{words!r}; seen:\n{self.screen()}")

    def close(self):
        self.tmux("kill-server")
        self.directory.cleanup()


class Case(unittest.TestCase):
    """Starts what a test needs, and looks for keys where none may be."""

    def sim(self, *options, scenario=None):
        self.sim_log = tempfile.NamedTemporaryFile("r")
        self.addCleanup(self.sim_log.close)
        sim = Sim("--log", self.sim_log.name, *options, scenario=scenario)
        self.addCleanup(sim.__exit__)
        return sim

    def editor(self, url, command=(RUN,), **variables):
        editor = Editor({"AUI_URL": url} | variables, command)
        self.addCleanup(editor.close)
        return editor

    def start(self, *options, scenario=None, **variables):
        """Neovim in front of a simulator."""
        return self.editor(self.sim(*options, scenario=scenario).url, **variables)

    def bare(self, **variables):
        """Neovim with the plugin, which finds the module only where `variables` say."""
        url = "ws://127.0.0.1:1/"
        return self.editor(url, ("nvim", "--clean", "--cmd", "set runtimepath^=" + PLUGIN), **variables)

    def messages(self):
        """What the simulator acted on."""
        self.sim_log.seek(0)
        events = [json.loads(line) for line in self.sim_log.read().split("\n")[:-1]]  # the last may be half written
        return [event for event in events if event["event"] == "message"]

    def questions(self):
        """What it was asked."""
        return [message["text"] for message in self.messages()]

    def report(self, editor):
        """What :checkhealth says."""
        editor.command("checkhealth aui")
        return "\n".join(editor.request("nvim_buf_get_lines", 0, 0, -1, False))

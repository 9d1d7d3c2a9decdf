"""Programs that know nothing of aui-sim run against it: those of the published page against a bare one, and one in the
manner of generated clients. AUI_SIM names the simulator; run with /usr/bin/python3 spec/sim/clients_test.py."""

import json
import os
import subprocess
import sys
import threading
import unittest

from sim_test import TIMEOUT, Sim

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
# Where Debian has Node's packages; a Node from elsewhere does not look there by itself.
ENVIRONMENT = {**os.environ, "NODE_PATH": "/usr/share/nodejs", "PYTHONWARNINGS": "ignore"}


class Client:
    """A running client, which does not outlive its test."""

    def __init__(self, test, name, *args):
        interpreter = "node" if name.endswith(".js") else sys.executable
        self.process = subprocess.Popen([interpreter, os.path.join(CLIENTS, name), *args], env=ENVIRONMENT,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        guard = threading.Timer(6 * TIMEOUT, self.process.kill)
        guard.start()
        for cleanup in (self.process.stdout.close, self.process.stderr.close, self.process.wait, self.process.kill,
                        guard.cancel):
            test.addCleanup(cleanup)

    def answer(self):
        """The texts it showed, and what it was told in the end."""
        shown = self.process.stdout.readline().decode().rstrip("\n")
        told = self.process.stdout.readline()
        assert told, self.process.stderr.read().decode()
        return shown.split("\r")[1:], json.loads(told)

    def end(self):
        """(exit status, what else it said, its complaint), once it has ended by itself."""
        output, errors = self.process.communicate()
        return self.process.returncode, output.decode(), errors.decode()


class Clients(unittest.TestCase):
    def start(self, *args):
        sim = Sim(*args)
        self.addCleanup(sim.__exit__)
        return sim

    def check_answer(self, client):
        texts, message = client.answer()
        self.assertGreater(len(texts), 30)
        for before, after in zip(texts, texts[1:]):
            self.assertTrue(after.startswith(before + " "))
        self.assertEqual((texts[-1], message["sender"]["type"]), (message["text"], "agent"))
        self.assertTrue(message["cards"] and message["followup_suggestions"])

    def test_programs_of_the_page(self):
        sim = self.start()
        for name in ("page.js", "page.py"):
            with self.subTest(name):
                self.check_answer(Client(self, name, sim.url + "?network_api_key=your-api-key"))

    def test_programs_of_the_page_with_a_wrong_key(self):
        sim = self.start("--api-key", "another")
        for name in ("page.js", "page.py"):
            with self.subTest(name):  # which may hear of the end before it has sent anything
                _, output, complaint = Client(self, name, sim.url + "?network_api_key=your-api-key").end()
                self.assertRegex(output + complaint, r"1008\b.*Not authenticated")

    def test_a_generated_client(self):
        sim = self.start("--envelope", "full", "--api-key", "secret")
        client = Client(self, "sdk.py", sim.url, "secret")
        self.check_answer(client)
        self.assertEqual(client.end(), (0, "", ""))
        _, output, complaint = Client(self, "sdk.py", sim.url, "wrong").end()
        self.assertIn("Not authenticated", output + complaint)

    def test_what_a_generated_client_does_not_know(self):
        for args in ((), ("--envelope", "full", "--lifecycle")):
            with self.subTest(args):
                status, _, complaint = Client(self, "sdk.py", self.start(*args).url, "any").end()
                self.assertEqual(status, 1)
                self.assertIn("a frame of no declared type", complaint)


if __name__ == "__main__":
    unittest.main()

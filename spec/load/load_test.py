"""What two workers of the gateway bear: 2,000 browsers that stream at once, of which none may lose an answer or see
another's, also while nginx reloads or loses a worker. Prints what it took. Run with /usr/bin/python3; AUI_SIM and
AUI_BUILD name the build, AUI_BROWSERS another number of browsers."""

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import unittest
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../openresty"))
from browsers import Crowd  # noqa: E402
from harness import KEY, Gateway, Sim, wait_until  # noqa: E402
from processes import Usage  # noqa: E402

BROWSERS = int(os.environ.get("AUI_BROWSERS", 2000))
PACE, WORDS = 0.5, 40  # seconds between two words; words of an answer, which so takes 20 s


def question(number):
    return " ".join(f"b{number}w{word}" for word in range(WORDS))


def tell(line):
    print("figure:", line, flush=True)


class Case(unittest.TestCase):
    expected_log = r"(?!)"  # nothing but the gateway's address
    pace = PACE

    def setUp(self):
        self.log = tempfile.NamedTemporaryFile("r")
        self.addCleanup(self.log.close)
        self.sim = Sim("--api-key", KEY, "--log", self.log.name, "--echo", "--pace", str(self.pace))
        self.addCleanup(self.sim.__exit__)
        self.gateway = Gateway(self.sim.url, {})
        self.addCleanup(self.end)

    def end(self):
        _, *lines = self.gateway.stop()
        self.assertEqual([], [line for line in lines if not re.match(self.expected_log, line)][:5])

    def run_crowd(self, meanwhile, streaming=BROWSERS):
        """All browsers' conversations; `meanwhile()` runs once so many browsers stream."""
        async def run():
            crowd = Crowd(self.gateway.port, [question(number) for number in range(BROWSERS)])
            await crowd.create_tasks()
            self.assertEqual([], crowd.failures[:5])
            self.before = self.usage()
            conversations = asyncio.ensure_future(crowd.converse())
            while len(crowd.streaming) < streaming and not conversations.done():
                await asyncio.sleep(0.01)
            await meanwhile()
            await conversations
            return crowd
        crowd = asyncio.run(run())
        self.assertEqual([], crowd.failures[:5], f"{len(crowd.failures)} browsers failed")
        self.assertGreaterEqual(crowd.most_streaming, streaming)
        return crowd

    def assert_asked_once(self, *questions):
        counts = Counter(self.logged("message"))
        counts.subtract(questions)
        self.assertEqual([], [(text, count) for text, count in counts.items() if count][:5], "asked too often or not at all")

    def logged(self, event):
        """The texts of the simulator's events."""
        self.log.seek(0)
        return [item["text"] for item in map(json.loads, self.log) if item["event"] == event]

    def usage(self):
        return {"workers": Usage(*self.gateway.workers()), "aui-sim": Usage(self.sim.process.pid)}


class Load(Case):
    def test_streams_to_all_browsers_at_once_each_its_own_answer(self):
        async def look():
            await asyncio.sleep(WORDS * PACE / 2)
            self.middle = self.usage()
        crowd = self.run_crowd(look)
        self.assertEqual(({}, 0), (crowd.errors(), sum(browser.returns for browser in crowd.browsers)))
        self.assert_asked_once(*crowd.questions())
        tell(f"{BROWSERS} streams at once, {crowd.chunks} chunks")
        after = self.usage()
        for name, before in self.before.items():
            tell(f"{name}: " + before.compared(self.middle[name], after[name], BROWSERS, crowd.chunks))
        tell("seconds to the first chunk (half, 90 %, 99 %, all): "
             + ", ".join(f"{time:.2f}" for time in crowd.first_chunks(0.5, 0.9, 0.99, 1)))


class FullMemory(Case):
    pace = 0

    def test_makes_room_for_new_conversations_by_forgetting_the_oldest(self):
        async def converse(numbers):
            crowd = Crowd(self.gateway.port, [f"m{number}" for number in numbers])
            await crowd.create_tasks()
            self.assertEqual([], crowd.failures[:5])
            await crowd.converse()
            self.assertEqual(([], {}), (crowd.failures[:5], crowd.errors()))
        for first in range(0, 30000, 1000):  # the memory is full after some 26,000
            asyncio.run(converse(range(first, first + 1000)))


class Reload(Case):
    def test_a_reload_loses_no_answer_and_fails_no_request(self):
        old = self.gateway.workers()
        self.probes, self.problems = 0, []

        async def reload():
            probing = asyncio.ensure_future(self.probe(old))
            self.gateway.signal("HUP")
            await probing
            self.assertLess(set(old), set(self.gateway.workers()), "old workers finish beside the new ones")
        crowd = self.run_crowd(reload)
        self.assertEqual([], self.problems[:5], f"{len(self.problems)} of {self.probes} requests failed")
        self.assertEqual(({}, 0), (crowd.errors(), sum(browser.returns for browser in crowd.browsers)))
        self.assert_asked_once(*crowd.questions(), *(f"p{number}" for number in range(self.probes)))
        wait_until(lambda: not set(old) & set(self.gateway.workers()), "the old workers' end")
        tell(f"{BROWSERS} streams and {self.probes} new conversations during a reload: none failed")

    async def probe(self, old):
        """Begins conversations every few milliseconds until the new workers have been there for a second."""
        async def converse(number):
            probe = Crowd(self.gateway.port, [f"p{number}"])
            browser = probe.browsers[0]
            browser.address = f"127.9.{number >> 8 & 255}.{number & 255}"
            await probe.create_tasks()
            if not probe.failures:
                await probe.converse()
            self.problems += probe.failures + list(probe.errors().values())
        begun, left = [], None
        while left != 0:
            begun.append(asyncio.ensure_future(converse(len(begun))))
            await asyncio.sleep(0.005)
            if left:
                left -= 1
            elif len(set(self.gateway.workers()) - set(old)) == 2:
                left = 200
        await asyncio.gather(*begun)
        self.probes = len(begun)


class LostWorker(Case):
    expected_log = r".* (worker process \d+ exited on signal 9$|recv\(\) failed \(104: .* reading from upstream, )"

    def lose_one(self, streaming):
        """Kills a worker once so many browsers stream."""
        async def kill():
            os.kill(self.gateway.workers()[0], signal.SIGKILL)
        crowd = self.run_crowd(kill, streaming)
        unsent = crowd.errors()
        self.assert_asked_once(*(text for text in crowd.questions() if text not in unsent))
        self.assertEqual(2, len(self.gateway.workers()))
        returned = sum(1 for browser in crowd.browsers if browser.returns)
        self.assertGreater(returned, 0)
        tell(f"a worker killed when {streaming} browsers streamed: {returned} came back, {len(unsent)} for a message that "
             "had not left; all others got their answers, and none asked twice")
        return unsent

    def test_browsers_come_back_for_their_answers(self):
        self.assertEqual({}, self.lose_one(BROWSERS))

    def test_a_message_that_died_with_its_worker_is_told_as_perhaps_delivered(self):
        for error in self.lose_one(BROWSERS // 4).values():
            self.assertEqual(("timeout", True, "maybe"), (error["kind"], error["retryable"], error["delivered"]))


if __name__ == "__main__":
    unittest.main()

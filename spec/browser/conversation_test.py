"""Conversations from a real Chromium over the real gateway (examples/openresty, in nginx) to aui-sim, and back. AUI_SIM
and AUI_BUILD name the build. Run with /usr/bin/python3 spec/browser/conversation_test.py."""

import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "openresty"))

from chat import ANSWER, FAILURE, IDLE, Chat
from chromium import Browser
from harness import KEY, PATIENCE, PUBLISHABLE_KEY, TIMEOUT, Case, Gateway, Redis, Sim, wait_until

MICROWAVE = "a built-in microwave, at least 20 liters"
MICROWAVES = ["Nordhaus Vela 20", "Nordhaus Vela 25", "Kessler Crème 32"]
CONVERSATION = ".message .text, .card, .suggestions button"
RECEIVE = {"receive": True}
AGENT = [{"agent": True}]


def setUpModule():
    global browser
    browser = Browser()


def tearDownModule():
    browser.close()


class ChatCase(Case):
    """`may_fail_to_load`: the test breaks connections, which the console of a browser tells."""

    may_fail_to_load = False

    def chat(self, url, its_browser=None):
        """A page; nothing may be wrong on its console when the test ends."""
        page = Chat(its_browser or browser, url)
        self.addCleanup(page.close)
        self.addCleanup(self.check_console, page)
        return page

    def check_console(self, page):
        page.evaluate("0")  # The events of before arrive before its result.
        self.assertEqual([], page.problems)
        if not self.may_fail_to_load:
            self.assertEqual([], page.failed_loads)

    def open(self, *options, scenario=None, **settings):
        """A page of a gateway in front of a simulator."""
        return self.chat(url_of(self.gateway(self.address(self.sim(*options, scenario=scenario)), **settings)))

    def assert_whole(self, page):
        """The page shows the agent's answer, as the agent wrote it, once; the agent was asked once."""
        page.wait(IDLE)
        self.assertEqual([MICROWAVE], page.texts(".user .text"))
        self.assertEqual(self.logged("answer"), page.texts(".user ~ .agent .text"))
        self.assertEqual([MICROWAVE], self.logged("message"))
        self.assertEqual([], page.texts(".failure, .note"))


def url_of(gateway):
    return f"http://127.0.0.1:{gateway.port}/"


def wait_for_words(page):
    """Until the answer to the first question has begun."""
    page.wait(f"document.querySelectorAll('.agent').length === 2 && {ANSWER}")


class Conversations(ChatCase):
    def test_an_answer_grows_and_products_follow_its_end(self):
        page = self.open()
        page.evaluate(f"""window.states = [], new MutationObserver(() => states.push([{ANSWER},
            document.querySelectorAll('.card').length]))
            .observe(document.getElementById('messages'), {{ childList: true, subtree: true, characterData: true }})""")
        page.ask(MICROWAVE)
        page.wait(f"{IDLE} && document.querySelector('.card')")
        self.assert_whole(page)
        [answer] = self.logged("answer")
        growing = {text for text, cards in page.evaluate("states") if cards == 0 and text and answer.startswith(text)}
        self.assertGreater(len(growing), 5)
        self.assertEqual(MICROWAVES, page.texts(".card h3"))
        self.assertEqual(1, len(page.texts(".card .badge")))

    def test_a_click_on_a_suggestion_sends_it(self):
        page = self.open("--pace", "0")
        page.ask(MICROWAVE)
        page.wait("document.querySelector('.card')")
        suggestion = page.texts(".suggestions button")[0]
        page.click(".suggestions button")
        page.wait("document.querySelectorAll('.user ~ .agent').length === 2")
        page.wait(IDLE)
        self.assertEqual([MICROWAVE, suggestion], page.texts(".user .text"))
        self.assertEqual([MICROWAVE, suggestion], self.logged("message"))
        self.assertEqual(self.logged("answer"), page.texts(".user ~ .agent .text"))

    def test_a_reload_keeps_the_conversation(self):
        page = self.open("--pace", "0")
        page.ask(MICROWAVE)
        page.wait("document.querySelector('.card')")
        before = page.texts(CONVERSATION)
        page.reload()
        self.assertEqual(before, page.texts(CONVERSATION))

    def test_a_reload_in_mid_answer_goes_on_with_it(self):
        page = self.open("--pace", "0.02")
        page.ask(MICROWAVE)
        wait_for_words(page)
        page.reload()
        page.wait("document.querySelector('.card')")
        self.assert_whole(page)

    def test_another_browser_sees_nothing_of_a_conversation(self):
        page = self.open("--pace", "0")
        page.ask(MICROWAVE)
        page.wait("document.querySelector('.card')")
        task = page.evaluate("localStorage['chat.task']")
        other_browser = Browser()
        self.addCleanup(other_browser.close)
        other = self.chat(page.evaluate("location.href"), other_browser)
        self.assertEqual([], other.texts(".user, .card"))
        self.may_fail_to_load = True
        other.evaluate(f"localStorage['chat.task'] = {json.dumps(task)}")
        other.reload()
        self.assertEqual([], other.texts(".user, .card"))
        self.assertNotEqual(task, other.evaluate("localStorage['chat.task']"))
        path = f"/api/tasks/{json.loads(task)['task_id']}/messages"
        self.assertEqual(404, other.evaluate(f"fetch({json.dumps(path)}).then(({{ status }}) => status)"))

    def test_markup_is_shown_as_text(self):
        page = self.open("--echo", "--pace", "0")
        markup = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b> &amp; ${3} [a](javascript:alert(4))"
        page.ask(markup)
        page.wait_for_answer(markup)
        page.wait(IDLE)
        page.reload()
        self.assertEqual([markup] * 2, page.texts(".user .text, .user ~ .agent .text"))
        self.assertEqual([], page.texts("#messages :is(img, script, b, a)"))

    def test_stop_ends_an_answer_at_the_agent_too_and_the_next_one_is_its_own(self):
        gateway = self.gateway(self.sim("--pace", "0.05").url)
        page = self.chat(url_of(gateway))
        page.ask(MICROWAVE)
        wait_for_words(page)
        page.click("#stop")
        page.wait(IDLE)
        self.assertEqual(["Stopped."], page.texts(".note"))
        stopped = page.evaluate(ANSWER)
        page.ask("headphones")
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        page.wait("document.querySelector('.card')")
        [answer] = self.logged("answer")
        self.assertEqual([stopped, answer], page.texts(".user ~ .agent .text"))


class Threads(ChatCase):
    """With an agent of the threads API."""

    settings = {"AUI_PUBLISHABLE_KEY": PUBLISHABLE_KEY}

    def address(self, sim):
        return sim.base()

    def test_a_conversation_has_products_and_suggestions_and_outlives_a_reload(self):
        page = self.open("--pace", "0")
        page.ask(MICROWAVE)
        page.wait(f"{IDLE} && document.querySelector('.card')")
        self.assert_whole(page)
        self.assertEqual(MICROWAVES, page.texts(".card h3"))
        self.assertIn("price", page.texts(".card:first-of-type dt"))
        suggestion = page.texts(".suggestions button")[0]
        page.click(".suggestions button")
        page.wait("document.querySelectorAll('.user ~ .agent').length === 2")
        page.wait(IDLE)
        self.assertEqual([MICROWAVE, suggestion], self.logged("message"))
        before = page.texts(CONVERSATION)
        page.reload()
        self.assertEqual(before, page.texts(CONVERSATION))


class Failures(ChatCase):
    may_fail_to_load = True

    def try_again(self, page):
        page.click(".failure button:enabled")
        page.wait(f"{IDLE} && document.querySelector('.card')")
        self.assertEqual(self.logged("answer")[-1:], page.texts(".user ~ .agent .text"))
        self.assertEqual([MICROWAVE], page.texts(".user .text"))

    def test_a_message_that_an_agent_was_too_busy_to_take_can_be_sent_again(self):
        page = self.open("--pace", "0", scenario={"connections": [[{"handshake": {"status": 503}}], AGENT]})
        page.ask(MICROWAVE)
        page.wait(FAILURE)
        self.assertIn("Your message was not sent.", page.evaluate(FAILURE))
        self.try_again(page)
        self.assertEqual([MICROWAVE], self.logged("message"))

    def test_an_answer_that_the_agent_could_not_finish_can_be_asked_for_again(self):
        failing = [RECEIVE, {"update": "I found"}, {"error": {"status_code": 500}}, {"close": 1011}]
        page = self.open("--pace", "0", scenario={"connections": [failing, AGENT]})
        page.ask(MICROWAVE)
        page.wait(FAILURE)
        self.assertEqual("I found", page.evaluate(ANSWER))
        self.try_again(page)
        self.assertEqual([MICROWAVE] * 2, self.logged("message"))

    def test_an_answer_that_only_the_history_has_is_completed(self):
        dying = [RECEIVE, {"update": "I found"}, {"record": {"text": "I found three."}}, {"cut": "reset"}]
        page = self.open(scenario={"connections": [dying, AGENT]})
        page.ask(MICROWAVE)
        page.wait_for_answer("I found three.")
        page.wait(IDLE)
        self.assertEqual([], page.texts(".failure"))

    def test_an_agent_that_died_in_mid_answer_can_be_asked_again_when_it_is_back(self):
        sim = Sim("--api-key", KEY, "--pace", "0.1")
        self.addCleanup(sim.process.kill)
        page = self.chat(url_of(self.gateway(sim.url)))
        page.ask(MICROWAVE)
        wait_for_words(page)
        sim.process.kill()
        sim.process.communicate(timeout=TIMEOUT)
        self.sim("--port", str(sim.port), "--pace", "0")  # It remembers nothing.
        page.wait(FAILURE)
        self.assertIn("Your message", page.evaluate(FAILURE))
        self.try_again(page)


class Restarts(ChatCase):
    """nginx dies in mid-answer, and what its log says of that is nobody's concern."""

    may_fail_to_load = True

    def end(self, gateway):
        self.assertNotIn(KEY, "\n".join(gateway.stop()))

    def ask(self, **settings):
        """A gateway, and a page of it that shows the beginning of an answer."""
        self.agent = self.sim("--pace", "0.02")
        gateway = self.gateway(self.agent.url, **settings)
        page = self.chat(url_of(gateway))
        page.ask(MICROWAVE)
        wait_for_words(page)
        return gateway, page

    def restart(self, gateway, **settings):
        for pid in [gateway.master(), *gateway.workers()]:
            os.kill(pid, signal.SIGKILL)
        gateway.process.wait(PATIENCE)
        self.addCleanup(self.end, Gateway(self.agent.url, settings, gateway.port))

    def assert_resumed(self, page):
        """The page shows the whole answer, which the agent's history has, though the connection broke."""
        page.wait(f"{IDLE} && document.querySelector('.card')")
        task = json.loads(page.evaluate("localStorage['chat.task']"))["task_id"]
        _, history = self.agent.rest("GET", f"tasks/{task}/messages", headers={"x-network-api-key": KEY})
        self.assertEqual([message["text"] for message in history], page.texts(".user .text, .user ~ .agent .text"))
        self.assertEqual([MICROWAVE], self.logged("message"))
        self.assertEqual([], page.texts(".failure, .note"))
        self.assertTrue(page.failed_loads)

    def test_an_answer_goes_on_after_a_crash_of_its_worker(self):
        gateway, page = self.ask()
        for pid in gateway.workers():
            os.kill(pid, signal.SIGKILL)
        self.assert_resumed(page)

    def test_an_answer_goes_on_after_a_restart_where_redis_remembers(self):
        redis = Redis()
        self.addCleanup(redis.stop)
        settings = {"AUI_REDIS": f"127.0.0.1:{redis.port}"}
        gateway, page = self.ask(**settings)
        self.restart(gateway, **settings)
        self.assert_resumed(page)

    def test_without_redis_a_restart_ends_the_conversation_and_a_new_one_is_offered(self):
        gateway, page = self.ask()
        self.restart(gateway)
        page.wait(FAILURE)
        self.assertIn("no longer available", page.evaluate(FAILURE))
        page.click(".failure button")
        page.wait(f"{IDLE} && !document.querySelector('.user')")


if __name__ == "__main__":
    unittest.main()

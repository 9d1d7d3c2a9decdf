"""The chat page in a real Chromium, through the real gateway. What the page does by itself is tested in
spec/examples/page. Run with /usr/bin/python3; AUI_SIM and AUI_BUILD name the build."""

import json
import os
import sys
import unittest

from harness import Case

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../examples/page"))
import chromium  # noqa: E402

IDLE = "document.body?.dataset.state === 'idle'"
ANSWER = "[...document.querySelectorAll('.agent .text')].at(-1)?.textContent"


class InChromium(Case):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.close)

    def open(self, *options, scenario=None, **settings):
        gateway = self.gateway(self.sim(*options, scenario=scenario).url, **settings)
        self.page = chromium.Page(self.browser)
        self.addCleanup(self.page.close)
        self.page.open(f"http://127.0.0.1:{gateway.port}/")
        self.page.wait(IDLE)

    def tearDown(self):
        self.assertEqual([], self.page.problems, "errors or policy violations on the console")

    def ask(self, text):
        self.page.evaluate("document.getElementById('text').focus()")
        self.page.type(text)
        self.page.press("Enter")

    def reload(self):
        self.page.evaluate("window.old = true")
        self.page.call("Page.reload")
        self.page.wait("!window.old && document.body?.dataset.state")

    def test_an_answer_grows_and_ends_in_products_and_a_reload_keeps_them(self):
        self.open("--pace", "0.02")
        self.page.evaluate("""window.states = new Set(); new MutationObserver(() => states.add(%s)).observe(
            document.body, { subtree: true, childList: true, characterData: true })""" % ANSWER)
        self.ask("a built-in microwave")
        self.page.wait("document.querySelectorAll('.card').length === 3")
        self.assertGreater(self.page.evaluate("states.size"), 5)
        answer = self.page.evaluate(ANSWER)
        self.page.wait(IDLE)
        self.reload()
        self.page.wait(f"{ANSWER} === {json.dumps(answer)}")
        self.page.wait("document.querySelectorAll('.card').length === 3")
        self.assertEqual(["a built-in microwave"], self.logged("message"))

    def test_a_reload_in_mid_answer_takes_it_up_again(self):
        scenario = [{"receive": True}, {"update": "One"}, {"wait": 2}, {"message": {"text": "One and two"}}]
        self.open(scenario=scenario)
        self.ask("Count")
        self.page.wait(f"{ANSWER} === 'One'")
        self.reload()
        self.page.wait(f"{ANSWER} === 'One and two'")
        self.page.wait(IDLE)
        self.assertEqual(["Count"], self.logged("message"))

    def test_the_stop_button_ends_the_answer_at_the_agent(self):
        self.open("--pace", "0.2", GATEWAY_GRACE="0.2")
        self.ask("a laptop")
        self.page.wait(f"{ANSWER} !== ''")
        self.page.press("Escape")
        self.page.wait(IDLE)
        self.ask("headphones")
        self.page.wait("document.querySelector('.card')")
        self.assertEqual((["a laptop", "headphones"], 1), (self.logged("message"), len(self.logged("answer"))))

    def test_an_agent_that_is_away_can_be_asked_again(self):
        self.open(scenario={"connections": [[{"handshake": {"status": 503}}], [{"agent": True}]]})
        self.ask("a laptop")
        self.page.click(".failure button")
        self.page.wait("document.querySelector('.card')")


if __name__ == "__main__":
    unittest.main()

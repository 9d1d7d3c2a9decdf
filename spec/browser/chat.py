"""The chat page (examples/openresty/html) as its user sees it, in a Chromium."""

import json

from chromium import Page

IDLE = "document.body?.dataset.state === 'idle'"
ANSWER = "[...document.querySelectorAll('.agent .text')].at(-1)?.textContent"
FAILURE = "document.querySelector('.failure')?.textContent"


class Chat(Page):
    """A page that has been loaded from the gateway at `url`."""

    def __init__(self, browser, url, width=1200, height=800):
        super().__init__(browser, width, height)
        self.open(url)
        self.wait(IDLE)

    def ask(self, text):
        self.evaluate("document.getElementById('text').focus()")
        self.type(text)
        self.press("Enter")

    def wait_for_answer(self, text):
        self.wait(f"{ANSWER} === {json.dumps(text)}")

    def texts(self, selector):
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")

    def reload(self):
        self.evaluate("window.old = true")
        self.call("Page.reload")
        self.wait("!window.old && /idle|answering/.test(document.body?.dataset.state)")

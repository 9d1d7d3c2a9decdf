"""Takes the pictures in docs/ that Chromium shows: of the chat page, a conversation through the gateway with aui-sim, and
an answer in Markdown; of the documentation's site, which script/docs makes. AUI_SIM and AUI_BUILD name the build. Run
with /usr/bin/python3 spec/browser/screenshots.py."""

import base64
import contextlib
import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "spec/openresty"))

from chat import IDLE, Chat
from chromium import Browser, Page
from harness import KEY, Gateway, Sim

QUESTION = "a built-in microwave, at least 20 liters"
ADVICE = """Both fit a **60 cm** cabinet. In short:

| | KBM-25X | KBM-32G |
| --- | --- | --- |
| room | 25 l | 32 l |
| grill | no | *yes* |

1. Measure the niche: `38 cm` high at least.
2. Leave 4 cm of air behind it.

> The grill needs a plug of its own.

More is in [the manual](https://example.com/manual).
"""
SCENARIO = [{"receive": True}, {"message": {"text": ADVICE}}, {"agent": True}]


def shoot(page, name):
    page.evaluate("new Promise(requestAnimationFrame)")  # By then the page has scrolled to where it wants to be.
    picture = base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"])
    (ROOT / f"docs/{name}.png").write_bytes(picture)


def dress(page, scheme):
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.call("Emulation.setScrollbarsHidden", hidden=True)


def take_chat(browser, url, name, width, height, question=QUESTION, scheme="light", shown=".card"):
    page = Chat(browser, url, width, height)
    dress(page, scheme)
    page.ask(question)
    page.wait(f"{IDLE} && document.querySelector('{shown}')")
    shoot(page, name)
    page.close()


def take_site(browser, name, width, height, scheme="light"):
    page = Page(browser, width, height)
    dress(page, scheme)
    page.open((ROOT / "build/docs/tutorial.html").as_uri())
    page.wait("document.readyState === 'complete'")
    shoot(page, name)
    page.close()


def serve(stack, *options):
    """The address of a gateway in front of a simulator."""
    sim = stack.enter_context(Sim("--api-key", KEY, "--pace", "0", *options))
    gateway = Gateway(sim.url, {})
    stack.callback(gateway.stop)
    return f"http://127.0.0.1:{gateway.port}/"


def main():
    with contextlib.ExitStack() as stack:
        scenario = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
        json.dump(SCENARIO, scenario)
        scenario.flush()
        browser = Browser()
        stack.callback(browser.close)
        shop = serve(stack)
        take_chat(browser, shop, "chat-wide", 1400, 900)
        take_chat(browser, shop, "chat-dark", 1400, 900, scheme="dark")
        take_chat(browser, shop, "chat-narrow", 360, 780)
        adviser = serve(stack, "--scenario", scenario.name)
        take_chat(browser, adviser, "chat-markdown", 1000, 700, question="Which of the two?", shown="table")
        take_site(browser, "site-wide", 1400, 900)
        take_site(browser, "site-dark", 1400, 900, "dark")
        take_site(browser, "site-narrow", 360, 780)


main()

"""Takes the pictures of the chat page in docs/: a conversation in Chromium, through the gateway, with aui-sim. AUI_SIM and
AUI_BUILD name the build. Run with /usr/bin/python3 spec/browser/screenshots.py."""

import base64
import contextlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "spec/openresty"))

from chat import IDLE, Chat
from chromium import Browser
from harness import KEY, Gateway, Sim

QUESTION = "a built-in microwave, at least 20 liters"


def take(browser, url, name, width, height, scheme="light"):
    page = Chat(browser, url, width, height)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.call("Emulation.setScrollbarsHidden", hidden=True)
    page.ask(QUESTION)
    page.wait(f"{IDLE} && document.querySelector('.card')")
    page.evaluate("new Promise(requestAnimationFrame)")  # By then the page has scrolled to where it wants to be.
    picture = base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"])
    (ROOT / f"docs/chat-{name}.png").write_bytes(picture)
    page.close()


def main():
    with contextlib.ExitStack() as stack:
        sim = stack.enter_context(Sim("--api-key", KEY, "--pace", "0"))
        gateway = Gateway(sim.url, {})
        stack.callback(gateway.stop)
        browser = Browser()
        stack.callback(browser.close)
        url = f"http://127.0.0.1:{gateway.port}/"
        take(browser, url, "wide", 1400, 900)
        take(browser, url, "dark", 1400, 900, "dark")
        take(browser, url, "narrow", 360, 780)


main()

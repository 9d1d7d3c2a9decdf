"""A headless Chromium for tests, driven over a pipe by its DevTools protocol: one browser, and pages that share neither
cookies nor storage. Needs nothing but Python and the browser."""

import fcntl
import json
import os
import select
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"]
TIMEOUT = 60  # seconds, against hangs
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, "")}
SHIFT = 8


def pipe():
    """Both ends clear of the descriptors 3 and 4, which the browser uses."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


class Browser:
    def __init__(self):
        commands, self.output = pipe()
        self.input, answers = pipe()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

        def connect():
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=connect)
        os.close(commands)
        os.close(answers)
        self.last_id, self.buffer, self.pages = 0, b"", {}

    def close(self):
        self.call("Browser.close")
        self.process.wait(TIMEOUT)
        os.close(self.input)
        os.close(self.output)
        self.profile.cleanup()

    def call(self, method, session=None, **params):
        """The result of a DevTools command; events that come before it go to their pages."""
        self.last_id += 1
        command = {"id": self.last_id, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        os.write(self.output, json.dumps(command).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.last_id:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            if message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].take_event(message)

    def receive(self):
        while b"\0" not in self.buffer:
            if not select.select([self.input], [], [], TIMEOUT)[0]:
                raise AssertionError("the browser does not answer")
            data = os.read(self.input, 65536)
            if not data:
                raise AssertionError("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)


class Page:
    """A page in a browser context of its own. `problems`: what its console shows in red, but for `failed_loads`."""

    def __init__(self, browser, width=1200, height=800):
        self.browser, self.problems, self.failed_loads = browser, [], []
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setLocaleOverride", locale="en-US")

    def close(self):
        del self.browser.pages[self.session]
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def take_event(self, message):
        params = message["params"]
        if message["method"] == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"])
        elif message["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.problems.append(params["args"])
        elif message["method"] == "Log.entryAdded":
            is_load = params["entry"]["source"] == "network"
            (self.failed_loads if is_load else self.problems).append(params["entry"])

    def evaluate(self, expression):
        """The JSON value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def holds(self, expression):
        """Whether it is true; not while the page goes to another one."""
        try:
            return self.evaluate(f"!!({expression})")
        except AssertionError as error:
            if "Inspected target navigated" not in str(error):
                raise
            return False

    def wait(self, expression):
        """Waits until a JavaScript expression is true."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self.holds(expression):
                return
            time.sleep(0.01)
        raise AssertionError(f"never true: {expression}; the page says: {self.evaluate('document.body.innerText')!r}")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def press(self, key, modifiers=0):
        code, text = KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """With the mouse, in the middle of the first element that matches, once it has come to rest."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        x, y = self.evaluate(f"""(async () => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "nearest" }});
            for (let before, box; ; before = box) {{
                await new Promise(requestAnimationFrame);
                box = element.getBoundingClientRect();
                if (before?.x === box.x && before.y === box.y) return [box.x + box.width / 2, box.y + box.height / 2];
            }}
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def scroll(self, distance):
        """With the mouse's wheel, over the middle of the page; negative is up."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=400, y=300, deltaX=0, deltaY=distance)

    def set_offline(self, offline):
        self.call("Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1,
                  uploadThroughput=-1)

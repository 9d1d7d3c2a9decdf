"""Pages of another origin call aui-sim from a real Chromium, without a gateway: REST and WebSocket. AUI_SIM names the
simulator; run with /usr/bin/python3 spec/browser/simulator_test.py."""

import json
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "sim"))

from chromium import Browser, Page
from sim_test import TASK, Sim

KEY = "hunter2"


def setUpModule():
    global browser, page, elsewhere
    elsewhere = Sim()
    browser = Browser()
    page = Page(browser)
    page.open(f"http://127.0.0.1:{elsewhere.port}/api/v1/external/tasks?user_id=x")  # its port makes it another origin
    page.wait(f"location.port === '{elsewhere.port}' && document.readyState === 'complete'")


def tearDownModule():
    page.close()
    browser.close()
    elsewhere.__exit__()


class Calls(unittest.TestCase):
    def sim(self, *args, **options):
        sim = Sim("--api-key", KEY, "--pace", "0", *args, **options)
        self.addCleanup(sim.__exit__)
        return sim

    def fetch(self, sim, path, key=KEY, **options):
        """[status, answer] as the page sees it."""
        options["headers"] = {"Content-Type": "application/json", "x-network-api-key": key}
        url = f"http://127.0.0.1:{sim.port}/api/v1/external/{path}"
        return page.evaluate(f"""(async () => {{
            const answer = await fetch({json.dumps(url)}, {json.dumps(options)});
            return [answer.status, await answer.json()];
        }})()""")

    def test_calls(self):
        sim = self.sim()
        status, task = self.fetch(sim, "tasks", method="POST", body=json.dumps({"user_id": "ann"}))
        self.assertEqual((status, task["user_id"]), (200, "ann"))
        turn = json.dumps({"task_id": task["id"], "text": "hello"})
        status, message = self.fetch(sim, "message", method="POST", body=turn)
        self.assertEqual((status, message["sender"]["type"]), (200, "agent"))
        status, history = self.fetch(sim, f"tasks/{task['id']}/messages")
        self.assertEqual((status, history[1]), (200, message))

    def test_what_goes_wrong_can_be_read(self):
        busy = {"connections": [[]], "rest": [{"status": 503, "body": '"busy"'}, "serve"]}
        sim = self.sim(scenario=busy)
        self.assertEqual(self.fetch(sim, "tasks/unknown"), [503, "busy"])
        self.assertEqual(self.fetch(sim, "tasks/unknown"), [404, {"detail": "Task not found"}])
        self.assertEqual(self.fetch(sim, "tasks/unknown", key="wrong"), [401, {"detail": "Not authenticated"}])

    def test_a_stream(self):
        texts, message = page.evaluate(f"""new Promise((resolve, reject) => {{
            const socket = new WebSocket({json.dumps(self.sim().url + "?network_api_key=" + KEY)});
            const texts = [];
            socket.onopen = () => socket.send({json.dumps(json.dumps({"task_id": TASK, "text": "hello"}))});
            socket.onclose = reject;
            socket.onmessage = ({{ data }}) => {{
                const event = JSON.parse(data);
                if (event.event === "thread-message-text-content-updated") texts.push(event.data.text);
                else resolve([texts, event]);
            }};
        }})""")
        self.assertGreater(len(texts), 1)
        self.assertEqual(texts[-1], message["text"])


if __name__ == "__main__":
    unittest.main()

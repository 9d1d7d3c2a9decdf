"""What the gateway's tests share: a running gateway (examples/openresty/run), a Redis, browsers with cookies, and
streams of events, all by Python's own HTTP client and plain sockets."""

import asyncio
import http.client
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import websockets

for variable in ("AUI_SIM", "AUI_BUILD"):
    if not os.path.exists(os.environ.get(variable, "")):
        sys.exit(f"{variable}={os.environ.get(variable, '')}: expected what a build has made; script/test openresty sets it")

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../sim"))
from sim_test import Raw, Sim, TIMEOUT  # noqa: E402

RUN = os.path.join(os.path.dirname(__file__), "../../examples/openresty/run")
KEY = "a-key/that+nobody=sees"
PUBLISHABLE_KEY = "pk_network_" + KEY
PATIENCE = 60  # seconds; bounds against hangs
EXPECTED_LOG = (r"http://127\.0\.0\.1:\d+/$|.*\[warn\] .*(session \d+: |agent: )|.*\[error\] .*"
                r"(access forbidden by rule|client intended to send too large (chunked )?body|recv\(\) failed \(104: )")


def free_port():
    """A port that the kernel gives to no outgoing connection: one that tries to reach it could be given it itself."""
    while True:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                port = random.randrange(10000, 32000)
                server.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def wait_until(condition, what):
    limit = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > limit:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)
    return result


class Redis:
    def __init__(self):
        self.port = free_port()
        self.directory = tempfile.mkdtemp()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.directory],
            stdout=subprocess.DEVNULL)
        wait_until(self.answers, "redis-server")

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as client:
                client.sendall(b"PING\r\n")
                return client.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def set_memory(self, size):
        """How many bytes it may have, 0: any number. When it has more, what it is to keep is refused."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as client:
            client.sendall(f"CONFIG SET maxmemory {size}\r\n".encode())
            assert client.recv(5) == b"+OK\r\n"

    def stop(self):
        self.process.terminate()
        self.process.wait(TIMEOUT)
        shutil.rmtree(self.directory)


class Gateway:
    """The gateway, with two workers, on a free port unless one is given. `settings`: environment variables."""

    def __init__(self, agent_url, settings, port=None):
        self.port = port or free_port()
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("AUI_NETWORK", "AUI_PUBLISHABLE", "AUI_URL", "AUI_REGION", "GATEWAY_"))}
        environment |= {"AUI_URL": agent_url, "AUI_NETWORK_API_KEY": KEY, "GATEWAY_WORKERS": "2", "GATEWAY_RATE": "1000",
                        "SSL_CERT_FILE": "none"}  # nginx takes most of a second to read all that a system trusts
        self.process = subprocess.Popen([RUN, str(self.port)], env=environment | settings, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.errors)
        try:
            wait_until(self.listens, "the gateway")
        except BaseException:
            self.stop()
            raise

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(self.log())
        try:
            return Browser(self).get("/healthz")
        except OSError:
            return False

    def log(self):
        self.errors.seek(0)
        return self.errors.read()

    def master(self):
        """The process id of nginx's master."""
        return int(self.children(self.process.pid).split()[0])

    def workers(self):
        """Those of its workers."""
        return [int(pid) for pid in self.children(self.master()).split()]

    def signal(self, name):
        os.kill(self.master(), getattr(signal, "SIG" + name))

    @property
    def prefix(self):
        """The directory that nginx's paths start from."""
        with open(f"/proc/{self.master()}/cmdline") as file:
            return re.search(r"-p[ \0]([^ \0]+)", file.read()).group(1)

    def configure(self, directives, *edits):
        """Adds directives to those of the server, and edits nginx.conf by replacing texts, for new workers."""
        old = self.workers()
        with open(self.prefix + "/server.conf", "a") as file:
            file.write(directives + "\n")
        path = self.prefix + "/nginx.conf"
        with open(path) as file:
            configuration = file.read()
        os.remove(path)  # the link to the one in the checkout
        with open(path, "w") as file:
            for before, after in edits:
                assert before in configuration, before
                configuration = configuration.replace(before, after)
            file.write(configuration)
        self.signal("HUP")
        wait_until(lambda: self.workers() and not set(old) & set(self.workers()), "new workers")

    def listen(self, directives):
        """Adds to those that say where browsers come in, for new workers."""
        with open(self.prefix + "/front.listen.conf", "a") as file:
            file.write(directives + "\n")
        self.configure("")

    def put_behind_a_balancer(self, *edits):
        """From now on it listens itself, and believes what the field X-Forwarded-For says."""
        self.port = free_port()
        self.configure(f"listen 127.0.0.1:{self.port}; set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
                       *edits)

    @staticmethod
    def children(pid):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read()

    def memory(self):
        """Bytes in the memory of all workers."""
        return self.sum_of_workers("VmRSS")

    def most_memory(self):
        """The most that they ever had."""
        return self.sum_of_workers("VmHWM")

    def sum_of_workers(self, what):
        def value(pid):
            with open(f"/proc/{pid}/status") as file:
                return int(re.search(rf"{what}:\s+(\d+) kB", file.read()).group(1)) * 1024
        return sum(map(value, self.workers()))

    def metric(self, name):
        lines = Browser(self).get("/metrics").text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0)

    def stop(self):
        """Ends the gateway; returns the lines of its log. On a busy machine nginx kills workers, whom it gives a second
        to end."""
        before = self.log()
        self.process.terminate()
        self.process.wait(PATIENCE)
        after = re.sub(r"(?m)^.* exited on signal 9$", "", self.log()[len(before):])
        lines = [line for line in (before + after).splitlines() if line]
        self.errors.close()
        return lines


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        return self.json["error"]


class Browser:
    """A client with a cookie jar. `address`: the loopback address from which it connects."""

    def __init__(self, gateway, address="127.0.0.1"):
        self.port, self.address = gateway.port, address
        self.cookie = None
        self.origin = f"http://127.0.0.1:{gateway.port}"

    def request(self, method, path, headers, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, TIMEOUT, (self.address, 0))
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, body, cookie | headers)
        return connection.getresponse()

    def get(self, path, **headers):
        return Answer(self.request("GET", path, fields(headers)))

    def post(self, path, body="{}", **headers):
        answer = Answer(self.request("POST", path, {"Origin": self.origin} | fields(headers), body))
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return answer

    def create_task(self):
        answer = self.post("/api/tasks")
        assert answer.status == 201, answer.text
        return answer.json["task_id"]

    def chat(self, task, text, id="m1", **headers):
        """The stream of an answer, or what refused it."""
        query = urllib.parse.urlencode({"task_id": task, "text": text, "id": id})
        response = self.request("GET", "/api/chat?" + query, {"Accept": "text/event-stream"} | fields(headers))
        return Stream(response) if response.status == 200 else Answer(response)

    def post_chat(self, task, text, id="m1", **headers):
        """As chat, but with the message in a request's body, as the page does it."""
        body = json.dumps({"task_id": task, "text": text, "id": id})
        response = self.request("POST", "/api/chat", {"Origin": self.origin} | fields(headers), body)
        return Stream(response) if response.status == 200 else Answer(response)

    def ask(self, task, text, id="m1", **headers):
        """All events of an answer."""
        return list(self.chat(task, text, id, **headers))


def fields(keywords):
    return {name.replace("_", "-"): value for name, value in keywords.items()}


class Stream:
    """The Server-Sent Events of a response: (type, data, id), each as soon as it arrives."""

    def __init__(self, response):
        self.response, self.comments = response, 0

    def __iter__(self):
        return self

    def __next__(self):
        event = {}
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "" and line.startswith(":"):
                self.comments += 1
            elif name:
                event[name] = value
            elif "data" in event:
                return event["event"], json.loads(event["data"]), event["id"]
        raise StopIteration

    def wait_for_a_comment(self):
        """Before the first event."""
        while not self.comments:
            line = self.response.readline().decode()
            assert line and not line.startswith(("event:", "data:")), line
            self.comments += line.startswith(":")

    def close(self):
        """As a browser that is closed, or whose network is lost."""
        self.response.close()


def shown(events):
    """What the chunks add up to."""
    text = b""
    for kind, data, _ in events:
        if kind == "chunk":
            text = text[:data["keep"]] + data["text"].encode()
    return text.decode()


class WebSocket:
    """A browser's WebSocket. Raises websockets.InvalidStatusCode if it is refused."""

    def __init__(self, browser, origin=None):
        self.loop = asyncio.new_event_loop()
        # Beside the test: a browser answers pings whatever its page does.
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        try:
            self.socket = self.wait(self.open(browser, origin or browser.origin))
        except BaseException:
            self.end()
            raise

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @staticmethod
    async def open(browser, origin):
        headers = {"Cookie": browser.cookie} if browser.cookie else {}
        return await websockets.connect(f"ws://127.0.0.1:{browser.port}/ws/chat", origin=origin, extra_headers=headers)

    def wait(self, awaitable):
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(awaitable, PATIENCE), self.loop).result()

    def send(self, message):
        self.wait(self.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message)))

    def ask(self, task, text, id="w1"):
        self.send({"id": id, "task_id": task, "text": text})

    def receive(self):
        return json.loads(self.wait(self.socket.recv()))

    def close(self):
        self.wait(self.socket.close())
        self.end()

    def cut(self):
        """As when the browser's process dies."""
        self.loop.call_soon_threadsafe(self.socket.transport.abort)
        self.wait(self.socket.wait_closed())
        self.end()


def raw_websocket(browser):
    """A WebSocket of a browser on a bare socket, which takes and gives single frames."""
    headers = ["Origin: http://localhost"] + ([f"Cookie: {browser.cookie}"] if browser.cookie else [])
    return Raw(browser, "/ws/chat", headers)


class Agent:
    """An agent that only counts: its tasks' histories are what `history(task_id)` returns, which may wait. `looks`: how
    often it was asked for one; `most_at_once`: how many of these calls there were at a time."""

    def __init__(self, history):
        self.looks = self.tasks = self.now = self.most_at_once = 0
        self.lock, self.history = threading.Lock(), history
        handler = type("Handler", (AgentHandler,), {"agent": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"ws://127.0.0.1:{self.server.server_port}/api/v1/external/session"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, looks):
        with self.lock:
            self.now += looks
            self.looks += max(0, looks)
            self.most_at_once = max(self.most_at_once, self.now)


class AgentHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def send_json(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # The gateway has heard enough.

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.agent.lock:
            self.agent.tasks += 1
            task = {"id": f"task-{self.agent.tasks}"}
        self.send_json(task)

    def do_GET(self):
        self.agent.count(1)
        history = self.agent.history(self.path.split("/")[-2])
        self.agent.count(-1)
        self.send_json(history)


class Case(unittest.TestCase):
    """Starts what a test needs, and reads the gateway's log at its end."""

    settings = {}

    def sim(self, *options, scenario=None):
        """aui-sim with the keys alone, and a log."""
        self.sim_log = tempfile.NamedTemporaryFile("r")
        self.addCleanup(self.sim_log.close)
        sim = Sim("--api-key", KEY, "--publishable-key", PUBLISHABLE_KEY, "--log", self.sim_log.name, *options,
                  scenario=scenario)
        self.addCleanup(sim.__exit__)
        return sim

    def address(self, sim):
        """Where a gateway finds the simulator."""
        return sim.url

    def gateway(self, agent_url, **settings):
        gateway = Gateway(agent_url, self.settings | settings)
        self.addCleanup(self.end, gateway)
        return gateway

    def end(self, gateway):
        log = gateway.stop()
        self.assertNotIn(KEY, "\n".join(log))
        self.assertEqual([], [line for line in log if not re.match(EXPECTED_LOG, line)])

    def start(self, *options, scenario=None, **settings):
        """A gateway in front of a simulator, and a browser with a task there."""
        gateway = self.gateway(self.address(self.sim(*options, scenario=scenario)), **settings)
        browser = Browser(gateway)
        return gateway, browser, browser.create_task()

    def logged(self, event):
        """The texts of the simulator's events."""
        self.sim_log.seek(0)
        whole_lines = self.sim_log.read().split("\n")[:-1]  # a line may be half written
        events = [json.loads(line) for line in whole_lines]
        return [item["text"] for item in events if item["event"] == event]

    def socket_of(self, browser, **options):
        websocket = WebSocket(browser, **options)
        self.addCleanup(websocket.close)
        return websocket

    def refuses(self, browser, **options):
        """The status by which a WebSocket is refused."""
        with self.assertRaises(websockets.InvalidStatusCode) as caught:
            WebSocket(browser, **options)
        return caught.exception.status_code

    def end_of(self, websocket):
        """The code with which the gateway closes a WebSocket."""
        with self.assertRaises(websockets.ConnectionClosed) as caught:
            websocket.receive()
        return caught.exception.rcvd.code

"""Tests of aui-sim with clients that share no code with this project: python3-websockets, http.client
and plain sockets. AUI_SIM names the program; run with /usr/bin/python3 spec/sim/sim_test.py."""

import asyncio
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

SIM = os.environ.get("AUI_SIM", "build/bin/aui-sim")
TASK = "68e78d0dc5a4b19a030d03d6"
PATH = "/api/v1/external/session"
UPDATE = "thread-message-text-content-updated"
TIMEOUT = 60  # seconds, against hangs


class Sim:
    """A running simulator. `scenario` is a JSON value for --scenario."""

    def __init__(self, *args, scenario=None, stdin=None):
        self.file = None
        if scenario is not None:
            self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
            json.dump(scenario, self.file)
            self.file.flush()
            args += ("--scenario", self.file.name)
        self.process = subprocess.Popen([SIM, "--port", "0", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=stdin, text=True)
        self.line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on ((wss?)://(.*):(\d+)" + PATH + r")\n", self.line)
        if not match:
            raise AssertionError(f"{self.line!r} {self.process.communicate(timeout=TIMEOUT)}")
        self.url, self.port = match[1], int(match[4])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.status = self.process.wait(TIMEOUT)
        self.errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if self.file:
            self.file.close()
        assert self.status == 0, (self.status, self.errors)

    def base(self):
        """The base of the threads API."""
        return f"http://127.0.0.1:{self.port}/apollo-api"

    def rest(self, method, path, body=None, headers={}, base="/api/v1/external/"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        text = body if isinstance(body, (str, type(None))) else json.dumps(body)
        connection.request(method, base + path, text, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.answer_headers = answer.headers
        return answer.status, json.loads(data) if data else None


class Raw:
    """A WebSocket client on a bare socket: sees every frame as it came."""

    def __init__(self, sim, path=PATH, headers=(), upgrade=True, context=None):
        self.socket = socket.create_connection(("127.0.0.1", sim.port), timeout=TIMEOUT)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost",
                                              suppress_ragged_eofs=False)
        self.key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket",
                 "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {self.key}", *headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        if upgrade:
            self.head = self.read_head()
            assert self.head.startswith("HTTP/1.1 101 "), self.head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        digest = hashlib.sha1((self.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        return base64.b64encode(digest).decode()

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(self.buffer)
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode()

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def frame(self):
        """(first byte, payload) of the next frame."""
        first, size = self.take(2)
        assert not size & 0x80, "a server must not mask"
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
        return first, self.take(size)

    def rest(self):
        """Everything up to the end of the connection."""
        while True:
            try:
                self.more()
            except EOFError:
                return self.buffer

    def send(self, payload, first=0x81, mask=b"\x01\x02\x03\x04"):
        data = payload if isinstance(payload, bytes) else payload.encode()
        size = len(data)
        bit = 0x80 if mask else 0
        head = (bytes([first, bit | size]) if size < 126 else
                bytes([first, bit | 126]) + struct.pack("!H", size) if size < 65536 else
                bytes([first, bit | 127]) + struct.pack("!Q", size))
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if mask else data
        self.socket.sendall(head + (mask or b"") + masked)

    def ask(self, text="hello"):
        self.send(json.dumps({"task_id": TASK, "text": text}))

    def close_frame(self):
        """(code, reason) of the close frame, which must come next."""
        first, payload = self.frame()
        assert first == 0x88, (first, payload)
        return (struct.unpack("!H", payload[:2])[0] if payload else None), payload[2:].decode()


def name_of(event):
    return event.get("event") or event.get("channel", {}).get("event_name")


def text_of(event):
    return event["data"]["text"] if name_of(event) == UPDATE else None


async def converse(url, *texts, **options):
    """Sends the texts one after another; for each (updates, message, other events)."""
    results = []
    async with websockets.connect(url, max_size=None, **options) as ws:
        for text in texts:
            await ws.send(json.dumps({"task_id": TASK, "text": text}))
            updates, others = [], []
            while True:
                event = json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT))
                if "sender" in event:
                    results.append((updates, event, others))
                    break
                (others if text_of(event) is None else updates).append(event)
    return results


def ask(url, *texts, **options):
    return asyncio.run(converse(url, *texts, **options))


class Agent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--pace", "0")
        cls.addClassCleanup(cls.sim.__exit__)

    def test_updates_are_cumulative_words_and_end_in_the_message(self):
        (updates, message, others), = ask(self.sim.url, "a built-in microwave, at least 20 liters")
        texts = [text_of(u) for u in updates]
        for before, after in zip(texts, texts[1:]):
            self.assertTrue(after.startswith(before + " "))
        self.assertEqual(texts[-1], message["text"])
        self.assertEqual(len(texts), len(message["text"].split()))
        self.assertTrue(30 <= len(texts) <= 90, len(texts))
        self.assertIn("brûlée", message["text"])
        self.assertEqual(others, [])

    def test_final_message(self):
        (_, message, _), = ask(self.sim.url, "hello")
        self.assertEqual(message["sender"]["type"], "agent")
        self.assertEqual(message["receiver"]["type"], "user")
        self.assertRegex(message["id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

    def test_products(self):
        (_, message, _), = ask(self.sim.url, "laptops under $1,000 with at least 16 GB")
        self.assertEqual([c["name"] for c in message["cards"]], ["Tamarin Pro 15"])
        card, option = message["cards"][0], message["options"][0]
        self.assertEqual(card["parameters"], option["widget_parameters"])
        self.assertIn({"title": "Memory", "value": 16, "type": "numeric"}, card["parameters"])
        self.assertTrue(card["is_recommended"] and option["is_recommended"])
        self.assertEqual(len(message["followup_suggestions"]), 3)

    def test_conversation(self):
        answers = [m for _, m, _ in ask(
            self.sim.url, "headphones by Brandt", "the second one", "something cheaper", "Microwaves under 50 dollars",
            "tell me more about the Vela 25", "a submarine", "thank you")]
        names = [[c["name"] for c in m["cards"]] for m in answers]
        self.assertEqual(names[0], ["Brandt Studio", "Brandt Quiet 2"])
        self.assertEqual(names[1], ["Brandt Quiet 2"])
        self.assertNotIn("Brandt Quiet 2", names[2])
        self.assertTrue(names[2])
        self.assertIn("sorry", answers[3]["text"])
        self.assertEqual(names[4], ["Nordhaus Vela 25"])
        self.assertIn("not sure", answers[5]["text"])
        self.assertIn("welcome", answers[6]["text"])
        for message in answers:
            self.assertTrue(30 <= len(message["text"].split()) <= 90, message["text"])

    def test_messages_sent_at_once_are_answered_in_turn(self):
        with Raw(self.sim) as raw:
            raw.ask("hello")
            raw.ask("laptops")
            messages = []
            while len(messages) < 2:
                event = json.loads(raw.frame()[1])
                if "sender" in event:
                    messages.append(event["text"])
                elif text_of(event) and messages:
                    self.assertTrue(text_of(event).startswith("We"))
            self.assertTrue(messages[0].startswith("Hello"))

    def test_any_prefix_of_the_path(self):
        with Raw(self.sim, path="/api/ia-controller" + PATH + "?network_api_key=x") as raw:
            raw.ask()
            self.assertEqual(raw.frame()[0], 0x81)

    def test_bad_messages(self):
        for text, problem in (("{", "not JSON"), ("[]", "object"), ('{"text":"x"}', "task_id: "),
                              ('{"task_id":null,"text":"x"}', "task_id: "), ('{"task_id":"","text":"x"}', "task_id: "),
                              ('{"task_id":"x"}', "text: "), ('{"task_id":"x","text":null}', "text: "),
                              ('{"task_id":"x","text":7}', "text: "), ('{"task_id":"x","text":""}', "text: "),
                              ('{"task_id":"x","text":"y","context":1}', "context: "),
                              ('{"task_id":"x","text":"y","agent_variables":[]}', "agent_variables: ")):
            with Raw(self.sim) as raw:
                raw.send(text)
                error = json.loads(raw.frame()[1])
                self.assertEqual((error["status_code"], error["extra_data"]), (422, {}))
                self.assertIn(problem, error["message"])
                self.assertEqual(raw.close_frame()[0], 1008)

    def test_client_frames_are_judged(self):
        cases = (
            (lambda r: r.send("x", mask=b""), 1002, "mask"),
            (lambda r: r.send("x", first=0xC1), 1002, "reserved bit"),
            (lambda r: r.send("x", first=0x83), 1002, "opcode"),
            (lambda r: r.send("x", first=0x80), 1002, "order"),
            (lambda r: (r.send("x", first=0x01), r.send("y")), 1002, "order"),
            (lambda r: r.send("x" * 126, first=0x89), 1002, "125"),
            (lambda r: r.send("x", first=0x09), 1002, "fragmented"),
            (lambda r: r.send(b"\xff"), 1007, "UTF-8"),
            (lambda r: r.send(b"\xed\xa0\x80"), 1007, "UTF-8"),
            (lambda r: r.send("x", first=0x82), 1003, "binary"),
            (lambda r: r.send(b"\x03", first=0x88), 1002, "close"),
            (lambda r: r.send(struct.pack("!H", 1005), first=0x88), 1002, "close"),
            (lambda r: r.socket.sendall(b"\x81\xfe\x00\x05mask"), 1002, "shortest"),
            (lambda r: r.socket.sendall(b"\x81\xff" + struct.pack("!Q", 1 << 40)), 1009, "1 MiB"),
        )
        for act, code, reason in cases:
            with Raw(self.sim) as raw:
                act(raw)
                got = raw.close_frame()
                self.assertEqual(got[0], code, reason)
                self.assertIn(reason, got[1])
                self.assertEqual(raw.rest(), b"")

    def test_fragments_pings_and_close(self):
        with Raw(self.sim) as raw:
            text = json.dumps({"task_id": TASK, "text": "hi"})
            raw.send(text[:9], first=0x01)
            raw.send(b"are you there", first=0x89)
            self.assertEqual(raw.frame(), (0x8A, b"are you there"))
            raw.send(text[9:], first=0x80)
            while "sender" not in json.loads(raw.frame()[1]):
                pass
            raw.send(struct.pack("!H", 3999) + b"bye", first=0x88)
            self.assertEqual(raw.close_frame(), (3999, ""))
            self.assertEqual(raw.rest(), b"")

    def test_bad_upgrades(self):
        good = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for name, value, status in (("Host", None, 400), ("Upgrade", None, 426), ("Upgrade", "h2c", 426),
                                    ("Connection", "close", 400), ("Sec-WebSocket-Version", "8", 400),
                                    ("Sec-WebSocket-Key", "short", 400), ("Sec-WebSocket-Key", None, 400)):
            headers = {**good, name: value}
            with socket.create_connection(("127.0.0.1", self.sim.port), timeout=TIMEOUT) as s:
                lines = [f"{n}: {v}" for n, v in headers.items() if v is not None]
                s.sendall(("\r\n".join([f"GET {PATH} HTTP/1.1", *lines]) + "\r\n\r\n").encode())
                answer = s.makefile("rb").read().decode()
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), (name, value, answer))

    def test_tls_clients_are_refused_at_once(self):
        with socket.create_connection(("127.0.0.1", self.sim.port), timeout=TIMEOUT) as s:
            s.sendall(b"\x16\x03\x01")
            self.assertTrue(s.makefile("rb").read().startswith(b"HTTP/1.1 400 "))

    def test_a_byte_at_a_time(self):
        with Raw(self.sim) as raw:
            text = json.dumps({"task_id": TASK, "text": "hi"}).encode()
            raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in bytes([0x81, 0x80 | len(text)]) + bytes(4) + text:
                raw.socket.sendall(bytes([byte]))
            self.assertEqual(raw.frame()[0], 0x81)

    def test_many_connections(self):
        async def crowd():
            return await asyncio.gather(*(converse(self.sim.url, "hello", open_timeout=TIMEOUT) for _ in range(200)))
        for (_, message, _), in asyncio.run(crowd()):
            self.assertTrue(message["text"].startswith("Hello"))


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--api-key", "s+cret/&key", "--pace", "0")
        cls.addClassCleanup(cls.sim.__exit__)

    def call(self, *args, **options):
        return self.sim.rest(*args, headers={"x-network-api-key": "s+cret/&key"}, **options)

    def test_a_task_from_start_to_history(self):
        status, task = self.call("POST", "tasks", {"user_id": "ann"})
        self.assertEqual(status, 200)
        self.assertRegex(task["id"], r"^[0-9a-f]{24}$")
        self.assertEqual((task["user_id"], len(task["followup_suggestions"])), ("ann", 3))
        self.assertTrue(task["title"] and task["welcome_message"])
        status, message = self.call("POST", "message", {"task_id": task["id"], "text": "wireless earbuds",
                                                        "context": {"url": "https://example.com"}})
        self.assertEqual((status, message["receiver"]["id"]), (200, "ann"))
        status, history = self.call("GET", f"tasks/{task['id']}/messages")
        self.assertEqual([m["text"] for m in history], ["wireless earbuds", message["text"]])
        self.assertEqual([m["sender"]["type"] for m in history], ["user", "agent"])
        self.assertEqual(history[1], message)

    def test_one_task(self):
        task = self.call("POST", "tasks", {"user_id": "ann"})[1]
        self.assertEqual(self.call("GET", f"tasks/{task['id']}"), (200, task))
        self.assertEqual(self.call("GET", "tasks/unknown"), (404, {"detail": "Task not found"}))
        self.assertEqual(self.call("GET", f"tasks/{task['id']}/else")[0], 404)
        self.assertEqual(self.call("POST", f"tasks/{task['id']}", {})[0], 405)

    def test_where_a_task_comes_from(self):
        self.assertEqual(self.call("POST", "tasks", {"user_id": "ann", "task_origin_type": "api"})[0], 200)
        status, answer = self.call("POST", "tasks", {"user_id": "ann", "task_origin_type": 7})
        self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["body", "task_origin_type"]))

    def test_a_message_without_text(self):
        status, answer = self.call("POST", "message", {"task_id": "quiet", "agent_variables": {"tier": "gold"}})
        self.assertEqual(status, 200)
        self.assertTrue(answer["text"].startswith("Hello"))
        self.assertEqual([m["text"] for m in self.call("GET", "tasks/quiet/messages")[1]], ["", answer["text"]])

    def test_the_trace_of_an_answer(self):
        task = self.call("POST", "tasks", {"user_id": "ann"})[1]
        answer = self.call("POST", "message", {"task_id": task["id"], "text": "hello"})[1]
        question = self.call("GET", f"tasks/{task['id']}/messages")[1][0]
        status, trace = self.call("GET", f"tasks/{task['id']}/messages/{answer['id']}/trace-info")
        self.assertEqual((status, trace["message_id"]), (200, answer["id"]))
        for message_id in ("unknown", question["id"]):
            self.assertEqual(self.call("GET", f"tasks/{task['id']}/messages/{message_id}/trace-info")[0], 404)
        self.assertEqual(self.call("GET", f"tasks/{task['id']}/messages/{answer['id']}")[0], 404)

    def test_an_answer_with_its_trace(self):
        turn = {"task_id": "traced", "text": "hello"}
        plain = self.call("POST", "message?is_external_api=true&include_business_trace=false", turn)[1]
        self.assertNotIn("trace_info", plain)
        for name in ("include_business_trace", "include_context_trace"):
            answer = self.call("POST", f"message?{name}=true", turn)[1]
            self.assertEqual(self.call("GET", f"tasks/traced/messages/{answer['id']}/trace-info"),
                             (200, answer["trace_info"]))
            self.assertNotIn("trace_info", self.call("GET", "tasks/traced/messages")[1][-1])
        for name in ("is_external_api", "include_business_trace", "include_context_trace"):
            status, answer = self.call("POST", f"message?{name}=perhaps", turn)
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, ["query", name]))

    def test_context_of_the_agent(self):
        asked = {"task_id": TASK, "query": "microwaves"}
        status, answer = self.call("POST", "agent-context", asked)
        self.assertEqual((status, answer["params"]), (200, asked))
        self.assertEqual(self.call("POST", "agent-context", "[]")[0], 422)
        self.assertEqual(self.call("GET", "agent-context")[0], 405)

    def test_suggestions_without_a_task(self):
        status, answer = self.call("POST", "direct-followup-suggestions", {"context": {"url": "https://example.com"}})
        self.assertEqual((status, len(answer["suggestions"])), (200, 3))
        self.assertTrue(answer["metadata_id"])
        self.assertEqual(self.call("POST", "direct-followup-suggestions", {})[0], 200)
        self.assertEqual(self.call("POST", "direct-followup-suggestions", "[]")[0], 422)
        self.assertEqual(self.call("POST", "direct-followup-suggestions", {"context": "x"})[0], 422)
        self.assertEqual(self.call("GET", "direct-followup-suggestions")[0], 405)

    def test_list_of_tasks(self):
        ids = [self.call("POST", "tasks", {"user_id": "bob"})[1]["id"] for _ in range(3)]
        status, page = self.call("GET", "tasks?user_id=bob&page=2&size=2", base="/api/ia-controller/api/v1/external/")
        self.assertEqual((status, page["total"], page["page"], page["size"]), (200, 3, 2, 2))
        self.assertEqual([t["id"] for t in page["tasks"]], ids[:1])
        self.assertEqual(page["tasks"][0], self.call("GET", f"tasks/{ids[0]}")[1])
        self.assertEqual(self.call("GET", "tasks?user_id=nobody")[1]["tasks"], [])

    def test_the_socket_writes_the_same_history(self):
        (_, message, _), = ask(self.sim.url + "?network_api_key=s%2Bcret%2F%26key", "hello")
        history = self.call("GET", f"tasks/{TASK}/messages")[1]
        self.assertEqual(history[-1], message)
        self.assertEqual(history[-2]["text"], "hello")

    def test_an_odd_task_id(self):
        self.call("POST", "message", {"task_id": "an odd/id%+", "text": "hello"})
        status, history = self.call("GET", "tasks/an%20odd%2fid%25+/messages")
        self.assertEqual((status, len(history)), (200, 2))

    def test_errors(self):
        self.assertEqual(self.call("GET", "tasks/unknown/messages"), (404, {"detail": "Task not found"}))
        self.assertEqual(self.call("GET", "nothing")[0], 404)
        self.assertEqual(self.call("DELETE", "tasks")[0], 405)
        self.assertEqual(self.call("PUT", "message", {})[0], 405)
        for method, path, body, loc in (("POST", "tasks", {}, ["body", "user_id"]),
                                        ("POST", "message", {"text": "x"}, ["body", "task_id"]),
                                        ("GET", "tasks", None, ["query", "user_id"])):
            self.assertEqual(self.call(method, path, body), (
                422, {"detail": [{"loc": loc, "msg": "field required", "type": "value_error.missing"}]}))
        for method, path, body, loc in (("POST", "tasks", "{", ["body"]), ("POST", "tasks", "[]", ["body"]),
                                        ("POST", "tasks", {"user_id": 7}, ["body", "user_id"]),
                                        ("POST", "message", {"task_id": "x", "text": ""}, ["body", "text"]),
                                        ("POST", "message", {"task_id": "x", "context": 1}, ["body", "context"]),
                                        ("POST", "message", {"task_id": "x", "agent_variables": "y"},
                                         ["body", "agent_variables"]),
                                        ("GET", "tasks?user_id=x&size=0", None, ["query", "size"])):
            status, answer = self.call(method, path, body)
            self.assertEqual((status, answer["detail"][0]["loc"]), (422, loc))
            self.assertRegex(answer["detail"][0]["msg"], "^expected ")
            self.assertEqual(answer["detail"][0]["type"], "value_error")

    def test_wrong_key(self):
        for headers in ({}, {"x-network-api-key": "wrong"}):
            self.assertEqual(self.sim.rest("GET", "tasks?user_id=x", headers=headers),
                             (401, {"detail": "Not authenticated"}))
        # A key in the address is for sockets alone.
        self.assertEqual(self.sim.rest("GET", "tasks?user_id=x&network_api_key=s%2Bcret%2F%26key")[0], 401)
        for path in (PATH, PATH + "?network_api_key=wrong"):
            with Raw(self.sim, path=path) as raw:
                self.assertEqual(json.loads(raw.frame()[1]), {
                    "status_code": 401, "description": "Not authenticated", "message": "Invalid API key",
                    "extra_data": {}})
                self.assertEqual(raw.close_frame()[0], 1008)

    def test_right_key_in_either_place(self):
        ask(self.sim.url + "?x=1&network_api_key=s%2Bcret%2F%26key", "hi")
        ask(self.sim.url, "hi", extra_headers={"X-Network-API-Key": "s+cret/&key"})

    def test_pages_of_any_origin_may_call(self):
        asks = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-network-api-key"}
        for path in ("message", "tasks", "tasks/unknown", "nothing"):
            self.assertEqual(self.sim.rest("OPTIONS", path, headers=asks), (204, None))
            self.assertEqual(self.sim.answer_headers["Access-Control-Allow-Origin"], "*")
            self.assertIn("POST", self.sim.answer_headers["Access-Control-Allow-Methods"])
            self.assertIn("*", self.sim.answer_headers["Access-Control-Allow-Headers"])
            self.assertNotIn("Content-Length", self.sim.answer_headers)  # RFC 9110, 8.6
        for status, call in ((200, lambda: self.call("POST", "tasks", {"user_id": "ann"})),
                             (404, lambda: self.call("GET", "tasks/unknown")),
                             (401, lambda: self.sim.rest("GET", "tasks?user_id=x"))):
            self.assertEqual(call()[0], status)
            self.assertEqual(self.sim.answer_headers["Access-Control-Allow-Origin"], "*")

    def test_keep_alive(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=TIMEOUT)
        ports = set()
        for _ in range(3):
            connection.request("GET", "/api/v1/external/tasks?user_id=x", headers={"x-network-api-key": "s+cret/&key"})
            ports.add(connection.sock.getsockname()[1])
            self.assertEqual(connection.getresponse().read()[:1], b"{")
        connection.close()
        self.assertEqual(len(ports), 1)


class Streams(unittest.TestCase):
    def check_simple(self, event):
        self.assertEqual(set(event), {"event", "data"})

    def check_full(self, event):
        self.assertEqual(set(event), {"channel", "scope", "data", "timestamp"})
        self.assertEqual(event["channel"]["type"], "WEBSOCKET")
        self.assertEqual(event["scope"]["context"]["task_id"], TASK)
        self.assertRegex(event["scope"]["context"]["interaction_id"], r"^[0-9a-f]{24}$")
        self.assertRegex(event["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_envelopes(self):
        for args, check in (((), self.check_simple), (("--envelope", "simple"), self.check_simple),
                            (("--envelope", "full"), self.check_full)):
            with self.subTest(args=args), Sim("--pace", "0", *args) as sim, Raw(sim) as raw:
                raw.ask()
                events = []
                while not events or "sender" not in events[-1]:
                    events.append(json.loads(raw.frame()[1]))
                for event in events[:-1]:
                    check(event)
                    self.assertEqual((name_of(event), set(event["data"])), (UPDATE, {"text"}))
                raw.send(b"x", first=0x89)
                self.assertEqual(raw.frame(), (0x8A, b"x"))  # nothing was sent after the final message

    def test_lifecycle(self):
        for args, check in (((), self.check_simple), (("--envelope", "full"), self.check_full)):
            with self.subTest(args=args), Sim("--pace", "0", "--lifecycle", *args) as sim, Raw(sim) as raw:
                raw.ask()
                raw.ask("thank you")  # its first event tells that the first answer is over
                events = [json.loads(raw.frame()[1])]
                while len(events) < 2 or name_of(events[-1]) != name_of(events[0]):
                    events.append(json.loads(raw.frame()[1]))
                for event in events:
                    if "sender" not in event:
                        check(event)
                names = [name_of(e) or "final" for e in events[:-1]]
                updates = names.count(UPDATE)
                self.assertGreater(updates, 1)
                self.assertEqual(names, ["workflow-execution-started", *[UPDATE] * updates,
                                         "thread-message-text-content-completed", "final",
                                         "workflow-execution-completed"])

    def test_pace(self):
        with Sim("--pace", "0.005") as sim:
            start = time.monotonic()
            (updates, _, _), = ask(sim.url, "hello")
            self.assertGreaterEqual(time.monotonic() - start, 0.005 * (len(updates) - 1))

    def test_tokens(self):
        with Sim("--tokens", "500", "--token-bytes", "7") as sim:
            (updates, message, _), = ask(sim.url, "x")
            self.assertEqual([len(text_of(u)) for u in updates], [7 * (i + 1) for i in range(500)])
            self.assertEqual(text_of(updates[-1]), message["text"])
            self.assertRegex(message["text"], r"^[a-z ]+$")

    def test_compress(self):
        terms = (
            ({}, "permessage-deflate"),
            ({"server_no_context_takeover": True}, "permessage-deflate; server_no_context_takeover"),
            ({"client_no_context_takeover": True}, "permessage-deflate; client_no_context_takeover"),
            ({"server_max_window_bits": 9}, "permessage-deflate; server_max_window_bits=9"),
            ({"client_max_window_bits": True}, "permessage-deflate"),
            ({"server_max_window_bits": 8}, None),
        )
        with Sim("--compress", "--echo", "--pace", "0") as sim:
            for parameters, agreed in terms:
                offer = ClientPerMessageDeflateFactory(**parameters)
                words = ["word " * n + "é" for n in (1, 500, 1, 500)]
                answers = ask(sim.url, *words, compression=None, extensions=[offer])
                self.assertEqual([message["text"] for _, message, _ in answers], words)
                self.assertEqual([len(updates) for updates, _, _ in answers], [2, 501, 2, 501])
                spelt = "; ".join(["permessage-deflate"] + [n if v is True else f"{n}={v}" for n, v in parameters.items()])
                with Raw(sim, headers=(f"Sec-WebSocket-Extensions: unknown, {spelt}",)) as raw:
                    found = re.search("Sec-WebSocket-Extensions: (.*?)\r?\n", raw.head + "\r\n")
                    self.assertEqual(found and found[1], agreed)
            with Raw(sim) as raw:
                self.assertNotIn("Sec-WebSocket-Extensions", raw.head)

    def test_compressed_messages_are_judged(self):
        deflater = zlib.compressobj(wbits=-15)
        bomb = (deflater.compress(bytes((1 << 20) + 1)) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        cases = ((b"\xff", 0xC1, 1007, "inflated"), (b"", 0xC9, 1002, "reserved bit"), (b"", 0xE1, 1002, "reserved bit"),
                 (bomb, 0xC1, 1009, "1 MiB"))
        with Sim("--compress") as sim:
            for payload, first, code, reason in cases:
                with Raw(sim, headers=("Sec-WebSocket-Extensions: permessage-deflate",)) as raw:
                    raw.send(payload, first=first)
                    got = raw.close_frame()
                    self.assertEqual(got[0], code, reason)
                    self.assertIn(reason, got[1])

    def test_echo(self):
        words = 'é "q" \\ \n 漢字'
        with Sim("--echo", "--pace", "0") as sim:
            (updates, message, _), = ask(sim.url, words)
        self.assertEqual(message["text"], words)
        self.assertEqual(len(updates), len(words.split(" ")))

    def test_log(self):
        with tempfile.NamedTemporaryFile() as file, Sim("--echo", "--pace", "0", "--log", file.name) as sim:
            ask(sim.url, "one", "two")
            ask(sim.url, "three")
            sim.rest("POST", "message", {"task_id": TASK, "text": "four"})
            lines = [json.loads(line) for line in file]
        told = [(line["event"], line["connection"], line["text"]) for line in lines]
        self.assertEqual(told, [(event, connection, text)
                                for connection, text in ((1, "one"), (1, "two"), (2, "three"), (0, "four"))
                                for event in ("message", "answer")])
        self.assertEqual({line["task_id"] for line in lines}, {TASK})
        self.assertRegex(lines[0]["time"], r"^\d{4}-\d\d-\d\dT")

    def test_log_of_a_scenario(self):
        scenario = [{"receive": True}, {"message": {"text": "aye"}}, {"receive": True, "recorded": False}]
        with tempfile.NamedTemporaryFile() as file, Sim("--log", file.name, scenario=scenario) as sim:
            with Raw(sim) as raw:
                raw.ask("hello")
                raw.frame()
            lines = [json.loads(line) for line in file]
        self.assertEqual([(line["event"], line["text"]) for line in lines], [("message", "hello"), ("answer", "aye")])

    def test_a_slow_reader_costs_no_memory(self):
        with Sim("--tokens", "20000", "--token-bytes", "1") as sim:
            with Raw(sim) as raw:
                raw.ask()
                raw.frame()
                raw.socket.close()
            with Raw(sim) as raw:
                raw.ask()
                for _ in range(3000):
                    raw.frame()
                with open(f"/proc/{sim.process.pid}/status") as status:
                    peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])
                self.assertLess(peak, 100000)  # kB; all the frames together have 200 MB

    def test_many_streams_at_once(self):
        async def crowd(url):
            return await asyncio.gather(*(converse(url, "hello", open_timeout=TIMEOUT) for _ in range(200)))
        with Sim("--pace", "0.01") as sim:
            for (updates, message, _), in asyncio.run(crowd(sim.url)):
                self.assertEqual(text_of(updates[-1]), message["text"])


class Tls(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def context(self):
        context = ssl.create_default_context(cafile=os.path.join(self.dir.name, "ca.pem"))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        return context

    def test_wss_and_https(self):
        with Sim("--tls-dir", self.dir.name, "--pace", "0") as sim:
            self.assertTrue(sim.url.startswith("wss://127.0.0.1:"))
            context = self.context()
            context.set_alpn_protocols(["h2", "http/1.1"])
            for host in ("127.0.0.1", "localhost"):
                url = sim.url.replace("127.0.0.1", host)
                (updates, message, _), = ask(url, "hello", ssl=context)
                self.assertEqual(text_of(updates[-1]), message["text"])
            connection = http.client.HTTPSConnection("localhost", sim.port, context=context, timeout=TIMEOUT)
            connection.request("POST", "/api/v1/external/tasks", '{"user_id":"x"}')
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            self.assertEqual(os.stat(os.path.join(self.dir.name, "server.key")).st_mode & 0o777, 0o600)

    def test_the_files_are_kept(self):
        def certificate():
            with open(os.path.join(self.dir.name, "server.pem")) as file:
                return file.read()
        with Sim("--tls-dir", self.dir.name):
            first = certificate()
        with Sim("--tls-dir", self.dir.name):
            self.assertEqual(certificate(), first)

    def test_other_name(self):
        with Sim("--tls-dir", self.dir.name, "--tls-name", "agent.example", "--pace", "0") as sim:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "IP address mismatch"):
                ask(sim.url, "x", ssl=self.context())
            ask(sim.url, "x", ssl=self.context(), server_hostname="agent.example")

    def test_expired(self):
        with Sim("--tls-dir", self.dir.name, "--tls-expired") as sim:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "expired"):
                ask(sim.url, "x", ssl=self.context())

    def test_big_answers(self):
        with Sim("--tls-dir", self.dir.name, "--tokens", "2000", "--token-bytes", "3") as sim:
            (updates, message, _), = ask(sim.url, "x", ssl=self.context())
            self.assertEqual((len(updates), len(message["text"])), (2000, 6000))

    def test_raw_bytes_and_cuts(self):
        scenario = [{"receive": True}, {"update": "as far as"}, {"raw": "81 05 68 65"}, {"cut": "reset"}]
        with Sim("--tls-dir", self.dir.name, scenario=scenario) as sim, Raw(sim, context=self.context()) as raw:
            raw.ask()
            self.assertEqual(text_of(json.loads(raw.frame()[1])), "as far as")
            with self.assertRaises((ConnectionResetError, ssl.SSLEOFError)):  # Python reports it as either
                raw.frame()
            self.assertEqual(raw.buffer, b"he")
        with Sim("--tls-dir", self.dir.name, scenario=[{"cut": "fin"}]) as sim:
            with Raw(sim, context=self.context()) as raw, self.assertRaises(ssl.SSLError):
                raw.frame()  # no close_notify: as if the process had died
        with Sim("--tls-dir", self.dir.name, scenario=[{"close": 1000}]) as sim:
            with Raw(sim, context=self.context()) as raw:
                self.assertEqual(raw.close_frame(), (1000, ""))
                raw.send(struct.pack("!H", 1000), first=0x88)
                self.assertEqual(raw.rest(), b"")


class Scenarios(unittest.TestCase):
    def play(self, scenario, *args):
        """A simulator that plays this, and a client on it."""
        sim = Sim(*args, scenario=scenario)
        self.addCleanup(sim.__exit__)
        raw = Raw(sim, upgrade=False)
        self.addCleanup(raw.socket.close)
        self.sim = sim
        return raw

    def upgraded(self, scenario, *args):
        raw = self.play(scenario, *args)
        self.assertTrue(raw.read_head().startswith("HTTP/1.1 101 "))
        return raw

    def test_a_conversation(self):
        raw = self.upgraded([
            {"receive": True}, {"update": "I fo"}, {"update": "I found \"it\"\n"},
            {"message": {"cards": None, "extra": 1}}, {"receive": True}, {"message": {"text": "other"}},
            {"send": "verbatim { text"}, {"send": {"event": "unheard-of", "data": [1, None]}},
            {"error": {"status_code": 429, "extra_data": {"retry_after": 3}}}])
        raw.ask()
        events = [json.loads(raw.frame()[1]) for _ in range(3)]
        self.assertEqual([text_of(e) for e in events], ["I fo", 'I found "it"\n', None])
        self.assertEqual(events[0], {"event": UPDATE, "data": {"text": "I fo"}})
        self.assertEqual((events[2]["text"], events[2]["cards"], events[2]["extra"]), ('I found "it"\n', None, 1))
        raw.ask()
        self.assertEqual(json.loads(raw.frame()[1])["text"], "other")
        self.assertEqual(raw.frame(), (0x81, b"verbatim { text"))
        self.assertEqual(raw.frame()[1], b'{"event":"unheard-of","data":[1,null]}')
        error = json.loads(raw.frame()[1])
        self.assertEqual((error["status_code"], error["extra_data"]["retry_after"]), (429, 3))
        self.assertTrue(error["description"] and error["message"])
        raw.ask()  # nobody listens any more, but the connection is there
        raw.send(b"x", first=0x89)
        self.assertEqual(raw.frame(), (0x8A, b"x"))

    def test_full_envelope(self):
        raw = self.upgraded([{"receive": True}, {"update": "a"}, {"update": "ab"}, {"receive": True}, {"update": "c"}],
                            "--envelope", "full")
        raw.ask()
        events = [json.loads(raw.frame()[1]) for _ in range(2)]
        raw.ask()
        events.append(json.loads(raw.frame()[1]))
        self.assertEqual([text_of(e) for e in events], ["a", "ab", "c"])
        contexts = [e["scope"]["context"] for e in events]
        self.assertEqual([c["task_id"] for c in contexts], [TASK] * 3)
        for name in ("message_id", "interaction_id"):
            self.assertEqual(contexts[0][name], contexts[1][name])
            self.assertNotEqual(contexts[1][name], contexts[2][name])

    def test_what_was_received(self):
        raw = self.upgraded([{"receive": True}, {"message": {"text": "aye"}, "received": True}, {"receive": True},
                             {"message": {}, "received": True}])
        said = {"task_id": TASK, "text": "hello", "context": {"url": "https://example.com"},
                "agent_variables": {"tier": "gold", "visits": 3}, "of_the_future": [None]}
        raw.send(json.dumps(said))
        message = json.loads(raw.frame()[1])
        self.assertEqual((message["text"], message["received"]), ("aye", said))
        self.assertEqual(self.sim.rest("GET", f"tasks/{TASK}/messages")[1][-1], message)
        raw.send("{")
        self.assertNotIn("received", json.loads(raw.frame()[1]))

    def test_history(self):
        raw = self.upgraded([{"receive": True, "recorded": False}, {"message": {}, "recorded": False},
                             {"receive": True}, {"record": {"text": "unsent"}}, {"message": {"text": "sent"}}])
        raw.ask("lost")
        raw.frame()
        raw.ask("kept")
        raw.frame()
        history = self.sim.rest("GET", f"tasks/{TASK}/messages")[1]
        self.assertEqual([m["text"] for m in history], ["kept", "unsent", "sent"])

    def test_fragments(self):
        raw = self.upgraded([{"send": "abcdefg", "fragment": 3}, {"send": "abcd", "fragment": 2, "ping_between": True}])
        self.assertEqual([raw.frame() for _ in range(3)], [(0x01, b"abc"), (0x00, b"def"), (0x80, b"g")])
        self.assertEqual([raw.frame() for _ in range(3)], [(0x01, b"ab"), (0x89, b""), (0x80, b"cd")])

    def test_cut_after(self):
        raw = self.upgraded([{"send": "abcdef", "cut_after": 4}, {"send": "never"}])
        self.assertEqual(raw.rest(), b"\x81\x06ab")

    def test_cuts(self):
        raw = self.upgraded({"connections": [[{"send": "x"}, {"cut": "fin"}], [{"send": "y"}, {"cut": "reset"}]]})
        self.assertEqual(raw.rest(), b"\x81\x01x")
        with Raw(self.sim) as raw:
            self.assertEqual(raw.frame(), (0x81, b"y"))
            with self.assertRaises(ConnectionResetError):
                raw.frame()

    def test_close(self):
        raw = self.upgraded({"connections": [
            [{"close": 1013, "reason": "later"}], [{"close": None}], [{"close": 1006}, {"send": "after"}]]})
        self.assertEqual(raw.close_frame(), (1013, "later"))
        raw.send(struct.pack("!H", 1013), first=0x88)
        self.assertEqual(raw.rest(), b"")
        with Raw(self.sim) as raw:
            self.assertEqual(raw.close_frame(), (None, ""))
        with Raw(self.sim) as raw:
            self.assertEqual(raw.close_frame(), (1006, ""))
            self.assertEqual(raw.frame(), (0x81, b"after"))

    def test_ping(self):
        raw = self.upgraded([{"ping": "are you there"}, {"await_pong": True}, {"send": "yes"}])
        self.assertEqual(raw.frame(), (0x89, b"are you there"))
        raw.send(b"something else", first=0x8A)
        raw.send(b"", first=0x89)
        self.assertEqual(raw.frame(), (0x8A, b""))
        raw.send(b"are you there", first=0x8A)
        self.assertEqual(raw.frame(), (0x81, b"yes"))

    def test_silence(self):
        raw = self.upgraded([{"pong": False}, {"close_reply": False}, {"receive": True}, {"pong": True},
                             {"send": "awake"}])
        raw.send(b"1", first=0x89)
        raw.send(struct.pack("!H", 1000), first=0x88)
        raw.ask()
        self.assertEqual(raw.frame(), (0x81, b"awake"))
        raw.send(b"2", first=0x89)
        self.assertEqual(raw.frame(), (0x8A, b"2"))

    def test_read(self):
        raw = self.upgraded([{"read": False}, {"send": "deaf"}, {"wait": 0.1}, {"read": True}, {"receive": True},
                             {"send": "heard"}])
        self.assertEqual(raw.frame()[1], b"deaf")
        raw.ask()
        raw.send(b"", first=0x89)
        self.assertEqual([raw.frame() for _ in range(2)], [(0x8A, b""), (0x81, b"heard")])

    def test_wait(self):
        start = time.monotonic()
        raw = self.upgraded([{"wait": 0.1}, {"send": "x"}, {"wait": 0.1}, {"send": "y"}])
        self.assertEqual([raw.frame()[1] for _ in range(2)], [b"x", b"y"])
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_raw(self):
        raw = self.upgraded([{"raw": "8100 C1FF"}, {"cut": "fin"}])
        self.assertEqual(raw.rest(), bytes.fromhex("8100c1ff"))

    def test_repeat(self):
        raw = self.upgraded([{"repeat": 2, "steps": [{"send": "a"}, {"repeat": 3, "steps": [{"send": "b"}]}]},
                             {"cut": "fin"}])
        self.assertEqual(raw.rest()[2::3], b"abbbabbb")

    def test_tokens(self):
        raw = self.upgraded([{"receive": True}, {"tokens": 3, "token_bytes": 4, "pace": 0.01}, {"message": {}}])
        raw.ask()
        events = [json.loads(raw.frame()[1]) for _ in range(4)]
        self.assertEqual([len(text_of(e)) for e in events[:3]], [4, 8, 12])
        self.assertEqual(events[3]["text"], text_of(events[2]))

    def test_agent(self):
        raw = self.upgraded([{"receive": True}, {"send": "wait"}, {"agent": True}], "--pace", "0")
        raw.ask("first")
        raw.ask("hello")
        self.assertEqual(raw.frame()[1], b"wait")
        while True:
            event = json.loads(raw.frame()[1])
            if "sender" in event:
                break
        self.assertTrue(event["text"].startswith("Hello"))

    def test_connections_in_turn(self):
        raw = self.upgraded({"connections": [[{"send": "1"}], [{"send": "2"}]]})
        self.assertEqual(raw.frame()[1], b"1")
        for _ in range(2):
            with Raw(self.sim) as raw:
                self.assertEqual(raw.frame()[1], b"2")

    def test_refused_handshake(self):
        raw = self.play([{"handshake": {"status": 429, "headers": {"Retry-After": "7"}, "body": "{}"}}])
        answer = raw.rest().decode()
        self.assertTrue(answer.startswith("HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertIn("\r\nRetry-After: 7\r\n", answer)
        self.assertTrue(answer.endswith("\r\nContent-Length: 2\r\n\r\n{}"))

    def test_handshake_with_headers(self):
        raw = self.play([{"handshake": {"status": 101, "headers": {"X-Extra": "1", "Upgrade": "WebSocket"}}},
                         {"send": "x"}])
        head = raw.read_head()
        self.assertIn("Sec-WebSocket-Accept: " + raw.accept(), head)
        self.assertIn("X-Extra: 1", head)
        self.assertIn("Upgrade: WebSocket", head)
        self.assertEqual(raw.frame()[1], b"x")

    def test_raw_handshake(self):
        text = "HTTP/1.1 101 Fine\r\nupgrade:websocket\r\nCONNECTION: upgrade\r\nsec-websocket-accept:\t${accept}\r\n\r\n"
        raw = self.play([{"handshake": {"raw": text}}, {"receive": True}, {"send": "heard"}])
        self.assertIn("sec-websocket-accept:\t" + raw.accept(), raw.read_head())
        raw.ask()
        self.assertEqual(raw.frame()[1], b"heard")

    def test_no_handshake(self):
        raw = self.play({"connections": [[{"handshake": "drop"}], [{"wait": 0.05}, {"handshake": "drop"}],
                                         [{"handshake": "ignore"}]]})
        self.assertEqual(raw.rest(), b"")
        with Raw(self.sim, upgrade=False) as raw:
            self.assertEqual(raw.rest(), b"")
        with Raw(self.sim, upgrade=False) as raw:
            raw.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                raw.more()

    def test_rest(self):
        scenario = {"connections": [[]], "rest": [{"status": 503, "headers": {"Retry-After": "1"}, "body": "busy"},
                                                  "serve", {"raw": "HTTP/1.1 200 OK\r\n\r\n{"}, "drop"]}
        with Sim(scenario=scenario) as sim:
            def call():
                connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=TIMEOUT)
                self.addCleanup(connection.close)
                connection.request("GET", "/api/v1/external/tasks?user_id=x")
                answer = connection.getresponse()
                return answer.status, answer.getheader("Retry-After"), answer.read()
            self.assertEqual(sim.rest("OPTIONS", "tasks")[0], 204)  # a browser's question is no call
            self.assertEqual(call(), (503, "1", b"busy"))
            self.assertEqual(call()[0], 200)
            self.assertEqual(call(), (200, None, b"{"))
            with self.assertRaises(http.client.RemoteDisconnected):
                call()
            self.assertEqual(call()[0], 200)

    def test_the_examples_of_the_page(self):
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/simulator.md")
        with open(page, encoding="utf-8") as file:
            examples = re.findall(r"```json\n(.*?)```", file.read().split("### Examples")[1], re.S)
        self.assertGreaterEqual(len(examples), 3)
        for example in examples:
            with Sim(scenario=json.loads(example)):
                pass

    def test_mistakes_are_named(self):
        for scenario, expected in (
                ({}, "expected a list of steps, or an object"),
                ({"connections": []}, "connections: expected"),
                ({"connections": [[]], "rset": []}, "some of connections, streams and rest"),
                ({"connections": [[], [{"wiat": 1}]]}, "connection 2, step 1: expected an object with one of"),
                ([{"send": "x"}, {"wait": -1}], "step 2: wait: expected seconds (a number >= 0)"),
                ([{"send": "x", "update": "y"}], "step 1: expected one verb, got 'send' and 'update'"),
                ([{"wait": 1, "fragment": 2}], "step 1: 'fragment' does not go with 'wait'"),
                ([{"message": {}, "received": False}], "step 1: received: expected true"),
                ([{"send": "x", "fragment": 0}], "step 1: fragment: expected payload bytes"),
                ([{"repeat": 2, "steps": [{"send": "x"}, {"raw": "8"}]}], "step 1, step 2: raw: expected bytes"),
                ([{"repeat": 2}], "step 1: expected a list of steps that is not empty"),
                ([{"send": "x"}, {"handshake": "drop"}], "step 2: handshake: expected as the first step"),
                ([{"handshake": {"status": "401"}}], "step 1: handshake: expected {\"status\""),
                ([{"close": 70000}], "step 1: close: expected a code"),
                ({"streams": []}, "streams: expected"),
                ({"streams": [[], [{"update": "x"}]]}, "stream 2, step 1: expected an object with one of response"),
                ({"streams": [[{"event": "x", "seq": "1"}]]}, "stream 1, step 1: seq: expected a whole number"),
                ({"streams": [[{"done": True}, {"response": "drop"}]]}, "stream 1: step 2: response: expected as the"),
                ({"streams": [[{"framing": "none"}]]}, "stream 1, step 1: framing: expected \"chunked\""),
                ({"streams": [[{"newline": "\n"}]]}, "stream 1, step 1: newline: expected \"lf\""),
                ({"streams": [[{"comment": "a\nb"}]]}, "stream 1, step 1: comment: expected a string of one line"),
                ({"connections": [[]], "rest": ["maybe"]}, "rest, call 1: expected")):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(scenario, file)
                file.flush()
                status, output, errors = run("--scenario", file.name)
                self.assertEqual((status, output), (2, ""), scenario)
                self.assertTrue(errors.startswith(f"aui-sim: {file.name}: "), errors)
                self.assertIn(expected, errors)

    def test_files_that_are_no_json(self):
        status, _, errors = run("--scenario", "/nonexistent.json")
        self.assertEqual(status, 2)
        self.assertIn("/nonexistent.json", errors)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("[\n  {]")
            file.flush()
            status, _, errors = run("--scenario", file.name)
            self.assertEqual(status, 2)
            self.assertIn("line 2", errors)


def run(*args):
    done = subprocess.run([SIM, *args], capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


class Options(unittest.TestCase):
    def test_help_and_version(self):
        status, output, _ = run("--help")
        self.assertEqual(status, 0)
        for option in ("--host", "--port", "--api-key", "--pace", "--envelope", "--lifecycle", "--catalogue",
                       "--scenario", "--tokens", "--token-bytes", "--echo", "--log", "--tls-dir", "--tls-name",
                       "--tls-expired", "--exit-with-stdin", "--verbose"):
            self.assertIn(option, output)
        self.assertRegex(run("--version")[1], r"^aui-sim \d+\.\d+\.\d+\n$")

    def test_manual_names_every_option_and_no_other(self):
        manual = pathlib.Path(__file__).parents[2] / "docs/aui-sim.1"
        listed = re.findall(r"^  --(\S+)", run("--help")[1], re.M)
        self.assertEqual(listed, re.findall(r"^\.It Fl -(\S+)", manual.read_text(), re.M))

    def test_mistakes(self):
        for args, expected in (
                (["--pace", "fast"], "--pace: expected seconds (a number >= 0), got 'fast'"),
                (["--pace=-1"], "--pace: expected seconds"),
                (["--pace", "nan"], "--pace: expected seconds"),
                (["--port", "65536"], "--port: expected a whole number from 0 to 65535, got '65536'"),
                (["--port", "-1"], "--port: expected"),
                (["--tokens", "0"], "--tokens: expected"),
                (["--envelope", "both"], "--envelope: expected simple or full, got 'both'"),
                (["--port"], "--port: expected N, got 'nothing'"),
                (["--verbose=yes"], "--verbose: expected no value, got 'yes'"),
                (["--tls-name", "x"], "--tls-name: expected --tls-dir beside it"),
                (["--echo", "--tokens", "3"], "--echo: expected no --tokens beside it"),
                (["--log", "/nonexistent/log"], "--log: /nonexistent/log: No such file"),
                (["--senario", "x"], "unknown option '--senario'; did you mean --scenario?"),
                (["frobnicate"], "unknown option 'frobnicate'; aui-sim --help lists them"),
                (["--catalogue", "/nonexistent"], "--catalogue: /nonexistent"),
                (["--catalogue", "/dev/null"], "--catalogue: /dev/null")):
            status, output, errors = run(*args)
            self.assertEqual((status, output), (2, ""), args)
            self.assertIn(expected, errors)
            self.assertEqual(errors.count("\n"), 1)

    def test_port_in_use(self):
        with Sim() as sim:
            status, output, errors = run("--port", str(sim.port))
            self.assertEqual((status, output), (1, ""))
            self.assertEqual(errors, f"aui-sim: cannot listen on 127.0.0.1 port {sim.port}: Address already in use\n")

    def test_host(self):
        with Sim("--host", "::1", "--pace", "0") as sim:
            self.assertEqual(sim.url, f"ws://[::1]:{sim.port}{PATH}")
            ask(sim.url, "hello", close_timeout=1)
        self.assertIn("--host: expected an IP address, got 'nowhere'", run("--host", "nowhere")[2])

    def test_listens_on_its_address_alone(self):
        with Sim() as sim:
            for other in "127.0.0.2", "::1":
                with self.assertRaises(ConnectionRefusedError):
                    socket.create_connection((other, sim.port), TIMEOUT)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Sim("--tokens", "20000") as sim, Raw(sim) as raw:
                raw.ask()
                raw.frame()
                sim.process.send_signal(number)
                self.assertEqual(sim.process.wait(TIMEOUT), 0)

    def test_exit_with_stdin(self):
        with Sim("--exit-with-stdin", "--pace", "0", stdin=subprocess.PIPE) as sim:
            sim.process.stdin.write("still here\n")
            sim.process.stdin.flush()
            ask(sim.url, "hello", close_timeout=1)
            sim.process.stdin.close()
            self.assertEqual(sim.process.wait(TIMEOUT), 0)

    def test_catalogue(self):
        catalogue = {"categories": [{"id": "hat", "one": "hat", "many": "hats", "words": ["hat", "hats"]}],
                     "fields": [{"id": "price", "title": "Price", "type": "numeric", "unit": "dollars", "words": []}],
                     "products": [{"id": "1", "category": "hat", "brand": "Panama", "model": "Sun", "price": 20,
                                   "about": "a hat against the sun"}]}
        with tempfile.NamedTemporaryFile("w") as file:
            json.dump(catalogue, file)
            file.flush()
            with Sim("--catalogue", file.name, "--pace", "0") as sim:
                (_, message, _), = ask(sim.url, "a hat")
                self.assertEqual([c["name"] for c in message["cards"]], ["Panama Sun"])

    def test_silence_unless_asked(self):
        with Sim() as sim, Raw(sim) as raw:
            raw.send("x", mask=b"")
            raw.close_frame()
        self.assertEqual(sim.errors, "")
        with Sim("--verbose") as sim, Raw(sim) as raw:
            raw.send("x", mask=b"")
            raw.close_frame()
        self.assertIn("client frame without a mask", sim.errors)


if __name__ == "__main__":
    unittest.main()

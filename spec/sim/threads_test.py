"""Tests of aui-sim's threads API with clients that share no code with this project: http.client, python3-websockets
and plain sockets.
AUI_SIM names the program; run with /usr/bin/python3 spec/sim/threads_test.py."""

import asyncio
import http.client
import json
import socket
import tempfile
import time
import unittest

import websockets

from sim_test import TIMEOUT, Raw, Sim, run

KEY = "pk_network_test"
STREAM = "messaging/v1/messages/stream"
SESSION = "/apollo-api/messaging/v1/session"


class Threads(Sim):
    """A running simulator and a client of its threads API."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.token = None
        self.connections = []

    def __exit__(self, *exception):
        for connection in self.connections:
            connection.close()
        super().__exit__(*exception)

    def connect(self):
        self.connections.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT))
        return self.connections[-1]

    def exchange(self, body=None, headers={}):
        """(status, answer) of an exchange, of a good one if nothing else is asked for."""
        body = {"grant_type": "publishable_key", "publishable_key": KEY} if body is None else body
        return self.rest("POST", "management/v1/auth/token", body, headers, base="/apollo-api/")

    def headers(self, more={}):
        self.token = self.token or self.exchange()[1]["access_token"]
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **more}

    def call(self, method, path, body=None, headers=None, base="/apollo-api/"):
        return self.rest(method, path, body, self.headers() if headers is None else headers, base)

    def open(self, text="hello", headers={}, connection=None, **fields):
        """The response to a request for a stream."""
        connection = connection or self.connect()
        body = {"text": text, "user_id": "ann", **fields}
        connection.request("POST", "/apollo-api/" + STREAM, json.dumps(body), self.headers(headers))
        return connection.getresponse()

    def stream(self, text="hello", headers={}, **fields):
        """The events of a whole stream."""
        return events_of(self.open(text, headers, **fields).read())


def events_of(body):
    """What an event stream carries: JSON, or the text of what is none."""
    events = []
    for block in body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        data = b"\n".join(line[6:] for line in block.split(b"\n") if line.startswith(b"data: "))
        if data:
            events.append(data.decode() if data == b"[DONE]" else json.loads(data))
    return events


def texts_of(events):
    datas = [e["data"] for e in events if isinstance(e, dict) and e["type"] == "event"]
    return [d["text"] if "text" in d else d["data"]["text"] for d in datas if "text" in d or "text" in d["data"]]


def numbers_of(events):
    return [e["seq"] for e in events if "seq" in e]


class Tokens(unittest.TestCase):
    def test_exchange(self):
        with Threads("--token-lifetime", "90") as sim:
            status, answer = sim.exchange()
            self.assertEqual(status, 200)
            self.assertEqual((answer["token_type"], answer["expires_in"]), ("Bearer", 90))
            self.assertTrue(answer["access_token"] and answer["agent_id"] and answer["organization_id"])
            self.assertNotEqual(sim.exchange()[1]["access_token"], answer["access_token"])

    def test_refusals(self):
        good = {"grant_type": "publishable_key", "publishable_key": KEY}
        with Threads("--publishable-key", KEY) as sim:
            self.assertEqual(sim.exchange()[0], 200)
            for body, headers, status, error in (
                    ({**good, "publishable_key": KEY + "x"}, {}, 401, "invalid_client"),
                    ({**good, "grant_type": "password"}, {}, 400, "unsupported_grant_type"),
                    ({"grant_type": "publishable_key"}, {}, 400, "invalid_request"),
                    ({"publishable_key": KEY}, {}, 400, "invalid_request"),
                    ("[", {}, 400, "invalid_request"),
                    (good, {"Authorization": "Bearer x"}, 400, "invalid_request")):
                got, answer = sim.exchange(body, headers)
                self.assertEqual((got, answer["error"]), (status, error), body)
                self.assertTrue(answer["error_description"])
                self.assertNotIn(KEY, json.dumps(answer))
        with Threads() as sim:
            self.assertEqual(sim.exchange({**good, "publishable_key": "API_KEY_01"})[1]["error"], "invalid_client")

    def test_a_token_is_needed_and_ends(self):
        with Threads("--token-lifetime", "1", "--pace", "0") as sim:
            sim.headers()
            until = time.monotonic() + TIMEOUT
            response = sim.open()
            self.assertEqual(response.status, 200)
            response.read()
            while response.status == 200 and time.monotonic() < until:
                response = sim.open()
                body = response.read()
            self.assertEqual(response.status, 401)
            error = json.loads(body)["error"]
            self.assertEqual((error["code"], error["message"]), ("unauthorized", "the token has ended"))
            self.assertTrue(error["request_id"])
            sim.token = None
            self.assertEqual(sim.open().status, 200)
            for headers in {}, {"Authorization": "Bearer unknown"}, {"Authorization": "Basic eDp5"}:
                status, answer = sim.call("POST", STREAM, {"text": "x", "user_id": "y"}, headers)
                self.assertEqual((status, answer["error"]["code"]), (401, "unauthorized"))

    def test_health_needs_none(self):
        with Threads() as sim:
            self.assertEqual(sim.call("GET", "health", headers={}), (200, {"status": "ok"}))


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Threads("--pace", "0", "--envelope", "simple")
        cls.addClassCleanup(cls.sim.__exit__)

    def test_a_whole_stream(self):
        response = self.sim.open("a built-in microwave")
        self.assertEqual((response.status, response.getheader("Content-Type")),
                         (200, "text/event-stream; charset=utf-8"))
        self.assertEqual(response.getheader("Transfer-Encoding"), "chunked")
        *events, done = events_of(response.read())
        self.assertEqual(done, "[DONE]")
        self.assertEqual(events[0], {"type": "thread", "data": {"thread_id": events[0]["data"]["thread_id"]}})
        self.assertRegex(events[0]["data"]["thread_id"], r"^[0-9a-f]{24}$")
        self.assertEqual(numbers_of(events), list(range(1, len(events))))
        self.assertEqual([e["type"] for e in events[1:]], ["event"] * (len(events) - 2) + ["message"])
        message = events[-1]["data"]
        self.assertEqual("".join(texts_of(events)), message["text"])
        self.assertEqual(len(message["followup_suggestions"]), 3)
        self.assertEqual((message["sender"]["type"], message["receiver"]["id"]), ("agent", "ann"))
        card = message["cards"][0]
        self.assertEqual((card["title"], card["index"], card["is_recommended"]), ("Nordhaus Vela 20", 0, True))
        self.assertEqual(card["json_data"]["entity"]["capacity"], 20)
        self.assertFalse({"id", "name", "parameters"} & card.keys())
        self.assertNotIn("options", message)

    def test_full_envelope(self):
        with Threads("--pace", "0", "--envelope", "full") as sim:
            *events, done = sim.stream("laptops")
        event = events[1]["data"]
        self.assertEqual(event["channel"], {"event_name": "thread-message-text-content-updated"})
        self.assertEqual("".join(texts_of(events)), events[-1]["data"]["text"])
        self.assertEqual(events[-2]["data"]["channel"], {"event_name": "thread-message-text-content-completed"})
        self.assertEqual(numbers_of(events), list(range(1, len(events))))

    def test_cumulative(self):
        with Threads("--pace", "0", "--cumulative") as sim:
            *events, done = sim.stream("laptops")
        texts = texts_of(events)
        for before, after in zip(texts, texts[1:]):
            self.assertTrue(after.startswith(before + " "))
        self.assertEqual(texts[-1], events[-1]["data"]["text"])

    def test_newer_agents_send_suggestions_behind_the_message(self):
        with Threads("--pace", "0", "--runtime", "2") as sim:
            *events, done = sim.stream("laptops")
        message, suggestions = events[-2:]
        self.assertEqual((message["type"], suggestions["type"]), ("message", "suggestions"))
        self.assertNotIn("followup_suggestions", message["data"])
        self.assertEqual(suggestions["seq"], message["seq"] + 1)
        self.assertEqual(suggestions["data"]["thread_id"], events[0]["data"]["thread_id"])
        self.assertEqual(suggestions["data"]["interaction_id"], message["data"]["id"])
        self.assertEqual(len(suggestions["data"]["followup_suggestions"]), 3)

    def test_a_conversation_in_one_thread_and_on_one_connection(self):
        connection = self.sim.connect()
        first = events_of(self.sim.open("headphones by Brandt", connection=connection).read())
        descriptor = connection.sock
        thread = first[0]["data"]["thread_id"]
        second = events_of(self.sim.open("the second one", connection=connection, thread_id=thread).read())
        self.assertIs(connection.sock, descriptor)
        self.assertEqual(second[0]["data"]["thread_id"], thread)
        self.assertEqual([c["title"] for c in second[-2]["data"]["cards"]], ["Brandt Quiet 2"])
        self.assertEqual(numbers_of(second[1:-1])[0], numbers_of(first[1:-1])[-1] + 1)

    def test_pipelined_requests_wait_for_the_stream(self):
        body = json.dumps({"text": "hello", "user_id": "ann"})
        head = "".join(f"{n}: {v}\r\n" for n, v in self.sim.headers({"Content-Length": len(body)}).items())
        request = f"POST /apollo-api/{STREAM} HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}"
        last = "GET /apollo-api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.sim.port), timeout=TIMEOUT) as s:
            s.sendall((request + request + last).encode())
            answer = s.makefile("rb").read()
        self.assertEqual(answer.count(b"data: [DONE]"), 2)
        self.assertTrue(answer.endswith(b'{"status":"ok"}'))

    def test_not_too_many_wait(self):
        with Threads("--pace", "60") as sim:
            connection = sim.connect()
            response = sim.open(connection=connection)
            try:
                for _ in range(64):
                    connection.sock.sendall(b"x" * 65536)
            except (BrokenPipeError, ConnectionResetError):
                pass
            with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
                response.read()

    def test_an_http_1_0_client_gets_a_body_to_the_end(self):
        body = json.dumps({"text": "hello", "user_id": "ann"})
        head = "".join(f"{n}: {v}\r\n" for n, v in self.sim.headers({"Content-Length": len(body)}).items())
        with socket.create_connection(("127.0.0.1", self.sim.port), timeout=TIMEOUT) as s:
            s.sendall(f"POST /apollo-api/{STREAM} HTTP/1.0\r\n{head}\r\n{body}".encode())
            answer = s.makefile("rb").read()
        self.assertNotIn(b"chunked", answer)
        self.assertTrue(answer.endswith(b"data: [DONE]\n\n"))

    def test_pace(self):
        with Threads("--pace", "0.2") as sim:
            started = time.monotonic()
            response = sim.open()
            self.assertEqual(response.readline()[:6], b"data: ")
            first = b"".join(response.readline() for _ in range(2))
            self.assertIn(b'"seq":1', first)
            while b'"seq":3' not in response.readline():
                pass
            self.assertGreaterEqual(time.monotonic() - started, 0.4)

    def test_mistakes(self):
        good = {"text": "x", "user_id": "y"}
        for body, status, code, field in (
                ("[]", 400, "bad_request", None), ("{", 400, "bad_request", None),
                ({"user_id": "y"}, 422, "validation_error", "text"), ({"text": "x"}, 422, "validation_error", "user_id"),
                ({**good, "text": 7}, 422, "validation_error", "text"),
                ({**good, "text": ""}, 422, "validation_error", "text"),
                ({**good, "agent_variables": []}, 422, "validation_error", "agent_variables"),
                ({**good, "image_url": {}}, 422, "validation_error", "image_url"),
                ({**good, "runtime_version": 2}, 422, "validation_error", "runtime_version"),
                ({**good, "thread_id": "unknown"}, 404, "not_found", "thread_id")):
            got, answer = self.sim.call("POST", STREAM, body)
            self.assertEqual((got, answer["error"]["code"]), (status, code), body)
            self.assertEqual([d["field"] for d in answer["error"].get("details", [])], [field] if field else [])
        no_type = {"Authorization": self.sim.headers()["Authorization"]}
        self.assertEqual(self.sim.call("POST", STREAM, good, no_type)[0], 400)


class Resuming(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.log = tempfile.NamedTemporaryFile("r")
        cls.addClassCleanup(cls.log.close)
        cls.sim = Threads("--pace", "0", "--echo", "--log", cls.log.name)
        cls.addClassCleanup(cls.sim.__exit__)

    def logged(self, thread):
        with open(self.log.name) as log:
            lines = [json.loads(line) for line in log]
        return [line["event"] for line in lines if line.get("thread_id") == thread]

    def test_what_was_missed_comes_again_and_the_turn_is_not_run_again(self):
        whole = self.sim.stream("one two three four")
        thread = whole[0]["data"]["thread_id"]
        for last in range(1, len(whole) - 1):
            again = self.sim.stream("one two three four", {"Last-Event-ID": str(last)}, thread_id=thread)
            self.assertEqual(again, whole[:1] + whole[1 + last:])
        self.assertEqual(self.logged(thread), ["message", "answer"])

    def test_while_the_turn_runs(self):
        with tempfile.NamedTemporaryFile("r") as log, \
                Threads("--pace", "0.02", "--echo", "--log", log.name) as sim:
            text = "one two three four five six seven eight nine ten"
            connection = sim.connect()
            response = sim.open(text, connection=connection)
            head = b""
            while head.count(b"data: ") < 3:
                head += response.readline()
            connection.close()
            had = events_of(head)
            thread = had[0]["data"]["thread_id"]
            rest = sim.stream(text, {"Last-Event-ID": str(had[-1]["seq"])}, thread_id=thread)
            self.assertEqual("".join(texts_of(had + rest)), text)
            self.assertEqual(rest[-2]["data"]["text"], text)
            self.assertEqual([json.loads(line)["event"] for line in log], ["token", "message", "answer"])

    def test_a_second_turn_is_resumed_as_well(self):
        first = self.sim.stream("one two")
        thread = first[0]["data"]["thread_id"]
        whole = self.sim.stream("three four", thread_id=thread)
        again = self.sim.stream("three four", {"Last-Event-ID": str(whole[1]["seq"])}, thread_id=thread)
        self.assertEqual(again, whole[:1] + whole[2:])

    def test_events_that_are_not_kept(self):
        with Threads("--pace", "0", "--echo", "--kept-events", "3") as sim:
            whole = sim.stream("one two three four")
            thread, last = whole[0]["data"]["thread_id"], whole[-2]["seq"]
            for number, status in ((last - 3, 200), (last, 200), (last - 4, 410), (last + 1, 410)):
                response = sim.open("one two three four", {"Last-Event-ID": str(number)}, thread_id=thread)
                self.assertEqual(response.status, status, number)
                if status == 410:
                    self.assertEqual(json.loads(response.read())["error"]["code"], "replay_unavailable")

    def test_mistakes(self):
        thread = self.sim.stream("one two")[0]["data"]["thread_id"]
        other = self.sim.stream("one two")[0]["data"]["thread_id"]
        for number, fields, text, status, field in (
                ("x", {"thread_id": thread}, "one two", 422, "Last-Event-ID"),
                ("-1", {"thread_id": thread}, "one two", 422, "Last-Event-ID"),
                ("1", {}, "one two", 422, "thread_id"),
                ("1", {"thread_id": thread}, "one", 409, "text")):
            response = self.sim.open(text, {"Last-Event-ID": number}, **fields)
            self.assertEqual(response.status, status)
            self.assertEqual(json.loads(response.read())["error"]["details"][0]["field"], field)
        self.assertEqual(self.logged(thread), ["message", "answer"])
        self.assertEqual(self.logged(other), ["message", "answer"])


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Threads("--pace", "0")
        cls.addClassCleanup(cls.sim.__exit__)

    def history(self, thread, sim=None, query=""):
        return (sim or self.sim).call("GET", f"messaging/v1/threads/{thread}/messages{query}")

    def post(self, text="hello", sim=None, **fields):
        return (sim or self.sim).call("POST", "messaging/v1/messages", {"text": text, "user_id": "ann", **fields})

    def test_a_message_and_the_transcript(self):
        status, first = self.post("headphones by Brandt", agent_variables={"vip": "yes"}, image_url="https://x.test/")
        self.assertEqual(status, 200)
        thread = first["thread_id"]
        second = self.post("the second one", thread_id=thread)[1]
        self.assertEqual(second["thread_id"], thread)
        self.assertEqual([c["title"] for c in second["message"]["cards"]], ["Brandt Quiet 2"])
        status, history = self.history(thread)
        self.assertEqual(status, 200)
        self.assertEqual([m["sender"]["type"] for m in history], ["user", "agent"] * 2)
        self.assertEqual([m["text"] for m in history[::2]], ["headphones by Brandt", "the second one"])
        self.assertEqual(history[1::2], [first["message"], second["message"]])

    def test_the_transcript_has_what_was_streamed(self):
        *events, done = self.sim.stream("laptops")
        status, history = self.history(events[0]["data"]["thread_id"])
        self.assertEqual(history[-1], events[-1]["data"])

    def test_the_answer_under_way_is_not_in_the_transcript(self):
        with Threads("--pace", "0.05", "--echo") as sim:
            response = sim.open("one two three four")
            thread = json.loads(response.readline()[6:])["data"]["thread_id"]
            texts = [m["text"] for m in self.history(thread, sim)[1]]
            until = time.monotonic() + TIMEOUT
            self.assertEqual(texts, ["one two three four"])
            while len(texts) == 1 and time.monotonic() < until:
                texts = [m["text"] for m in self.history(thread, sim)[1]]
            self.assertEqual(texts, ["one two three four"] * 2)

    def test_which_threads_need_a_version(self):
        for runtime, query, status in (("1", "", 200), ("1", "?runtime_version=2", 404), ("1", "?runtime_version=1", 404),
                                       ("2", "", 404), ("2", "?runtime_version=", 404), ("2", "?runtime_version=1", 404),
                                       ("2", "?runtime_version=1.4", 404), ("2", "?runtime_version=2.0", 200)):
            with self.subTest(runtime=runtime, query=query), Threads("--pace", "0", "--runtime", runtime) as sim:
                thread = self.post(sim=sim)[1]["thread_id"]
                got, answer = self.history(thread, sim, query)
                self.assertEqual(got, status)
                if status == 404:
                    self.assertEqual(answer["error"]["code"], "not_found")

    def test_rerun(self):
        thread = self.post("headphones by Brandt")[1]["thread_id"]
        answer = self.post("the second one", thread_id=thread)[1]["message"]
        question = self.history(thread)[1][2]
        for interaction in answer["id"], question["id"]:
            status, branch = self.sim.call("POST", f"messaging/v1/threads/{thread}/rerun",
                                           {"interaction_id": interaction, "text": "the first one"})
            self.assertEqual(status, 200)
            self.assertNotEqual(branch["thread_id"], thread)
            self.assertEqual([c["title"] for c in branch["message"]["cards"]], ["Brandt Studio"])
            self.assertEqual([m["text"] for m in self.history(branch["thread_id"])[1]][::2],
                             ["headphones by Brandt", "the first one"])
        self.assertEqual(len(self.history(thread)[1]), 4)
        for path, body, status in (
                (thread, {"interaction_id": "unknown", "text": "x"}, 404), (thread, {"text": "x"}, 422),
                (thread, {"interaction_id": answer["id"]}, 422),
                ("unknown", {"interaction_id": answer["id"], "text": "x"}, 404)):
            self.assertEqual(self.sim.call("POST", f"messaging/v1/threads/{path}/rerun", body)[0], status)

    def test_suggestions_and_welcome(self):
        status, answer = self.sim.call("POST", "messaging/v1/followup-suggestions", {"context": {"url": "x"}})
        self.assertEqual((status, len(answer["suggestions"])), (200, 3))
        self.assertTrue(answer["metadata_id"])
        status, answer = self.sim.call("POST", "messaging/v1/welcome-message", {"placeholders": {"name": "Ann"}})
        self.assertEqual(status, 200)
        self.assertTrue(answer["welcome_message"].startswith("Hello"))
        for path, body, field in (("followup-suggestions", {"context": 1}, "context"),
                                  ("welcome-message", {"placeholders": {"name": 1}}, "placeholders"),
                                  ("welcome-message", {"placeholders": []}, "placeholders")):
            status, answer = self.sim.call("POST", "messaging/v1/" + path, body)
            self.assertEqual((status, answer["error"]["details"][0]["field"]), (422, field))

    def test_errors(self):
        for method, path, status, code in (
                ("GET", "nothing", 404, "not_found"), ("GET", "messaging/v1/threads//messages", 404, "not_found"),
                ("GET", "messaging/v1/threads/unknown/messages", 404, "not_found"),
                ("GET", "messaging/v1/messages", 405, "method_not_allowed"),
                ("POST", "messaging/v1/threads/x/messages", 405, "method_not_allowed"),
                ("GET", "messaging/v1/messages/stream", 405, "method_not_allowed")):
            got, answer = self.sim.call(method, path, {} if method == "POST" else None)
            self.assertEqual((got, answer["error"]["code"]), (status, code), path)
            self.assertTrue(answer["error"]["message"] and answer["error"]["request_id"])
        for method, path in (("POST", "messaging/v1/messages"), ("GET", "messaging/v1/threads/x/messages"),
                             ("POST", "messaging/v1/welcome-message")):
            self.assertEqual(self.sim.call(method, path, headers={})[0], 401)

    def test_any_prefix(self):
        status, answer = self.sim.call("POST", "welcome-message", {}, base="/eu/apollo-api/messaging/v1/")
        self.assertEqual(status, 200)

    def test_pages_of_any_origin_may_call(self):
        connection = self.sim.connect()
        for method, path, headers in (("OPTIONS", STREAM, {}), ("GET", "nowhere", self.sim.headers())):
            connection.request(method, "/apollo-api/" + path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.getheader("Access-Control-Allow-Origin"), "*")
        self.assertEqual(self.sim.open().getheader("Access-Control-Allow-Origin"), "*")

    def test_canned_answers_come_to_both_apis(self):
        scenario = {"connections": [[]], "rest": ["serve", {"status": 503, "headers": {"Retry-After": "1"}}]}
        with Threads(scenario=scenario) as sim:
            sim.headers()
            self.assertEqual(sim.call("POST", "messaging/v1/welcome-message", {})[0], 503)
            self.assertEqual(sim.call("POST", "messaging/v1/welcome-message", {})[0], 200)


class Scripts(unittest.TestCase):
    """Streams that a scenario makes."""

    def streams(self, *lists, **options):
        sim = Threads("--pace", "0", "--echo", "--envelope", "simple", scenario={"streams": lists}, **options)
        self.addCleanup(sim.__exit__)
        return sim

    def raw(self, sim, text="one two three", headers={}, **fields):
        """All the bytes of a response that ends its connection."""
        body = json.dumps({"text": text, "user_id": "ann", **fields})
        lines = [f"{n}: {v}\r\n" for n, v in sim.headers({"Content-Length": len(body), **headers}).items()]
        with socket.create_connection(("127.0.0.1", sim.port), timeout=TIMEOUT) as s:
            s.sendall(f"POST /apollo-api/{STREAM} HTTP/1.1\r\nHost: x\r\n{''.join(lines)}\r\n{body}".encode())
            try:
                return s.makefile("rb").read()
            except ConnectionResetError:
                return None

    def test_a_cut_stream_is_resumed(self):
        sim = self.streams([{"agent": 2}, {"cut": "fin"}])
        head, body = self.raw(sim).split(b"\r\n\r\n", 1)
        self.assertIn(b"chunked", head)
        self.assertFalse(body.endswith(b"0\r\n\r\n"))
        had = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: ")]
        self.assertEqual(numbers_of(had), [1, 2])
        rest = sim.stream("one two three", {"Last-Event-ID": "2"}, thread_id=had[0]["data"]["thread_id"])
        self.assertEqual("".join(texts_of(had + rest)), "one two three")
        self.assertEqual(rest[0], had[0])

    def test_reset(self):
        sim = self.streams([{"agent": 1}, {"cut": "reset"}])
        with self.assertRaises((ConnectionResetError, http.client.IncompleteRead)):
            sim.open().read()

    def test_numbers_repeat_and_skip(self):
        sim = self.streams([{"agent": 2}, {"again": 1}, {"agent": 1}, {"skip": 1}, {"agent": True}, {"done": True}])
        events = sim.stream("one two three four")
        self.assertEqual(numbers_of(events), [1, 2, 2, 4, 5, 6])
        self.assertEqual(texts_of(events), ["one", " two", " two", " four"])
        self.assertEqual(events[-2]["data"]["text"], "one two three four")

    def test_events_of_ones_own(self):
        sim = self.streams([{"event": "a"}, {"event": "b", "seq": 7}, {"event": "c"}, {"event": "d", "seq": None},
                            {"send": {"type": "news"}}, {"send": "{\n\"type\":\n\"lines\"}"},
                            {"message": {"text": "abcd", "id": "m"}}, {"suggestions": ["x"]}, {"done": True}])
        events = sim.stream("hello")
        self.assertEqual(texts_of(events), ["a", "b", "c", "d"])
        self.assertEqual([e.get("seq") for e in events[1:-1]], [1, 7, 8, None, None, None, 9, 10])
        self.assertEqual([e["type"] for e in events[5:-1]], ["news", "lines", "message", "suggestions"])
        self.assertEqual((events[7]["data"]["text"], events[8]["data"]["interaction_id"]), ("abcd", "m"))
        thread = events[0]["data"]["thread_id"]
        history = sim.call("GET", f"messaging/v1/threads/{thread}/messages")[1]
        self.assertEqual([m["text"] for m in history], ["hello", "abcd"])

    def test_errors(self):
        sim = self.streams([{"agent": 1}, {"error": {}}, {"done": True}], [{"error": {"status_code": 429}}])
        events = sim.stream("one two")
        self.assertEqual(events[2], {"type": "error", "seq": 2, "data": {
            "message": "Something went wrong", "status_code": 500, "error_code": "internal_error"}})
        thread = events[0]["data"]["thread_id"]
        self.assertEqual(len(sim.call("GET", f"messaging/v1/threads/{thread}/messages")[1]), 1)
        self.assertEqual(sim.stream()[-1]["data"]["status_code"], 429)

    def test_the_thread_event(self):
        sim = self.streams([{"thread": False}, {"event": "x"}], [{"thread": {"thread_id": "other"}}, {"agent": 1}],
                           [{"agent": 1}, {"thread": True}, {"agent": True}])
        self.assertEqual([e["type"] for e in sim.stream()], ["event"])
        self.assertEqual(sim.stream()[0], {"type": "thread", "data": {"thread_id": "other"}})
        events = sim.stream("one two")
        self.assertEqual(events[0], events[2])

    def test_framing_and_ends(self):
        sim = self.streams([{"framing": "to the end"}, {"agent": True}, {"done": True}], [{"agent": True}], [])
        answer = self.raw(sim)
        self.assertNotIn(b"chunked", answer)
        self.assertTrue(answer.endswith(b"data: [DONE]\n\n"))
        connection = sim.connect()
        self.assertEqual(events_of(sim.open(connection=connection).read())[-1]["type"], "message")
        descriptor = connection.sock
        self.assertEqual([e["type"] for e in events_of(sim.open(connection=connection).read())], ["thread"])
        self.assertIs(connection.sock, descriptor)

    def test_lines_and_comments(self):
        sim = self.streams(*([{"newline": name}, {"comment": "keep-alive"}, {"agent": True}, {"body": "\n: bye\n\n"},
                              {"done": True}] for name in ("lf", "crlf", "cr")))
        for newline in b"\n", b"\r\n", b"\r":
            body = sim.open("one two").read()
            self.assertIn(newline + newline + b": keep-alive" + newline + newline, body)
            self.assertIn(b"\n: bye\n\ndata: [DONE]" + newline + newline, body)
            self.assertEqual(texts_of(events_of(body)), ["one", " two"])

    def test_bytes(self):
        sim = self.streams([{"agent": 1}, {"raw": "78 79 0d0a"}, {"cut": "fin"}],
                           [{"agent": 1}, {"event": "cut here", "cut_after": 20}])
        self.assertTrue(self.raw(sim).endswith(b"}\n\n\r\nxy\r\n"))
        self.assertTrue(self.raw(sim).endswith(b'}\n\n\r\n3b\r\ndata: {"type":"e'))

    def test_waiting_and_repeating(self):
        sim = self.streams([{"repeat": 3, "steps": [{"event": "x"}, {"wait": 0.1}]}])
        started = time.monotonic()
        self.assertEqual(texts_of(sim.stream()), ["x"] * 3)
        self.assertGreaterEqual(time.monotonic() - started, 0.3)

    def test_responses(self):
        with tempfile.NamedTemporaryFile("r") as log:
            sim = Threads("--pace", "0", "--log", log.name, scenario={"streams": [
                [{"wait": 0.05}, {"response": {"status": 503, "headers": {"Retry-After": "1"}, "body": "busy"}}],
                [{"response": {"status": 502}, "acted": True}], [{"response": "drop"}], [{"response": "ignore"}]]})
            self.addCleanup(sim.__exit__)
            response = sim.open("first")
            self.assertEqual((response.status, response.getheader("Retry-After"), response.read()),
                             (503, "1", b"busy"))
            self.assertEqual(sim.open("second").status, 502)
            with self.assertRaises(http.client.RemoteDisconnected):
                sim.open("third")
            connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=0.3)
            with self.assertRaises(TimeoutError):
                sim.open("fourth", connection=connection)
            connection.close()
            self.assertEqual(sim.stream("fifth")[-1], "[DONE]")
            lines = [json.loads(line) for line in log]
            self.assertEqual([line["text"] for line in lines if line["event"] == "message"], ["second", "fifth"])

    def test_a_bad_token_uses_no_script(self):
        sim = self.streams([{"event": "x"}])
        self.assertEqual(sim.call("POST", STREAM, {"text": "x", "user_id": "y"}, headers={})[0], 401)
        self.assertEqual(texts_of(sim.stream()), ["x"])


class Sockets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.log = tempfile.NamedTemporaryFile("r")
        cls.addClassCleanup(cls.log.close)
        cls.sim = Threads("--pace", "0", "--log", cls.log.name)
        cls.addClassCleanup(cls.sim.__exit__)

    def open(self, sim=None, path=SESSION, token=None):
        sim = sim or self.sim
        bearer = sim.headers()["Authorization"]
        protocol = f"Sec-WebSocket-Protocol: {token or sim.token}, aui-websocket"
        raw = Raw(sim, path=path, headers=[protocol, f"Authorization: {bearer}"])
        self.addCleanup(raw.socket.close)
        return raw

    def say(self, raw, **frame):
        raw.send(json.dumps(frame))

    def ask(self, raw, text, **fields):
        """Says so, and returns all events up to the message."""
        self.say(raw, type="message", agent_id="aui-sim", user_id="ann", text=text, **fields)
        return self.events(raw)

    def events(self, raw):
        events = []
        while not events or events[-1]["type"] not in ("message", "error"):
            events.append(json.loads(raw.frame()[1]))
        return events

    def test_a_client_of_another_make(self):
        async def talk():
            self.sim.headers()
            url = f"ws://127.0.0.1:{self.sim.port}{SESSION}?events=all"
            async with websockets.connect(url, subprotocols=[self.sim.token, "aui-websocket"]) as ws:
                await ws.send(json.dumps({"type": "message", "agent_id": "aui-sim", "user_id": "ann", "text": "hello"}))
                events = []
                while not events or events[-1]["type"] != "message":
                    events.append(json.loads(await asyncio.wait_for(ws.recv(), TIMEOUT)))
                return ws.subprotocol, events
        subprotocol, events = asyncio.run(talk())
        self.assertEqual(subprotocol, "aui-websocket")
        self.assertTrue(events[-1]["data"]["text"].startswith("Hello"))

    def test_a_conversation(self):
        raw = self.open()
        self.assertIn("Sec-WebSocket-Protocol: aui-websocket", raw.head)
        first = self.ask(raw, "headphones by Brandt", context={"url": "x"}, agent_variables={"a": 1})
        self.assertEqual((first[0]["type"], first[0]["seq"]), ("thread", 0))
        thread = first[0]["data"]["thread_id"]
        self.assertEqual(numbers_of(first), list(range(len(first))))
        self.assertEqual(first[1]["data"]["channel"]["event_name"], "thread-message-text-content-updated")
        self.assertEqual(first[-2]["data"]["channel"]["event_name"], "thread-message-text-content-completed")
        self.assertEqual("".join(texts_of(first)), first[-1]["data"]["text"])
        second = self.ask(raw, "the second one", thread_id=thread)
        self.assertEqual(second[0]["type"], "event")
        self.assertEqual(second[0]["seq"], first[-1]["seq"] + 1)
        self.assertEqual([c["title"] for c in second[-1]["data"]["cards"]], ["Brandt Quiet 2"])
        history = self.sim.call("GET", f"messaging/v1/threads/{thread}/messages")[1]
        self.assertEqual([m["id"] for m in history[1::2]], [first[-1]["data"]["id"], second[-1]["data"]["id"]])

    def test_both_carriers_share_a_thread(self):
        thread = self.ask(self.open(), "hello")[0]["data"]["thread_id"]
        events = self.sim.stream("laptops", thread_id=thread)
        self.assertEqual(events[0]["data"]["thread_id"], thread)
        again = self.sim.stream("laptops", {"Last-Event-ID": str(events[1]["seq"])}, thread_id=thread)
        self.assertEqual(again[1:], events[2:])

    def test_resuming(self):
        with open(self.log.name) as log:
            raw = self.open()
            events = self.ask(raw, "laptops")
            log.seek(0, 2)
            for again in raw, self.open():
                self.say(again, type="resume", resume_after=events[5]["seq"])
                self.assertEqual(self.events(again), events[6:])
            self.assertEqual(log.read(), "")

    def test_resuming_while_the_turn_runs(self):
        with tempfile.NamedTemporaryFile("r") as log, \
                Threads("--echo", "--pace", "0.02", "--log", log.name) as sim:
            raw = self.open(sim)
            self.say(raw, type="message", agent_id="aui-sim", user_id="ann", text="one two three four five six")
            had = [json.loads(raw.frame()[1]) for _ in range(3)]
            raw.socket.close()
            raw = self.open(sim)
            self.say(raw, type="resume", resume_after=had[-1]["seq"])
            had += self.events(raw)
            self.assertEqual("".join(texts_of(had)), had[-1]["data"]["text"])
            self.assertEqual([json.loads(line)["event"] for line in log], ["token", "message", "answer"])
            raw.socket.close()

    def test_what_cannot_be_resumed(self):
        with Threads("--echo", "--pace", "0", "--kept-events", "2") as sim:
            raw = self.open(sim)
            self.say(raw, type="resume", resume_after=0)
            self.assertEqual(self.events(raw)[0]["seq"], -1)
            last = self.ask(raw, "one two three four")[-1]["seq"]
            for after, answered in ((last - 2, 2), (last, 0), (last - 3, None), (last + 1, None)):
                self.say(raw, type="resume", resume_after=after)
                if answered is None:
                    error, = self.events(raw)
                    self.assertEqual((error["type"], error["seq"], error["data"]["code"]), ("error", -1, 410))
                else:
                    self.assertEqual(len([raw.frame() for _ in range(answered)]), answered)
            raw.socket.close()

    def test_bad_frames(self):
        good = {"type": "message", "agent_id": "aui-sim", "text": "x"}
        for frame, words in (("{", "expected an object"), ("[]", "expected an object"), ({"type": "ping"}, "type: "),
                             ({**good, "agent_id": "other"}, "agent_id: "), ({"type": "message"}, "agent_id: "),
                             ({**good, "text": None}, "text: "), ({**good, "text": 1}, "text: "),
                             ({**good, "context": []}, "context: "), ({**good, "agent_variables": 1}, "agent_variables: "),
                             ({"type": "resume"}, "resume_after: "), ({"type": "resume", "resume_after": "1"}, "resume_after: ")):
            raw = self.open()
            raw.send(frame if isinstance(frame, str) else json.dumps(frame))
            error = json.loads(raw.frame()[1])
            self.assertEqual((error["type"], error["seq"], error["data"]["code"]), ("error", -1, 422), frame)
            self.assertIn(words, error["data"]["error"])
            self.assertEqual(raw.close_frame(), (1008, "invalid frame"))

    def test_an_unknown_thread_is_no_end(self):
        raw = self.open()
        error, = self.ask(raw, "hello", thread_id="unknown")
        self.assertEqual((error["seq"], error["data"]["code"]), (-1, 404))
        self.assertEqual(self.ask(raw, "hello")[-1]["type"], "message")

    def test_refused_upgrades(self):
        bearer = self.sim.headers()["Authorization"]
        token = self.sim.token
        other = self.sim.exchange()[1]["access_token"]
        for lines, status in ((["Authorization: " + bearer], 400),
                              ([f"Sec-WebSocket-Protocol: aui-websocket, {token}"], 400),
                              ([f"Sec-WebSocket-Protocol: {token}"], 400),
                              (["Sec-WebSocket-Protocol: unknown, aui-websocket"], 401),
                              ([f"Sec-WebSocket-Protocol: {other}, aui-websocket", "Authorization: " + bearer], 401)):
            raw = Raw(self.sim, path=SESSION, headers=lines, upgrade=False)
            answer = raw.rest().decode()
            raw.socket.close()
            self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), (lines, answer))
            self.assertIn('{"error":{"code":', answer)

    def test_newer_agents_refuse(self):
        with Threads("--runtime", "2") as sim:
            raw = self.open(sim)
            error = json.loads(raw.frame()[1])
            self.assertEqual((error["type"], error["seq"]), ("error", -1))
            self.assertIn("Server-Sent Events only", error["data"]["error"])
            self.assertEqual(raw.close_frame()[0], 1008)
            raw.socket.close()

    def test_scenarios(self):
        scenario = {"connections": [[{"agent": 2}, {"send": {"type": "event", "seq": 2}}, {"cut": "reset"}],
                                    [{"agent": True}]]}
        with Threads("--echo", "--pace", "0", scenario=scenario) as sim:
            raw = self.open(sim)
            self.say(raw, type="message", agent_id="aui-sim", user_id="ann", text="one two three")
            had = [json.loads(raw.frame()[1]) for _ in range(4)]
            self.assertEqual(numbers_of(had), [0, 1, 2, 2])
            with self.assertRaises((EOFError, ConnectionResetError)):
                raw.frame()
            raw = self.open(sim)
            self.say(raw, type="resume", resume_after=2)
            self.assertEqual("".join(texts_of(had[:3] + self.events(raw))), "one two three")
            raw.socket.close()

    def test_steps(self):
        receive = {"receive": True}
        scenario = [receive, {"update": "one"}, {"update": " two"}, {"message": {"id": "m", "text": "one two three"}},
                    receive, {"update": "fo"}, {"error": {"status_code": 402, "message": "no more"}},
                    {"receive": True, "recorded": False}, receive, {"record": {"text": "unheard"}},
                    {"message": {"text": "known", "id": "n"}}]
        with Threads("--pace", "0", "--echo", scenario=scenario) as sim:
            raw = self.open(sim)
            for text in "1", "2", "3", "4":
                self.say(raw, type="message", agent_id="aui-sim", user_id="ann", text=text)
            had = [json.loads(raw.frame()[1]) for _ in range(9)]
            self.assertEqual([event["type"] for event in had],
                             ["thread", "event", "event", "message", "thread", "event", "error", "thread", "message"])
            self.assertEqual(numbers_of(had), [0, 1, 2, 3, 0, 1, 2, 0, 1])
            self.assertEqual(texts_of(had), ["one", " two", "fo"])
            self.assertEqual((had[3]["data"]["id"], had[3]["data"]["text"]), ("m", "one two three"))
            self.assertEqual((had[6]["data"]["status_code"], had[6]["data"]["message"]), (402, "no more"))
            told = [sim.call("GET", f"messaging/v1/threads/{had[i]['data']['thread_id']}/messages")[1]
                    for i in (0, 4, 7)]
            self.assertEqual([[message["text"] for message in thread] for thread in told],
                             [["1", "one two three"], ["2"], ["4", "unheard"]])
            raw.socket.close()


class Options(unittest.TestCase):
    def test_mistakes(self):
        for args, words in ((("--token-lifetime", "0"), "--token-lifetime: expected a whole number from 1"),
                            (("--runtime", "3"), "--runtime: expected a whole number from 1 to 2"),
                            (("--kept-events", "x"), "--kept-events: expected a whole number from 0")):
            status, output, errors = run(*args)
            self.assertEqual((status, output), (2, ""))
            self.assertIn(words, errors)


if __name__ == "__main__":
    unittest.main()

"""Tests of the gateway (examples/openresty) by what browsers do: nginx with two workers in front of aui-sim, which share
what they know in nginx's memory and, once more, in Redis. Run with /usr/bin/python3; AUI_SIM and AUI_BUILD name the
build."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import websockets

from harness import (KEY, PATIENCE, PUBLISHABLE_KEY, TIMEOUT, Agent, Browser, Case, Redis, Sim, Stream, WebSocket,
                     free_port, raw_websocket, shown, wait_until)

LAPTOP = "a laptop under $1000"
RECEIVE, FINAL = {"receive": True}, {"message": {}}


class Conversations:
    """What is the same whichever API the agent has."""

    def test_creates_a_task_that_belongs_to_the_browser(self):
        gateway = self.gateway(self.address(self.sim()))
        browser = Browser(gateway)
        answer = browser.post("/api/tasks")
        self.assertEqual(201, answer.status)
        self.assertEqual({"task_id", "welcome_message", "followup_suggestions"}, set(answer.json))
        self.assertRegex(answer.headers["Set-Cookie"],
                         r"^aui_gateway=[0-9a-f]{32}; Path=/; Max-Age=\d+; HttpOnly; SameSite=Strict$")
        cookie = browser.cookie
        browser.create_task()
        self.assertEqual(cookie, browser.cookie)
        self.assertEqual([], browser.get(f"/api/tasks/{answer.json['task_id']}/messages").json["messages"])

    def test_streams_an_answer_and_tells_its_message_as_the_agent_wrote_it(self):
        _, browser, task = self.start("--pace", "0.01")
        events = browser.ask(task, LAPTOP)
        message = events[-1][1]
        self.assertEqual("message", events[-1][0])
        self.assertGreater(len(events), 5)
        self.assertEqual(message["text"], shown(events))
        self.assertEqual([f"m1.{count}" for count in range(1, len(events) + 1)], [id for _, _, id in events])
        history = browser.get(f"/api/tasks/{task}/messages").json["messages"]
        self.assertEqual([LAPTOP, message["text"]], [item["text"] for item in history])
        self.assertEqual(message, history[-1])

    def test_sends_a_message_once_however_often_it_is_asked_for(self):
        _, browser, task = self.start("--pace", "0")
        first = browser.ask(task, LAPTOP)
        self.assertEqual(first[-1][1], browser.ask(task, LAPTOP)[-1][1])
        websocket = self.socket_of(browser)
        websocket.ask(task, LAPTOP, "m1")
        self.assertEqual(("chunk", 0, first[-1][1]["text"]), tuple(map(websocket.receive().get, ("event", "keep", "text"))))
        self.assertEqual(first[-1][1], websocket.receive()["message"])
        self.assertEqual([LAPTOP], self.logged("message"))

    def test_gives_an_answer_up_whose_browser_does_not_come_back(self):
        gateway, browser, task = self.start("--pace", "0.2", GATEWAY_GRACE="0.2")
        stream = browser.chat(task, LAPTOP)
        next(stream)
        stream.close()
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        self.assertEqual("message", browser.ask(browser.create_task(), "headphones")[-1][0])
        self.assertEqual([LAPTOP, "headphones"], self.logged("message"))
        self.assertEqual(1, len(self.logged("answer")))

    def test_hides_everything_from_another_browser(self):
        gateway, browser, task = self.start("--pace", "0")
        browser.ask(task, LAPTOP)
        stranger, nobody, forger = (Browser(gateway) for _ in range(3))
        stranger.create_task()
        forger.cookie = "aui_gateway=" + "0" * 32
        for other in (stranger, nobody, forger):
            self.assertEqual(404, other.get(f"/api/tasks/{task}/messages").status)
            self.assertEqual(404, other.chat(task, "What did they say?", "m2").status)
        websocket = self.socket_of(stranger)
        websocket.ask(task, "What did they say?")
        self.assertEqual(("error", "not_found"), tuple(map(websocket.receive().get, ("event", "kind"))))
        self.assertEqual([403, 403], [self.refuses(nobody), self.refuses(forger)])
        self.assertEqual([LAPTOP], self.logged("message"))

    def test_does_not_adopt_a_cookie_that_somebody_made_up(self):
        gateway = self.gateway(self.address(self.sim()))
        browser = Browser(gateway)
        browser.cookie = made_up = "aui_gateway=" + "a" * 32
        browser.create_task()
        self.assertNotEqual(made_up, browser.cookie)

    def test_answers_over_a_websocket(self):
        _, browser, task = self.start("--pace", "0.01")
        websocket = self.socket_of(browser)
        for number in (1, 2):
            websocket.ask(task, LAPTOP, f"w{number}")
            events = [websocket.receive()]
            while events[-1]["event"] == "chunk":
                events.append(websocket.receive())
            self.assertEqual({f"w{number}"}, {event["id"] for event in events})
            self.assertGreater(len(events), 5)
            self.assertEqual(events[-1]["message"]["text"], shown([("chunk", event, None) for event in events[:-1]]))

    def test_goes_on_with_an_answer_while_nginx_reads_its_configuration_anew(self):
        gateway, browser, task = self.start("--pace", "0.02")
        stream = browser.chat(task, LAPTOP)
        next(stream)
        workers = gateway.workers()
        gateway.signal("HUP")
        wait_until(lambda: set(gateway.workers()) - set(workers), "new workers")
        self.assertEqual("message", browser.ask(task, "headphones", "m2")[-1][0])
        self.assertEqual("message", list(stream)[-1][0])

    def test_stops_an_answer_on_a_websocket(self):
        _, browser, task = self.start("--pace", "0.2")
        websocket = self.socket_of(browser)
        websocket.ask(task, LAPTOP)
        self.assertEqual("chunk", websocket.receive()["event"])
        websocket.send({"event": "cancel", "id": "w1"})
        while (event := websocket.receive())["event"] == "chunk":
            pass
        self.assertEqual(("error", "canceled", "w1"), (event["event"], event["kind"], event["id"]))
        self.assertEqual([], self.logged("answer"))

    def test_gives_answers_up_whose_websocket_is_gone(self):
        gateway, browser, task = self.start("--pace", "0.2", GATEWAY_GRACE="0.2")
        websocket = WebSocket(browser)
        websocket.ask(task, LAPTOP)
        websocket.receive()
        websocket.cut()
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        self.assertEqual([], self.logged("answer"))

    def test_gives_an_answer_up_whose_browser_came_back_and_left_again(self):
        gateway, browser, _ = self.start("--echo", "--pace", "0.5", GATEWAY_GRACE="2")
        text = "word " * 200
        ways_to_leave = (Stream.close, WebSocket.cut, self.stop)
        for number, leave in enumerate(ways_to_leave, 1):
            task = browser.create_task()
            self.come_back(browser, gateway, task, text, leave, number)
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}') == 3, "the end of the answers")
        self.assertEqual([], self.logged("answer"))

    def come_back(self, browser, gateway, task, text, leave, times):
        """A browser begins an answer, leaves, comes back for it, and leaves again."""
        stream = browser.chat(task, text, "m1")
        next(stream)
        stream.close()
        if leave == Stream.close:
            back = browser.chat(task, text, "m1")
        else:
            back = WebSocket(browser) if leave == WebSocket.cut else self.socket_of(browser)
            back.ask(task, text, "m1")
        wait_until(lambda: gateway.metric("gateway_resumes_total") == times, "the browser's return")
        leave(back)

    def stop(self, websocket):
        websocket.send({"event": "cancel", "id": "m1"})
        self.assertEqual(("m1", "error", "canceled"), tuple(map(websocket.receive().get, ("id", "event", "kind"))))


class Tasks(Conversations):
    """What is the same of the tasks API, whatever the workers share their knowledge in."""

    def test_keeps_empty_arrays_what_they_are(self):
        _, browser, task = self.start("--echo", "--pace", "0")
        for message in browser.ask(task, LAPTOP)[-1][1], browser.get(f"/api/tasks/{task}/messages").json["messages"][1]:
            self.assertEqual(([], []), (message["options"], message["followup_suggestions"]))

    def test_finds_an_answer_among_others_that_came_at_the_same_time(self):
        _, browser, task = self.start("--pace", "0.02", GATEWAY_GRACE="60")
        streams = [browser.chat(task, LAPTOP, id) for id in ("m1", "m2")]
        answers = [list(stream)[-1][1] for stream in streams]
        self.assertEqual(answers, [browser.ask(task, LAPTOP, id)[-1][1] for id in ("m1", "m2")])

    def test_gives_an_answer_up_when_its_browser_sends_something_else(self):
        gateway, browser, task = self.start("--pace", "0.1", GATEWAY_GRACE="60")
        stream = browser.chat(task, LAPTOP, "m1")
        next(stream)
        stream.close()
        self.assertEqual("message", browser.ask(task, "headphones", "m2")[-1][0])
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        self.assertEqual(1, len(self.logged("answer")))

    def test_gives_an_answer_up_when_its_browser_came_back_and_sends_something_else(self):
        gateway, browser, task = self.start("--echo", "--pace", "0.5", GATEWAY_GRACE="60")
        self.come_back(browser, gateway, task, "word " * 200, Stream.close, 1)
        stream = browser.chat(task, LAPTOP, "m2")
        next(stream)
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        self.assertEqual("message", list(stream)[-1][0])

    def test_shows_text_at_once_while_the_agent_is_still_writing(self):
        _, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}])
        with_nothing_behind = browser.chat(task, LAPTOP)
        self.assertEqual(("chunk", {"keep": 0, "text": "I found"}, "m1.1"), next(with_nothing_behind))
        with_nothing_behind.close()

    def test_tells_what_the_agent_takes_back(self):
        _, browser, task = self.start(scenario=[RECEIVE, {"update": "It costs €300"}, {"update": "It costs €279"}, FINAL])
        events = browser.ask(task, LAPTOP)
        self.assertEqual("It costs €279", shown(events))

    def test_takes_a_dropped_stream_up_again_from_the_history(self):
        scenario = [RECEIVE, {"update": "One"}, {"wait": 1}, {"message": {"text": "One and two"}}]
        gateway, browser, task = self.start(scenario=scenario)
        stream = browser.chat(task, LAPTOP)
        _, _, last_id = next(stream)
        stream.close()
        events = browser.ask(task, LAPTOP, Last_Event_ID=last_id)
        self.assertEqual(("chunk", {"keep": 0, "text": "One and two"}), events[0][:2])
        self.assertEqual(("message", "One and two"), (events[1][0], events[1][1]["text"]))
        self.assertEqual([LAPTOP], self.logged("message"))
        self.assertEqual(1, gateway.metric("gateway_resumes_total"))

    def test_lets_an_answer_go_on_that_its_browser_has_come_back_for(self):
        scenario = [RECEIVE, {"update": "One"}, {"wait": 9}, {"message": {"text": "One and two"}}]
        _, browser, task = self.start(scenario=scenario, GATEWAY_GRACE="2")
        stream = browser.chat(task, LAPTOP)
        next(stream)
        stream.close()
        self.assertEqual("One and two", shown(browser.ask(task, LAPTOP)))

    def test_does_not_take_an_earlier_answer_to_the_same_words_for_the_one_that_is_missing(self):
        def message(id, sender, text):
            return {"id": id, "text": text, "sender": {"id": "x", "type": sender}}
        first = [message("a", "user", "More"), message("b", "agent", "First")]
        second = [*first, message("c", "user", "More"), message("d", "agent", "Second")]
        _, browser, task = self.start(GATEWAY_WORKERS="1", scenario={  # so that the scenario's connection goes on
            "connections": [[RECEIVE, {"message": {"id": "b", "text": "First"}}, RECEIVE, {"update": "Sec"}]],
            "rest": ["serve", {"status": 200, "body": json.dumps(first)}, {"status": 200, "body": json.dumps(second)}]})
        self.assertEqual("First", shown(browser.ask(task, "More", "m1")))
        stream = browser.chat(task, "More", "m2")
        next(stream)
        stream.close()
        self.assertEqual("Second", shown(browser.ask(task, "More", "m2")))

    def test_tells_a_browser_that_has_come_back_of_a_message_that_did_not_arrive(self):
        error = {"status_code": 429, "message": "Slow down", "extra_data": {"retry_after": 3}}
        busy, away = [RECEIVE, {"error": error}, {"close": 1008}], [{"handshake": {"status": 401}}]
        gateway, browser, task = self.start(scenario={"connections": [busy, away, [{"agent": True}]]})
        first = browser.chat(task, LAPTOP)
        wait_until(lambda: self.logged("message"), "the message")
        ends = [list(stream)[-1] for stream in (browser.chat(task, LAPTOP), first)]
        self.assertEqual(1, gateway.metric("gateway_resumes_total"))
        self.assertEqual([("error", "auth", "no")] * 2, [(end[0], end[1]["kind"], end[1]["delivered"]) for end in ends])
        self.assertEqual("message", browser.ask(task, LAPTOP)[-1][0])
        self.assertEqual("message", browser.ask(task, LAPTOP)[-1][0])
        self.assertEqual([LAPTOP] * 2, self.logged("message"))

    def test_tells_a_browser_that_comes_back_too_late_that_the_answer_was_given_up(self):
        gateway, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}], GATEWAY_GRACE="0.2")
        stream = browser.chat(task, LAPTOP)
        next(stream)
        stream.close()
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")
        [(kind, data, _)] = browser.ask(task, LAPTOP)
        self.assertEqual(("error", "canceled", "maybe"), (kind, data["kind"], data["delivered"]))

    def test_keeps_a_connection_for_one_conversation(self):
        # An agent that says more when its answer has ended must not be heard by another browser.
        scenario = [RECEIVE, {"message": {"text": "first"}}, RECEIVE, {"message": {"text": "second"}}]
        gateway, browser, task = self.start(scenario=scenario, GATEWAY_WORKERS="1")
        other = Browser(gateway)
        other_task = other.create_task()
        answers = [browser.ask(task, "1", "m1"), other.ask(other_task, "2", "m2"), browser.ask(task, "3", "m3")]
        self.assertEqual(["first", "first", "second"], [events[-1][1]["text"] for events in answers])

    def test_sends_a_large_answer_over_a_websocket(self):
        text = "€" * 100_000
        _, browser, task = self.start(scenario=[RECEIVE, {"update": text}, FINAL])
        websocket = self.socket_of(browser)
        websocket.ask(task, LAPTOP)
        events = [websocket.receive()]
        while events[-1]["event"] == "chunk":
            events.append(websocket.receive())
        self.assertEqual(text, shown([("chunk", event, None) for event in events[:-1]]))
        self.assertEqual(text, events[-1]["message"]["text"])

    def test_stops_on_a_websocket_to_wait_for_an_answer_that_comes_elsewhere(self):
        _, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}])
        stream = browser.chat(task, LAPTOP, "m1")
        next(stream)
        websocket = self.socket_of(browser)
        websocket.ask(task, LAPTOP, "m1")
        websocket.ask(task, LAPTOP, "m2")
        self.assertEqual(("m2", "rate_limit", True), tuple(map(websocket.receive().get, ("id", "kind", "retryable"))))
        websocket.send({"id": "m1", "event": "cancel"})
        self.assertEqual(("m1", "error", "canceled"), tuple(map(websocket.receive().get, ("id", "event", "kind"))))
        stream.close()

    def test_stops_at_once_however_long_the_agent_takes_for_a_history(self):
        gateway, browser, task = self.start(scenario={
            "connections": [[RECEIVE, {"update": "I found"}], [{"agent": True}]], "rest": ["serve", "ignore"]})
        stream = browser.chat(task, LAPTOP, "m1")
        next(stream)
        websocket = self.socket_of(browser)
        websocket.ask(task, LAPTOP, "m1")
        wait_until(lambda: gateway.metric("gateway_resumes_total"), "the wait for the answer")
        self.stop(websocket)
        websocket.ask(task, "headphones", "m2")
        self.assertEqual(("m2", "chunk"), tuple(map(websocket.receive().get, ("id", "event"))))
        self.assertEqual(0, gateway.metric('aui_calls_total{outcome="timeout"}'))  # the look-up goes on unheard
        stream.close()


class Threads(Conversations, Case):
    """The same of the threads API."""

    settings = {"AUI_PUBLISHABLE_KEY": PUBLISHABLE_KEY}

    def address(self, sim):
        return sim.base()

    def test_goes_on_in_the_thread_that_the_first_message_has_made(self):
        gateway, browser, task = self.start("--pace", "0")
        browser.ask(task, "Wireless headphones", "m1")
        self.assertIn("Here is what I know", shown(browser.ask(task, "Tell me more about the first one", "m2")))
        other = Browser(gateway)
        self.assertNotIn("Here is what I know", shown(other.ask(other.create_task(), "Tell me more about the first one")))
        self.assertEqual(4, len(browser.get(f"/api/tasks/{task}/messages").json["messages"]))

    def test_takes_a_dropped_stream_up_again_from_the_transcript(self):
        stream = [{"event": "One"}, {"wait": 1}, {"message": {"text": "One and two"}}, {"done": True}]
        gateway, browser, task = self.start(scenario={"streams": [stream]})
        stream = browser.chat(task, LAPTOP)
        _, _, last_id = next(stream)
        stream.close()
        events = browser.ask(task, LAPTOP, Last_Event_ID=last_id)
        self.assertEqual(("chunk", {"keep": 0, "text": "One and two"}), events[0][:2])
        self.assertEqual([LAPTOP], self.logged("message"))
        self.assertEqual(1, gateway.metric("gateway_resumes_total"))

    def test_goes_on_with_an_answer_whose_connection_to_the_agent_was_cut(self):
        _, browser, task = self.start("--pace", "0", scenario={"streams": [[{"agent": 2}, {"cut": "reset"}]]})
        events = browser.ask(task, LAPTOP)
        self.assertEqual("message", events[-1][0])
        self.assertEqual(events[-1][1]["text"], shown(events))
        self.assertEqual([LAPTOP], self.logged("message"))

    def test_begins_a_thread_by_one_message(self):
        wait = [{"wait": 1}, {"agent": True}, {"done": True}]
        _, browser, task = self.start("--pace", "0", scenario={"streams": [[{"thread": False}, *wait]]})
        first = browser.chat(task, LAPTOP, "m1")
        wait_until(lambda: self.logged("message"), "the message")
        [(kind, error, _)] = browser.ask(task, "headphones", "m2")
        self.assertEqual(("error", "rate_limit", True, "no"), (kind, error["kind"], error["retryable"], error["delivered"]))
        self.assertEqual("message", list(first)[-1][0])
        self.assertEqual("message", browser.ask(task, "headphones", "m2")[-1][0])
        self.assertEqual([LAPTOP, "headphones"], self.logged("message"))

    def test_answers_a_browser_that_comes_back_while_its_first_message_is_connected_for(self):
        sim = self.sim("--pace", "0")
        gateway = self.gateway(self.address(sim))
        browser = Browser(gateway)
        task = browser.create_task()
        gateway.configure("")  # new workers have no token yet, nor connections
        websocket = self.socket_of(browser)
        self.hold(sim)
        browser.chat(task, LAPTOP, "m1").close()
        back = browser.chat(task, LAPTOP, "m1")
        websocket.ask(task, LAPTOP, "m1")
        back.wait_for_a_comment()
        sim.process.send_signal(signal.SIGCONT)
        self.assertEqual("message", list(back)[-1][0])
        while (event := websocket.receive())["event"] == "chunk":
            pass
        self.assertEqual("message", event["event"])
        self.assertEqual([LAPTOP], self.logged("message"))

    def hold(self, sim):
        """From now on it answers nothing, until it gets SIGCONT."""
        self.addCleanup(sim.process.send_signal, signal.SIGCONT)
        sim.process.send_signal(signal.SIGSTOP)

    def test_tells_that_a_key_is_refused(self):
        gateway = self.gateway(self.address(self.sim()), AUI_PUBLISHABLE_KEY="pk_network_" + KEY[::-1])
        answer = Browser(gateway).post("/api/tasks")
        self.assertEqual((502, "auth"), (answer.status, answer.error["kind"]))


class InMemory(Tasks, Case):
    pass


class SharedStore(Case):
    """With a Redis for all gateways."""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.settings = cls.settings | {"AUI_REDIS": f"127.0.0.1:{cls.redis.port}"}

    def move(self, browser, gateway):
        """The browser's requests go to another gateway from now on."""
        browser.port, browser.origin = gateway.port, f"http://127.0.0.1:{gateway.port}"


class InRedis(SharedStore, Tasks):
    def test_shares_conversations_between_machines(self):
        sim = self.sim("--pace", "0")
        here, there = self.gateway(sim.url), self.gateway(sim.url)
        browser = Browser(here)
        task = browser.create_task()
        answer = browser.ask(task, LAPTOP)[-1][1]
        self.move(browser, there)
        self.assertEqual(2, len(browser.get(f"/api/tasks/{task}/messages").json["messages"]))
        self.assertEqual(answer, browser.ask(task, LAPTOP)[-1][1])
        self.assertEqual([LAPTOP], self.logged("message"))


class ThreadsInRedis(SharedStore):
    """What all machines have to know of a thread."""

    settings = {"AUI_PUBLISHABLE_KEY": PUBLISHABLE_KEY}

    def test_goes_on_in_a_thread_on_another_machine(self):
        sim = self.sim("--pace", "0")
        here, there = self.gateway(sim.base()), self.gateway(sim.base())
        browser = Browser(here)
        task = browser.create_task()
        answer = browser.ask(task, "Wireless headphones", "m1")[-1][1]
        self.move(browser, there)
        self.assertEqual(answer, browser.ask(task, "Wireless headphones", "m1")[-1][1])
        self.assertIn("Here is what I know", shown(browser.ask(task, "Tell me more about the first one", "m2")))
        self.assertEqual(4, len(browser.get(f"/api/tasks/{task}/messages").json["messages"]))

    def test_begins_a_thread_by_one_message_on_all_machines(self):
        wait = [{"wait": 1}, {"agent": True}, {"done": True}]
        sim = self.sim("--pace", "0", scenario={"streams": [[{"thread": False}, *wait]]})
        here, there = self.gateway(sim.base()), self.gateway(sim.base())
        browser = Browser(here)
        task = browser.create_task()
        first = browser.chat(task, LAPTOP, "m1")
        wait_until(lambda: self.logged("message"), "the message")
        self.move(browser, there)
        [(kind, error, _)] = browser.ask(task, "headphones", "m2")
        self.assertEqual(("error", "rate_limit", "no"), (kind, error["kind"], error["delivered"]))
        self.assertEqual("message", list(first)[-1][0])
        self.assertEqual("message", browser.ask(task, "headphones", "m2")[-1][0])
        self.assertEqual([LAPTOP, "headphones"], self.logged("message"))


    def test_sends_a_message_once_another_machine_has_failed_to(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        here = self.gateway(f"http://127.0.0.1:{silent.getsockname()[1]}/apollo-api")
        there = self.gateway(self.sim().base())
        browser = Browser(there)
        task = browser.create_task()
        self.move(browser, here)
        stream = browser.chat(task, LAPTOP, "m1")
        connection = silent.accept()[0]
        self.move(browser, there)
        back = browser.chat(task, LAPTOP, "m1")
        back.wait_for_a_comment()
        self.assert_not_delivered(browser.ask(task, LAPTOP, "m2")[-1])
        self.assertEqual([], self.logged("message"))
        silent.close()
        connection.close()
        self.assert_not_delivered(list(stream)[-1])
        self.assertEqual("message", list(back)[-1][0])
        self.assertEqual([LAPTOP], self.logged("message"))

    def assert_not_delivered(self, event):
        self.assertEqual(("error", "no"), (event[0], event[1]["delivered"]))


class WithDeadWorkers(Case):
    def end(self, gateway):
        self.assertIn("exited on signal 9", "\n".join(gateway.stop()))

    def test_finds_the_answer_whose_worker_has_died(self):
        gateway, browser, task = self.start(scenario=[RECEIVE, {"update": "One"}, {"record": {"text": "One and two"}}])
        stream = browser.chat(task, LAPTOP)
        next(stream)
        workers = gateway.workers()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(gateway.workers()) - set(workers)) == 2, "new workers")
        self.assertEqual("One and two", shown(browser.ask(task, LAPTOP)))
        self.assertEqual([LAPTOP], self.logged("message"))


    def test_sends_a_message_whose_worker_died_before_it_was_connected(self):
        sim = self.sim(scenario={"connections": [[{"handshake": "ignore"}], [{"agent": True}]]})
        gateway = self.gateway(sim.url, GATEWAY_WORKERS="1")
        browser = Browser(gateway)

        def descriptors():
            return len(os.listdir(f"/proc/{sim.process.pid}/fd"))
        before = descriptors()
        task = browser.create_task()
        wait_until(lambda: descriptors() == before, "the end of the REST call")
        browser.chat(task, LAPTOP)
        wait_until(lambda: descriptors() > before, "the connection to the agent")
        [worker] = gateway.workers()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: set(gateway.workers()) - {worker}, "a new worker")
        events = browser.ask(task, LAPTOP)
        if events[-1][0] == "error":  # the agent had not read the first handshake, and ignored the second
            events = browser.ask(task, LAPTOP)
        self.assertEqual("message", events[-1][0])
        self.assertEqual([LAPTOP], self.logged("message"))


class FullMemory(Case):
    def test_forgets_conversations_without_a_message_before_others(self):
        gateway = self.gateway(self.sim("--pace", "0").url, GATEWAY_RATE="100000")
        gateway.configure("", ("gateway_empty 8m", "gateway_empty 32k"))
        browser = Browser(gateway)
        task = browser.create_task()
        browser.ask(task, LAPTOP)
        strangers = [Browser(gateway) for _ in range(300)]
        tasks = [stranger.create_task() for stranger in strangers]
        statuses = [who.get(f"/api/tasks/{whose}/messages").status
                    for who, whose in ((strangers[0], tasks[0]), (strangers[-1], tasks[-1]), (browser, task))]
        self.assertEqual([404, 200, 200], statuses)
        self.assertEqual("message", strangers[-1].ask(tasks[-1], LAPTOP)[-1][0])


class WithAClockThatIsSet(Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.clock, library = directory.name + "/clock", directory.name + "/clock.so"
        source = os.path.join(os.path.dirname(__file__), "clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", f'-DCLOCK="{self.clock}"', "-o", library, source], check=True)
        self.settings = {"LD_PRELOAD": library}

    def set_back(self):
        """The clock stands at an hour ago from now on."""
        with open(self.clock, "w"):
            pass
        os.utime(self.clock, (time.time() - 3600,) * 2)

    def test_gives_an_answer_up_whose_browser_does_not_come_back(self):
        gateway, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}], GATEWAY_GRACE="0.2")
        stream = browser.chat(task, LAPTOP)
        next(stream)
        self.set_back()
        stream.close()
        wait_until(lambda: gateway.metric('aui_replies_total{outcome="canceled"}'), "the end of the answer")

    def test_gives_nobody_more_calls(self):
        def statuses():
            os.path.exists(self.clock) and os.remove(self.clock)
            browser = Browser(self.gateway(self.sim().url, GATEWAY_RATE="1"))
            before = [browser.get("/api/tasks/guess/messages").status for _ in range(2)]
            self.set_back()
            return [*before, browser.get("/api/tasks/guess/messages").status]
        expected = [404, 429, 429]
        self.assertIn(expected, (statuses(), statuses()))  # a minute may end between them, but not twice


class WithoutRedis(Case):
    def end(self, gateway):
        self.assertIn("redis: connection refused", "\n".join(gateway.stop()))

    def test_says_that_it_is_not_healthy(self):
        redis = Redis()
        gateway = self.gateway(self.sim().url, AUI_REDIS=f"127.0.0.1:{redis.port}")
        browser = Browser(gateway)
        browser.create_task()
        redis.stop()
        wait_until(lambda: browser.get("/healthz").status == 503, "somebody's look at the store")
        for other in browser, Browser(gateway):
            refusals = [other.post("/api/tasks"), other.get("/api/tasks/x/messages"), other.chat("x", LAPTOP)]
            for answer in refusals[:1] if other.cookie is None else refusals:
                self.assertEqual((503, "server", True), (answer.status, answer.error["kind"], answer.error["retryable"]))
                self.assertEqual(("5", "no"), (answer.headers["Retry-After"], answer.error["delivered"]))

    def test_tells_so_on_a_websocket(self):
        redis = Redis()
        browser = Browser(self.gateway(self.sim().url, AUI_REDIS=f"127.0.0.1:{redis.port}"))
        task = browser.create_task()
        websocket = self.socket_of(browser)
        redis.stop()
        for id in ("w1", "w2"):
            websocket.ask(task, LAPTOP, id)
            error = websocket.receive()
            self.assertEqual((id, "server", True, "no"), tuple(map(error.get, ("id", "kind", "retryable", "delivered"))))

    def test_gives_an_answer_up_whose_browser_is_gone(self):
        redis, sim = Redis(), self.sim(scenario=[RECEIVE, {"update": "I found"}])
        gateway = self.gateway(sim.url, AUI_REDIS=f"127.0.0.1:{redis.port}", GATEWAY_GRACE="0.2")
        browser = Browser(gateway)

        def descriptors():
            return len(os.listdir(f"/proc/{sim.process.pid}/fd"))
        before = descriptors()
        stream = browser.chat(browser.create_task(), LAPTOP)
        next(stream)
        redis.stop()
        stream.close()
        wait_until(lambda: descriptors() == before, "the end of the answer")


class FullRedis(SharedStore):
    settings = {"AUI_PUBLISHABLE_KEY": PUBLISHABLE_KEY}

    def address(self, sim):
        return sim.base()

    def fill(self):
        self.redis.set_memory(1)
        self.addCleanup(self.redis.set_memory, 0)

    def end(self, gateway):
        self.assertIn("redis: OOM", "\n".join(gateway.stop()))

    def test_sends_no_message_and_says_so(self):
        _, browser, task = self.start("--pace", "0")
        self.fill()
        [(kind, error, _)] = browser.ask(task, LAPTOP)
        self.assertEqual(("error", "server", True, "no"), (kind, error["kind"], error["retryable"], error["delivered"]))
        self.redis.set_memory(0)
        self.assertEqual("message", browser.ask(task, LAPTOP)[-1][0])
        self.assertEqual([LAPTOP], self.logged("message"))

    def test_goes_on_in_a_thread_that_could_not_be_noted_during_its_first_answer(self):
        stream = [{"wait": 2}, {"agent": True}, {"done": True}]
        _, browser, task = self.start("--pace", "0", scenario={"streams": [stream]})
        first = browser.chat(task, "Wireless headphones", "m1")
        wait_until(lambda: self.logged("message"), "the message")
        self.fill()
        self.assertEqual("message", list(first)[-1][0])
        self.redis.set_memory(0)
        wait_until(lambda: browser.get(f"/api/tasks/{task}/messages").json["messages"], "the thread")
        self.assertIn("Here is what I know", shown(browser.ask(task, "Tell me more about the first one", "m2")))


class Failures(Case):
    def test_tells_that_the_agent_is_away(self):
        gateway, browser, task = self.start(scenario=[{"handshake": {"status": 503}}])
        kind, data, _ = browser.ask(task, LAPTOP)[-1]
        self.assertEqual(("error", "server", True, "no"), (kind, data["kind"], data["retryable"], data["delivered"]))
        self.assertNotIn("127.0.0.1", data["message"])
        self.assertEqual(1, gateway.metric('aui_connections_total{outcome="server"}'))

    def test_sends_a_message_again_that_did_not_arrive(self):
        _, browser, task = self.start(scenario={"connections": [[{"handshake": {"status": 503}}], [{"agent": True}]]})
        self.assertEqual("error", browser.ask(task, LAPTOP)[-1][0])
        self.assertEqual("message", browser.ask(task, LAPTOP)[-1][0])

    def test_waits_as_long_as_a_busy_agent_asks(self):
        error = {"status_code": 429, "message": "Slow down", "extra_data": {"retry_after": 1}}
        _, browser, task = self.start(scenario={"connections": [
            [RECEIVE, {"error": error}, {"close": 1008}], [{"agent": True}]]})
        self.assertEqual("message", browser.ask(task, LAPTOP)[-1][0])

    def test_passes_on_what_an_agent_refuses(self):
        error = {"status_code": 400, "message": f"The key {KEY} may not say that"}
        _, browser, task = self.start(scenario=[RECEIVE, {"error": error}, {"close": 1008}])
        [(kind, data, _)] = browser.ask(task, LAPTOP)
        self.assertEqual(("error", "application", False), (kind, data["kind"], data["retryable"]))

    def test_refuses_with_a_status_when_a_rest_call_fails(self):
        sim = self.sim(scenario={"connections": [[]], "rest": [
            {"status": 401, "body": json.dumps({"message": f"Invalid API key {KEY}"})},
            {"status": 500}, "drop", {"status": 429, "headers": {"Retry-After": "9"}}]})
        browser = Browser(self.gateway(sim.url))
        answers = [browser.post("/api/tasks") for _ in range(4)]
        self.assertEqual([502, 502, 502, 429], [answer.status for answer in answers])
        self.assertEqual(["auth", "server", "transport", "rate_limit"], [answer.error["kind"] for answer in answers])
        self.assertEqual("9", answers[3].headers["Retry-After"])
        self.assertNotIn(KEY, "".join(answer.text for answer in answers))

    def test_tells_to_wait_for_whole_seconds_and_no_more_than_an_hour(self):
        error = {"status_code": 429, "message": "Slow down", "extra_data": {}}
        waits = [1e300, 0.5, -3]
        sim = self.sim(scenario={"connections": [[]], "rest": [
            {"status": 429, "body": json.dumps(error | {"extra_data": {"retry_after": wait}})} for wait in waits]})
        browser = Browser(self.gateway(sim.url))
        answers = [browser.post("/api/tasks") for _ in waits]
        self.assertEqual(["3600", "1", "0"], [answer.headers["Retry-After"] for answer in answers])

    def test_takes_no_task_whose_id_is_none(self):
        ids = ["x\r\nSet-Cookie: a=b", "a:b", "../x", "", "x" * 65, 7]
        sim = self.sim(scenario={"connections": [[]], "rest": [
            {"status": 200, "body": json.dumps({"id": id})} for id in ids]})
        browser = Browser(self.gateway(sim.url))
        answers = [browser.post("/api/tasks") for _ in ids]
        self.assertEqual([(502, "protocol")] * len(ids), [(answer.status, answer.error["kind"]) for answer in answers])

    def test_takes_no_task_that_is_too_long(self):
        tasks = [{"id": "t1", "welcome_message": "x" * size} for size in (60_000, 70_000)]
        sim = self.sim(scenario={"connections": [[]], "rest": [
            {"status": 200, "body": json.dumps(task)} for task in tasks]})
        browser = Browser(self.gateway(sim.url))
        self.assertEqual(201, browser.post("/api/tasks").status)
        answer = browser.post("/api/tasks")
        self.assertEqual((502, "overflow", False), (answer.status, answer.error["kind"], answer.error["retryable"]))

    def test_gives_no_browser_the_task_of_another(self):
        same = {"status": 200, "body": json.dumps({"id": "task-1"})}
        sim = self.sim(scenario={"connections": [[RECEIVE, FINAL]], "rest": [same, same, same, same, "serve"]})
        gateway = self.gateway(sim.url)
        browser, other = Browser(gateway), Browser(gateway)
        self.assertEqual([201, 502, 201], [each.post("/api/tasks").status for each in (browser, other, browser)])
        self.assertEqual("message", browser.ask("task-1", LAPTOP)[-1][0])
        self.assertEqual(502, other.post("/api/tasks").status)
        self.assertEqual(404, other.get("/api/tasks/task-1/messages").status)
        self.assertEqual(200, browser.get("/api/tasks/task-1/messages").status)

    def test_lets_the_agent_write_no_lines_into_the_log(self):  # each line of which is checked at the end
        words = json.dumps({"message": "no\r\n2025/10/09 [alert] forged\033[31m"})
        sim = self.sim(scenario={"connections": [[]], "rest": [{"status": 500, "body": words}]})
        gateway = self.gateway(sim.url)
        self.assertEqual(502, Browser(gateway).post("/api/tasks").status)
        self.assertIn("no 2025/10/09 [alert] forged [31m", gateway.log())

    def test_recovers_an_answer_when_the_connection_to_the_agent_dies(self):
        gateway, browser, task = self.start(scenario={"connections": [
            [RECEIVE, {"update": "I found"}, {"record": {"text": "I found three."}}, {"cut": "reset"}], [{"agent": True}]]})
        events = browser.ask(task, LAPTOP)
        self.assertEqual(("message", "I found three."), (events[-1][0], shown(events)))
        self.assertGreaterEqual(gateway.metric('aui_connections_total{outcome="ok"}'), 2)

    def test_sends_signs_of_life_while_the_agent_thinks(self):
        _, browser, task = self.start(scenario=[RECEIVE, {"wait": 1}, {"update": "Hm"}, FINAL], GATEWAY_HEARTBEAT="0.1")
        stream = browser.chat(task, LAPTOP)
        self.assertEqual("Hm", next(stream)[1]["text"])
        self.assertGreater(stream.comments, 2)

    def test_does_not_start_with_settings_that_make_no_sense(self):
        for settings, words in (({"AUI_URL": "http://127.0.0.1/"}, 'url: expected "ws://..."'),
                                ({"GATEWAY_RATE": "many"}, "GATEWAY_RATE: expected a number from 1 to"),
                                ({"GATEWAY_RATE": "0.5"}, "GATEWAY_RATE: expected a number from 1 to"),
                                ({"GATEWAY_HEARTBEAT": "inf"}, "GATEWAY_HEARTBEAT: expected a number from 0.1 to 30"),
                                ({"GATEWAY_HEARTBEAT": "60"}, "GATEWAY_HEARTBEAT: expected a number from 0.1 to 30"),
                                ({"GATEWAY_GRACE": "-1"}, "GATEWAY_GRACE: expected a number from 0 to 300"),
                                ({"GATEWAY_ORIGIN": "https://shop.example/"}, "GATEWAY_ORIGIN: expected an origin"),
                                ({"GATEWAY_ORIGIN": "shop.example"}, "GATEWAY_ORIGIN: expected an origin"),
                                ({"GATEWAY_ORIGIN": "https://shop.example:443"}, "GATEWAY_ORIGIN: expected an origin"),
                                ({"GATEWAY_ORIGIN": "http://[::1]:80"}, "GATEWAY_ORIGIN: expected an origin"),
                                ({"GATEWAY_ORIGIN": "http://shop:70000"}, "GATEWAY_ORIGIN: expected an origin"),
                                ({"GATEWAY_PICTURES": "https://a https://b/; x"}, "GATEWAY_PICTURES: expected"),
                                ({"GATEWAY_PICTURES": "http://a"}, "GATEWAY_PICTURES: expected"),
                                ({"AUI_REDIS": "127.0.0.1:99999"}, "AUI_REDIS: expected host:port"),
                                ({"AUI_REDIS": "localhost"}, "AUI_REDIS: expected host:port")):
            with self.assertRaisesRegex(AssertionError, re.escape(words)):
                self.gateway("ws://127.0.0.1:1/api/v1/external/session", **settings)


class Waiting(Case):
    """Browsers that came back for an answer, which is looked for in the task's history."""

    def agent(self, history):
        agent = Agent(history)
        self.addCleanup(agent.close)
        return agent

    @staticmethod
    def answered(text):
        return [{"id": kind, "text": text, "sender": {"id": "x", "type": kind}} for kind in ("user", "agent")]

    def test_all_who_wait_for_a_task_share_the_look_ups(self):
        agent = self.agent(lambda _: self.answered(LAPTOP))
        gateway = self.gateway(agent.url, GATEWAY_WORKERS="1")
        browser = Browser(gateway)
        task = browser.create_task()
        streams = [browser.chat(task, LAPTOP, f"m{number}", Last_Event_ID=f"m{number}.1") for number in range(8)]
        self.assertEqual([LAPTOP] * 8, [shown(list(stream)) for stream in streams])
        self.assertLess(agent.looks, 8)

    def test_a_message_of_which_nothing_is_known_is_looked_for_once(self):
        agent = self.agent(lambda _: [])
        browser = Browser(self.gateway(agent.url))
        [(kind, data, _)] = browser.ask(browser.create_task(), LAPTOP, Last_Event_ID="m1.1")
        self.assertEqual(("error", "timeout", "maybe"), (kind, data["kind"], data["delivered"]))
        self.assertEqual(1, agent.looks)

    def test_few_tasks_are_looked_up_at_once(self):
        released = threading.Event()

        def history(_):
            released.wait(PATIENCE)
            return self.answered(LAPTOP)
        agent = self.agent(history)
        gateway = self.gateway(agent.url, GATEWAY_WORKERS="1")
        browsers = [Browser(gateway, f"127.0.0.{2 + number % 10}") for number in range(32)]
        streams = [browser.chat(browser.create_task(), LAPTOP, Last_Event_ID="m1.1") for browser in browsers]
        wait_until(lambda: agent.now >= 16, "look-ups")
        released.set()
        self.assertEqual([LAPTOP] * 32, [shown(list(stream)) for stream in streams])
        self.assertEqual(16, agent.most_at_once)

    def test_one_client_has_a_share_of_the_look_ups(self):
        released = threading.Event()

        def history(_):
            released.wait(PATIENCE)
            return self.answered(LAPTOP)
        agent = self.agent(history)
        gateway = self.gateway(agent.url, GATEWAY_WORKERS="1")
        browsers = [Browser(gateway) for _ in range(8)]
        streams = [browser.chat(browser.create_task(), LAPTOP, Last_Event_ID="m1.1") for browser in browsers]
        wait_until(lambda: agent.now >= 2, "look-ups")
        other = Browser(gateway, "127.0.0.2")
        streams.append(other.chat(other.create_task(), LAPTOP, Last_Event_ID="m1.1"))
        wait_until(lambda: agent.now >= 3, "another client's")
        released.set()
        self.assertEqual([LAPTOP] * 9, [shown(list(stream)) for stream in streams])
        self.assertEqual(3, agent.most_at_once)

    def test_bears_histories_that_take_much_more_memory_than_their_json(self):
        many = [{}] * 500_000
        gateway = self.gateway(self.agent(lambda _: many).url, GATEWAY_WORKERS="1")
        browsers = [Browser(gateway, f"127.0.0.{2 + number}") for number in range(16)]
        tasks = [browser.create_task() for browser in browsers]
        before = gateway.memory()
        streams = [browser.chat(task, LAPTOP, Last_Event_ID="m1.1") for browser, task in zip(browsers, tasks)]
        self.assertEqual(["timeout"] * 16, [data["kind"] for stream in streams for _, data, _ in stream])
        self.assertLess(gateway.memory() - before, 400 * 1024 * 1024)

    def test_ends_at_once_where_there_is_no_use_in_it(self):
        agent = self.agent(lambda _: self.answered("x" * 5_000_000))
        browser = Browser(self.gateway(agent.url))
        task = browser.create_task()
        [(kind, data, _)] = browser.ask(task, LAPTOP, Last_Event_ID="m1.1")
        self.assertEqual(("error", "overflow", False, "maybe"), (kind, data["kind"], data["retryable"], data["delivered"]))
        self.assertEqual(1, agent.looks)
        answer = browser.get(f"/api/tasks/{task}/messages")
        self.assertEqual((502, "overflow", False), (answer.status, answer.error["kind"], answer.error["retryable"]))
        self.assertIn("too long", answer.error["message"])


class Reloads(Case):
    def test_bear_a_look_up_that_is_the_first_of_its_worker(self):
        gateway, browser, task = self.start(GATEWAY_WORKERS="1")
        [old] = gateway.workers()
        body = json.dumps({"task_id": task, "text": LAPTOP, "id": "m1"})
        with socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT) as client:
            client.sendall(f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nCookie: {browser.cookie}\r\n"
                           f"Last-Event-ID: m1.1\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n"
                           "Connection: close\r\n\r\n".encode())
            self.assertIn(b" 100 ", client.recv(1000))
            gateway.signal("HUP")
            wait_until(lambda: "shutting down" in title(old), "the worker's last work")
            client.sendall(body.encode())
            self.assertIn(b"\nevent: error\n", read_all(client))
        wait_until(lambda: old not in gateway.workers(), "the old worker's end")  # its log is read at the end

    def test_end_a_websocket_once_its_answers_are_complete(self):
        gateway, browser, task = self.start("--pace", "0.05", GATEWAY_HEARTBEAT="1")
        old = gateway.workers()
        idle, busy = self.socket_of(browser), self.socket_of(browser)
        busy.ask(task, LAPTOP)
        self.assertEqual("chunk", busy.receive()["event"])
        gateway.signal("HUP")
        self.assertEqual(1001, self.end_of(idle))
        while (event := busy.receive())["event"] == "chunk":
            pass
        self.assertEqual("message", event["event"])
        self.assertEqual(1001, self.end_of(busy))
        wait_until(lambda: not set(old) & set(gateway.workers()), "the old workers' end")


class Attacks(Case):
    def test_bears_a_client_of_http_2_that_reads_nothing(self):
        gateway = self.gateway(self.sim().url, GATEWAY_WORKERS="1")
        port, context = free_port(), ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        with tempfile.TemporaryDirectory() as directory, Sim("--tls-dir", directory):
            gateway.configure(f"listen 127.0.0.1:{port} ssl http2; ssl_certificate {directory}/server.pem; "
                              f"ssl_certificate_key {directory}/server.key;")
        before = gateway.memory()
        for _ in range(128):  # those that come through the front
            client = context.wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT))
            self.addCleanup(client.close)
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"\0\4\0\0\0\0"))  # no window
            self.assertEqual(4, client.recv(9)[3])
            for number in range(128):
                # GET https /chat.css at localhost (RFC 7541, appendix A)
                fields = b"\x82\x87\x04\x09/chat.css\x01\x09localhost"
                client.sendall(http2_frame(1, 5, 2 * number + 1, fields))
        self.assertEqual(200, Browser(gateway, "127.0.0.2").get("/").status)
        self.assertLess(gateway.memory() - before, 64 * 1024 * 1024)

    def test_refuses_what_another_site_makes_a_browser_send(self):
        _, browser, task = self.start("--pace", "0")
        self.assertEqual(403, browser.post("/api/tasks", Origin="https://evil.example").status)
        self.assertEqual(403, browser.post("/api/tasks", Origin="null").status)
        self.assertEqual(403, browser.chat(task, "Buy", Sec_Fetch_Site="cross-site").status)
        self.assertEqual(403, browser.chat(task, "Buy", Sec_Fetch_Site="same-site").status)
        self.assertEqual(403, browser.chat(task, "Buy", Origin="https://evil.example").status)
        self.assertEqual([403, 403], [self.refuses(browser, origin="https://evil.example"),
                                      self.refuses(browser, origin=f"http://127.0.0.1:{browser.port}.evil.example")])
        self.assertEqual([], self.logged("message"))

    def test_refuses_a_page_without_origin_where_the_request_has_no_host(self):
        gateway = self.gateway(self.sim().url)
        request = b"POST /api/tasks HTTP/1.0\r\nOrigin: null\r\nContent-Length: 2\r\n\r\n{}"
        self.assertIn(b" 421 ", raw(gateway, request))

    def test_answers_its_own_names_alone(self):
        gateway = self.gateway(self.sim().url, GATEWAY_ORIGIN="https://shop.example:8443")

        def status(host, path="/"):
            return int(raw(gateway, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()).split()[1])
        for host in ("localhost", "127.0.0.1", "[::1]", "shop.example", "SHOP.example."):
            self.assertEqual((200, 200), (status(host), status(host + ":8080")), host)
        for host in ("evil.example", "localhost.evil.example", "shop.example.evil.example", "127.0.0.1.evil.example",
                     "127.0.0.2", "[::2]", "0.0.0.0", "a"):
            self.assertEqual({421}, {status(host, path) for path in ("/", "/chat.js", "/metrics", "/api/tasks", "/ws/chat")})
            self.assertEqual(200, status(host, "/healthz"))
        answer = Browser(gateway).post("/api/tasks", Host="evil.example", Origin="http://evil.example")
        self.assertEqual((421, "misdirected", False), (answer.status, answer.error["kind"], answer.error["retryable"]))
        self.assertIn("GATEWAY_ORIGIN", answer.error["message"])

    def test_refuses_a_page_that_came_in_plain_text_where_it_serves_https(self):
        gateway, port = self.gateway(self.sim().url), free_port()
        with tempfile.TemporaryDirectory() as directory, Sim("--tls-dir", directory):
            gateway.configure(f"listen 127.0.0.1:{port} ssl; ssl_certificate {directory}/server.pem; "
                              f"ssl_certificate_key {directory}/server.key;")
            self.assertEqual(201, self.status_over_tls(port, f"https://127.0.0.1:{port}"))
            self.assertEqual(403, self.status_over_tls(port, f"http://127.0.0.1:{port}"))

    @staticmethod
    def status_over_tls(port, origin):
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=context)
        connection.request("POST", "/api/tasks", "{}", {"Origin": origin})
        with connection.getresponse() as response:
            return response.status

    def test_binds_cookie_and_origin_to_https_where_it_is_told_its_address(self):
        gateway = self.gateway(self.sim("--pace", "0").url, GATEWAY_ORIGIN="https://shop.example")
        browser = Browser(gateway)
        self.assertEqual(403, browser.post("/api/tasks").status)
        browser.origin = "https://shop.example"
        cookie = browser.post("/api/tasks").headers["Set-Cookie"]
        self.assertRegex(cookie, r"^__Host-aui_gateway=[0-9a-f]{32}; Path=/; .*; Secure$")
        self.assertEqual("message", browser.ask(browser.create_task(), LAPTOP)[-1][0])
        self.socket_of(browser)

    def test_bears_conditions_that_no_answer_meets(self):
        gateway, browser, task = self.start("--pace", "0")
        workers = gateway.workers()
        for name, value in (("If-Match", "x"), ("If-Match", "*"), ("If-None-Match", "x"), ("If-Range", "x"),
                            ("Range", "bytes=9-"), ("If-Modified-Since", "x"),
                            ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")):
            for path in ("/", "/healthz", "/metrics", "/nothing", f"/api/tasks/{task}/messages"):
                answers = [browser.get(path, **{name: value}) for _ in range(4)]
                self.assertLessEqual({answer.status for answer in answers}, {200, 206, 404}, (name, path))
            self.assertEqual("message", browser.ask(task, LAPTOP, name, **{name: value})[-1][0])
        self.assertEqual(workers, gateway.workers())

    def test_takes_its_own_cookie_alone(self):
        gateway = self.gateway(self.sim().url, GATEWAY_ORIGIN="https://shop.example")
        browser = Browser(gateway)
        browser.origin = "https://shop.example"
        task, cookie = browser.create_task(), browser.cookie

        def status(value):
            browser.cookie = value
            return browser.get(f"/api/tasks/{task}/messages").status
        for before, behind in ("", ""), ("a=b; ", "; c=d"), ("a;", ";"), ("a=b;\t", ""):
            self.assertEqual(200, status(before + cookie + behind))
        # Those that a neighbour of the gateway could set in browsers that care for the prefix in these letters alone.
        others = (cookie.replace("__Host", "__HOST"), cookie.lower(), cookie.replace("=", " ="), "=" + cookie,
                  "x" + cookie, cookie.replace("__Host-", ""))
        self.assertEqual([404] * len(others), list(map(status, others)))

    def test_refuses_what_is_too_large(self):
        _, browser, task = self.start("--pace", "0")
        large = browser.post("/api/tasks", "x" * 5000)
        self.assertEqual((413, "too_large"), (large.status, large.error["kind"]))
        in_pieces = browser.post("/api/chat", iter([b"x" * 50_000] * 2))
        self.assertEqual((411, "bad_request"), (in_pieces.status, in_pieces.error["kind"]))  # whatever they add up to
        self.assertEqual(413, browser.chat(task, "x" * 8001).status)
        self.assertEqual(414, browser.chat(task, "x" * 40000).status)
        self.assertEqual("message", browser.ask(task, "ü" * 4000)[-1][0])
        websocket = WebSocket(browser)
        websocket.send("x" * 40000)
        with self.assertRaises(websockets.ConnectionClosed) as caught:
            websocket.receive()
        self.assertEqual(1009, caught.exception.rcvd.code)

    def test_refuses_what_makes_no_sense(self):
        _, browser, task = self.start("--pace", "0")
        for text, id in (("", "m1"), (" \n", "m1"), ("hi", ""), ("hi", "x" * 65), ("hi", "a\r\nSet-Cookie: b=c")):
            answer = browser.chat(task, text, id)
            self.assertEqual((400, "bad_request", None), (answer.status, answer.error["kind"], answer.headers["Set-Cookie"]))
        self.assertEqual(400, browser.get(f"/api/chat?task_id={task}&id=m1&text=%ff").status)
        self.assertEqual(400, browser.get(f"/api/chat?task_id={task}&id=m1&text=a&text=b").status)
        self.assertEqual(404, browser.get("/api/chat?task_id=../../x&id=m1&text=hi").status)
        websocket = self.socket_of(browser)
        for words in ("{", "[]", "7", '{"id":7}', json.dumps({"id": "w1", "task_id": task})):
            websocket.send(words)
            self.assertEqual("bad_request", websocket.receive()["kind"])
        websocket.ask(task, LAPTOP)
        self.assertEqual("chunk", websocket.receive()["event"])

    def test_refuses_fields_of_other_types(self):
        gateway, browser, task = self.start("--pace", "0")
        sound = {"id": "m1", "task_id": task, "text": LAPTOP}
        websocket = self.socket_of(browser)
        for value in ({}, {"x": {}}, [], ["m1"], 7, True, None, "\ud800"):
            for name in sound:
                fields = sound | {name: value}
                answer = browser.post("/api/chat", json.dumps(fields))
                self.assertIn((answer.status, answer.error["kind"]), ((400, "bad_request"), (404, "not_found")), fields)
                websocket.send(json.dumps(fields))
                self.assertIn(websocket.receive()["kind"], ("bad_request", "not_found"), fields)
            websocket.send(json.dumps({"id": value, "event": "cancel"}))
        for body in ("", "null", "[]", "7", '"m1"', "{", "[" * 2000, '{"id":"m1"}' * 2, "\0"):
            self.assertEqual(400, browser.post("/api/chat", body).status, body)
        for query in ("id", "id=m1&id=m2", "task_id", "text", "%00", "a[]=1"):
            self.assertIn(browser.get(f"/api/chat?{query}").status, (400, 404), query)
        self.assertEqual([], self.logged("message"))

    def test_refuses_an_event_of_another_answer(self):
        _, browser, task = self.start("--pace", "0")
        for value in ("m2.1", "m1", "m1.", ".1", "m1.x", "x" * 5000, "m1.1, m1.2", "\xff"):
            answer = browser.chat(task, LAPTOP, Last_Event_ID=value)
            self.assertEqual((400, "bad_request"), (answer.status, answer.error["kind"]), value)

    def test_bears_an_agent_whose_fields_are_of_other_types(self):
        sim = self.sim(scenario={"connections": [[RECEIVE, {"message": {"id": {"a": 1}, "text": "One"}}]], "rest": [
            {"status": 200, "body": json.dumps({"id": "t1", "welcome_message": {}, "followup_suggestions": [{}, "a", None]})},
            {"status": 200, "body": json.dumps({"id": "t2", "welcome_message": 7, "followup_suggestions": {"a": "b"}})}]})
        browser = Browser(self.gateway(sim.url))
        first, second = browser.post("/api/tasks").json, browser.post("/api/tasks").json
        self.assertEqual(("", ["a"]), (first["welcome_message"], first["followup_suggestions"]))
        self.assertEqual(("", []), (second["welcome_message"], second["followup_suggestions"]))
        events = browser.ask("t1", LAPTOP)
        self.assertEqual(("message", "One"), (events[-1][0], events[-1][1]["text"]))

    def test_lets_nobody_write_headers_or_events(self):
        gateway, browser, task = self.start("--echo", "--pace", "0")
        for path in ("/api/tasks/%0d%0aX-Evil:%20yes/messages", "/%0d%0aX-Evil:%20yes", "/api/tasks/..%2f..%2f/messages"):
            answer = browser.get(path)
            self.assertEqual((404, None), (answer.status, answer.headers["X-Evil"]))
        text = "hi\r\n\r\nevent: message\ndata: {}\n\n"
        events = browser.ask(task, text)
        self.assertEqual(({"chunk", "message"}, text), ({kind for kind, _, _ in events}, events[-1][1]["text"]))
        answer = raw(gateway, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Evil: a\0b\r\n\r\n")
        self.assertIn(b" 400 ", answer)
        self.assertIn(b'{"error":', answer)

    def test_passes_markup_on_as_text(self):
        _, browser, task = self.start("--echo", "--pace", "0")
        markup = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        stream = browser.chat(task, markup)
        self.assertEqual("text/event-stream", stream.response.headers["Content-Type"])
        self.assertEqual("nosniff", stream.response.headers["X-Content-Type-Options"])
        self.assertEqual(markup, list(stream)[-1][1]["text"])

    def test_tells_nothing_of_itself_and_keeps_browsers_strict(self):
        gateway = self.gateway(self.sim().url)
        browser = Browser(gateway)
        answers = [browser.get("/"), browser.get("/nothing"), browser.get("/api/tasks"), browser.get("/lua/x.lua"),
                   browser.post("/")]
        self.assertEqual([200, 404, 405, 404, 405], [answer.status for answer in answers])
        self.assertEqual("no-cache", answers[0].headers["Cache-Control"])
        for answer in answers:
            self.assertEqual("nginx", answer.headers["Server"])
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
            self.assertIn("frame-ancestors 'none'", answer.headers["Content-Security-Policy"])
            self.assertEqual(("nosniff", "no-referrer"),
                             (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]))
        self.assertEqual({"kind", "message", "retryable"}, set(answers[1].error))
        for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n"):
            answer = raw(gateway, request)
            self.assertNotIn(b"nginx/", answer)
            self.assertNotIn(b"<html>", answer)

    def test_lets_the_page_show_pictures_from_where_it_is_set_to(self):
        for setting, sources, module in (("", "data: ;", "[]"), ("https:", "data: https:;", '["https:"]'), (
                " https://a.example  https://b.example:8443", "data: https://a.example https://b.example:8443;",
                '["https://a.example","https://b.example:8443"]')):
            browser = Browser(self.gateway(self.sim().url, GATEWAY_PICTURES=setting))
            self.assertIn(f"img-src 'self' {sources}", browser.get("/").headers["Content-Security-Policy"])
            settings = browser.get("/chat/settings.js")
            self.assertEqual(f"export const pictures = {module};", settings.text.replace("\\/", "/").strip())
            self.assertEqual(("text/javascript", "no-cache"),
                             (settings.headers["Content-Type"], settings.headers["Cache-Control"]))

    def test_lets_a_client_make_so_many_calls_a_minute(self):
        gateway, browser, task = self.start("--pace", "0", GATEWAY_RATE="3")
        websocket = self.socket_of(browser)
        statuses = [browser.get(f"/api/tasks/{task}/messages") for _ in range(7)]  # a minute may end between them
        refused = [answer for answer in statuses if answer.status == 429]
        self.assertTrue(refused)
        self.assertLessEqual(int(refused[0].headers["Retry-After"]), 60)
        self.assertEqual(("rate_limit", True), (refused[0].error["kind"], refused[0].error["retryable"]))
        for number in range(7):
            websocket.ask(task, LAPTOP, f"w{number}")
        kinds = []
        while "rate_limit" not in kinds:
            kinds.append(websocket.receive().get("kind"))
        other = Browser(gateway, "127.0.0.2")
        self.assertEqual(201, other.post("/api/tasks").status)

    def test_counts_calls_that_lead_to_nothing(self):
        for path in "/api/tasks/guess/messages", "/api/chat?id=m1&text=hi&task_id=guess", "/ws/chat":
            browser = Browser(self.gateway(self.sim().url, GATEWAY_RATE="3"))
            answers = [browser.get(path) for _ in range(7)]  # a minute may end between them
            self.assertIn(answers[0].status, (403, 404))
            self.assertIn(429, [answer.status for answer in answers])

    def test_forgets_nobody_whose_calls_are_used_up_however_many_others_come(self):
        gateway = self.gateway(self.sim().url, GATEWAY_RATE="1")
        gateway.put_behind_a_balancer(("gateway_limits 32m", "gateway_limits 32k"))
        browser = Browser(gateway)

        def call(address):
            return browser.get("/api/tasks/guess/messages", X_Forwarded_For=address)

        def flood():
            begun = time.time() // 60
            refused = [call("192.0.2.1") for _ in range(2)][-1]
            others = [call(f"2001:db8:0:{number:x}::1") for number in range(1000)]
            again = call("192.0.2.1")
            return begun == time.time() // 60 and (refused, others, again)  # else the next minute has begun
        refused, others, again = flood() or flood()
        self.assertEqual((429, 429), (refused.status, again.status))
        self.assertEqual({404, 503}, {answer.status for answer in others})
        self.assertEqual(("rate_limit", True), (others[-1].error["kind"], others[-1].error["retryable"]))
        self.assertLessEqual(int(others[-1].headers["Retry-After"]), 60)

    def test_lets_a_client_have_so_many_streams(self):
        gateway, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}])
        streams = self.streams(gateway, 20)
        for refused in browser.chat(task, LAPTOP), browser.get(f"/api/tasks/{task}/messages"):
            self.assertEqual((429, "5"), (refused.status, refused.headers["Retry-After"]))
        for stream in streams:
            stream.close()

    def test_lets_a_client_have_so_many_histories_at_once(self):
        released = threading.Event()
        self.addCleanup(released.set)
        agent = Agent(lambda _: released.wait(PATIENCE) and [])
        self.addCleanup(agent.close)
        gateway = self.gateway(agent.url)
        browser, other = Browser(gateway), Browser(gateway, "127.0.0.2")
        tasks = {each: each.create_task() for each in (browser, other)}
        waiting = []

        def ask(each):
            waiting.append(threading.Thread(target=each.get, args=[f"/api/tasks/{tasks[each]}/messages"]))
            waiting[-1].start()
            wait_until(lambda: agent.now == len(waiting), "a history")
        for _ in range(6):
            ask(browser)
        answer = browser.get(f"/api/tasks/{tasks[browser]}/messages")
        self.assertEqual((429, "rate_limit", "5"), (answer.status, answer.error["kind"], answer.headers["Retry-After"]))
        ask(other)
        released.set()
        for thread in waiting:
            thread.join(PATIENCE)

    def test_leaves_streams_to_other_browsers_of_the_same_client(self):
        gateway, browser, task = self.start(scenario=[RECEIVE, {"update": "I found"}])
        streams = [browser.chat(task, LAPTOP, f"m{number}") for number in range(8)]
        self.assertEqual((429, 429), (browser.chat(task, LAPTOP, "m8").status, self.refuses(browser)))
        streams += self.streams(gateway, 12)
        for stream in streams:
            stream.close()

    def streams(self, gateway, count, **headers):
        """So many, each of a browser of its own."""
        # All tasks first, as nginx counts a request for a moment longer than its answer takes.
        tasks = [(browser, browser.create_task()) for browser in (Browser(gateway) for _ in range(count))]
        return [browser.chat(task, LAPTOP, **headers) for browser, task in tasks]

    def test_takes_a_network_of_ipv6_for_one_client_and_an_ipv4_address_in_its_clothes_for_another(self):
        gateway = self.gateway(self.sim(scenario=[RECEIVE, {"update": "I found"}]).url)
        gateway.put_behind_a_balancer()

        def ask(address):
            return self.streams(gateway, 1, X_Forwarded_For=address)
        streams = [ask(f"2001:db8:0:1::{number}") for number in range(20)]
        streams += [ask("::ffff:192.0.2.1") for _ in range(20)]
        self.assertEqual([429, 429], [ask(address)[0].status for address in ("2001:db8:0:1:f::1", "192.0.2.1")])
        streams += [ask("2001:db8:0:2::1"), ask("::ffff:192.0.2.2")]
        for [stream] in streams:
            stream.close()

    def test_shows_metrics_to_this_machine_alone(self):
        gateway, browser, task = self.start("--pace", "0")
        browser.ask(task, LAPTOP)
        answer = browser.get("/metrics")
        self.assertEqual("text/plain; version=0.0.4", answer.headers["Content-Type"])
        self.assertRegex(answer.text, r'(?m)^# TYPE aui_message_seconds histogram\naui_message_seconds_bucket{le="0.1"} \d')
        for name in ('aui_connections_total{outcome="ok"}', 'aui_replies_total{outcome="ok"}',
                     'aui_calls_total{outcome="ok"}', "aui_message_seconds_count", "aui_first_text_seconds_count", 'aui_message_seconds_bucket{le="+Inf"}'):
            self.assertEqual(1, gateway.metric(name), name)
        self.assertGreater(gateway.metric("aui_chunks_total"), 0)
        self.assertEqual((403, "forbidden"), (lambda away: (away.status, away.error["kind"]))(
            Browser(gateway, "127.0.0.2").get("/metrics")))

    def test_bears_a_client_that_opens_all_the_connections_that_it_can(self):
        gateway = self.gateway(self.sim().url, GATEWAY_WORKERS="1")
        before = gateway.memory()
        half_a_head = b"GET /?" + b"x" * 31_000 + b" HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 31_000
        crowd = []
        for _ in range(1500):
            crowd.append(socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT))
            self.addCleanup(crowd[-1].close)
            try:
                crowd[-1].sendall(half_a_head)
            except ConnectionError:
                pass  # It was one too many.
        self.assertEqual(200, Browser(gateway, "127.0.0.2").get("/").status)
        self.assertLess(gateway.memory() - before, 64 * 1024 * 1024)
        for connection in crowd:
            connection.close()
        wait_until(lambda: self.is_let_in(gateway), "the end of the connections")

    @staticmethod
    def is_let_in(gateway):
        try:
            return Browser(gateway).get("/").status == 200
        except OSError:
            return False

    def test_counts_the_connections_of_a_network_of_ipv6_and_of_an_ipv4_address(self):
        gateway = self.gateway(self.sim().url)
        port = free_port()
        gateway.listen(f"listen 127.0.0.1:{port} proxy_protocol; set_real_ip_from 127.0.0.1;")

        def connect(family, address):
            """The status that an address's request is answered with, or nothing; its connection stays open."""
            client = socket.create_connection(("127.0.0.1", port), TIMEOUT)
            self.addCleanup(client.close)
            try:
                client.sendall(f"PROXY {family} {address} {address} 1 2\r\n"
                               "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                return client.recv(12)[9:]
            except ConnectionError:
                return b""
        for number in range(128):
            self.assertEqual(b"200", connect("TCP6", f"2001:db8:0:1::{number:x}"))
            self.assertEqual(b"200", connect("TCP6", "::ffff:192.0.2.1"))
        self.assertEqual([b"", b""], [connect("TCP6", "2001:db8:0:1:f::1"), connect("TCP4", "192.0.2.1")])
        self.assertEqual([b"200", b"200"], [connect("TCP6", "2001:db8:0:2::1"), connect("TCP6", "::ffff:192.0.2.2")])

    def test_bears_a_client_that_does_not_read(self):
        stream = [RECEIVE, {"tokens": 50, "token_bytes": 10_000, "pace": 0.01}, FINAL]
        gateway, browser, task = self.start(scenario={"connections": [stream, [{"agent": True}]]})
        before = gateway.memory()
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect(("127.0.0.1", gateway.port))
            lazy.sendall(f"GET /api/chat?task_id={task}&text=hi&id=m1 HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
                         f"Cookie: {browser.cookie}\r\n\r\n".encode())
            wait_until(lambda: self.logged("answer"), "the agent's answer")
            self.assertEqual("message", browser.ask(browser.create_task(), LAPTOP)[-1][0])
            self.assertLess(gateway.memory() - before, 64 * 1024 * 1024)

    def test_bears_a_client_that_reads_none_of_all_the_answers_that_it_can_have(self):
        # What takes most in JSON again.
        gateway = self.gateway(self.sim(scenario=[RECEIVE, {"update": "\x7f" * 500_000}, FINAL]).url, GATEWAY_WORKERS="1")
        before = gateway.memory()
        browsers = [Browser(gateway) for _ in range(20)]
        for browser, tasks in [(browser, [browser.create_task() for _ in range(4)]) for browser in browsers]:
            lazy = raw_websocket(browser)
            self.addCleanup(lazy.socket.close)
            for number, task in enumerate(tasks):
                lazy.send(json.dumps({"id": f"w{number}", "task_id": task, "text": LAPTOP}))
        wait_until(lambda: len(self.logged("answer")) >= 20, "the agent's answers")
        self.assertLess(gateway.memory() - before, 64 * 1024 * 1024)
        self.assertEqual(20, len(self.logged("message")))

    def test_bears_a_client_that_does_at_once_all_that_it_can(self):
        large = "\x7f" * 500_000  # takes most in JSON again
        gateway, browser, _ = self.start(GATEWAY_WORKERS="1", scenario=[
            RECEIVE, {"record": {"text": large}}, {"record": {"text": large}}, {"update": large}, FINAL])
        idle = gateway.memory()
        old = [(who, who.create_task()) for who in (browser, Browser(gateway)) for _ in range(7)]
        for who, task in old:
            self.assertEqual("message", who.ask(task, LAPTOP)[-1][0])
        new = [(who, who.create_task()) for who in [Browser(gateway)] for _ in range(6)]
        for who, task in old[:6]:
            self.ask_lazily(who, f"/api/tasks/{task}/messages", "\r\n\r\n")
        for who, task in old[6:] + new:  # the answers of the old ones are looked up
            self.ask_lazily(who, f"/api/chat?task_id={task}&id=m1&text=" + LAPTOP.replace(" ", "+"), "\ndata: ")
        self.assertEqual(8, gateway.metric("gateway_resumes_total"))
        for _ in range(108):
            self.ask_lazily(browser, "/?" + "x" * 31_000, "", "X: " + "x" * 31_000)
        self.assertLess(gateway.most_memory() - idle, 64 * 1024 * 1024)

    def ask_lazily(self, browser, path, awaited, fields="\r\n"):
        """Makes a request, and reads no more of the answer than to where this is."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.settimeout(TIMEOUT)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", browser.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {browser.cookie}\r\n{fields}".encode())
        answer = b""
        while awaited.encode() not in answer:
            answer += client.recv(1)
        self.assertIn(answer[:12], (b"", b"HTTP/1.1 200"))

    def test_passes_on_no_answer_that_is_too_long(self):
        _, browser, task = self.start(scenario=[RECEIVE, {"update": "x" * 1_000_000}, FINAL])
        [(kind, data, _)] = browser.ask(task, LAPTOP)
        self.assertEqual(("error", "overflow"), (kind, data["kind"]))

    def test_lets_nobody_break_the_rules_of_websockets(self):
        _, browser, _ = self.start()
        continuation, text, binary, fin = 0, 1, 2, 0x80
        for frames, code in (([fin | continuation], 1002), ([text, fin | text], 1002), ([fin | binary], 1003)):
            websocket = raw_websocket(browser)
            for first in frames:
                websocket.send("{}", first)
            self.assertEqual((code, ""), websocket.close_frame())
        for frame in ({"mask": None}, {"first": 0x83}, {"first": 0xC1}, {"first": 0x09}, {"payload": "x" * 140_000}):
            websocket = raw_websocket(browser)
            try:
                websocket.send(**{"payload": "{}"} | frame)
                self.assertEqual(b"", websocket.rest())
            except ConnectionError:
                pass  # It does not read to the end of what it refuses.

    def test_ends_a_websocket_of_which_more_comes_than_any_page_sends(self):
        _, browser, _ = self.start()
        for first, payload in ((0x8A, ""), (0x89, ""), (0x81, '{"id":"x","event":"cancel"}')):
            websocket = raw_websocket(browser)
            for _ in range(1001):
                websocket.send(payload, first)
            while (frame := websocket.frame())[0] == 0x8A:  # pongs
                pass
            self.assertEqual((0x88, (1008).to_bytes(2, "big")), frame)

    def test_lets_a_websocket_carry_so_many_messages(self):  # as each costs the worker some memory until its end
        _, browser, task = self.start("--echo", "--pace", "0")
        websocket = self.socket_of(browser)
        for number in range(101):
            websocket.ask(task, LAPTOP, f"w{number}")
            while (event := websocket.receive())["event"] == "chunk":
                pass
            self.assertEqual(number == 100, event["event"] == "error")
        self.assertEqual(("transport", True, "no"), tuple(map(event.get, ("kind", "retryable", "delivered"))))
        self.assertEqual(1001, self.end_of(websocket))
        self.assertEqual("message", browser.ask(task, LAPTOP, "w100")[-1][0])
        self.assertEqual(101, len(self.logged("message")))

    def test_counts_what_comes_by_a_websocket_and_makes_no_sense(self):
        _, browser, task = self.start(GATEWAY_RATE="3")
        websocket = self.socket_of(browser)
        kinds = []
        for _ in range(7):  # a minute may end between them
            websocket.send("{}")
            kinds.append(websocket.receive()["kind"])
        self.assertIn("rate_limit", kinds)

    def test_answers_a_client_that_has_closed_its_side(self):
        gateway = self.gateway(self.sim().url)
        with socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            self.assertIn(b" 200 ", read_all(client))

    def test_streams_to_a_client_of_http_1_0(self):
        gateway, browser, task = self.start("--pace", "0")
        answer = raw(gateway, f"GET /api/chat?task_id={task}&text=hi&id=m1 HTTP/1.0\r\nHost: localhost\r\n"
                     f"Cookie: {browser.cookie}\r\n\r\n".encode())
        self.assertIn(b"\nevent: message\n", answer)
        history = raw(gateway, f"GET /api/tasks/{task}/messages HTTP/1.0\r\nHost: localhost\r\n"
                      f"Cookie: {browser.cookie}\r\n\r\n".encode())
        self.assertEqual(2, len(json.loads(history.split(b"\r\n\r\n")[1])["messages"]))

    def test_puts_a_message_in_any_number_of_fragments_together(self):
        _, browser, task = self.start("--echo", "--pace", "0")
        websocket = raw_websocket(browser)
        for number, character in enumerate(json.dumps({"id": "w1", "task_id": task, "text": LAPTOP})):
            websocket.send(character, 0 if number else 1)
            websocket.send("", 0)
        websocket.send("", 0x80)
        self.assertEqual(LAPTOP, json.loads(websocket.frame()[1])["text"])

    def test_keeps_what_users_write_out_of_the_logs(self):
        gateway, browser, task = self.start(scenario=[{"handshake": {"status": 503}}])
        words = "my-secret-words"
        [(kind, _, _)] = browser.post_chat(task, words)
        self.assertEqual("error", kind)
        self.assertEqual(413, browser.post_chat(task, words + "x" * 70_000).status)
        errors = gateway.log()
        self.assertIn("POST /api/chat", errors)
        browser.ask(task, words)

        def access():
            with open(gateway.prefix + "/access.log") as file:
                return file.read()
        wait_until(lambda: "GET /api/chat" in access(), "the request's line in the access log")
        self.assertNotIn(words, access() + errors)

    def test_logs_what_was_asked_where_it_refuses(self):
        gateway, browser, _ = self.start("--pace", "0")
        browser.get("/nothing?what=ever")
        browser.request("DELETE", "/api/tasks", {}).read()

        def asked():
            with open(gateway.prefix + "/access.log") as file:
                return re.findall(r'"([^"]*)" (\d+) ', file.read())
        expected = {("GET /nothing", "404"), ("DELETE /api/tasks", "405")}
        wait_until(lambda: expected <= set(asked()), "the requests' lines in the access log")

    def test_puts_no_message_into_a_file(self):
        gateway, browser, task = self.start("--pace", "0")
        body = json.dumps({"task_id": task, "text": "x" * 15_000, "id": "m1"}).encode()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        head = (f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nOrigin: {browser.origin}\r\nCookie: {browser.cookie}\r\n"
                "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        self.assertIn(b" 411 ", raw(gateway, head.encode() + chunks))

    def test_keeps_the_key_to_itself(self):
        gateway, browser, task = self.start("--pace", "0")
        told = browser.get("/").text + browser.get("/metrics").text + browser.get("/nothing").text
        told += json.dumps(browser.ask(task, LAPTOP)) + str(browser.get("/api/tasks").headers)
        self.assertNotIn(KEY, told)


def raw(gateway, request):
    """All bytes that such a request is answered with, on a connection that it ends."""
    with socket.create_connection(("127.0.0.1", gateway.port), TIMEOUT) as client:
        client.sendall(request)
        return read_all(client)


def http2_frame(kind, flags, stream, payload):
    """RFC 9113, 4.1"""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def title(pid):
    """What a process says that it is."""
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()


def read_all(client):
    answer = b""
    while data := client.recv(65536):
        answer += data
    return answer


if __name__ == "__main__":
    unittest.main()

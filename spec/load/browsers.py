"""A crowd of browsers, each with an address, a cookie and a conversation of its own, on plain sockets in one event loop.
They check what they are told while it arrives, and come back for an answer when their stream breaks, as the page does."""

import asyncio
import json
import math
import time
import urllib.parse

PATIENCE = 120  # seconds; bounds against hangs
OPENING = 64  # connections that are being opened at once, as the listening socket's queue is short
MOST_RETURNS = 10


class Mistake(Exception):
    """The gateway told something wrong."""


async def exchange(port, address, request):
    """Sends a request; returns the status, the head and the reader, with the body in it, and a writer to close."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except BaseException:
        writer.close()
        raise
    return int(head.split()[1]), head, reader, writer


async def pieces(reader):
    """The chunks of a body (RFC 9112, 7.1). Raises IncompleteReadError if it breaks off."""
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        size = int(line, 16)
        data = await reader.readexactly(size + 2)
        if size == 0:
            return
        yield data[:-2]


async def get_all(port, address, request):
    """The status, head and body of a request's answer."""
    status, head, reader, writer = await exchange(port, address, request)
    try:
        return status, head, b"".join([piece async for piece in pieces(reader)])
    finally:
        writer.close()


class Browser:
    """`number` tells it from all others. `crowd` counts."""

    def __init__(self, crowd, number, question):
        self.crowd, self.question = crowd, question
        self.address = f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        self.shown, self.last_id, self.returns = b"", None, 0
        self.message = self.error = None  # how it ended
        self.first_chunk = None  # seconds after the question

    def head(self, method, path, *fields):
        host = f"127.0.0.1:{self.crowd.port}"
        return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", *fields, "", ""])

    async def create_task(self):
        request = self.head("POST", "/api/tasks", "Content-Length: 2", "Connection: close") + "{}"
        status, head, body = await get_all(self.crowd.port, self.address, request)
        if status != 201:
            raise Mistake(f"creating a task: {status} {body}")
        self.cookie = head.split("Set-Cookie: ")[1].split(";")[0]
        self.task = json.loads(body)["task_id"]

    async def converse(self):
        """Asks, and comes back until the answer is complete."""
        self.begun = time.monotonic()
        while True:
            try:
                return await self.stream()
            except (ConnectionError, asyncio.IncompleteReadError):
                self.returns += 1
                if self.returns > MOST_RETURNS:
                    raise
            await asyncio.sleep(1)  # as the stream's `retry` says

    async def stream(self):
        query = urllib.parse.urlencode({"task_id": self.task, "text": self.question, "id": "m1"})
        fields = [f"Cookie: {self.cookie}", "Accept: text/event-stream", "Connection: close"]
        if self.last_id:
            fields.append(f"Last-Event-ID: {self.last_id}")
        async with self.crowd.opening:
            status, _, reader, writer = await exchange(self.crowd.port, self.address,
                                                       self.head("GET", "/api/chat?" + query, *fields))
        try:
            if status != 200:
                raise Mistake(f"status {status}")
            await self.read_events(reader)
        finally:
            self.crowd.streaming.discard(self)
            writer.close()

    async def read_events(self, reader):
        count, buffer = 0, b""
        async for piece in pieces(reader):
            *events, buffer = (buffer + piece).split(b"\n\n")
            for event in events:
                if event.startswith(b"event: "):
                    count += 1
                    self.take(count, *(line.split(b": ", 1)[1] for line in event.split(b"\n")))
        if not self.message and not self.error:
            raise Mistake("a stream ended without an end of its answer")

    def take(self, count, kind, event_id, data):
        self.crowd.begins_to_stream(self)
        data = json.loads(data)
        if event_id != b"m1.%d" % count:
            raise Mistake(f"event {count} has the id {event_id}")
        if self.message or self.error:
            raise Mistake(f"{kind} behind the end: {data}")
        self.last_id = event_id.decode()
        if kind == b"chunk":
            self.take_chunk(data)
        elif kind == b"error":
            self.error = data
        elif not data["text"] == self.shown.decode() == self.question:
            raise Mistake(f"asked {self.question!r}, shown {self.shown!r}, told {data['text']!r}")
        else:
            self.message = data

    def take_chunk(self, data):
        self.crowd.chunks += 1
        self.first_chunk = self.first_chunk or time.monotonic() - self.begun
        self.shown = self.shown[:data["keep"]] + data["text"].encode()
        if not self.question.encode().startswith(self.shown):
            raise Mistake(f"asked {self.question!r}, shown {self.shown!r}")


class Crowd:
    """Browsers that ask `questions`, one each, at the gateway on `port`. `failures`: what went wrong, in words;
    `streaming`: those in the middle of an answer."""

    def __init__(self, port, questions):
        self.port, self.opening = port, asyncio.Semaphore(OPENING)
        self.streaming, self.most_streaming = set(), 0
        self.chunks, self.failures = 0, []
        self.browsers = [Browser(self, number, question) for number, question in enumerate(questions)]

    def questions(self):
        return [browser.question for browser in self.browsers]

    def errors(self):
        """What those are told who get no answer, by their questions."""
        return {browser.question: browser.error for browser in self.browsers if browser.error}

    def begins_to_stream(self, browser):
        self.streaming.add(browser)
        self.most_streaming = max(self.most_streaming, len(self.streaming))

    async def create_tasks(self):
        async def create(browser):
            async with self.opening:
                await browser.create_task()
        await self.each(create)

    async def converse(self):
        await self.each(Browser.converse)

    async def each(self, action):
        async def attempt(browser):
            try:
                await asyncio.wait_for(action(browser), PATIENCE)
            except (Mistake, OSError, EOFError, asyncio.TimeoutError) as problem:
                self.failures.append(f"{browser.address}: {problem!r}")
        await asyncio.gather(*map(attempt, self.browsers))

    def first_chunks(self, *shares):
        """Seconds until the first chunk, for these shares of the browsers (0.5: the median)."""
        times = sorted(browser.first_chunk for browser in self.browsers)
        return [times[math.ceil(share * len(times)) - 1] for share in shares]

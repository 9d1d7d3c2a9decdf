#!/usr/bin/env python3
"""A server of the threads API that answers with given bytes, right or wrong.

Usage: stage.py FILE, which is JSON: {"token": [act...], "stream": [act...], "transcript": [act...]}. The n-th request of
each kind is answered by the n-th act, those beyond by the last one, and without any by a token, a short answer, and an
empty list. An act is a list of: a string, whose bytes are sent; [string, times]; a number, seconds to
wait; {"end": "fin"} or {"end": "reset"}, the connection's; or "deaf", at its beginning: no more than the request's head is
read, and the rest of the act comes when the client can send no more. Behind an act the connection stays.
Says "listening on ws://127.0.0.1:PORT/api/v1/external/session"; GET /asked tells as JSON how many requests of each kind
there were. Ends with its standard input."""

import json
import select
import socket
import struct
import sys
import threading
import time

from peer import await_full_buffer

KINDS = {"token": "/auth/token", "stream": "/messages/stream", "transcript": "/threads/"}


def plain(body, kind="application/json"):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"


ACTS = {
    "token": [[plain('{"access_token":"t0k3n-hunter2","expires_in":3600}')]],
    "stream": [[plain('data: {"type":"message","seq":1,"data":{"id":"m","text":"fine"}}\n\n', "text/event-stream")]],
    "transcript": [[plain("[]")]],
}
asked = dict.fromkeys(KINDS, 0)
lock = threading.Lock()


def read_head(stream):
    """The target, and how long the body is; None at the end."""
    line = stream.readline().decode("latin-1").split(" ")
    length = 0
    for field in iter(stream.readline, b"\r\n"):
        if not field:
            return None
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return line[1], length


def next_act(target):
    if target == "/asked":
        return [plain(json.dumps(asked))]
    kind = next(kind for kind, part in KINDS.items() if part in target)
    with lock:
        asked[kind] += 1
        acts = ACTS[kind]
        return acts[min(asked[kind], len(acts)) - 1]


def perform_deaf(connection, act):
    """Until the client has gone."""
    await_full_buffer(connection)
    perform(connection, act)
    ends = select.poll()
    ends.register(connection, 0)  # errors and the end are told in any case
    ends.poll(20000)


def perform(connection, act):
    """False when it has ended the connection."""
    for step in act:
        if isinstance(step, (int, float)):
            time.sleep(step)
        elif isinstance(step, dict):
            if step["end"] == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        else:
            text, times = (step, 1) if isinstance(step, str) else step
            data = text.encode("latin-1")
            for _ in range(times):
                connection.sendall(data)
    return True


def serve(connection):
    with connection, connection.makefile("rb") as stream:
        try:
            while head := read_head(stream):
                act = next_act(head[0])
                if act[:1] == ["deaf"]:
                    return perform_deaf(connection, act[1:])
                stream.read(head[1])
                if not perform(connection, act):
                    break
        except OSError:
            pass  # the client has gone


def accept(listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main(name):
    with open(name, encoding="latin-1") as file:
        ACTS.update(json.load(file))
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on ws://127.0.0.1:{listener.getsockname()[1]}/api/v1/external/session", flush=True)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


main(*sys.argv[1:])

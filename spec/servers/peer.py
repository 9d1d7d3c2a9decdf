#!/usr/bin/env python3
"""A WebSocket server that sends given bytes, right or wrong, and tells what the client does about them.

Usage: peer.py [--deaf] [--tls DIR] HEX[*TIMES]...
Says "listening on PORT". On its n-th connection it accepts the upgrade, waits for a frame, sends the n-th HEX (the last
one from then on), and reads until the client has closed or 5 seconds have passed. Of close frames it answers one of 1000
alone, after a ping that crosses it: after another the client is to go by itself. Then one line of JSON tells what came:
{"frames": [{"opcode": 8, "close_code": 1002}], "end": "eof", "request": "GET / HTTP/1.1\\r\\n...",
"sent": [{"head": "8182", "mask": "01020304", "payload": "{}"}, ...]}, where frames are those behind the first one, which
sent has too, and end is "eof", "cut" (reset, or TLS without close_notify) or "silence". Runs until it is killed, for 10
minutes at most. With --deaf it reads no more than the beginning of that frame, sends HEX when the client can send no more,
and waits for the end."""

import array
import base64
import fcntl
import hashlib
import json
import select
import signal
import socket
import ssl
import sys
import termios
import threading
import time

PATIENCE = 5  # seconds
LIFETIME = 600  # seconds
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE = 8
NORMAL_CLOSURE = 1000


def read_exactly(stream, n):
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return data


def read_frame(stream, sent):
    """Appends the frame's bytes to `sent`; returns what it is."""
    head = read_exactly(stream, 2)
    assert head[1] & 0x80, "a client masks its frames (RFC 6455, 5.1)"
    length = head[1] & 0x7F
    if length > 125:
        head += read_exactly(stream, 2 if length == 126 else 8)
        length = int.from_bytes(head[2:], "big")
    mask = read_exactly(stream, 4)
    payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(read_exactly(stream, length)))
    sent.append({"head": head.hex(), "mask": mask.hex(), "payload": payload.decode("latin-1")})
    frame = {"opcode": head[0] & 0x0F}
    if frame["opcode"] == CLOSE and length >= 2:
        frame["close_code"] = int.from_bytes(payload[:2], "big")
    return frame


def accept_upgrade(connection, stream):
    """Returns the request."""
    key = request = b""
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            raise EOFError
        request += line
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return request.decode("latin-1")


def await_full_buffer(connection):
    """Until no more arrives of what is not read."""
    unread, before = array.array("i", [0]), -1
    while unread[0] != before:
        before = unread[0]
        time.sleep(0.2)
        fcntl.ioctl(connection, termios.FIONREAD, unread)


def talk_alone(connection, reply, report):
    """As converse, for one that is deaf."""
    stream = connection.makefile("rb")
    report["request"] = accept_upgrade(connection, stream)
    read_exactly(stream, 1)
    await_full_buffer(connection)
    connection.sendall(reply)
    ends = select.poll()
    ends.register(connection, 0)  # errors and the end are told in any case
    return "cut" if ends.poll(4000 * PATIENCE) else "silence"


def converse(connection, reply, report):
    """Fills in the report; returns how the connection ended."""
    frames, sent = report["frames"], report["sent"]
    stream = connection.makefile("rb")
    try:
        report["request"] = accept_upgrade(connection, stream)
        read_frame(stream, sent)
        connection.sendall(reply)
        while True:
            frames.append(read_frame(stream, sent))
            if frames[-1].get("close_code") == NORMAL_CLOSURE:
                connection.sendall(b"\x89\x04late\x88\x02" + NORMAL_CLOSURE.to_bytes(2, "big"))
    except EOFError:
        return "eof"
    except socket.timeout:
        return "silence"
    except OSError:
        return "cut"


def serve(connection, context, reply, how):
    report = {"frames": [], "sent": [], "end": "cut"}
    connection.settimeout(PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if context:
            connection = context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
        report["end"] = how(connection, reply, report)
    finally:
        connection.close()
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


def main(words):
    signal.alarm(LIFETIME)
    context, how = None, converse
    if words[0] == "--deaf":
        how = talk_alone
        words = words[1:]
    if words[0] == "--tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(words[1] + "/server.pem", words[1] + "/server.key")
        words = words[2:]
    replies = [bytes.fromhex(data) * int(times or 1) for data, _, times in (word.partition("*") for word in words)]
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on", listener.getsockname()[1], flush=True)
    while True:
        connection = listener.accept()[0]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        threading.Thread(target=serve, args=(connection, context, reply, how), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""A WebSocket test suite for clients that echo what they are sent: plays its cases on a program and judges it.

Usage: suite.py PROGRAM [ARGUMENT...]
Serves /getCaseCount, /runCase?case=N and /updateReports on a port of its own, runs the program with the ws:// URL as its
last argument, and prints a line for each case: "passed: NAME" or "failed: NAME: WHY". A name begins with the section of
RFC 6455, or of RFC 7692 (permessage-deflate). The exit status is 1 if a case failed, or if the program did not play them all and end with status 0."""

import base64
import hashlib
import itertools
import re
import socket
import subprocess
import sys
import threading
import zlib

PATIENCE = 20  # seconds that any answer may take
LIMIT = 300  # seconds for the whole run
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KINDS = {TEXT: "text", BINARY: "binary"}


class Failure(Exception):
    """What the program did wrong."""


def check(condition, what):
    if not condition:
        raise Failure(what)


# ---- frames -----------------------------------------------------------------------------------------


def head(opcode, length, fin=True, reserved=0):
    first = bytes([fin << 7 | reserved << 4 | opcode])
    if length < 126:
        return first + bytes([length])
    if length < 65536:
        return first + b"\x7e" + length.to_bytes(2, "big")
    return first + b"\x7f" + length.to_bytes(8, "big")


def frame(opcode, payload=b"", fin=True, reserved=0):
    return head(opcode, len(payload), fin, reserved) + payload


def fragments(opcode, parts, between=b""):
    """A message in fragments, with the bytes of `between` behind each but the last."""
    last = len(parts) - 1
    return b"".join(
        frame(CONTINUATION if i else opcode, part, fin=i == last) + (between if i < last else b"")
        for i, part in enumerate(parts)
    )


def cut(payload, size):
    return [payload[i : i + size] for i in range(0, len(payload), size)]


def close(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def unmask(payload, mask):
    n = len(payload)
    stream = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(n, "big")


def shown(payload):
    return repr(payload) if len(payload) <= 40 else "%r... (%d bytes)" % (payload[:40], len(payload))


# ---- a connection of the client ---------------------------------------------------------------------


class Client:
    def __init__(self, connection):
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.stream = connection.makefile("rb")
        self.masks = []

    def read_request(self):
        """The request's target; its key is kept."""
        lines = [line.decode().rstrip("\r\n") for line in iter(self.stream.readline, b"\r\n")]
        self.request = lines[0]
        self.fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            check(name.lower() not in self.fields, "the request repeats " + name)
            self.fields[name.lower()] = value.strip()
        match = re.fullmatch(r"GET (\S+) HTTP/1\.1", lines[0])
        check(match, "the request begins with " + lines[0])
        return match.group(1)

    def answer(self, more=b""):
        """The answer to the handshake, with `more` lines."""
        key = self.fields["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n" + more + b"\r\n"
        )

    def send(self, data, piece=None):
        """All at once, or in writes of `piece` bytes."""
        try:
            for part in cut(data, piece) if piece else [data]:
                self.connection.sendall(part)
        except OSError as error:
            raise Failure("sending to the client failed: %s" % error)

    def read_exactly(self, n):
        try:
            data = self.stream.read(n)
        except socket.timeout:
            raise Failure("nothing came for %d s" % PATIENCE)
        except OSError as error:
            raise Failure("the connection broke: %s" % error)
        check(len(data) == n, "the client ended the connection")
        return data

    def read(self):
        """The next frame's opcode and payload. Its form must be a client's."""
        first, second = self.read_exactly(2)
        check(first & 0x80 and not first & 0x70, "5.2: the first byte of a frame is %#x" % first)
        check(second & 0x80, "5.1: a frame is not masked")
        length = second & 0x7F
        if length > 125:
            check(first & 0x08 == 0, "5.5: a control frame has more than 125 bytes")
            length = int.from_bytes(self.read_exactly(2 if length == 126 else 8), "big")
            least = 126 if second & 0x7F == 126 else 65536
            check(length >= least, "5.2: a length is not in its shortest form")
        mask = self.read_exactly(4)
        self.masks.append(mask)
        return first & 0x0F, unmask(self.read_exactly(length), mask)

    def expect(self, opcode, payload):
        found = self.read()
        check(
            found == (opcode, payload),
            "opcode %d with %s came instead of opcode %d with %s"
            % (found[0], shown(found[1]), opcode, shown(payload)),
        )

    def expect_close(self, *codes):
        """A close frame with one of these codes (None: without any), and nothing behind it."""
        opcode, payload = self.read()
        check(opcode == CLOSE, "opcode %d with %s came instead of a close frame" % (opcode, shown(payload)))
        code = int.from_bytes(payload[:2], "big") if payload else None
        check(code in codes, "the close code is %s instead of %s" % (code, " or ".join(map(str, codes))))
        try:
            rest = self.stream.read()
        except OSError as error:
            raise Failure("the connection broke behind the close frame: %s" % error)
        check(not rest, "5.5.1: %s came behind the close frame" % shown(rest))

    def finish(self):
        """Closes as the server."""
        self.send(close(1000))
        self.connection.shutdown(socket.SHUT_WR)
        self.expect_close(1000)


# ---- kinds of cases ---------------------------------------------------------------------------------

cases = []


def case(name, play, answer=None):
    """`answer` sends the answer to the handshake, and what is to follow without a pause."""
    cases.append((name, play, answer or (lambda client: client.send(client.answer()))))


def echoes(name, data, *expected, piece=None, answer=None):
    """The client must answer `data` with these (opcode, payload), in order."""

    def play(client):
        writer = threading.Thread(target=client.send, args=(data, piece))
        writer.start()  # a client need not read before it has written
        for opcode, payload in expected:
            client.expect(opcode, payload)
        writer.join()
        client.finish()

    case(name, play, answer)


def fails(name, data, *codes, before=()):
    """The client must answer `data` with `before`, then fail the connection, though nothing else comes."""

    def play(client):
        client.send(data)
        for opcode, payload in before:
            client.expect(opcode, payload)
        client.expect_close(*codes)

    case(name, play)


def closes(name, data, *codes):
    """The same, for what is no violation."""
    fails(name, data, *codes)


# ---- the cases: framing -----------------------------------------------------------------------------

SAMPLE = "Grüße, 你好, мир, 😀".encode()
BYTES = bytes(range(256))


def payload_of(kind, n):
    return b"*" * n if kind == TEXT else (BYTES * (n // 256 + 1))[:n]


for kind, n in itertools.product((TEXT, BINARY), (0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537)):
    payload = payload_of(kind, n)
    name = "5.2: %s of %d bytes" % (KINDS[kind], n)
    echoes(name, frame(kind, payload), (kind, payload))
    echoes(name + " in small writes", frame(kind, payload), (kind, payload), piece=1 if n < 200 else 997)

echoes("5.6: two messages in one write", frame(TEXT, b"one") + frame(BINARY, b"two"), (TEXT, b"one"), (BINARY, b"two"))
echoes("5.6: a thousand messages in one write", frame(TEXT, b"m") * 1000, *[(TEXT, b"m")] * 1000)
echoes("5.6: binary that is not UTF-8", frame(BINARY, b"\xff\xc0\x80"), (BINARY, b"\xff\xc0\x80"))

for what, data in (
    ("2 bytes in 16 bits", b"\x81\x7e\x00\x02{}"),
    ("125 bytes in 16 bits", b"\x82\x7e\x00\x7d" + b"x" * 125),
    ("2 bytes in 64 bits", b"\x81\x7f" + bytes(7) + b"\x02{}"),
    ("65535 bytes in 64 bits", b"\x82\x7f" + bytes(6) + b"\xff\xff" + b"x" * 65535),
    ("64 bits of which the first is set", b"\x82\x7f\x80" + bytes(6) + b"\x01"),
):
    fails("5.2: a length of " + what, data, 1002)
fails("5.1: a masked message", b"\x81\x82\x01\x02\x03\x04zy", 1002)
fails("5.1: a masked ping", b"\x89\x80\x01\x02\x03\x04", 1002)

for reserved in range(1, 8):
    for what, data in (
        ("text", frame(TEXT, b"x", reserved=reserved)),
        ("binary", frame(BINARY, b"x", reserved=reserved)),
        ("a continuation", frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", reserved=reserved)),
        ("a ping", frame(PING, b"x", reserved=reserved)),
        ("a close", frame(CLOSE, b"\x03\xe8", reserved=reserved)),
    ):
        fails("5.2: reserved bits %s on %s" % (format(reserved, "03b"), what), data, 1002)
    data = frame(TEXT, b"before") + frame(TEXT, b"x", reserved=reserved) + frame(PING)
    name = "5.2: reserved bits %s between a message and a ping" % format(reserved, "03b")
    fails(name, data, 1002, before=[(TEXT, b"before")])

for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    for payload in (b"", b"x"):
        name = "5.2: opcode %d with %d bytes" % (opcode, len(payload))
        fails(name, frame(opcode, payload), 1002)
        data = frame(TEXT, b"before") + frame(opcode, payload) + frame(PING)
        fails(name + " between a message and a ping", data, 1002, before=[(TEXT, b"before")])
    fails(
        "5.4: opcode %d inside a fragmented message" % opcode,
        frame(TEXT, b"x", fin=False) + frame(opcode) + frame(CONTINUATION),
        1002,
    )

# ---- pings ------------------------------------------------------------------------------------------

for payload in (b"", b"p", SAMPLE, b"\x00\xff\xfe\xfd", b"p" * 124, b"p" * 125):
    data = frame(PING, payload)
    echoes("5.5.3: a ping with %s" % shown(payload), data, (PONG, payload))
    echoes("5.5.3: a ping with %s, byte by byte" % shown(payload), data, (PONG, payload), piece=1)
ten = [b"payload %d" % i for i in range(10)]
data, expected = b"".join(frame(PING, payload) for payload in ten), [(PONG, payload) for payload in ten]
echoes("5.5.3: ten pings in one write", data, *expected)
echoes("5.5.3: ten pings, byte by byte", data, *expected, piece=1)
echoes("5.5.3: a ping before a message", frame(PING, b"p") + frame(TEXT, b"m"), (PONG, b"p"), (TEXT, b"m"))
echoes("5.5.3: a pong that nobody asked for", frame(PONG, b"x") + frame(PING, b"p"), (PONG, b"p"))
echoes("5.5.3: an empty pong that nobody asked for", frame(PONG) + frame(TEXT, b"m"), (TEXT, b"m"))
for opcode, what in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
    fails("5.5: a %s of 126 bytes" % what, frame(opcode, b"\x03\xe8" + b"x" * 124), 1002)
    fails("5.5: a %s of 65536 bytes" % what, frame(opcode, b"\x03\xe8" + b"x" * 65534), 1002)
    fails("5.5: a fragmented %s" % what, frame(opcode, b"\x03\xe8", fin=False), 1002)

# ---- fragments --------------------------------------------------------------------------------------

for kind, what in KINDS.items():
    whole = SAMPLE * 3
    for size in (1, 2, 7, len(whole) - 1):
        name, parts = "5.4: %s in fragments of %d bytes" % (what, size), cut(whole, size)
        echoes(name, fragments(kind, parts), (kind, whole))
        echoes(name + ", byte by byte", fragments(kind, parts), (kind, whole), piece=1)
        pongs = [(PONG, b"p")] * min(len(parts) - 1, 10)
        parts = parts[: len(pongs)] + [b"".join(parts[len(pongs) :])]
        data = fragments(kind, parts, between=frame(PING, b"p"))
        echoes(name + ", with pings between", data, *pongs, (kind, whole))
    echoes("5.4: empty fragments of %s" % what, fragments(kind, [b"", b"", b"m", b"", b""]), (kind, b"m"))
    echoes("5.4: nothing but empty fragments of %s" % what, fragments(kind, [b"", b"", b""]), (kind, b""))
    data = fragments(kind, [b"o", b"ne"]) + frame(TEXT, b"two") + fragments(kind, [b"thr", b"ee"])
    echoes("5.4: messages of %s around another" % what, data, (kind, b"one"), (TEXT, b"two"), (kind, b"three"))
    for inner in KINDS:
        name = "5.4: %s inside a fragmented message of %s" % (KINDS[inner], what)
        fails(name, frame(kind, b"x", fin=False) + frame(inner, b"y"), 1002)
        fails(name + ", fragmented too", frame(kind, b"x", fin=False) + frame(inner, b"y", fin=False), 1002)
    closes("5.5.1: a close inside a fragmented message of %s" % what, frame(kind, b"x", fin=False) + close(1000), 1000)

for fin in (True, False):
    data = frame(CONTINUATION, b"x", fin=fin)
    what = "last " if fin else ""
    fails("5.4: a %scontinuation of nothing" % what, data, 1002)
    fails("5.4: a %scontinuation behind a message" % what, frame(TEXT, b"m") + data, 1002, before=[(TEXT, b"m")])
    data = fragments(TEXT, [b"o", b"ne"]) + data + frame(TEXT, b"x")
    fails("5.4: a %scontinuation behind a fragmented message" % what, data, 1002, before=[(TEXT, b"one")])

# ---- UTF-8 ------------------------------------------------------------------------------------------

POINTS = (0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFDD0, 0xFFFD, 0xFFFE, 0xFFFF)
POINTS += (0x10000, 0x1FFFF, 0x3FFFF, 0xFFFFF, 0x100000, 0x10FFFE, 0x10FFFF)
for point in POINTS:
    text = b"<" + chr(point).encode() + b">"
    echoes("8.1: U+%04X" % point, frame(TEXT, text), (TEXT, text))
    echoes("8.1: U+%04X in fragments of one byte" % point, fragments(TEXT, cut(text, 1)), (TEXT, text))
echoes("8.1: text whose bytes come one by one", frame(TEXT, SAMPLE), (TEXT, SAMPLE), piece=1)
data = fragments(TEXT, cut(SAMPLE[-8:], 1), between=frame(PING, b"\xff"))
echoes("8.1: pings between the bytes of a character", data, *[(PONG, b"\xff")] * 7, (TEXT, SAMPLE[-8:]))

INVALID = {  # up to the first byte that cannot be right
    "a continuation byte alone": b"\x80",
    "the last continuation byte alone": b"\xbf",
    "a first byte followed by ASCII": b"\xc3x",
    "three bytes without the third": b"\xe2\x82x",
    "four bytes without the fourth": b"\xf0\x9f\x98x",
    "a first byte twice": b"\xc3\xc3",
    "/ in two bytes": b"\xc0",
    "DEL in two bytes": b"\xc1",
    "/ in three bytes": b"\xe0\x80",
    "U+07FF in three bytes": b"\xe0\x9f",
    "/ in four bytes": b"\xf0\x80",
    "U+FFFF in four bytes": b"\xf0\x8f",
    "U+D800": b"\xed\xa0",
    "U+DFFF": b"\xed\xbf",
    "a pair of surrogates": b"\xed\xa0",
    "U+110000": b"\xf4\x90",
    "U+140000": b"\xf5",
    "five bytes": b"\xf8",
    "six bytes": b"\xfc",
    "0xFE": b"\xfe",
    "0xFF": b"\xff",
}
for what, sequence in INVALID.items():
    text = SAMPLE + sequence
    # The message goes on, or so it says: only a client that looks at what it has can tell.
    fails("8.1: %s" % what, head(TEXT, len(text) + 1000) + text, 1007)
    fails("8.1: %s at a message's end" % what, frame(TEXT, text), 1007)
    fails("8.1: %s in an unfinished fragment" % what, frame(TEXT, text, fin=False), 1007)
    data = frame(TEXT, SAMPLE, fin=False) + frame(PING) + head(CONTINUATION, 1000, fin=False) + sequence
    fails("8.1: %s in a second fragment" % what, data, 1007, before=[])
    data = fragments(TEXT, [SAMPLE] + cut(sequence, 1) + [b""])
    fails("8.1: %s in fragments of one byte" % what, data, 1007)
    data = frame(TEXT, b"before") + head(TEXT, 1000) + sequence
    fails("8.1: %s behind a message" % what, data, 1007, before=[(TEXT, b"before")])
for sequence in (b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x98"):
    fails("8.1: a message that ends with %r" % sequence, frame(TEXT, b"x" + sequence), 1007)
    data = fragments(TEXT, [b"x" + sequence, b""])
    fails("8.1: a fragmented message that ends with %r" % sequence, data, 1007)

# ---- closing ----------------------------------------------------------------------------------------

for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
    closes("7.4: the close code %d" % code, close(code), code)
    closes("7.4: the close code %d with a reason" % code, close(code, SAMPLE), code)
for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535):
    fails("7.4: the close code %d" % code, close(code), 1002)
    fails("7.4: the close code %d with a reason" % code, close(code, b"why"), 1002)
closes("5.5.1: a close without a code", frame(CLOSE), None, 1000)
closes("5.5.1: a reason of 123 bytes", close(1000, b"r" * 123), 1000)
fails("5.5.1: half a close code", frame(CLOSE, b"\x03"), 1002)
for reason in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"ok \xe2\x82", b"\xc0\xaf"):
    fails("5.5.1: the reason %r" % reason, close(1000, reason), 1002, 1007)
for what, data in (
    ("another close", close(1001)),
    ("a ping", frame(PING, b"p")),
    ("a message", frame(TEXT, b"m")),
    ("the rest of a message", frame(CONTINUATION, b"x")),
    ("a violation", frame(15, b"x", reserved=7)),
    ("a megabyte", frame(BINARY, bytes(1 << 20))),
):
    closes("5.5.1: %s behind a close" % what, frame(TEXT, b"x", fin=False) + close(1000) + data, 1000)
fails("7.1.7: a megabyte behind a violation", frame(15) + frame(BINARY, bytes(1 << 20)), 1002)
fails("5.5.1: a message before a close", frame(TEXT, b"m") + close(1000), 1000, before=[(TEXT, b"m")])


def play_cut(client):
    client.send(frame(TEXT, b"m") + head(TEXT, 5) + b"He")
    client.expect(TEXT, b"m")
    client.connection.shutdown(socket.SHUT_WR)


case("7.2: a cut inside a message", play_cut)

# ---- size -------------------------------------------------------------------------------------------

KIB, MIB = 1024, 1024 * 1024
for kind, size in itertools.product(KINDS, (64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB)):
    payload = payload_of(kind, size)
    echoes("10.4: %s of %d KiB" % (KINDS[kind], size // KIB), frame(kind, payload), (kind, payload))
for kind, size in itertools.product(KINDS, (64, 256, KIB, 4 * KIB, 64 * KIB, MIB)):
    payload = payload_of(kind, 4 * MIB)
    name = "10.4: %s of 4 MiB in fragments of %d bytes" % (KINDS[kind], size)
    echoes(name, fragments(kind, cut(payload, size)), (kind, payload))
for kind, size in itertools.product(KINDS, (64, 512, 4096)):
    payload = payload_of(kind, MIB)
    echoes("10.4: %s of 1 MiB in writes of %d bytes" % (KINDS[kind], size), frame(kind, payload), (kind, payload), piece=size)
for kind, size in itertools.product(KINDS, (16, 256, 4096)):
    payload = payload_of(kind, size)
    name = "10.4: %s of %d bytes, two hundred times" % (KINDS[kind], size)
    echoes(name, frame(kind, payload) * 200, *[(kind, payload)] * 200)
fails("10.4: an announcement of 2^62 bytes", head(BINARY, 1 << 62), 1009)
fails("10.4: an announcement of 2^63 - 1 bytes", head(TEXT, (1 << 63) - 1), 1009)

# ---- the opening handshake --------------------------------------------------------------------------


def in_pieces(client):
    client.send(client.answer(), piece=1)


def with_a_message(client):
    client.send(client.answer() + frame(PING, b"p") + frame(TEXT, b"m"))


def in_other_letters(client):
    answer = client.answer().replace(b"Upgrade: websocket", b"uPGRADE:\tWebSocket ")
    client.send(answer.replace(b"Connection: Upgrade", b"connection: keep-alive, upgrade"))


def with_interim_answers(client):
    client.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + client.answer())


hello = frame(TEXT, b"hello"), (TEXT, b"hello")
echoes("4.1: an answer whose bytes come one by one", *hello, answer=in_pieces)
echoes("4.1: frames right behind the answer", b"", (PONG, b"p"), (TEXT, b"m"), answer=with_a_message)
echoes("4.1: an answer with other capitals, blanks and tokens", *hello, answer=in_other_letters)
echoes("4.1: an answer behind interim ones", *hello, answer=with_interim_answers)

# ---- compression: RFC 7692 --------------------------------------------------------------------------

TAIL = b"\0\0\xff\xff"
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\0"  # 7.2.3.1
TERMS = {
    "": (15, True),
    "; server_no_context_takeover": (15, False),
    "; client_no_context_takeover; client_max_window_bits=8": (15, True),
    "; server_max_window_bits=9": (9, True),
    "; server_max_window_bits=12; server_no_context_takeover": (12, False),
}


def agreeing(terms):
    def answer(client):
        offers = client.fields.get("sec-websocket-extensions", "")
        check(re.search(r"\bpermessage-deflate\b", offers), "7.1: permessage-deflate is not offered")
        check("client_max_window_bits" in offers or "client_max_window_bits" not in terms, "7.1.2.2: it is not offered")
        client.send(client.answer(b"Sec-WebSocket-Extensions: permessage-deflate" + terms.encode() + b"\r\n"))

    return answer


def compressed(kind, payload, fin=True):
    return frame(kind, payload, fin, reserved=4)


def compressor(bits, takeover):
    state = zlib.compressobj(wbits=-bits)

    def compress(payload):
        nonlocal state
        if not takeover:
            state = zlib.compressobj(wbits=-bits)
        data = state.compress(payload) + state.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(TAIL)
        return data[:-4]

    return compress


def text_of(n):
    return (b"".join(b"%d: all of the text so far, and a little more; " % i for i in range(n // 40 + 1)))[:n]


for terms, (bits, takeover) in TERMS.items():
    compress, name = compressor(bits, takeover), "7.2: compressed%s: " % terms
    texts = [text_of(20 * i) for i in range(1, 101)]
    data, expected = b"".join(compressed(TEXT, compress(text)) for text in texts), [(TEXT, text) for text in texts]
    echoes(name + "a hundred messages that grow", data, *expected, answer=agreeing(terms))
    for size, piece in itertools.product((1, 1000, 128 * KIB), (1, 997, None)):
        if size > 1000 and piece == 1:
            continue
        compress, text, binary = compressor(bits, takeover), text_of(size), payload_of(BINARY, size)
        data = compressed(TEXT, compress(text)) + frame(TEXT, text) + compressed(BINARY, compress(binary))
        expected = (TEXT, text), (TEXT, text), (BINARY, binary)
        echoes(name + "%d bytes in writes of %s" % (size, piece), data, *expected, piece=piece, answer=agreeing(terms))
    parts = cut(compressor(bits, takeover)(text_of(5000)), 20)
    last = len(parts) - 1
    pings = min(last, 9)
    data = b"".join(
        (frame(CONTINUATION, part, fin=i == last) if i else compressed(TEXT, part, fin=False)) + frame(PING, b"p") * (i < pings)
        for i, part in enumerate(parts)
    )
    expected = [(PONG, b"p")] * pings + [(TEXT, text_of(5000))]
    echoes(name + "in fragments, with pings between", data, *expected, answer=agreeing(terms))

for what, payloads in {
    "7.2.3.1: a message": [HELLO],
    "7.2.3.2: a message that refers to the one before": [HELLO, b"\xf2\0\x11\0\0"],
    "7.2.3.3: a block without compression": [b"\0\5\0\xfa\xffHello\0"],
    "7.2.3.4: a final block": [b"\xf3" + HELLO[1:] + b"\0", HELLO],
    "7.2.3.5: two blocks": [b"\xf2\x48\5\0\0\0\xff\xff\xca\xc9\xc9\7\0"],
}.items():
    data = b"".join(compressed(TEXT, payload) for payload in payloads)
    echoes(what, data, *[(TEXT, b"Hello")] * len(payloads), piece=1, answer=agreeing(""))
echoes("7.2.3.6: an empty message", compressed(TEXT, b"\0"), (TEXT, b""), answer=agreeing(""))


def fails_compressed(name, data, *codes):
    def play(client):
        client.send(data)
        client.expect_close(*codes)

    case(name, play, agreeing(""))


fails_compressed("6.1: a compressed ping", compressed(PING, b"\0"), 1002)
fails_compressed("6.1: a compressed close", compressed(CLOSE, b"\3\xe8"), 1002)
fails_compressed("6.1: a second fragment that says so", frame(TEXT, HELLO[:3], False, 4) + compressed(CONTINUATION, HELLO[3:]), 1002)
fails_compressed("6: another reserved bit beside it", frame(TEXT, HELLO, reserved=6), 1002)
for what, payload in {"garbage": b"\xff" * 9, "a part of a block": HELLO[:3], "no window": b"\xf2\0\x11\0\0"}.items():
    fails_compressed("7.2.2: %s" % what, compressed(TEXT, payload), 1002, 1007)
fails_compressed("8.1: what is inflated is not UTF-8", compressed(TEXT, compressor(15, True)(b"\xff")), 1007)

# ---- the run ----------------------------------------------------------------------------------------


class Run:
    def __init__(self):
        self.failed = 0
        self.played = []
        self.keys = set()
        self.masks = []
        self.complete = False

    def judge_request(self, client):
        fields = client.fields
        check(fields.get("host"), "4.1: the request has no Host")
        check(fields.get("upgrade", "").lower() == "websocket", "4.1: Upgrade is not websocket")
        check(fields.get("connection", "").lower() == "upgrade", "4.1: Connection is not Upgrade")
        check(fields.get("sec-websocket-version") == "13", "4.1: Sec-WebSocket-Version is not 13")
        key = fields.get("sec-websocket-key", "")
        check(len(base64.b64decode(key, validate=True)) == 16, "4.1: the key is not one of 16 bytes")
        check(key not in self.keys, "4.1: the key was used before")
        self.keys.add(key)

    def report(self, name, why=None):
        self.failed += why is not None
        print("failed: %s: %s" % (name, why) if why else "passed: " + name, flush=True)

    def play(self, client, number):
        name, play, answer = cases[number - 1]
        self.played.append(number)
        try:
            self.judge_request(client)
            answer(client)
            play(client)
            self.report(name)
        except Failure as failure:
            self.report(name, failure)

    def serve(self, client):
        target = client.read_request()
        path, _, query = target.partition("?")
        if path == "/runCase":
            self.play(client, int(re.search(r"\bcase=(\d+)\b", query).group(1)))
        elif path in ("/getCaseCount", "/updateReports"):
            client.send(client.answer() + (frame(TEXT, b"%d" % len(cases)) if path == "/getCaseCount" else b""))
            client.finish()
            self.complete = path == "/updateReports"
        else:
            raise Failure("the client asked for " + target)

    def judge_all(self):
        """What only all connections together tell."""
        masks = self.masks
        distinct = len(set(masks))
        self.report("10.3: masks differ", None if distinct > 0.99 * len(masks) else "%d of %d" % (distinct, len(masks)))
        for i in range(4):
            values = len({mask[i] for mask in masks})
            self.report("10.3: byte %d of masks takes most values" % i, None if values > 200 else "%d" % values)
        in_order = self.played == list(range(1, len(cases) + 1)) and self.complete
        self.report("all cases are played, in order", None if in_order else "%d of %d" % (len(self.played), len(cases)))


def accept_all(listener, run):
    while True:
        connection = listener.accept()[0]
        client = Client(connection)
        try:
            run.serve(client)
        except Failure as failure:
            run.report("a connection that is no case", failure)
        finally:
            run.masks += client.masks
            connection.close()
            client.stream.close()


def main(command):
    if not command or command[0].startswith("-"):
        print("Usage: suite.py PROGRAM [ARGUMENT...], such as suite.py build/dev/bin/aui-ws-echo", file=sys.stderr)
        return 2
    assert len({name for name, _, _ in cases}) == len(cases), "two cases have the same name"
    listener, run = socket.create_server(("127.0.0.1", 0)), Run()
    threading.Thread(target=accept_all, args=(listener, run), daemon=True).start()
    url = "ws://127.0.0.1:%d" % listener.getsockname()[1]
    try:
        status = subprocess.run(command + [url], timeout=LIMIT).returncode
    except subprocess.TimeoutExpired:
        status = "none within %d s" % LIMIT
    run.report("the program's exit status", None if status == 0 else status)
    run.judge_all()
    return 1 if run.failed else 0


sys.exit(main(sys.argv[1:]))

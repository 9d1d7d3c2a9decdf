#!/usr/bin/env python3
"""An HTTP proxy that opens tunnels, or does what no real one would.

Usage: proxy.py [--tls DIR] [--log FILE] DEED...
Says "listening on http://127.0.0.1:PORT/" (https:// with --tls, by the certificate server.pem and server.key of DIR), and
ends with its standard input. On its n-th connection it reads the head of a request, appends it to FILE as one line of JSON,
and does the n-th DEED (the last one from then on):
  tunnel       leads to the port that was asked for on this machine, whatever the host is called
  tunnel:HEX   likewise, but ends the connection when so many bytes have come from there
  hurried:HEX  grants a tunnel that leads nowhere, with these bytes behind its answer in one piece
  say:HEX      sends these bytes, and waits for the end
  cut:HEX      sends these bytes, and ends the connection
  hangup       ends the connection at once
  greet:HEX    sends these bytes before it reads anything, and waits for the end
  endless      sends fields of a head without end"""

import json
import math
import socket
import ssl
import sys
import threading

PATIENCE = 20  # seconds
GRANTED = b"HTTP/1.1 200 Connection established\r\n"


def read_head(connection):
    """Byte by byte: what is behind it belongs to the tunnel."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise EOFError
        head += byte
    return head.decode("latin-1")


def await_end(connection):
    while connection.recv(65536):
        pass


def relay(source, target, most=math.inf):
    try:
        while data := source.recv(65536):
            target.sendall(data)
            most -= len(data)
            if most <= 0:
                raise OSError
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def tunnel(connection, head, most):
    port = int(head.split()[1].rpartition(":")[2])
    server = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(None)
    connection.sendall(GRANTED + b"\r\n")
    back = threading.Thread(target=relay, args=(server, connection, most), daemon=True)
    back.start()
    relay(connection, server)
    back.join()
    server.close()


def send_endless_head(connection):
    connection.sendall(GRANTED)
    while True:
        connection.sendall(b"X: y\r\n" * 100)


def do(deed, connection, log):
    what, _, data = deed.partition(":")
    data = bytes.fromhex(data)
    if what == "hangup":
        return
    if what == "greet":
        connection.sendall(data)
    head = read_head(connection)
    with open(log, "a") as file:
        file.write(json.dumps(head) + "\n")
    if what == "tunnel":
        tunnel(connection, head, int(data.hex(), 16) if data else math.inf)
    elif what == "endless":
        send_endless_head(connection)
    elif what == "hurried":
        connection.sendall(GRANTED + b"\r\n" + data)
    elif what in ("say", "cut"):
        connection.sendall(data)
    if what != "cut":
        await_end(connection)


def serve(connection, context, deed, log):
    connection.settimeout(PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        do(deed, connection, log)
    except (OSError, EOFError):
        pass  # the client tells what it does not like
    finally:
        connection.close()


def accept_all(listener, context, deeds, log):
    while True:
        connection = listener.accept()[0]
        deed = deeds.pop(0) if len(deeds) > 1 else deeds[0]
        threading.Thread(target=serve, args=(connection, context, deed, log), daemon=True).start()


def main(words):
    context, log = None, "/dev/null"
    while words[0].startswith("--"):
        option, value, *words = words
        if option == "--log":
            log = value
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(value + "/server.pem", value + "/server.key")
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if context else "http"
    print("listening on %s://127.0.0.1:%d/" % (scheme, listener.getsockname()[1]), flush=True)
    threading.Thread(target=accept_all, args=(listener, context, words, log), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""An HTTPS server that answers every request with the same bytes and then ends the connection, without close_notify.

Usage: abrupt.py DIR HEX
DIR has server.pem and server.key. Says "listening on wss://127.0.0.1:PORT/", and ends with its standard input."""

import socket
import ssl
import sys
import threading

PATIENCE = 20  # seconds


def serve(connection, context, answer):
    connection.settimeout(PATIENCE)
    try:
        connection = context.wrap_socket(connection, server_side=True)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        connection.sendall(answer)
    finally:
        connection.close()


def accept_all(listener, context, answer):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], context, answer), daemon=True).start()


def main(directory, answer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/server.pem", directory + "/server.key")
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on wss://127.0.0.1:%d/" % listener.getsockname()[1], flush=True)
    threading.Thread(target=accept_all, args=(listener, context, bytes.fromhex(answer)), daemon=True).start()
    sys.stdin.read()


main(*sys.argv[1:])

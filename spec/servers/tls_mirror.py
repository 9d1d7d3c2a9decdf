#!/usr/bin/env python3
"""A WebSocket server over TLS that answers every message with what the client let it know: a final message whose text
is a JSON object of `name` (SNI), `host` (the Host field), `subject` (the common name of its certificate), `version`, and
`resumed`, whether it resumed a session.
After the answer to "goodbye" it ends the connection.

Usage: tls_mirror.py SETTINGS
The file has a JSON object, which is read anew for each connection: `cert` and `key` of the server; `client_ca`, by
which clients' certificates are demanded and verified; `oldest` and `newest`, such as "TLSv1_3", of the versions that it
speaks; `answer`, with which it answers whatever it is asked, and then ends TCP, but not TLS. A session can be resumed as
long as the file is not written anew. Says "listening on
wss://127.0.0.1:PORT/", and ends with its standard input."""

import json
import os
import socket
import ssl
import struct
import sys
import threading
import uuid

from peer import accept_upgrade, read_frame

PATIENCE = 20  # seconds
MOST_ASKED = 65536  # bytes
TEXT = 1
GOING_AWAY = b"\x88\x02" + struct.pack("!H", 1001)


def make_context(settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion[settings.get("oldest", "TLSv1_2")]
    context.maximum_version = ssl.TLSVersion[settings.get("newest", "TLSv1_3")]
    context.set_ciphers("ALL:@SECLEVEL=0")  # else nothing older than TLS 1.2 is spoken
    context.load_cert_chain(settings["cert"], settings["key"])
    if "client_ca" in settings:
        context.load_verify_locations(settings["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    context.sni_callback = remember_name
    return context


def remember_name(connection, name, _):
    connection.server_name = name


class Contexts:
    """The context of the latest settings. One made anew has keys of its own, by which it refuses all older tickets."""

    def __init__(self, file):
        self.file, self.lock, self.state, self.settings, self.context = file, threading.Lock(), None, None, None

    def latest(self):
        with self.lock, open(self.file) as opened:
            status = os.fstat(opened.fileno())
            state = (status.st_ino, status.st_mtime_ns)
            if state != self.state:
                self.settings = json.load(opened)
                self.context, self.state = make_context(self.settings), state
            return self.context, self.settings


def common_name(certificate):
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    return names[0]


def text_frame(text):
    payload = json.dumps({"id": str(uuid.uuid4()), "sender": {"id": "mirror", "type": "agent"}, "text": text}).encode()
    return bytes([0x80 | TEXT, 126]) + struct.pack("!H", len(payload)) + payload


def answer_all(connection, said):
    stream = connection.makefile("rb")
    request = accept_upgrade(connection, stream)
    said["host"] = request.split("Host: ")[1].split("\r\n")[0]
    sent = []
    while read_frame(stream, sent)["opcode"] == TEXT:
        connection.sendall(text_frame(json.dumps(said)))
        if "goodbye" in sent[-1]["payload"]:
            connection.sendall(GOING_AWAY)
            return


def serve(connection, contexts):
    connection.settimeout(PATIENCE)
    try:
        context, settings = contexts.latest()
        connection = context.wrap_socket(connection, server_side=True)
        if "answer" in settings:
            connection.recv(MOST_ASKED)
            connection.sendall(settings["answer"].encode())
            return
        said = {"name": getattr(connection, "server_name", None), "version": connection.version()}
        said["resumed"] = connection.session_reused
        if connection.getpeercert():
            said["subject"] = common_name(connection.getpeercert())
        answer_all(connection, said)
    except (OSError, EOFError):
        pass  # the client tells why it does not want to go on
    finally:
        connection.close()


def accept_all(listener, contexts):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], contexts), daemon=True).start()


def main(file):
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on wss://127.0.0.1:%d/" % listener.getsockname()[1], flush=True)
    threading.Thread(target=accept_all, args=(listener, Contexts(file)), daemon=True).start()
    sys.stdin.read()


main(sys.argv[1])

"""A stand-in for the example's gateway: the page's files under the real content security policy, and the three calls,
whose answers each test scripts. It shares no code with the gateway itself."""

import http.server
import json
import pathlib
import socket
import threading

HTML = pathlib.Path(__file__).parents[2] / "examples/openresty/html"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: %s; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
WELCOME = {"welcome_message": "Hello!", "followup_suggestions": ["A microwave", "A laptop"]}
TIMEOUT = 60  # seconds, against hangs


def message(text, sender="agent", **fields):
    """An ExternalTaskMessage."""
    message.count += 1
    who = {"id": "x", "type": sender, "email": None}
    return {"id": f"message-{message.count}", "text": text, "sender": who, **fields}


message.count = 0


def chunk(text, keep):
    return "chunk", {"keep": keep, "text": text}


def final(text, **fields):
    return "message", message(text, **fields)


def error(kind, **fields):
    return "error", {"kind": kind, "message": "in other words", "retryable": True, "delivered": "no", **fields}


def refuse(status, retryable, headers=None, **fields):
    """In place of a script: the whole answer to one call of /api/chat."""
    kind = "rate_limit" if status == 429 else "application"
    return status, {"error": {"kind": kind, "message": "no", "retryable": retryable, **fields}}, headers or {}


class Gateway:
    """`scripts`: for each call of /api/chat, a list of events, of threading.Events to wait for and of "cut", or a
    refusal. `refusals`: what the next calls that begin a task are answered with. `chats`: those calls, as dicts of their
    parameters, with `last_event`. `histories`: messages by task_id. `tasks`: how many were begun. `pictures`: the
    setting."""

    def __init__(self):
        self.scripts, self.refusals, self.chats, self.histories, self.tasks = [], [], [], {}, 0
        self.pictures = []
        handler = type("Handler", (Handler,), {"gateway": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def send(self, status, kind, body, headers):
        self.send_response(status)
        policy = POLICY % " ".join(self.gateway.pictures)
        for name, value in {"Content-Type": kind + "; charset=utf-8", "Content-Security-Policy": policy,
                            "Cache-Control": "no-store", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, status, value, headers=None):
        self.send(status, "application/json", json.dumps(value).encode(), headers or {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/chat":
            self.chat(json.loads(body))
        else:
            self.create_task()

    def create_task(self):
        if self.gateway.refusals:
            self.send_json(*self.gateway.refusals.pop(0))
            return
        self.gateway.tasks += 1
        task_id = f"task-{self.gateway.tasks}"
        self.gateway.histories[task_id] = []
        self.send_json(201, {"task_id": task_id, **WELCOME})

    def do_GET(self):
        if self.path.startswith("/api/tasks/"):
            history = self.gateway.histories.get(self.path.split("/")[3])
            self.send_json(404, {}) if history is None else self.send_json(200, {"messages": history})
        elif self.path == "/chat/settings.js":
            self.send(200, "text/javascript", f"export const pictures = {json.dumps(self.gateway.pictures)};".encode(), {})
        else:
            file = HTML / (self.path[1:] or "index.html")
            self.send(200, TYPES[file.suffix], file.read_bytes(), {})

    def chat(self, call):
        script = self.gateway.scripts.pop(0)
        self.gateway.chats.append({**call, "last_event": self.headers["Last-Event-ID"]})
        if isinstance(script, tuple):
            self.send_json(*script)
            return
        self.send(200, "text/event-stream", b": hello\n\n", {})
        try:
            self.play(script)
        except OSError:
            pass  # The page has left.

    def play(self, script):
        for number, step in enumerate(script, 1):
            if isinstance(step, threading.Event):
                step.wait(TIMEOUT)
            elif step == "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                event, data = step
                self.wfile.write(f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())

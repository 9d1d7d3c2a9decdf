"""Answers every HTTP request with what the client said: a JSON object of the `method`, the `target`, the `headers` (names
in lower case, repeated ones joined) and the `body` (text), which has an id and a list of tasks too, so that it can stand
for whatever is asked for; where messages are, a list of it. Ends with its standard input."""
import http.server
import json
import sys
import threading


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        headers = {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers}
        body = self.rfile.read(int(headers.get("content-length", 0))).decode()
        said = {"id": "mirror", "tasks": [], "method": self.command, "target": self.path, "headers": headers, "body": body}
        is_list = self.path.endswith("/messages")
        data = json.dumps([said] if is_list else said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
server.daemon_threads = True
print(f"listening on ws://127.0.0.1:{server.server_port}/base/api/v1/external/session", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()

"""Answers every message with updates of a text that grows to some 4 kB, and a final message in fragments, with a ping
between: compressed (permessage-deflate) on the terms that its argument says, a JSON object of the parameters of RFC 7692
(7.1), of which a client may agree to fewer. The final message's `extensions` tells what was agreed. By
python3-websockets. Ends with its standard input."""
import asyncio
import itertools
import json
import sys

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

TEXT = "".join("word %d " % (i * i) for i in range(400))
count = itertools.count(1)


def cut(text):
    return [text[at : at + 1000] for at in range(0, len(text), 1000)]


async def answer(websocket):
    async for _ in websocket:
        for n in range(100, len(TEXT), 100):
            update = {"event": "thread-message-text-content-updated", "data": {"text": TEXT[:n]}}
            await websocket.send(json.dumps(update))
        await websocket.ping("between")
        agreed = websocket.response_headers.get("Sec-WebSocket-Extensions")
        final = {"id": f"message-{next(count)}", "sender": {"id": "compressor", "type": "agent"}, "text": TEXT}
        await websocket.send(cut(json.dumps({**final, "extensions": agreed})))


async def main():
    terms = ServerPerMessageDeflateFactory(**json.loads(sys.argv[1]))
    server = await websockets.serve(answer, "127.0.0.1", 0, compression=None, extensions=[terms])
    print("listening on ws://127.0.0.1:%d/" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await server.wait_closed()


asyncio.run(main())

"""Answers every message with what the client said: a final message whose text is a JSON object of the request's
`target`, its `headers` (names in lower case, repeated ones joined), the `message`, and how many messages the server
has had. Ends with its standard input."""
import asyncio
import itertools
import json
import sys

import websockets

count = itertools.count(1)


async def answer(websocket):
    async for message in websocket:
        headers = {}
        for name, value in websocket.request_headers.raw_items():
            headers.setdefault(name.lower(), []).append(value)
        headers = {name: ", ".join(values) for name, values in headers.items()}
        said = {"target": websocket.path, "headers": headers, "message": message, "count": next(count)}
        final = {"id": f"message-{said['count']}", "sender": {"id": "mirror", "type": "agent"}, "text": json.dumps(said)}
        await websocket.send(json.dumps(final))


async def main():
    server = await websockets.serve(answer, "127.0.0.1", 0, compression=None)
    print("listening on ws://127.0.0.1:%d/" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await server.wait_closed()


asyncio.run(main())

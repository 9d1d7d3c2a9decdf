"""A client in the manner of generated ones: the key in a header of the handshake, and frames of three declared types,
of which each that comes must be one. Prints as page.js does, and ends with the final message. Arguments: the URL, the
key."""

import asyncio
import json
import sys

import websockets


def is_update(frame):
    channel, data = frame.get("channel"), frame.get("data")
    return (isinstance(channel, dict) and channel.get("type") == "WEBSOCKET" and
            isinstance(channel.get("channel_name"), str) and
            channel.get("event_name") == "thread-message-text-content-updated" and
            isinstance(data, dict) and isinstance(data.get("text"), str))


def is_final(frame):
    return (all(isinstance(frame.get(name), str) for name in ("id", "created_at", "text")) and
            all(isinstance(frame.get(name), dict) for name in ("sender", "receiver")))


def is_error(frame):
    return isinstance(frame.get("status_code"), int) and isinstance(frame.get("message"), str)


async def main():
    url, key = sys.argv[1:]
    async with websockets.connect(url, extra_headers={"x-network-api-key": key}) as socket:
        await socket.send(json.dumps({"task_id": "68e78d0dc5a4b19a030d03d6", "text": "a built-in microwave"}))
        async for text in socket:
            frame = json.loads(text)
            if is_update(frame):
                print("\r" + frame["data"]["text"], end="", flush=True)
            elif is_final(frame) or is_error(frame):
                print("\n" + text, flush=True)
                return
            else:
                sys.exit("a frame of no declared type: " + text)

asyncio.run(main())

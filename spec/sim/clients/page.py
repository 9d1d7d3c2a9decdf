"""A client as the published page shows one for Python: the key in the query, updates with `event`, and whatever else
comes taken for the final message. Prints as page.js does. Argument: the URL."""

import asyncio
import json
import sys

import websockets


async def main():
    async with websockets.connect(sys.argv[1]) as socket:
        await socket.send(json.dumps({
            "task_id": "68e78d0dc5a4b19a030d03d6",
            "text": "Which built-in microwaves with at least 20 liters do you have?",
        }))
        async for frame in socket:
            event = json.loads(frame)
            if event.get("event") == "thread-message-text-content-updated":
                print("\r" + event["data"]["text"], end="", flush=True)
            else:
                print("\n" + json.dumps(event), flush=True)

asyncio.run(main())

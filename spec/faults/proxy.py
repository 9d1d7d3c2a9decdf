"""A TCP proxy that spoils connections on purpose. It has a port for each conversation; what becomes of the n-th connection
to the k-th port follows from the seed, k and n alone. The bytes that arrive are always a beginning of those sent. It
ends with its standard input.

usage: proxy.py SEED PORTS FAULTY BACKEND_PORT...
The k-th port leads to the backends in turn; from connection FAULTY on, a port is an honest way. Prints the ports in one
line, and at the end a JSON object that counts the faults by kind."""
import asyncio
import collections
import contextlib
import itertools
import json
import random
import socket
import struct
import sys

HOST = "127.0.0.1"
READ_SIZE = 65536
ABORT = struct.pack("ii", 1, 0)  # of SO_LINGER: closing sends a reset
counts = collections.Counter()


class Cut(Exception):
    """A direction has come to the fault that ends the whole connection: "fin" or "reset"."""


def choose_offset(dice):
    """In which byte a fault strikes: in the handshake, among the frames, or far behind them."""
    return int(dice.choice((dice.uniform(0, 300), dice.uniform(150, 3000), 10 ** dice.uniform(2, 5))))


def plan_direction(dice):
    """Faults of one direction as (offset, kind, argument), in the order of their offsets."""
    plan = []
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        if dice.random() < 0.5:
            plan.append((choose_offset(dice), "delay", dice.choice((0.002, 0.02, 0.1, 0.4))))
        else:
            plan.append((choose_offset(dice), "split", dice.choice((1, 2, 3, 7, 50))))
    if dice.random() < 0.4:
        kind = dice.choice(("fin", "reset", "blackhole", "half-close"))
        plan.append((choose_offset(dice), kind, None))
    return sorted(plan, key=lambda fault: fault[0])


def plan_opening(dice):
    return dice.choices(("accept", "refuse", "absent", "mute", "late"), (75, 5, 5, 5, 10))[0]


class Plan:
    """What becomes of one connection."""

    def __init__(self, seed, port_index, number, faulty):
        dice = random.Random(f"{seed}/{port_index}/{number}")
        honest = number >= faulty
        self.opening = "accept" if honest else plan_opening(dice)
        self.pause = dice.choice((0.01, 0.1, 0.7))  # of opening late or absent
        self.up = [] if honest else plan_direction(dice)
        self.down = [] if honest else plan_direction(dice)


# ---- one direction ----------------------------------------------------------------------------------


class Pump:
    """Carries the bytes of one direction, and spoils them as planned."""

    def __init__(self, source, sink, plan):
        self.source, self.sink, self.plan = source, sink, list(plan)
        self.offset = 0
        self.silent = False  # what arrives is thrown away

    async def run(self):
        """Ends with the source."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self.source, READ_SIZE):
            while self.plan and self.offset + len(data) > self.plan[0][0]:
                fault_offset, kind, argument = self.plan.pop(0)
                before = max(fault_offset - self.offset, 0)
                await self.send(data[:before])
                data = await self.strike(kind, argument, data[before:])
            await self.send(data)

    async def send(self, data):
        self.offset += len(data)
        if data and not self.silent:
            await asyncio.get_running_loop().sock_sendall(self.sink, data)

    async def strike(self, kind, argument, data):
        """Returns what of `data` is still to be sent. What arrives during a delay is merged with it by the kernel."""
        counts[kind] += 1
        if kind == "delay":
            await asyncio.sleep(argument)
        elif kind == "split":
            return await self.split(data, argument)
        elif kind in ("fin", "reset"):
            raise Cut(kind)
        else:
            self.silent = True
            if kind == "half-close":
                self.sink.shutdown(socket.SHUT_WR)
        return data

    async def split(self, data, size):
        for _ in range(min(len(data) // size, 60)):
            await self.send(data[:size])
            data = data[size:]
            await asyncio.sleep(0)
        return data


# ---- one connection ---------------------------------------------------------------------------------


def reset(*sockets):
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        each.close()


async def discard(source):
    with contextlib.suppress(OSError):  # a reset ends it too
        while await asyncio.get_running_loop().sock_recv(source, READ_SIZE):
            pass


async def end_quietly(*sockets):
    """Each gets a FIN. What it still sends is thrown away: closing with that unread would send a reset."""
    for each in sockets:
        with contextlib.suppress(OSError):  # it may have reset the connection meanwhile
            each.shutdown(socket.SHUT_WR)
    await asyncio.gather(*(asyncio.wait_for(discard(each), 2) for each in sockets), return_exceptions=True)


async def up_way(client, server, plan):
    await Pump(client, server, plan).run()
    server.shutdown(socket.SHUT_WR)  # also behind a blackhole: it ends with the client


async def down_way(server, client, plan):
    pump = Pump(server, client, plan)
    await pump.run()
    if not pump.silent:
        client.shutdown(socket.SHUT_WR)


async def carry(client, server, plan):
    """Until both directions have ended, which they do when the client hangs up, or one has cut the connection."""
    ways = [asyncio.create_task(up_way(client, server, plan.up)),
            asyncio.create_task(down_way(server, client, plan.down))]
    try:
        await asyncio.gather(*ways)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def join(client, server, plan, backend):
    try:
        await asyncio.get_running_loop().sock_connect(server, (HOST, backend))
        await carry(client, server, plan)
    except Cut as cut:
        if cut.args == ("reset",):
            reset(client, server)
        else:
            await end_quietly(client, server)
    except OSError:
        reset(client, server)  # one end has reset the connection; the other is to see that too


def prepare(connection):
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def serve(client, plan, backend):
    if plan.opening != "accept":
        counts[plan.opening] += 1
    with client, socket.socket() as server:
        prepare(client)
        prepare(server)
        if plan.opening == "refuse":
            reset(client)
        elif plan.opening == "mute":
            await discard(client)
        else:
            if plan.opening == "late":
                await asyncio.sleep(plan.pause)
            await join(client, server, plan, backend)


# ---- ports ------------------------------------------------------------------------------------------


class Port:
    """A port that one conversation connects to, again and again."""

    def __init__(self, index, seed, faulty, backend):
        self.index, self.seed, self.faulty, self.backend = index, seed, faulty, backend
        self.holder = self.bound(0)  # keeps the port ours while nobody listens
        self.number = self.holder.getsockname()[1]
        self.listener = self.listen()
        self.served = set()

    def bound(self, number):
        bound = socket.socket()
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((HOST, number))
        return bound

    def listen(self):
        listener = self.bound(self.number)
        listener.listen(16)
        return listener

    async def run(self):
        loop = asyncio.get_running_loop()
        for count in itertools.count():
            plan = Plan(self.seed, self.index, count, self.faulty)
            if plan.opening == "absent":
                await self.be_absent(plan.pause)
            client, _ = await loop.sock_accept(self.listener)
            task = loop.create_task(serve(client, plan, self.backend))
            self.served.add(task)
            task.add_done_callback(self.served.discard)

    async def be_absent(self, seconds):
        """Nobody listens for so long after the connections before have ended (or did not within a second)."""
        self.listener.close()
        if self.served:
            await asyncio.wait(self.served, timeout=1)
        await asyncio.sleep(seconds)
        self.listener = self.listen()


async def main(seed, ports, faulty, *backends):
    ways = [Port(k, seed, int(faulty), int(backends[k % len(backends)])) for k in range(int(ports))]
    tasks = [asyncio.create_task(way.run()) for way in ways]
    print(*(way.number for way in ways), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    tasks += [task for way in ways for task in way.served]
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for failure in results:
        if isinstance(failure, Exception):
            print("proxy.py:", repr(failure), file=sys.stderr)
    print(json.dumps(counts), flush=True)


asyncio.run(main(*sys.argv[1:]))

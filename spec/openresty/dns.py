"""A name server that knows localhost alone, for nginx, which reads no /etc/hosts. Says its UDP port in a line on
standard output, and runs until it is killed."""
import socket
import struct

A, IN = 1, 1
NAME_ERROR = 3
LOCALHOST = b"\x09localhost\x00"


def answer(query):
    """RFC 1035, 4.1: the answer to a query with one question."""
    end = query.index(b"\x00", 12) + 1
    name, question = query[12:end].lower(), query[12 : end + 4]
    kind, = struct.unpack_from("!H", query, end)
    known = name == LOCALHOST
    has_address = known and kind == A
    flags = 0x8180 if known else 0x8180 | NAME_ERROR
    head = query[:2] + struct.pack("!HHHHH", flags, 1, int(has_address), 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH4B", A, IN, 1, 4, 127, 0, 0, 1)
    return head + question + (record if has_address else b"")


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    packet, client = server.recvfrom(512)
    server.sendto(answer(packet), client)

"""When a transport asks its protocol to pause, and to go on; when it is lost."""

import asyncio
import socket

from clock import run, tell as say

MANY = b"x" * 16_000_000  # more than the kernel takes


class Says(asyncio.Protocol):
    """`lost` is set when the connection is gone."""

    def __init__(self, keeps_open=False):
        self.keeps_open = keeps_open
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        say("made")

    def data_received(self, data):
        say(f"data: {data.decode()}")

    def eof_received(self):
        say("eof")
        return self.keeps_open

    def pause_writing(self):
        say("pause writing")

    def resume_writing(self):
        say("resume writing")

    def connection_lost(self, reason):
        say(f"lost, with a reason: {reason is not None}")
        self.lost.set_result(None)


async def connected(protocol):
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, ours)
    return transport, theirs


async def read(peer, n):
    loop, got = asyncio.get_running_loop(), 0
    while got < n:
        got += len(await loop.sock_recv(peer, min(n - got, 1 << 16)))


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def main():
    loop = asyncio.get_running_loop()
    protocol = Says()
    transport, peer = await connected(protocol)
    say(f"limits by default: {transport.get_write_buffer_limits()}")
    transport.set_write_buffer_limits(high=1000)
    say(f"with a high of 1000: {transport.get_write_buffer_limits()}")
    transport.set_write_buffer_limits(low=1000)
    say(f"with a low of 1000: {transport.get_write_buffer_limits()}")
    transport.set_write_buffer_limits(high=0)
    say(f"with a high of 0: {transport.get_write_buffer_limits()}")
    transport.set_write_buffer_limits(high=1000, low=100)
    transport.write(b"little")
    say(f"after a little: {transport.get_write_buffer_size()} kept")
    await read(peer, 6)
    transport.write(MANY)
    say(f"after much: more than 1000 kept {transport.get_write_buffer_size() > 1000}")
    transport.write(MANY)
    say("more still, and no second pause")
    await read(peer, 2 * len(MANY))
    await turns(3)
    say(f"when all was read: {transport.get_write_buffer_size()} kept")

    transport.set_write_buffer_limits(high=1 << 30)
    transport.write(MANY)
    say("below a high mark that is high")
    transport.set_write_buffer_limits(high=1000, low=1000)
    say("the mark is lowered")
    transport.close()
    say(f"close: closing {transport.is_closing()}")
    await read(peer, len(MANY))
    await protocol.lost
    say("what was kept was sent before")
    peer.close()

    protocol = Says()
    transport, peer = await connected(protocol)
    transport.set_write_buffer_limits(high=1000)
    transport.write(MANY)
    transport.abort()
    say("abort: later")
    await protocol.lost
    say(f"abort: {transport.get_write_buffer_size()} kept")
    transport.write(b"into nothing")
    peer.close()

    protocol = Says(keeps_open=True)
    transport, peer = await connected(protocol)
    transport.pause_reading()
    transport.pause_reading()
    await loop.sock_sendall(peer, b"backlog")
    await turns(5)
    say(f"paused: reading {transport.is_reading()}")
    transport.resume_reading()
    await turns(5)
    peer.shutdown(socket.SHUT_WR)
    await turns(5)
    transport.write(b"still open")
    await read(peer, 10)
    transport.write_eof()
    try:
        transport.write(b"no")
    except RuntimeError:
        say("nothing can be written after the end")
    say(f"end: {len(await loop.sock_recv(peer, 10))} bytes")
    transport.close()
    transport.close()
    await protocol.lost
    peer.close()

    protocol = Says()
    transport, peer = await connected(protocol)
    await loop.sock_sendall(peer, b"last words")
    peer.close()
    await protocol.lost
    say(f"closed by the peer: closing {transport.is_closing()}")


run(main)

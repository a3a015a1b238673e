"""What a stream keeps, and whom it lets wait: reads, limits, drains, the end."""

import asyncio
import socket

from clock import run, tell as say

MANY = b"x" * 16_000_000  # more than the kernel takes


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


def fed(data, limit=1 << 16, ended=True):
    reader = asyncio.StreamReader(limit)
    reader.feed_data(data)
    if ended:
        reader.feed_eof()
    return reader


async def main():
    loop = asyncio.get_running_loop()
    reader = fed(b"one\ntwo\nthree|four")
    say(f"a line: {await reader.readline()}")
    say(f"exactly two: {await reader.readexactly(2)}")
    say(f"up to a bar: {await reader.readuntil(b'|')}")
    say(f"some: {await reader.read(2)}")
    say(f"the rest: {await reader.read()}")
    say(f"the end: {await reader.readline()}, {reader.at_eof()}")

    reader = fed(b"half")
    try:
        await reader.readexactly(10)
    except asyncio.IncompleteReadError as error:
        say(f"too few: {error.partial} of {error.expected}")
    reader = fed(b"half")
    try:
        await reader.readuntil(b"|")
    except asyncio.IncompleteReadError as error:
        say(f"no bar: {error.partial}")

    reader = fed(b"a line that is too long\nshort\n", 10, False)
    try:
        await reader.readline()
    except ValueError:
        say("a line over the limit is an error")
    say(f"and the next one is there: {await reader.readline()}")
    reader = fed(b"a line that is too long\n", 10, False)
    try:
        await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        say(f"kept, all {error.consumed}: {await reader.readexactly(24)}")

    reader = asyncio.StreamReader()

    async def waits():
        say(f"waited for: {await reader.readexactly(4)}")

    task = asyncio.create_task(waits())
    await turns(1)
    reader.feed_data(b"ha")
    await turns(2)
    say("half of it is not enough")
    reader.feed_data(b"lf!")
    await task
    say(f"what is left: {await reader.read(10)}")

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.transport.set_write_buffer_limits(high=1000)
    writer.write(b"little")
    await writer.drain()
    say("to drain a little does not wait")
    writer.write(MANY)

    async def drains(name):
        await writer.drain()
        say(f"{name} has drained")

    tasks = [asyncio.create_task(drains(name)) for name in ["one", "two"]]
    await turns(3)
    say(f"they wait: {not any(task.done() for task in tasks)}")
    got = 0
    while got < len(MANY) + 6:
        got += len(await loop.sock_recv(theirs, 1 << 16))
    await asyncio.wait(tasks)
    await loop.sock_sendall(theirs, b"bye")
    theirs.close()
    say(f"to the end: {await reader.read()}, {reader.at_eof()}")
    writer.close()
    await writer.wait_closed()
    say("closed")
    try:
        await writer.drain()
        say("to drain what is closed does nothing")
    except ConnectionResetError:
        say("to drain what is closed is an error")


run(main)

#!/usr/bin/env python3
"""What does an echo cost a server, in each of Python's ways to write one?

Needs nothing but python3; with the packages of requirements.txt it can say more. Each server is
a process of its own; the client is the same for all: it writes to every connection, and then
reads from every connection. What is printed is the processor time of the server.

`echo.py --serve STYLE` is one of the servers; it says where it listens.
"""

import argparse
import asyncio
import json
import os
import selectors
import socket
import subprocess
import sys

from measuring import Missing, Way, need, python, row, table

SIZE = 64
BUFFER = 16 * 1024


def say(address):
    print(f"listening on {address[0]}:{address[1]}", flush=True)


def by_selector():
    selector, listener = selectors.DefaultSelector(), socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    say(listener.getsockname())
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                stream, _ = listener.accept()
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(stream, selectors.EVENT_READ)
            elif data := key.fileobj.recv(BUFFER):
                key.fileobj.sendall(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def protocol():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    say(server.sockets[0].getsockname())
    await server.serve_forever()


async def streams():
    async def echo(reader, writer):
        while data := await reader.read(BUFFER):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    say(server.sockets[0].getsockname())
    await server.serve_forever()


async def sockets():
    loop, listener = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    say(listener.getsockname())

    async def echo(stream):
        with stream:
            while data := await loop.sock_recv(stream, BUFFER):
                await loop.sock_sendall(stream, data)

    tasks = set()
    while True:
        stream, _ = await loop.sock_accept(listener)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(echo(stream))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def on_asyncio(main):
    return lambda: asyncio.run(main())


def on_uvloop(main):
    def serve():
        loop = need("uvloop").new_event_loop()
        loop.run_until_complete(main())

    return serve


def tornado():
    tcpserver, iostream = need("tornado.tcpserver"), need("tornado.iostream")
    netutil = need("tornado.netutil")

    class Server(tcpserver.TCPServer):
        async def handle_stream(self, stream, address):
            stream.set_nodelay(True)
            try:
                while True:
                    await stream.write(await stream.read_bytes(BUFFER, partial=True))
            except iostream.StreamClosedError:
                pass

    async def serve():
        listening = netutil.bind_sockets(0, "127.0.0.1")
        Server().add_sockets(listening)
        say(listening[0].getsockname())
        await asyncio.Event().wait()

    asyncio.run(serve())


def twisted():
    protocol, reactors = need("twisted.internet.protocol"), need("twisted.internet.epollreactor")

    class Answer(protocol.Protocol):
        def connectionMade(self):
            self.transport.setTcpNoDelay(True)

        def dataReceived(self, data):
            self.transport.write(data)

    reactor = reactors.EPollReactor()
    port = reactor.listenTCP(0, protocol.Factory.forProtocol(Answer), interface="127.0.0.1")
    where = port.getHost()
    say((where.host, where.port))
    reactor.run(installSignalHandlers=False)


SERVERS = {
    "selectors": ("selectors, by hand", by_selector),
    "asyncio-protocol": ("asyncio, a protocol", on_asyncio(protocol)),
    "asyncio-streams": ("asyncio, streams", on_asyncio(streams)),
    "asyncio-sockets": ("asyncio, sock_recv", on_asyncio(sockets)),
    "uvloop-protocol": ("uvloop, a protocol", on_uvloop(protocol)),
    "uvloop-streams": ("uvloop, streams", on_uvloop(streams)),
    "tornado": ("Tornado, IOStream", tornado),
    "twisted": ("Twisted, a protocol", twisted),
}

PACKAGES = {"uvloop-protocol": "uvloop", "uvloop-streams": "uvloop",
            "tornado": "tornado", "twisted": "twisted"}


class Server:
    """One of the servers, in a process of its own, with clients."""

    def __init__(self, style, connections):
        command = [sys.executable, __file__, "--serve", style]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        host, port = line.split()[-1].rsplit(":", 1)
        self.clients = [socket.create_connection((host, int(port))) for _ in range(connections)]
        for client in self.clients:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.settimeout(30)

    def echo(self):
        """One message to everybody, and back."""
        for client in self.clients:
            client.sendall(b"e" * SIZE)
        for client in self.clients:
            left = SIZE
            while left:
                data = client.recv(left)
                if not data:
                    raise EOFError("the server has gone")
                left -= len(data)

    def end(self):
        """Gives the processor time that it has used, as the kernel has counted it."""
        for client in self.clients:
            client.close()
        self.process.kill()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = status
        self.process.stdout.close()
        return int((used.ru_utime + used.ru_stime) * 1e9)


def cost(style, connections, requests):
    """The processor time of a request: that of many without that of few."""
    few, many = requests // 10 // connections, requests // connections
    times = []
    for rounds in [few, many]:
        server = Server(style, connections)
        for _ in range(rounds):
            server.echo()
        times.append(server.end())
    return max(times[1] - times[0], 0) / ((many - few) * connections)


def rows(connections, requests, rounds):
    styles, samples = [], {}
    for style in SERVERS:
        if style in PACKAGES:
            try:
                need(PACKAGES[style])
            except Missing as why:
                yield {"id": style, "why": str(why)}
                continue
        styles.append(style)
    for _ in range(rounds):
        for style in styles:
            samples.setdefault(style, []).append(cost(style, connections, requests))
    for style, values in samples.items():
        way = Way(f"{style}-{connections}", SERVERS[style][0], None, None)
        yield way, values


def measure():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", choices=SERVERS, help="be this server")
    parser.add_argument("--connections", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--requests", type=int, default=20_000, help="how many (default: 20000)")
    parser.add_argument("--rounds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--json", action="store_true", help="one JSON object, all samples")
    args = parser.parse_args()
    if args.serve:
        return SERVERS[args.serve][1]()
    found, missing = [], []
    for each in rows(args.connections, args.requests, args.rounds):
        if isinstance(each, dict):
            missing.append(each)
        else:
            found.append(row(*each))
    if args.json:
        print(json.dumps({"python": python(), "rows": found, "missing": missing}))
    else:
        table(found, missing)


if __name__ == "__main__":
    try:
        measure()
    except KeyboardInterrupt:
        sys.exit(130)

"""An echo server on one thread that sleeps until a socket is worth trying."""

import selectors
import socket


def serve():
    selector = selectors.DefaultSelector()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening on %s:%d" % listener.getsockname(), flush=True)
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ, accept)
        while True:
            for key, _ in selector.select():
                key.data(selector, key.fileobj)


def accept(selector, listener):
    stream, _ = listener.accept()
    stream.setblocking(False)
    selector.register(stream, selectors.EVENT_READ, read)


def read(selector, stream):
    data = receive(stream)
    if not data:
        selector.unregister(stream)
        stream.close()
        return
    owed = bytearray(data)
    selector.modify(stream, selectors.EVENT_WRITE, lambda *args: write(*args, owed))


def write(selector, stream, owed):
    try:
        del owed[: stream.send(owed)]
    except BlockingIOError:
        return
    except OSError:
        owed.clear()
    if not owed:
        selector.modify(stream, selectors.EVENT_READ, read)


def receive(stream):
    try:
        return stream.recv(4096)
    except OSError:
        return b""


if __name__ == "__main__":
    try:
        serve()
    except KeyboardInterrupt:
        print("goodbye")

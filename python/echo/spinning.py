"""An echo server on one thread that asks every socket, again and again, and never sleeps."""

import socket


def serve():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening on %s:%d" % listener.getsockname(), flush=True)
        listener.setblocking(False)
        clients = {}
        while True:
            accept(listener, clients)
            for stream, owed in list(clients.items()):
                if not attempt(stream, owed):
                    del clients[stream]
                    stream.close()


def accept(listener, clients):
    try:
        stream, _ = listener.accept()
        stream.setblocking(False)
        clients[stream] = bytearray()
    except BlockingIOError:
        pass


def attempt(stream, owed):
    """Moves what can be moved. False: it is over."""
    try:
        if owed:
            del owed[: stream.send(owed)]
        elif data := stream.recv(4096):
            owed += data
        else:
            return False
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True


if __name__ == "__main__":
    try:
        serve()
    except KeyboardInterrupt:
        print("goodbye")

"""An echo server, one client after the other."""

import socket


def serve():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening on %s:%d" % listener.getsockname(), flush=True)
        while True:
            stream, _ = listener.accept()
            echo(stream)


def echo(stream):
    with stream:
        while data := stream.recv(4096):
            stream.sendall(data)


if __name__ == "__main__":
    try:
        serve()
    except KeyboardInterrupt:
        print("goodbye")

"""What is felt on the wire through a proxy, and where everything is: TOXIPROXY_URL names the API, UPSTREAM a server that sends back
what it gets."""

import os
import socket
import time
from urllib.parse import urlsplit

API = os.environ["TOXIPROXY_URL"]
HOST, PORT = urlsplit(API).hostname, urlsplit(API).port
UPSTREAM = os.environ["UPSTREAM"]

# Nothing that is waited for takes longer, even on a busy machine.
PATIENCE = 30

# Every type with values of its own for each attribute.
TYPES = {
    "noop": {},
    "latency": {"latency": 120, "jitter": 7},
    "bandwidth": {"rate": 64},
    "slow_close": {"delay": 40},
    "timeout": {"timeout": 300},
    "slicer": {"average_size": 100, "size_variation": 10, "delay": 50},
    "reset_peer": {"timeout": 20},
    "limit_data": {"bytes": 4096},
    "packet_loss": {"loss_rate": 0.25, "correlation": 0.5},
}
STREAMS = ["upstream", "downstream"]


def connect(listen):
    host, port = listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE)


def exactly(client, count):
    heard = b""
    while len(heard) < count:
        piece = client.recv(count - len(heard))
        assert piece, f"it ended after {heard}"
        heard += piece
    return heard


def answer(listen, said):
    """Sends this on a connection of its own, and reads as much."""
    with connect(listen) as client:
        client.sendall(said)
        return exactly(client, len(said))


def rest(listen, said):
    """Sends this and reads until the end: what came, or the error."""
    heard = b""
    with connect(listen) as client:
        client.sendall(said)
        while piece := client.recv(4096):
            heard += piece
    return heard


class Clock:
    """How long something took."""

    def __enter__(self):
        self.begin = time.monotonic()
        return self

    def __exit__(self, *_):
        self.took = time.monotonic() - self.begin

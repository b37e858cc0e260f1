"""Clients of messages in Python: websockets, and httpx-sse for server-sent events. Does what each line of its input says, and tells in one line
what a caller is shown: how long it took, then the messages and how they ended."""

import sys
import time

import httpx
import httpx_sse
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect


def numbers(options):
    return {name: float(value) for name, value in (word.split("=") for word in options)}


def told(got, how):
    return f"{','.join(got)} {how}".strip()


def websockets(to, *options):
    """Asks for so many messages, `messages=5`, and then says goodbye. `timeout=0.3` is for each of them; `pings=0.2` asks for signs of life."""
    options = numbers(options)
    got = []
    pings = options.get("pings")
    try:
        with connect(f"ws://{to}/", proxy=None, ping_interval=pings, ping_timeout=pings, close_timeout=0.2, compression=None) as socket:
            socket.send(f"count {int(options.get('messages', 5))}")
            while not got or got[-1] != "end":
                message = socket.recv(timeout=options.get("timeout", 30))
                got.append(message if message.isalnum() else "?")
        return told(got, "")
    except (WebSocketException, OSError) as error:
        return told(got, f"{type(error).__name__}: {error}")


def sse(to, *options):
    """Reads events to the end of the stream, once."""
    options = numbers(options)
    got = []
    try:
        with httpx.Client(timeout=options.get("timeout", 30)) as client:
            with httpx_sse.connect_sse(client, "GET", f"http://{to}/events") as source:
                for event in source.iter_sse():
                    got.append(event.data)
        return told(got, "ended")
    except Exception as error:
        return told(got, f"{type(error).__name__}: {error}")


for line in sys.stdin:
    to, name, *options = line.split()
    begin = time.monotonic()
    said = {"websockets": websockets, "sse": sse}[name](to, *options)
    print(int((time.monotonic() - begin) * 1000), said, flush=True)

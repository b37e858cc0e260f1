"""A client of gRPC in Python, whose core is C. Does what each line of its input says, and tells in one line what a caller is shown: how long it
took, then the messages, or the status with what it says."""

import json
import sys
import time

import grpc

# Four attempts, if the status is one of those.
RETRYING = {
    "methodConfig": [{
        "name": [{}],
        "retryPolicy": {
            "maxAttempts": 4, "initialBackoff": "0.02s", "maxBackoff": "0.1s", "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
        },
    }],
}


def as_sent(message):
    return message


def call(to, method, *options):
    """`deadline=0.3 retries=1 token=1 messages=5`."""
    options = {name: float(value) for name, value in (word.split("=") for word in options)}
    ways = [("grpc.enable_retries", int("retries" in options)), ("grpc.service_config", json.dumps(RETRYING))]
    # Channels of one process share their connections otherwise.
    ways += [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    about = (("authorization", "Bearer old"),) if "token" in options else ()
    told = []
    with grpc.insecure_channel(to, options=ways) as channel:
        if method == "Hello":
            ask = channel.unary_unary("/felt.Shop/Hello", as_sent, as_sent)
        else:
            ask = channel.unary_stream("/felt.Shop/Count", as_sent, as_sent)
        try:
            if method == "Hello":
                answer = ask(b"python", timeout=options.get("deadline", 30), metadata=about)
                told.append("no message" if answer is None else answer.decode("latin-1"))
            else:
                answer = ask(b"%d" % options["messages"], timeout=options.get("deadline", 30), metadata=about)
                for message in answer:
                    told.append(message.decode() if message.isdigit() else "?")
        except grpc.RpcError as error:
            marks = [value for name, value in error.trailing_metadata() or () if name == "x-faultwire-fault"]
            said = f"{','.join(told)} {error.code().name}: {error.details()!r}{' by ' + marks[0] if marks else ''}"
            return said.strip()
    return ",".join(told)


for line in sys.stdin:
    begin = time.monotonic()
    told = call(*line.split())
    print(int((time.monotonic() - begin) * 1000), told, flush=True)

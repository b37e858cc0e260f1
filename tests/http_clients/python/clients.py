"""The HTTP clients of Python, each in the ways that it can be used, against the address that is given. Tells what a caller is shown."""

import hashlib
import sys
import threading

LONG = 3 << 20
PATTERN = (bytes((i * 31 + 7) % 251 for i in range(251)) * (LONG // 251 + 1))[:LONG]


def pieces(body, size=70_001):
    for at in range(0, len(body), size):
        yield body[at : at + size]


def tell(status, reason, headers, body, *more):
    print(f"{status} {reason}")
    for name, value in headers:
        print(f"  {name}: {value!r}")
    print(f"  {body!r}" if len(body) < 200 else f"  {len(body)} bytes {hashlib.sha256(body).hexdigest()}")
    for line in more:
        print(f"  {line}")


def scenario(name):
    """Runs it at once; an error of the client is told by its kind."""

    def run(act):
        print(f"== {name}")
        try:
            act()
        except Exception as error:
            print(f"-- {kind(error)}")

    return run


def kind(error):
    """The error, and those it came of, without places and addresses."""
    names = []
    while error:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " of ".join(names)


def http_client(to):
    import http.client

    kept = http.client.HTTPConnection(to, timeout=30)

    def ask(method, target, body=None, headers={}, on=None, **more):
        on = on or kept
        on.request(method, target, body, headers, **more)
        answer = on.getresponse()
        tell(answer.status, answer.reason, answer.getheaders(), answer.read())

    @scenario("kept alive")
    def _():
        for n in range(3):
            ask("GET", f"/plain?{n}")

    @scenario("odd")
    def _():
        ask("GET", "/odd")

    @scenario("head")
    def _():
        ask("HEAD", "/head")

    @scenario("none")
    def _():
        ask("DELETE", "/none")

    @scenario("same")
    def _():
        ask("GET", "/same", headers={"If-None-Match": '"v1"'})

    @scenario("chunked")
    def _():
        ask("GET", "/chunked")

    @scenario("form")
    def _():
        ask("POST", "/form", b"a=1", {"Content-Type": "application/x-www-form-urlencoded"})

    @scenario("put of nothing")
    def _():
        ask("PUT", "/up")

    @scenario("upload")
    def _():
        ask("PUT", "/up", PATTERN)

    @scenario("upload in chunks")
    def _():
        ask("PUT", "/up", pieces(PATTERN), encode_chunked=True)

    @scenario("continue")
    def _():
        ask("PUT", "/up", b"at once", {"Expect": "100-continue"})

    @scenario("down")
    def _():
        ask("GET", "/down")

    @scenario("down in chunks")
    def _():
        ask("GET", "/down-in-chunks")

    @scenario("asterisk")
    def _():
        ask("OPTIONS", "*")

    @scenario("early")
    def _():
        ask("PUT", "/early", PATTERN, on=http.client.HTTPConnection(to, timeout=30))

    @scenario("down until close")
    def _():
        ask("GET", "/down-until-close", on=http.client.HTTPConnection(to, timeout=30))

    @scenario("cut")
    def _():
        ask("GET", "/cut", on=http.client.HTTPConnection(to, timeout=30))

    @scenario("upgrade")
    def _():
        connection = http.client.HTTPConnection(to, timeout=30)
        connection.request("GET", "/upgrade", headers={"Connection": "Upgrade", "Upgrade": "echo"})
        answer = connection.getresponse()
        # The answer would take the socket with it.
        stream = connection.sock.makefile("rwb") if connection.sock else answer.fp
        tell(answer.status, answer.reason, answer.getheaders(), b"")
        print(f"  {answer.fp.readline()!r}")
        for line in [b"one\n", b"\0\xff two\n", b"x" * 150_000 + b"\n"]:
            sending = threading.Thread(target=lambda: (stream.write(line), stream.flush()))
            sending.start()
            back = answer.fp.readline()
            sending.join()
            print(f"  {len(back)} bytes, the same: {back == line}")

    @scenario("absolute")
    def _():
        ask("GET", "http://example.test/plain", headers={"Host": "example.test"})

    @scenario("connect")
    def _():
        connection = http.client.HTTPConnection(to, timeout=30)
        connection.set_tunnel("example.test", 80)
        ask("GET", "/plain?inside", on=connection)
        ask("GET", "/odd", on=connection)


def others(to, ask, proxied):
    """What urllib3, requests and httpx can all do. `ask` tells of one exchange."""
    base = f"http://{to}"
    calls = {
        "kept alive": [("GET", f"/plain?{n}") for n in range(3)],
        "odd": [("GET", "/odd")],
        "head": [("HEAD", "/head")],
        "none": [("DELETE", "/none")],
        "chunked": [("GET", "/chunked"), ("GET", "/plain?behind")],
        "same": [("GET", "/same", None, {"If-None-Match": '"v1"'})],
        "form": [("POST", "/form", b"a=1", {"Content-Type": "application/x-www-form-urlencoded"})],
        "upload": [("PUT", "/up", PATTERN)],
        "upload in chunks": [("PUT", "/up", "chunks")],
        "down": [("GET", "/down")],
        "down in chunks": [("GET", "/down-in-chunks")],
        "early": [("PUT", "/early", PATTERN)],
        "down until close": [("GET", "/down-until-close")],
        "cut": [("GET", "/cut")],
    }
    for name, exchanges in calls.items():

        @scenario(name)
        def _():
            for method, path, *rest in exchanges:
                body, headers = (rest + [None, None])[:2]
                ask(method, base + path, pieces(PATTERN) if body == "chunks" else body, headers or {})

    @scenario("absolute")
    def _():
        proxied("http://example.test/plain?absolute")


def urllib3(to):
    import urllib3

    pool = urllib3.PoolManager(retries=False, timeout=30)

    def ask(method, url, body=None, headers={}, using=pool):
        answer = using.request(method, url, body=body, headers=headers)
        tell(answer.status, answer.reason, answer.headers.items(), answer.data)

    others(to, ask, lambda url: ask("GET", url, using=urllib3.ProxyManager(f"http://{to}", retries=False, timeout=30)))


def requests(to):
    import requests

    session = requests.Session()
    session.trust_env = False

    def ask(method, url, body=None, headers={}, **more):
        answer = session.request(method, url, data=body, headers=headers, timeout=30, **more)
        tell(answer.status_code, answer.reason, answer.headers.items(), answer.content)

    others(to, ask, lambda url: ask("GET", url, proxies={"http": f"http://{to}"}))


def httpx(to):
    import httpx

    client = httpx.Client(timeout=30, trust_env=False)

    def ask(method, url, body=None, headers={}, using=client):
        answer = using.request(method, url, content=body, headers=headers)
        tell(answer.status_code, answer.reason_phrase, answer.headers.raw, answer.content)

    others(to, ask, lambda url: ask("GET", url, using=httpx.Client(timeout=30, trust_env=False, proxy=f"http://{to}")))


{"http.client": http_client, "urllib3": urllib3, "requests": requests, "httpx": httpx}[sys.argv[1]](sys.argv[2])

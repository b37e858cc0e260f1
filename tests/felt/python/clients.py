"""The HTTP clients of Python. Does what each line of its input says, and tells in one line what a caller is shown: how long it took, then a
status, body and mark, or the exception with those it came of."""

import http.client
import json
import sys
import time

import httpx
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

PATTERN = bytes(at % 251 for at in range(64 << 10))


def words(options):
    """`timeout=0.3 post=100` as a dictionary of numbers."""
    return {name: float(value) for name, value in (word.split("=") for word in options)}


def shown(status, body, headers, *more):
    mark = headers.get("x-faultwire-fault")
    return " ".join(str(word) for word in (status, content(body), *more, *(["by", mark] if mark else [])))


def content(body):
    if len(body) < 80:
        return body.decode("latin-1")
    if b"problem" in body or b'"title"' in body:
        return json.loads(body).get("title", "no title")
    as_sent = "as sent" if body == PATTERN[: len(body)] else "changed"
    return f"{len(body)} bytes {as_sent}"


def kind(error):
    """The exception, what it came of, and what the last one says."""
    names = []
    while error:
        names.append(type(error).__name__)
        last = error
        error = error.__cause__ or error.__context__
    said = str(last)
    return f"{' of '.join(names)}: {said if said.isprintable() else ascii(said)}"


class Clients:
    """Every method is a way to ask; its name is the first word of a line, the others are its arguments."""

    def http_client(self, to, path, *options):
        options = words(options)
        connection = http.client.HTTPConnection(to, timeout=options.get("timeout", 30))
        body = bytes(int(options["post"])) if "post" in options else None
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return shown(answer.status, answer.read(), answer.headers)

    def urllib3(self, to, path, *options):
        """Retries as its users ask for: statuses as well, and as the server says."""
        options = words(options)
        tries = Retry(total=int(options.get("retries", 0)), status_forcelist=[429, 503], backoff_factor=0)
        method = "POST" if "post" in options else "GET"
        body = bytes(int(options["post"])) if "post" in options else None
        with urllib3.PoolManager(retries=tries, timeout=options.get("timeout", 30)) as pool:
            for _ in range(int(options.get("asks", 1))):
                answer = pool.request(method, f"http://{to}{path}", body=body)
        attempts = len(answer.retries.history) + 1
        return shown(answer.status, answer.data, answer.headers, *(["attempts", attempts] if tries.total else []))

    def requests(self, to, path, *options):
        options = words(options)
        with requests.Session() as session:
            if "retries" in options:
                session.mount("http://", HTTPAdapter(max_retries=Retry(total=int(options["retries"]), status_forcelist=[503])))
            body = bytes(int(options["post"])) if "post" in options else None
            answer = session.request("GET" if body is None else "POST", f"http://{to}{path}", data=body, timeout=options.get("timeout", 30))
        return shown(answer.status_code, answer.content, answer.headers)

    def httpx(self, to, path, *options):
        options = words(options)
        with httpx.Client(timeout=options.get("timeout", 30)) as client:
            body = bytes(int(options["post"])) if "post" in options else None
            answer = client.request("GET" if body is None else "POST", f"http://{to}{path}", content=body)
        return shown(answer.status_code, answer.content, answer.headers)

    def raises_for_status(self, to, path):
        """What most callers do with a status, and what they can learn of it."""
        try:
            return httpx.get(f"http://{to}{path}").raise_for_status().text
        except httpx.HTTPStatusError as error:
            answer = error.response
            return f"HTTPStatusError {answer.status_code} {answer.json()['error']} {answer.headers['x-reason']}"

    def price(self, to):
        """A caller who trusts that the shop tells prices."""
        return str(requests.get(f"http://{to}/product", timeout=30).json()["price"]["amount"])

    def product(self, to):
        return json.dumps(requests.get(f"http://{to}/product", timeout=30).json())

    def tenant(self, to):
        return requests.get(f"http://{to}/echo", params={"page": "1"}, headers={"x-tenant": "a"}, timeout=30).text

    def sum(self, to, path):
        """What has arrived there is told by the server."""
        return requests.post(f"http://{to}{path}", data=bytes(100), timeout=30).text

    def refreshes(self, to):
        """A token that is renewed when it no longer counts."""
        with httpx.Client(base_url=f"http://{to}", auth=Refreshing("token-old"), timeout=30) as client:
            answer = client.get("/me")
            return shown(answer.status_code, answer.content, answer.headers, "after", client.auth.renewed, "renewals")

    def logs_in(self, to):
        """A session of cookies, which begins anew when it is refused."""
        with requests.Session() as session:
            session.get(f"http://{to}/login", timeout=30)
            answers = [session.get(f"http://{to}/me", timeout=30)]
            if answers[0].status_code == 401:
                session.cookies.clear()
                session.get(f"http://{to}/login", timeout=30)
                answers.append(session.get(f"http://{to}/me", timeout=30))
        return ", ".join(f"{answer.status_code} {content(answer.content)}" for answer in answers)


class Refreshing(httpx.Auth):
    requires_response_body = True

    def __init__(self, token):
        self.token, self.renewed = token, 0

    def auth_flow(self, request):
        request.headers["authorization"] = f"Bearer {self.token}"
        answer = yield request
        if answer.status_code == 401 and "invalid_token" in answer.headers.get("www-authenticate", ""):
            renewal = yield httpx.Request("POST", request.url.join("/login"))
            self.token, self.renewed = renewal.text, self.renewed + 1
            request.headers["authorization"] = f"Bearer {self.token}"
            yield request


for line in sys.stdin:
    to, name, *arguments = line.split()
    begin = time.monotonic()
    try:
        told = getattr(Clients(), name)(to, *arguments)
    except Exception as error:
        told = kind(error)
    print(int((time.monotonic() - begin) * 1000), told, flush=True)

//! What is said in `raw`.

pub enum Step {
    Client(&'static [u8]),
    Server(&'static [u8]),
    ClientEnds,
    ServerEnds,
    ServerResets,
}
use Step::{Client, ClientEnds, Server, ServerEnds, ServerResets};

const GET: Step = Client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
const OK: Step = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

pub const CONVERSATIONS: &[(&str, &[Step])] = &[
    ("one after the other", &[GET, OK, GET, OK, GET, OK, ClientEnds, ServerEnds]),
    ("the server ends", &[GET, Server(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), ServerEnds, ClientEnds]),
    ("the client ends first", &[GET, ClientEnds, OK, ServerEnds]),
    ("an idle connection is ended by the server", &[GET, OK, ServerEnds]),
    ("nothing is said", &[ClientEnds, ServerEnds]),
    (
        "odd letters, order and spaces",
        &[
            Client(b"GET /%7e?a=b&&c HTTP/1.1\r\nhOsT:a\r\nX-A:  1  \r\nAccept: */*\r\nx-a:\t2\r\nX-B:\r\nX-A: 3,4\r\n\r\n"),
            Server(b"HTTP/1.1 200 oK\r\nsErVeR:x\r\nSet-Cookie: a=1\r\nX-Empty:\r\nset-cookie: b=2\r\nCONTENT-LENGTH:  2  \r\nX: \t y\r\n\r\nok"),
            GET,
            OK,
        ],
    ),
    (
        "bytes beyond ASCII",
        &[
            Client(b"GET /caf\xe9 HTTP/1.1\r\nHost: a\r\nX-Name: M\xfcller \xff\x80\r\n\r\n"),
            Server(b"HTTP/1.1 200 Gr\xfc\xdf\r\nX-Text: \xa0\xff\r\nContent-Length: 2\r\n\r\nok"),
        ],
    ),
    ("no reason", &[GET, Server(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), GET, Server(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), GET, OK]),
    ("statuses that nobody knows", &[GET, Server(b"HTTP/1.1 299 ?\r\nContent-Length: 0\r\n\r\n"), GET, Server(b"HTTP/1.1 799 !\r\nContent-Length: 1\r\n\r\nx"), GET, OK]),
    (
        "methods that nobody knows",
        &[
            Client(b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"),
            OK,
            Client(b"M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n"),
            OK,
            Client(b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
            OK,
            Client(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            OK,
        ],
    ),
    (
        "head and answers without bodies",
        &[
            Client(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            Client(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            GET,
            Server(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
            GET,
            Server(b"HTTP/1.1 204 No Content\r\n\r\n"),
            GET,
            OK,
        ],
    ),
    (
        "a request in chunks, with extensions and trailers",
        &[
            Client(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"),
            Client(b"4;a=b;c=\"d;e\"\r\nwiki\r\n"),
            Client(b"0A\r\n0123456789\r\n"),
            Client(b"000;last\r\nX-Sum: abc\r\nx-more:\r\n\r\n"),
            OK,
            GET,
            OK,
        ],
    ),
    (
        "an answer in chunks, with extensions and trailers",
        &[
            GET,
            Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding:chunked\r\nTrailer: X-Sum\r\n\r\n"),
            Server(b"5;name=value\r\nfirst\r\n"),
            Server(b"6\r\nsecond\r\n"),
            Server(b"00\r\nX-Sum: abc\r\nX-SUM: def\r\n\r\n"),
            GET,
            OK,
        ],
    ),
    (
        "events, each when it happens",
        &[
            GET,
            Server(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Server(b"9\r\ndata: 1\n\n\r\n"),
            Server(b"9\r\ndata: 2\n\n\r\n"),
            Server(b"9\r\ndata: 3\n\n\r\n"),
            ServerEnds,
        ],
    ),
    (
        "a body to the end of the connection",
        &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n"), Server(b"some "), Server(b"more\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), ServerEnds],
    ),
    (
        "HTTP/1.0",
        &[Client(b"GET / HTTP/1.0\r\n\r\n"), Server(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall there is"), ServerEnds],
    ),
    (
        "HTTP/1.0 that stays",
        &[
            Client(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
            Server(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
            Client(b"GET / HTTP/1.0\r\n\r\n"),
            Server(b"HTTP/1.0 200 OK\r\n\r\nthe rest"),
            ServerEnds,
        ],
    ),
    (
        "an answer to HTTP/1.1 in HTTP/1.0",
        &[GET, Server(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"), GET, OK],
    ),
    (
        "100 before the body",
        &[
            Client(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
            Server(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Client(b"body"),
            Server(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
            GET,
            OK,
        ],
    ),
    (
        "no 100, and no body",
        &[
            Client(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n"),
            Server(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            ServerEnds,
        ],
    ),
    (
        "a body that does not wait for 100",
        &[Client(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"), Server(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), GET, OK],
    ),
    (
        "hints before the answer",
        &[
            GET,
            Server(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n\r\n"),
            Server(b"HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n"),
            Server(b"HTTP/1.1 102 Processing\r\n\r\n"),
            OK,
            GET,
            OK,
        ],
    ),
    (
        "an upgrade",
        &[
            Client(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Server(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Server(b"\x81\x05hello"),
            Client(b"\x81\x85\0\0\0\0hello"),
            Client(b"GET / HTTP/1.1\r\n \r\n\n\n\r\n"),
            Server(b"\0\x01\x02"),
            ClientEnds,
            Server(b"last"),
            ServerEnds,
        ],
    ),
    (
        "an upgrade with bytes behind the answer",
        &[
            Client(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
            Server(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nat once"),
            Client(b"\xff\xfe"),
            ServerEnds,
            Client(b"still heard"),
            ClientEnds,
        ],
    ),
    (
        "an upgrade that is not wanted",
        &[
            Client(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
            OK,
            GET,
            OK,
        ],
    ),
    (
        "a tunnel",
        &[
            Client(b"CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n"),
            Server(b"HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n"),
            Client(b"\x16\x03\x01\x02\0"),
            Server(b"\x16\x03\x03"),
            ClientEnds,
            Server(b"more"),
            ServerEnds,
        ],
    ),
    (
        "a tunnel that is refused",
        &[
            Client(b"CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n"),
            Server(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"),
            GET,
            OK,
        ],
    ),
    (
        "through a proxy of the client's",
        &[Client(b"GET http://user@b.test:8080/a?b HTTP/1.1\r\nHost: b.test\r\nProxy-Connection: keep-alive\r\n\r\n"), OK, GET, OK],
    ),
    (
        "many at once",
        &[
            Client(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"),
            Server(b"HTTP/1.1 200 1\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 204 2\r\n\r\n"),
            Server(b"HTTP/1.1 200 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n3\r\n0\r\n\r\n"),
            GET,
            OK,
        ],
    ),
    ("the next before the answer", &[GET, GET, OK, GET, OK, OK]),
    ("empty lines before a request", &[Client(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), OK]),
    (
        "an answer before the request is whole",
        &[
            Client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly a part"),
            Server(b"HTTP/1.1 413 Too much\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            ServerEnds,
        ],
    ),
    (
        "an answer before the request is whole, and the rest of it",
        &[Client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome"), OK, Client(b" more"), GET, OK],
    ),
    ("a body on GET", &[Client(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"), OK, GET, OK]),
    ("an answer that is cut", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ServerEnds]),
    ("chunks that are cut", &[GET, Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), ServerEnds]),
    ("a request that is cut", &[Client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"), ClientEnds]),
    ("an answer that is reset", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ServerResets]),
    ("a reset instead of an answer", &[GET, ServerResets]),
    // What no client should see, and what clients see all the same.
    ("lines that end in LF", &[GET, Server(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), GET, Server(b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\nok")]),
    ("a folded line", &[GET, Server(b"HTTP/1.1 200 OK\r\nX-Long: a\r\n\tb\r\nContent-Length: 2\r\n\r\nok")]),
    ("length and coding", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]),
    ("two lengths", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"), ServerEnds]),
    ("another coding", &[GET, Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]),
    ("a length that is none", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"), ServerEnds]),
    ("a line that is no field", &[GET, Server(b"HTTP/1.1 200 OK\r\nwhat is this\r\nContent-Length: 2\r\n\r\nok")]),
    ("a space before the colon", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok")]),
    ("another protocol's answer", &[GET, Server(b"ICY 200 OK\r\nicy-name: radio\r\n\r\n\xff\xfb\x90"), Server(b"\0\0\0"), ServerEnds]),
    ("no head at all", &[GET, Server(b"just text\n"), ServerEnds]),
    ("a version that is none", &[GET, Server(b"HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\nok"), ServerEnds]),
    ("bytes behind an answer", &[GET, Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more"), GET, OK]),
    ("bytes behind an answer without body", &[Client(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), GET, OK]),
    ("a switch that nobody asked for", &[GET, Server(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x01\x02"), Client(b"\x03\x04"), ServerEnds]),
    ("a last word before the end", &[GET, OK, Server(b"HTTP/1.1 408 Too slow\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), ServerEnds]),
    ("a greeting", &[Server(b"220 hello\r\n"), Client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), OK]),
];

//! What is known of a request when its head has come, whatever protocol carried it. It knows no fault and no pattern.

use faultwire_http1::{Request, fields::Fields};
use std::net::IpAddr;

/// Fields of a head, as they came.
pub trait Headers {
    /// Whether some value of that field is so: repeated ones in order, until one is. The name is in lower case; theirs may be in any.
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool;
}

/// A request, or a call.
pub trait Subject: Headers {
    fn method(&self) -> &[u8];

    /// As it was written, without decoding and without the query. An absolute form has its path here.
    fn path(&self) -> &[u8];

    /// As it was written, without its `?`.
    fn query(&self) -> Option<&[u8]>;

    /// Whom it asks for, perhaps with a port.
    fn authority(&self) -> Option<&[u8]>;

    /// Who asks.
    fn client(&self) -> Option<IpAddr> {
        None
    }

    /// The name in the TLS greeting of its connection.
    fn sni(&self) -> Option<&str> {
        None
    }
}

/// What is known of a connection before anything is asked on it. By itself it is the subject of faults that are about connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    pub client: Option<IpAddr>,
    pub sni: Option<String>,
}

/// A request, and the connection that it came on.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub request: &'a dyn Subject,
    pub peer: &'a Peer,
}

impl Headers for Fields {
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.all(name).any(is)
    }
}

impl Headers for Request {
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        Headers::any(&self.fields, name, is)
    }
}

impl Subject for Request {
    fn method(&self) -> &[u8] {
        Request::method(self).as_bytes()
    }

    fn path(&self) -> &[u8] {
        Request::path(self)
    }

    fn query(&self) -> Option<&[u8]> {
        Request::query(self)
    }

    fn authority(&self) -> Option<&[u8]> {
        self.host()
    }
}

impl Headers for Peer {
    fn any(&self, _: &str, _: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        false
    }
}

impl Subject for Peer {
    fn method(&self) -> &[u8] {
        b""
    }

    fn path(&self) -> &[u8] {
        b""
    }

    fn query(&self) -> Option<&[u8]> {
        None
    }

    fn authority(&self) -> Option<&[u8]> {
        None
    }

    fn client(&self) -> Option<IpAddr> {
        self.client
    }

    fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }
}

impl Headers for Asked<'_> {
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.request.any(name, is)
    }
}

impl Subject for Asked<'_> {
    fn method(&self) -> &[u8] {
        self.request.method()
    }

    fn path(&self) -> &[u8] {
        self.request.path()
    }

    fn query(&self) -> Option<&[u8]> {
        self.request.query()
    }

    fn authority(&self) -> Option<&[u8]> {
        self.request.authority()
    }

    fn client(&self) -> Option<IpAddr> {
        self.peer.client()
    }

    fn sni(&self) -> Option<&str> {
        self.peer.sni()
    }
}

/// Service and method of a gRPC call, out of its path: `/pkg.Service/Method`. The last `/` parts them, as servers do it.
pub fn call(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = path.strip_prefix(b"/")?;
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => Some((&path[..slash], &path[slash + 1..])),
        None => Some((path, b"")),
    }
}

/// The host of an authority: without its port, and without the dot that may end a name.
pub fn host(authority: &[u8]) -> &[u8] {
    let name = match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) => {
            let (name, port) = (&authority[..colon], &authority[colon + 1..]);
            // The colons of an address in IPv6 stand in brackets; without them nothing is known to be a port.
            let parted = name.ends_with(b"]") || !name.contains(&b':');
            if parted && port.iter().all(u8::is_ascii_digit) { name } else { authority }
        }
        None => authority,
    };
    name.strip_suffix(b".").unwrap_or(name)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use bytes::BytesMut;
    use faultwire_http1::{Cut, Http1};

    /// A request as it is cut from the wire. Lines end with `\n` here.
    pub fn request(head: &str) -> Request {
        let head = format!("{}\r\n\r\n", head.trim_end().replace('\n', "\r\n"));
        match Http1::default().request(&mut BytesMut::from(head.as_bytes())) {
            Ok(Some(Cut::Head(request))) => request,
            other => panic!("{head} is no request: {other:?}"),
        }
    }

    #[test]
    fn a_request_says_what_is_known_of_it() {
        let facts = |head: &str| {
            let request = request(head);
            let subject: &dyn Subject = &request;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let parts = [subject.method(), subject.path(), subject.query().unwrap_or(b"-"), subject.authority().unwrap_or(b"-")];
            parts.map(text).join(" ")
        };
        for (head, said) in [
            ("GET /a/b?x=1&y HTTP/1.1\nHost: shop", "GET /a/b x=1&y shop"),
            ("POST http://me@shop.example:81?x HTTP/1.1\nHost: other", "POST / x shop.example:81"),
            ("OPTIONS * HTTP/1.1\nhOST: shop:80", "OPTIONS * - shop:80"),
            ("CONNECT db:5432 HTTP/1.1\nHost: db", "CONNECT db:5432 - db:5432"),
            ("GET /%2e?? HTTP/1.0", "GET /%2e ? -"),
            ("GET / HTTP/1.1\nHost: a\nHost: b", "GET / - -"),
        ] {
            assert_eq!(facts(head), said, "{head}");
        }
    }

    #[test]
    fn repeated_fields_come_in_order() {
        let request = request("GET / HTTP/1.1\nHost: a\nX-Tag: one\nx-tag: two\nX-TAG: three");
        let mut seen = Vec::new();
        assert!(Headers::any(&request, "x-tag", &mut |value| {
            seen.push(String::from_utf8_lossy(value).into_owned());
            value == b"two"
        }));
        assert_eq!(seen, ["one", "two"]);
        assert!(!Headers::any(&request, "x-none", &mut |_| true));
    }

    #[test]
    fn the_connection_says_who_asks() {
        let request = request("GET / HTTP/1.1\nHost: a");
        let peer = Peer { client: "10.1.2.3".parse().ok(), sni: Some("shop".to_owned()) };
        let asked = Asked { request: &request, peer: &peer };
        assert_eq!((asked.client(), asked.sni()), (peer.client, Some("shop")));
        assert_eq!((asked.path(), asked.authority()), (b"/".as_slice(), Some(b"a".as_slice())));
        assert_eq!(Subject::client(&request), None);
    }

    #[test]
    fn calls_and_hosts_are_parted() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for (path, service, method) in
            [("/a.B/C", "a.B", "C"), ("/x/a.B/C", "x/a.B", "C"), ("/healthz", "healthz", ""), ("/", "", ""), ("/a/", "a", "")]
        {
            assert_eq!(call(path.as_bytes()).map(|(a, b)| (text(a), text(b))), Some((service.to_owned(), method.to_owned())), "{path}");
        }
        assert_eq!(call(b"*"), None);
        for (authority, name) in [
            ("shop", "shop"),
            ("shop:80", "shop"),
            ("shop:", "shop"),
            ("shop.example.:80", "shop.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("shop:http", "shop:http"),
            ("", ""),
        ] {
            assert_eq!(text(host(authority.as_bytes())), name, "{authority}");
        }
    }
}

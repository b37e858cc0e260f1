//! What two `Sec-WebSocket-Extensions` headers agree on: nothing, permessage-deflate (RFC 7692) with its parameters, or something that is
//! not known here.

use crate::cut::Direction;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    None,
    Deflate(Deflate),
    /// Frames may mean anything: nothing can be cut.
    Unknown,
}

/// permessage-deflate as agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    pub to_server: Window,
    pub to_client: Window,
}

/// The compression of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Messages may refer to those before.
    pub takeover: bool,
    /// How far they may refer back: 2 to that power of bytes; 8 to 15.
    pub bits: u8,
}

impl Default for Window {
    fn default() -> Window {
        Window { takeover: true, bits: 15 }
    }
}

impl Deflate {
    pub fn window(&self, direction: Direction) -> Window {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }
}

impl Extensions {
    /// Reads the values of the request's headers of that name, and of the answer's. What was not offered, or is not well-formed, is
    /// unknown: the client will fail the connection, and if it does not, it knows more than we do.
    pub fn agreed<'a>(offered: impl IntoIterator<Item = &'a [u8]>, accepted: impl IntoIterator<Item = &'a [u8]>) -> Extensions {
        let Some(accepted) = list(accepted) else { return Extensions::Unknown };
        let Some(offered) = list(offered) else { return Extensions::Unknown };
        match &accepted[..] {
            [] => Extensions::None,
            [one] if one.is_deflate() => deflate(&offered, one).map_or(Extensions::Unknown, Extensions::Deflate),
            _ => Extensions::Unknown,
        }
    }
}

fn deflate(offered: &[Extension], accepted: &Extension) -> Option<Deflate> {
    let offers: Vec<&Extension> = offered.iter().filter(|offer| offer.is_deflate()).collect();
    if offers.is_empty() {
        return None;
    }
    let mut deflate = Deflate { to_server: Window::default(), to_client: Window::default() };
    for (i, (name, value)) in accepted.parameters.iter().enumerate() {
        if accepted.parameters[..i].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return None;
        }
        match (&*name.to_ascii_lowercase(), value) {
            ("server_no_context_takeover", None) => deflate.to_client.takeover = false,
            ("client_no_context_takeover", None) => deflate.to_server.takeover = false,
            ("server_max_window_bits", Some(bits)) => deflate.to_client.bits = window_bits(bits)?,
            ("client_max_window_bits", Some(bits)) if offers.iter().any(|offer| offer.has("client_max_window_bits")) => {
                deflate.to_server.bits = window_bits(bits)?;
            }
            _ => return None,
        }
    }
    Some(deflate)
}

/// No leading zeros: RFC 7692, 7.1.2.
fn window_bits(text: &str) -> Option<u8> {
    (8..=15).find(|bits: &u8| bits.to_string() == text)
}

#[derive(Debug)]
struct Extension {
    name: String,
    parameters: Vec<(String, Option<String>)>,
}

impl Extension {
    fn is_deflate(&self) -> bool {
        self.name.eq_ignore_ascii_case("permessage-deflate")
    }

    fn has(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|(name, _)| name.eq_ignore_ascii_case(parameter))
    }
}

/// `name; parameter; parameter=value; parameter="value", name`. A value has no comma, semicolon or escape where it is known here; what has
/// is not read.
fn list<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Extension>> {
    let mut extensions = Vec::new();
    for value in values {
        let text = str::from_utf8(value).ok()?;
        for one in text.split(',').map(str::trim_ascii).filter(|one| !one.is_empty()) {
            let mut words = one.split(';').map(str::trim_ascii);
            let name = token(words.next()?)?;
            let parameters = words.map(parameter).collect::<Option<_>>()?;
            extensions.push(Extension { name, parameters });
        }
    }
    Some(extensions)
}

fn parameter(text: &str) -> Option<(String, Option<String>)> {
    let Some((name, value)) = text.split_once('=') else { return Some((token(text)?, None)) };
    let value = value.trim_ascii_start();
    let bare = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    Some((token(name.trim_ascii_end())?, Some(token(bare)?)))
}

fn token(text: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!text.is_empty() && text.bytes().all(is_token)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(offered: &str, accepted: &str) -> Extensions {
        Extensions::agreed([offered.as_bytes()], [accepted.as_bytes()])
    }

    #[test]
    fn what_is_agreed_on() {
        let deflate = |server: (bool, u8), client: (bool, u8)| {
            let window = |(takeover, bits)| Window { takeover, bits };
            Extensions::Deflate(Deflate { to_server: window(server), to_client: window(client) })
        };
        let chrome = "permessage-deflate; client_max_window_bits";
        for (offered, accepted, expected) in [
            ("", "", Extensions::None),
            (chrome, "", Extensions::None),
            (chrome, "permessage-deflate", deflate((true, 15), (true, 15))),
            (chrome, "Permessage-Deflate;Server_No_Context_Takeover", deflate((true, 15), (false, 15))),
            (chrome, "permessage-deflate; client_no_context_takeover", deflate((false, 15), (true, 15))),
            (chrome, "permessage-deflate; client_max_window_bits=9", deflate((true, 9), (true, 15))),
            (chrome, "permessage-deflate; server_max_window_bits = \"12\"", deflate((true, 15), (true, 12))),
            ("x, permessage-deflate", "permessage-deflate; server_max_window_bits=8", deflate((true, 15), (true, 8))),
            (
                "permessage-deflate; client_max_window_bits=10, permessage-deflate",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=10",
                deflate((false, 10), (false, 15)),
            ),
        ] {
            assert_eq!(agreed(offered, accepted), expected, "{offered} / {accepted}");
        }
    }

    #[test]
    fn what_is_not_known() {
        let offer = "permessage-deflate; client_max_window_bits, x-other";
        for accepted in [
            "x-other",
            "permessage-deflate, x-other",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate; mode=x",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=\"9",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
            "permessage-deflate;",
            "permessage deflate",
            "\u{e9}",
        ] {
            assert_eq!(agreed(offer, accepted), Extensions::Unknown, "{accepted}");
        }
        assert_eq!(agreed("", "permessage-deflate"), Extensions::Unknown, "not offered");
        assert_eq!(agreed("permessage-deflate", "permessage-deflate; client_max_window_bits=9"), Extensions::Unknown, "not offered");
        assert_eq!(Extensions::agreed([], [&b"\xff"[..]]), Extensions::Unknown);
    }

    #[test]
    fn several_headers_are_one() {
        let offered = [&b"permessage-deflate"[..], b"x-other"];
        assert!(matches!(Extensions::agreed(offered, [&b"permessage-deflate"[..]]), Extensions::Deflate(_)));
        assert_eq!(Extensions::agreed(offered, [&b"permessage-deflate"[..], b"x-other"]), Extensions::Unknown);
    }
}

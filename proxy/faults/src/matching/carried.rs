//! Small notations inside a head: parameters of a query, members of a baggage. Nothing is decoded that needs no decoding.

use crate::subject::Headers;
use std::borrow::Cow;

/// Whether some parameter of that name has a value that is so. Names and values are decoded, `+` is a space; one without `=` is empty.
pub fn any_parameter(query: &[u8], name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    query.split(|&byte| byte == b'&').filter(|parameter| !parameter.is_empty()).any(|parameter| {
        let (key, value) = parted(parameter, b'=').unwrap_or((parameter, b""));
        *decoded(key, true) == *name.as_bytes() && is(&decoded(value, true))
    })
}

/// Whether some member of the W3C baggage has a value that is so: several lines are one list, and what stands behind `;` is left out.
pub fn any_member(headers: &dyn Headers, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    headers.any("baggage", &mut |line| {
        line.split(|&byte| byte == b',').any(|member| {
            let member = parted(member, b';').map_or(member, |(member, _)| member);
            let Some((key, value)) = parted(member, b'=') else { return false };
            key.trim_ascii() == name.as_bytes() && is(&decoded(value.trim_ascii(), false))
        })
    })
}

fn parted(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

/// `%20` is what it stands for; a `%` that no two digits follow is one.
fn decoded(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
    if !text.iter().any(|&byte| byte == b'%' || (plus && byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16)).map(|digit| digit as u8);
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escape = if byte == b'%' { digit(at + 1).zip(digit(at + 2)) } else { None };
        match escape {
            Some((high, low)) => plain.push(high * 16 + low),
            None if plus && byte == b'+' => plain.push(b' '),
            None => plain.push(byte),
        }
        at += if escape.is_some() { 3 } else { 1 };
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::request;

    #[test]
    fn parameters_are_decoded() {
        let values = |query: &str, name: &str| {
            let mut found = Vec::new();
            any_parameter(query.as_bytes(), name, &mut |value| {
                found.push(String::from_utf8_lossy(value).into_owned());
                false
            });
            found.join("|")
        };
        for (query, name, found) in [
            ("a=1&b=2", "b", "2"),
            ("a=1&a=2", "a", "1|2"),
            ("a=x+y%2Bz", "a", "x y+z"),
            ("%61=1&a%20b=2", "a", "1"),
            ("a+b=2", "a b", "2"),
            ("a", "a", ""),
            ("a=b=c", "a", "b=c"),
            ("a=%&b=%4&c=%zz", "a", "%"),
            ("a=%4", "a", "%4"),
            ("a=%zz%41", "a", "%zzA"),
            ("&&a=1&", "a", "1"),
            ("A=1", "a", ""),
            ("", "a", ""),
        ] {
            assert_eq!(values(query, name), found, "{query} {name}");
        }
        assert!(any_parameter(b"flag", "flag", &mut |value| value.is_empty()) && !any_parameter(b"", "", &mut |_| true));
    }

    #[test]
    fn members_of_several_lines() {
        let request = request(
            "GET / HTTP/1.1\nHost: a\nBaggage: test=checkout%2017 ; ttl=3;x , user=  j=1 ,broken\nx: y\nbaggage: test=other,+=%2B,TEST=big",
        );
        let values = |name: &str| {
            let mut found = Vec::new();
            any_member(&request, name, &mut |value| {
                found.push(String::from_utf8_lossy(value).into_owned());
                false
            });
            found.join("|")
        };
        for (name, found) in
            [("test", "checkout 17|other"), ("user", "j=1"), ("+", "+"), ("TEST", "big"), ("ttl", ""), ("broken", ""), ("x", "")]
        {
            assert_eq!(values(name), found, "{name}");
        }
    }
}

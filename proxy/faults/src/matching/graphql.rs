//! The name of a GraphQL operation: what the client says, or else the only name in its document. No document is understood beyond that.

use super::json::{self, Found, NotJson};

/// Names of the operations in a JSON body: one, or those of a batch. Operations without a name are left out.
pub fn in_json(body: &[u8]) -> Result<Vec<Vec<u8>>, NotJson> {
    let mut names = Vec::new();
    let mut wrong = Ok(());
    let is_batch = json::elements(body, &mut |request| match of_request(request) {
        Ok(name) => names.extend(name),
        Err(not) => wrong = Err(not),
    })?;
    wrong?;
    if !is_batch {
        names.extend(of_request(body)?);
    }
    Ok(names)
}

fn of_request(request: &[u8]) -> Result<Option<Vec<u8>>, NotJson> {
    let text = |key: &str| {
        Ok(match json::at(request, &[key.into()])? {
            Some(Found::Text(text)) if !text.is_empty() && *text != *b"null" => Some(text),
            _ => None,
        })
    };
    if let Some(name) = text("operationName")? {
        return Ok(Some(name.into_owned()));
    }
    Ok(text("query")?.and_then(|document| in_document(&document).map(<[u8]>::to_vec)))
}

/// Where a document is looked at.
enum At {
    /// A definition may begin.
    Outside,
    /// Behind `query` and the like: a name may follow.
    Named,
    /// Up to the end of the definition.
    Inside,
}

/// The name of the only operation with a name. With several, the client has to say which one it means.
pub fn in_document(document: &[u8]) -> Option<&[u8]> {
    let mut only = None;
    let mut depth = 0usize;
    let mut at = At::Outside;
    let mut rest = document;
    while let Some(&byte) = rest.first() {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let length = match byte {
            b'#' => rest.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(rest.len()),
            b'"' => string(rest),
            _ if is_name(byte) => rest.iter().position(|&byte| !is_name(byte)).unwrap_or(rest.len()),
            _ => 1,
        };
        let (token, behind) = rest.split_at(length);
        rest = behind;
        at = match (at, token) {
            // White space and commas say nothing in GraphQL, and comments are as good as that.
            (at, [b' ' | b'\t' | b'\r' | b'\n' | b',' | b'#', ..]) => at,
            (_, b"{" | b"(" | b"[") => {
                depth += 1;
                At::Inside
            }
            (_, b"}") if depth <= 1 => {
                depth = 0;
                At::Outside
            }
            (at, b"}" | b")" | b"]") => {
                depth = depth.saturating_sub(1);
                at
            }
            (At::Outside, b"query" | b"mutation" | b"subscription") => At::Named,
            (At::Outside, b"fragment") => At::Inside,
            (At::Named, [first, ..]) if is_name(*first) => {
                if only.replace(token).is_some() {
                    return None;
                }
                At::Inside
            }
            (At::Outside, _) => At::Outside,
            (At::Named | At::Inside, _) => At::Inside,
        };
    }
    only
}

/// How long the text is that begins there, with its quotes.
fn string(text: &[u8]) -> usize {
    let (quotes, mut at) = if text.starts_with(b"\"\"\"") { (b"\"\"\"".as_slice(), 3) } else { (b"\"".as_slice(), 1) };
    while at < text.len() {
        match &text[at..] {
            rest if rest.starts_with(quotes) => return at + quotes.len(),
            // In a block only its three quotes can be escaped.
            [b'\\', rest @ ..] if quotes.len() == 1 || rest.starts_with(quotes) => at += 1 + quotes.len(),
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_name_of_a_document() {
        for (document, name) in [
            ("query Cart { cart { id } }", Some("Cart")),
            ("mutation AddToCart($id: ID!) @x(y: 1) { add(id: $id) { id } }", Some("AddToCart")),
            ("subscription\n# query No\n,Ticks{ tick }", Some("Ticks")),
            ("{ cart { id } }", None),
            ("query { query mutation { x } }", None),
            ("query ($a: Int = 1) { a }", None),
            ("query @skip(if: true) { a }", None),
            ("query A { a } query B { b }", None),
            ("fragment F on Query { query } query A { ...F }", Some("A")),
            ("fragment query on query { x } query A { x }", Some("A")),
            ("\"query No\" query A { a(x: \"} query B {\") }", Some("A")),
            ("query A { a(x: \"\"\"} \\\"\"\" query B {\"\"\") }", Some("A")),
            ("query A { a(x: \"\\\"} query B {\") }", Some("A")),
            ("query A { a", Some("A")),
            ("}}} query A { a }", Some("A")),
            ("", None),
            ("\"\"\"", None),
            ("query", None),
        ] {
            let found = in_document(document.as_bytes()).map(|name| String::from_utf8_lossy(name).into_owned());
            assert_eq!(found.as_deref(), name, "{document}");
        }
    }

    #[test]
    fn the_name_that_the_client_says() {
        for (body, names) in [
            (r#"{"operationName":"A","query":"query A { a } query B { b }"}"#, "A"),
            (r#"{"operationName":null,"query":"query B { b }"}"#, "B"),
            (r#"{"query":"query \u0042 { b }"}"#, "B"),
            (r#"{"operationName":"P","extensions":{"persistedQuery":{}}}"#, "P"),
            (r#"[{"operationName":"A"},{"query":"{ a }"},{"query":"mutation C { c }"}]"#, "A C"),
            (r#"{"query":7}"#, ""),
            ("{}", ""),
            ("[1,{}]", ""),
        ] {
            let found: Vec<_> = in_json(body.as_bytes()).unwrap().iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            assert_eq!(found.join(" "), names, "{body}");
        }
        assert_eq!(in_json(b"query A { a }"), Err(NotJson));
    }
}

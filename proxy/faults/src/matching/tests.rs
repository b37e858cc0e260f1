//! Matches in the manner of each protocol, well and badly written.

use super::*;

fn line(text: &str, on: Protocol) -> Result<Vec<(&'static str, String)>, String> {
    let place = Place { range: 0..text.len(), ..Place::default() };
    let facts = Match::line(text, &place).facts(on).map_err(|c| format!("{} {} [{}]", c.code, c.message, &text[c.place.range]))?;
    Ok(facts.all.iter().map(|fact| (fact.name, text[fact.place.range.clone()].to_owned())).collect())
}

#[test]
fn lines_are_read_in_the_manner_of_the_protocol() {
    use Protocol::*;
    for (text, on, facts) in [
        ("POST /orders/*", Http, "method=POST path=/orders/*"),
        ("/orders", Https, "path=/orders"),
        ("PURGE /x", Http, "method=PURGE path=/x"),
        ("shop.v1.Inventory/Reserve", Grpc, "service=shop.v1.Inventory method=Reserve"),
        ("UPDATE accounts*", Postgres, "statement=UPDATE accounts*"),
        ("GET session:*", Redis, "command=GET key=session:*"),
        ("A payments.*", Dns, "type=A name=payments.*"),
        ("*.internal", Dns, "name=*.internal"),
        ("Produce orders", Kafka, "api=Produce topic=orders"),
        ("orders.created", Nats, "key=orders.created"),
    ] {
        let said = line(text, on).unwrap().iter().map(|(name, part)| format!("{name}={part}")).collect::<Vec<_>>().join(" ");
        assert_eq!(said, facts, "{text}");
    }
    for (text, on, wrong) in [
        ("POTS /orders", Http, "E0207 `POTS` is not a method [POTS]"),
        ("post /orders", Http, "E0207 `post` is not a method [post]"),
        ("POST", Http, "E0205 this says no path [POST]"),
        ("POST orders", Http, "E0205 `orders` is not a path [orders]"),
        ("GET /x?a=1", Http, "E0205 a path has no query [?a=1]"),
        ("GET /a b", Http, "E0205 this is not a request [GET /a b]"),
        ("/shop.Cart/Get", Grpc, "E0205 `/shop.Cart/Get` is not a call [/shop.Cart/Get]"),
        ("Get", Grpc, "E0205 `Get` is not a call [Get]"),
        ("AA payments", Dns, "E0207 `AA` is not a type of record [AA]"),
        ("Prodce orders", Kafka, "E0207 `Prodce` is not an API of Kafka [Prodce]"),
    ] {
        assert_eq!(line(text, on), Err(wrong.to_owned()), "{text}");
    }
}

#[test]
fn maps_are_read_and_held_to_their_protocol() {
    let read = |json: serde_json::Value| {
        let mut codes = Vec::new();
        let made = Match::read(&Node::from_json(&json), &mut |complaint| codes.push(complaint.code));
        (made, codes)
    };
    use serde_json::json;
    let (made, codes) =
        read(json!({ "method": "POST", "path": ["/a", "/b/*"], "headers": { "x-user": { "regex": "^j.*n$" } }, "not": { "host": "x" } }));
    assert_eq!(codes, Vec::<&str>::new());
    let made = made.unwrap();
    assert_eq!(made.facts(Protocol::Http).unwrap().all.len(), 3);
    assert_eq!(made.facts(Protocol::Postgres).unwrap_err().code, "E0403");
    assert!(!made.is_about_connections());
    assert!(read(json!({ "client": "10.0.0.0/8", "sni": "*.example" })).0.unwrap().is_about_connections());
    for (json, expected) in [
        (json!({ "metod": "POST" }), "E0101"),
        (json!({ "path": { "regex": "(" } }), "E0207"),
        (json!({ "path": { "regx": "a" } }), "E0101"),
        (json!({ "client": "10.0.0.0/99" }), "E0207"),
        (json!({ "headers": "x" }), "E0207"),
        (json!({ "not": "x" }), "E0207"),
        (json!({ "not": { "method": "GET", "not": { "path": "/x" } } }), "E0207"),
        (json!({ "response_headers": "x" }), "E0207"),
        (json!({ "operation": {} }), "E0207"),
        (json!({ "body": { "amount": 1 } }), "E0207"),
        (json!(""), "E0207"),
        (json!([]), "E0207"),
    ] {
        assert_eq!(read(json.clone()).1, [expected], "{json}");
    }
}

#[test]
fn classes_of_answers() {
    let wrong = |json: serde_json::Value| {
        let made = Match::read(&Node::from_json(&json), &mut |complaint| panic!("{complaint:?}")).unwrap();
        let facts = made.facts(Protocol::Http).unwrap();
        assert!(facts.all.iter().all(Fact::is_about_answers));
        facts.all.iter().find_map(Fact::wrong_class).map(|complaint| complaint.message)
    };
    use serde_json::json;
    assert_eq!(wrong(json!({ "response": ["2xx", 503, { "regex": "^4" }], "response_headers": { "x-cache": "x" } })), None);
    assert_eq!(wrong(json!({ "response": ["2xx", "50x"] })).as_deref(), Some("`50x` is not a class of answers"));
    assert_eq!(wrong(json!({ "response": 700 })).as_deref(), Some("`700` is not a class of answers"));
}

#[test]
fn regular_expressions_are_noticed() {
    let fixed = |text: &str| {
        let place = Place { range: 0..text.len(), ..Place::default() };
        Match::line(text, &place).looks_like_regex().map(|c| c.fixes.first().map(|fix| fix.edits[0].text.clone()))
    };
    assert_eq!(fixed("GET /orders/.*"), Some(Some("GET /orders/*".into())));
    assert_eq!(fixed("GET ^/orders$"), Some(Some("GET /orders".into())));
    assert_eq!(fixed("GET /orders/\\d+"), Some(None));
    assert_eq!(fixed("GET /orders/*"), None);
    assert_eq!(fixed("GET /v1.2/x"), None);
    assert!(is_status_class("2xx") && is_status_class("503") && !is_status_class("7xx") && !is_status_class("x"));
}

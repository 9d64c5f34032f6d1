use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// What comes of a request from `peer`, where 10.0.0.0/8 and `2001:db8:f::/48` are trusted.
fn origin_from(peer: &str, lines: &[(&'static str, &str)]) -> Result<Origin, OriginError> {
    let proxies: TrustedProxies = "10.0.0.0/8, 2001:db8:f::/48".parse().unwrap();
    proxies.origin(Some(ClientAddress(peer.parse().unwrap())), &headers(lines))
}

fn origin(lines: &[(&'static str, &str)]) -> Result<Origin, OriginError> {
    origin_from(PROXY, lines)
}

/// Checks the origin as `CLIENT TRANSPORT HOST`, with `-` for what is not known.
#[track_caller]
fn check(origin: Result<Origin, OriginError>, expected: &str) {
    let origin = origin.unwrap();
    let client = origin.client.map_or("-".to_owned(), |client| client.0.to_string());
    let transport = match origin.transport {
        Some(Transport::Plain) => "http",
        Some(Transport::Tls) => "https",
        None => "-",
    };
    let host = origin.host.unwrap_or("-".to_owned());
    assert_eq!(format!("{client} {transport} {host}"), expected);
}

#[track_caller]
fn check_malformed(name: &'static str, value: &str) {
    let error = origin(&[(name, value)]).unwrap_err();
    let OriginError::Malformed(shown) = error else { panic!("{error}") };
    assert!(shown.eq_ignore_ascii_case(name), "{shown}");
}

#[test]
fn strangers_are_not_believed() {
    let lines = [
        ("forwarded", "for=10.0.0.2;proto=https;host=r.example"),
        ("x-forwarded-for", "not even an address"),
    ];
    check(origin_from("192.0.2.1", &lines), "192.0.2.1 - -");
    let nobody = TrustedProxies::default();
    let origin = nobody.origin(Some(ClientAddress(PROXY.parse().unwrap())), &headers(&lines));
    check(origin, "10.0.0.1 - -");
    check(nobody.origin(None, &headers(&lines)), "- - -");
}

#[test]
fn a_proxys_word_is_believed() {
    check(origin(&[]), "10.0.0.1 - -");
    let standard = "for=192.0.2.1;proto=HTTPS;host=\"r.example:8443\";by=_gate";
    check(origin(&[("forwarded", standard)]), "192.0.2.1 https r.example:8443");
    let de_facto = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "r.example"),
    ];
    check(origin(&de_facto), "192.0.2.1 http r.example");
    check(origin_from("::ffff:10.0.0.1", &de_facto), "192.0.2.1 http r.example");
    check(origin_from("2001:db8:f::1", &de_facto), "192.0.2.1 http r.example");
    check(origin_from("2001:db8:e::1", &de_facto), "2001:db8:e::1 - -");
}

#[test]
fn the_last_stranger_is_the_client() {
    let forged = "for=10.9.9.9;proto=https, for=203.0.113.5;host=evil.example";
    let line = format!("{forged}, for=192.0.2.1;proto=http, for=10.0.0.2;proto=https");
    check(origin(&[("forwarded", &line)]), "192.0.2.1 http -");
    let lines = [("forwarded", forged), ("forwarded", "for=192.0.2.1;proto=http")];
    check(origin(&lines), "192.0.2.1 http -");
    check(origin(&[("x-forwarded-for", "10.9.9.9, 192.0.2.1,10.0.0.2 ")]), "192.0.2.1 - -");
    let lines = [("x-forwarded-for", "nonsense, 10.9.9.9"), ("x-forwarded-for", "192.0.2.1, ")];
    check(origin(&lines), "192.0.2.1 - -");
}

#[test]
fn without_strangers_the_first_proxy_is_the_client() {
    check(origin(&[("x-forwarded-for", "10.0.0.3, 10.0.0.2")]), "10.0.0.3 - -");
    check(origin(&[("forwarded", "for=10.0.0.3;host=a, for=10.0.0.2;host=b")]), "10.0.0.3 - a");
    let alone = [("x-forwarded-proto", "https"), ("x-forwarded-host", "r.example")];
    check(origin(&alone), "10.0.0.1 https r.example");
}

#[test]
fn what_else_is_said_is_counted_from_the_end_too() {
    let clients = ("x-forwarded-for", "203.0.113.5, 192.0.2.1");
    let protos = [clients, ("x-forwarded-proto", "https, http")];
    check(origin(&protos), "192.0.2.1 http -");
    let clients = ("x-forwarded-for", "203.0.113.5, 192.0.2.1, 10.0.0.2");
    let protos = [clients, ("x-forwarded-proto", "http, https, http")];
    check(origin(&protos), "192.0.2.1 https -");
    // The nearer proxy put its own in place of what it got.
    let protos = [clients, ("x-forwarded-proto", "https"), ("x-forwarded-host", "a, b")];
    check(origin(&protos), "192.0.2.1 https a");
}

#[test]
fn addresses_have_many_forms() {
    for text in [
        "\"[2001:db8::1]\"",
        "\"[2001:db8::1]:4711\"",
        "[2001:db8::1]:_port",
        "\"[2001:\\db8::1]\"",
    ] {
        check(origin(&[("forwarded", &format!("for={text}"))]), "2001:db8::1 - -");
    }
    check(origin(&[("forwarded", "For=192.0.2.1:80 ; PROTO=http")]), "192.0.2.1 http -");
    for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"] {
        check(origin(&[("x-forwarded-for", text)]), "2001:db8::1 - -");
    }
    check(origin(&[("x-forwarded-for", "192.0.2.1:4711")]), "192.0.2.1 - -");
}

#[test]
fn a_hidden_client_has_no_address() {
    for text in ["unknown", "Unknown:80", "_hidden", "\"_x.-1:_p\""] {
        check(origin(&[("forwarded", &format!("for=192.0.2.1, for={text}"))]), "- - -");
    }
    check(origin(&[("forwarded", "for=192.0.2.1, proto=https")]), "- https -");
    check(origin(&[("x-forwarded-for", "192.0.2.1, unknown")]), "- - -");
}

#[test]
fn what_is_malformed_is_refused() {
    for value in [
        "for=\"192.0.2.1",
        "for=\"192.0.2.1, for=10.0.0.2",
        "for=\"192.0.2.1\\",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;FOR=192.0.2.2",
        "for=192.0.2.1;",
        "for=192.0.2.1 proto=https",
        "for",
        "for=",
        "=192.0.2.1",
        "for =192.0.2.1",
        "for=192.0.2.256",
        "for=2001:db8::1",
        "for=\"[2001:db8::1\"",
        "for=\"[192.0.2.1]\"",
        "for=192.0.2.1:123456",
        "for=192.0.2.1:",
        "for=_",
        "for=hidden",
        "for=192.0.2.1;proto=ftp",
        "for=192.0.2.1;host=\"a/b\"",
        "for=192.0.2.1;host=\"\"",
        "for=192.0.2.1;;proto=http",
        "for=é",
    ] {
        check_malformed("forwarded", value);
    }
    for value in ["a.example", "192.0.2.1 10.0.0.2", "192.0.2.1;x", "[192.0.2.1]", "2001:db8::1:"] {
        check_malformed("x-forwarded-for", value);
    }
    check_malformed("x-forwarded-proto", "wss");
    check_malformed("x-forwarded-host", "r.example/path");
}

#[test]
fn empty_elements_are_none() {
    check(origin(&[("forwarded", " , for=192.0.2.1 ,,")]), "192.0.2.1 - -");
    check(origin(&[("forwarded", "")]), "10.0.0.1 - -");
    check(origin(&[("x-forwarded-for", ",, ")]), "10.0.0.1 - -");
}

#[test]
fn both_kinds_must_say_the_same() {
    let standard = ("forwarded", "for=192.0.2.1;proto=https");
    let address = ("x-forwarded-for", "192.0.2.1");
    check(origin(&[standard, address, ("x-forwarded-proto", "https")]), "192.0.2.1 https -");
    // A client's own `Forwarded`, which a proxy of the other kind passes on.
    assert_eq!(origin(&[standard, address]), Err(OriginError::Contradiction));
    let other = [standard, ("x-forwarded-for", "192.0.2.2"), ("x-forwarded-proto", "https")];
    assert_eq!(origin(&other), Err(OriginError::Contradiction));
    assert_eq!(
        origin(&[standard, ("x-forwarded-proto", "https")]),
        Err(OriginError::Contradiction)
    );
}

#[test]
fn values_are_bounded() {
    let long = "192.0.2.1,".repeat(LONGEST_VALUE / 10);
    assert!(origin(&[("x-forwarded-for", &long)]).is_ok());
    let twice = [("x-forwarded-for", long.as_str()), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(origin(&twice), Err(OriginError::TooLong("X-Forwarded-For")));
    let long = format!("for=192.0.2.1;ext={}", "x".repeat(LONGEST_VALUE));
    assert_eq!(origin(&[("forwarded", &long)]), Err(OriginError::TooLong("Forwarded")));
}

#[test]
fn proxies_are_addresses_and_networks() {
    let parse = |text: &str| text.parse::<TrustedProxies>();
    assert_eq!(parse("10.0.0.1").unwrap(), parse("10.0.0.1/32").unwrap());
    assert_eq!(parse("::1 , 10.0.0.0/8").unwrap().0.len(), 2);
    for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8,", "10.0.0.0/8;::1"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

/// What a client may send, to mislead whoever reads on from there.
fn forged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("for=10.0.0.9"),
        Just("for=\"10.0.0.9\""),
        Just("proto=https"),
        Just("host=evil.example"),
        Just("10.0.0.9"),
        Just("unknown"),
        Just("\""),
        Just("\\"),
        Just(","),
        Just(";"),
        Just("="),
        Just(" "),
        Just("[::1]"),
        Just("_x"),
        Just(":80"),
    ];
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, "[ -~]{0,40}"]
}

proptest! {
    #[test]
    fn what_a_proxy_adds_is_never_overridden(text in forged()) {
        let added = "for=192.0.2.1;proto=http;host=r.example";
        let (longer, both) = (format!("{text}, {added}"), [("forwarded", &*text), ("forwarded", added)]);
        for origin in [origin(&[("forwarded", &longer)]), origin(&both)].into_iter().flatten() {
            check(Ok(origin), "192.0.2.1 http r.example");
        }
        let added = "192.0.2.1";
        let (longer, both) =
            (format!("{text}, {added}"), [("x-forwarded-for", &*text), ("x-forwarded-for", added)]);
        for origin in [origin(&[("x-forwarded-for", &longer)]), origin(&both)] {
            check(origin, "192.0.2.1 - -");
        }
    }
}

//! Tables of what the parsers of values take and refuse.

use super::*;

#[test]
fn what_is_no_duration_is_refused_and_said_why() {
    let fault = duration("5min").unwrap_err();
    assert_eq!(fault, Fault::new("is `5min`, which is not a duration", "30s, 5m, 24h or 2h 30m"));
    assert_eq!(duration("367d"), Err(Fault::new("is too long", "a duration of at most 366d")));
}

#[test]
fn a_duration_may_have_a_least() {
    let least_a_second = duration_from(Duration::from_secs(1));
    assert!(least_a_second("1s").is_ok());
    assert_eq!(least_a_second("0"), Err(Fault::new("is `0`, which is too short", "a duration of at least 1s")));
}

#[test]
fn whole_numbers_stay_in_their_range() {
    let port = whole(0..=u16::MAX);
    assert_eq!((port("0"), port("65535")), (Ok(0), Ok(65535)));
    for text in ["65536", "-1", "80.0", "eighty", "0x50"] {
        assert_eq!(port(text).unwrap_err().right, "a number from 0 to 65535", "{text}");
    }
    assert!(whole(1..=1000_u32)("0").is_err());
}

#[test]
fn percentages_are_from_nought_to_a_hundred() {
    assert_eq!((percent("0"), percent("82.5"), percent("100 %")), (Ok(0.0), Ok(82.5), Ok(100.0)));
    for text in ["-1", "100.1", "NaN", "inf", "75,5", "%", "half"] {
        assert!(percent(text).is_err(), "{text}");
    }
}

#[test]
fn booleans_and_choices_do_not_mind_case() {
    assert_eq!((boolean("TRUE"), boolean("off"), boolean("1")), (Ok(true), Ok(false), Ok(true)));
    assert_eq!(boolean("perhaps").unwrap_err().right, "true or false");
    let fruit = choice(&[("apple", 1), ("pear", 2)]);
    assert_eq!(fruit("Pear"), Ok(2));
    assert_eq!(fruit("plum"), Err(Fault::new("is `plum`, which is not one of its choices", "apple or pear")));
}

#[test]
fn the_address_to_listen_on_is_an_ip_address() {
    for (text, expected) in [("0.0.0.0", "0.0.0.0"), ("localhost", "127.0.0.1"), ("[::1]", "::1"), ("::", "::")] {
        assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Ok(expected));
    }
    assert!(address("example.com").is_err());
}

#[test]
fn lists_lose_blanks_and_repetitions_only() {
    assert_eq!(list(" Done, Gone ,,Done"), Ok(vec!["Done".to_owned(), "Gone".to_owned()]));
    assert!(list(" , ").is_err());
    assert!(list("a\u{7}b").is_err());
    assert!(list(&(0..51).map(|number| number.to_string()).collect::<Vec<_>>().join(",")).is_err());
}

#[test]
fn a_token_is_printable_and_in_one_piece() {
    assert!(token("ntn_abc-DEF:123").is_ok_and(|secret| secret.expose() == "ntn_abc-DEF:123"));
    for text in ["two words", "a\r\nX-Injected: 1", "grün"] {
        assert!(token(text).is_err(), "{text}");
    }
}

#[test]
fn web_addresses_are_plain() {
    let table = [
        ("https://api.notion.com", "https://api.notion.com"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("http://localhost:1106/modelfarm/openai", "http://localhost:1106/modelfarm/openai"),
        ("https://example.com/", "https://example.com"),
    ];
    for (text, expected) in table {
        assert_eq!(web_address(text).as_deref(), Ok(expected));
    }
    let refused =
        ["api.notion.com", "ftp://example.com", "https://", "https://u:hunter2@example.com", "https://x/?a=hunter2"];
    for text in refused {
        let fault = web_address(text).unwrap_err();
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    }
}

#[test]
fn only_plain_http_to_elsewhere_is_readable_on_the_way() {
    let table = [
        ("http://example.com", true),
        ("https://example.com", false),
        ("http://localhost:1106", false),
        ("http://127.0.0.1:1", false),
        ("http://[::1]:1", false),
    ];
    for (address, expected) in table {
        assert_eq!(is_readable_on_the_way(address), expected, "{address}");
    }
}

#[test]
fn a_long_value_is_never_shown() {
    let fault = duration("a-long-thing-that-may-be-a-token").unwrap_err();
    assert_eq!(fault.wrong, "is not a duration");
}

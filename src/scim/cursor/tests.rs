//! Cursors come back as they were issued, to the query that they were issued for.

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::scim::sort::Key;
use crate::scim::{Error, ScimType};

const SCOPE: Scope<'static> =
    Scope { tenant: "acme", endpoint: "/Users", filter: Some("a"), sort_by: Some("userName"), descending: false };

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap()
}

fn at(key: Key) -> Place {
    Place { key, part: 1, id: "0190-ab".into() }
}

fn at_name(name: &str) -> Place {
    at(Key::Text(name.into()))
}

#[test]
fn another_query_s_cursor_is_none() {
    let cursor = Cursor::new(at_name("ada"), 10, now());
    let text = cursor.encode(&SCOPE);
    assert_eq!(Cursor::decode(&text, &SCOPE, now()).unwrap(), cursor);
    let others = [
        Scope { tenant: "other", ..SCOPE },
        Scope { endpoint: "/", ..SCOPE },
        Scope { filter: Some("b"), ..SCOPE },
        Scope { filter: None, ..SCOPE },
        Scope { filter: Some(""), ..SCOPE },
        Scope { sort_by: None, ..SCOPE },
        Scope { filter: Some("auser"), sort_by: Some("Name"), ..SCOPE },
        Scope { descending: true, ..SCOPE },
    ];
    let refused = |text: &str, scope: &Scope<'_>| -> Error { Cursor::decode(text, scope, now()).unwrap_err() };
    for scope in others {
        assert_eq!(refused(&text, &scope).scim_type, Some(ScimType::InvalidCursor), "{scope:?}");
    }
    for broken in [
        " ",
        "x",
        "AAAA",
        "%",
        text.strip_prefix(char::is_alphanumeric).unwrap_or("~"),
        text.strip_suffix(|_| true).unwrap(),
        &format!("{text}="),
        &"A".repeat(30_000),
    ] {
        let error = refused(broken, &SCOPE);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidCursor)), "{broken}");
        assert!(error.detail.starts_with("cursor: "), "{error}");
    }
    let forged = Cursor::new(Place { id: "a\0".into(), ..at(Key::Missing) }, 1, now()).encode(&SCOPE);
    assert_eq!(refused(&forged, &SCOPE).scim_type, Some(ScimType::InvalidCursor));
}

#[test]
fn a_cursor_lives_an_hour() {
    let text = Cursor::new(at(Key::Missing), 10, now()).encode(&SCOPE);
    let after = |seconds: i64| Cursor::decode(&text, &SCOPE, now() + TimeDelta::seconds(seconds));
    assert!(after(0).is_ok() && after(3600).is_ok());
    // Another process's clock may be behind.
    assert!(after(-30).is_ok());
    let error = after(3601).unwrap_err();
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::ExpiredCursor)));
    assert!(error.detail.starts_with("cursor: "), "{error}");
}

proptest! {
    #[test]
    fn a_cursor_is_of_unreserved_characters_and_comes_back(
        text in ".{0,80}", id in "[0-9a-f-]{1,36}", number: i64, count: u64, choice in 0..5,
    ) {
        let key = match choice {
            0 => Key::Missing,
            1 => Key::Boolean(number > 0),
            2 => Key::Time(number),
            _ => Key::Text(text),
        };
        let cursor = Cursor::new(Place { key, part: 0, id }, count, now());
        let written = cursor.encode(&SCOPE);
        prop_assert!(written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')));
        prop_assert_eq!(Cursor::decode(&written, &SCOPE, now()).unwrap(), cursor);
    }

    #[test]
    fn anything_else_is_refused(text in "[A-Za-z0-9_-]{0,200}", at: prop::sample::Index, other in "[A-Za-z0-9_-]") {
        prop_assert!(Cursor::decode(&text, &SCOPE, now()).is_err());
        // One character of a good one changed, which mostly leaves it JSON.
        let good = Cursor::new(at_name("ada"), 10, now()).encode(&SCOPE);
        let at = at.index(good.len());
        let (head, tail) = good.split_at(at);
        let changed = format!("{head}{other}{}", tail.get(1..).unwrap_or_default());
        prop_assert_eq!(Cursor::decode(&changed, &SCOPE, now()).is_ok(), changed == good, "{}", changed);
    }

    #[test]
    fn the_longest_key_makes_a_cursor_that_is_read(c in "[a\"\u{1}é]") {
        let longest: String = c.chars().cycle().take(crate::scim::sort::LONGEST_KEY / c.len()).collect();
        let cursor = Cursor::new(at(Key::Text(longest)), 1, now());
        prop_assert_eq!(Cursor::decode(&cursor.encode(&SCOPE), &SCOPE, now()).unwrap(), cursor);
    }
}

//! Assembly of answers, and reading of list and search requests.

use chrono::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::model::SortOrder;
use crate::scim::schema::Registry;
use crate::scim::{ENTERPRISE_SCHEMA, SEARCH_MESSAGE, ScimType, USER_SCHEMA};

const LIMITS: Limits = Limits { default_count: 100, max_count: 200 };

fn at(second: u32, micros: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, second).unwrap() + chrono::TimeDelta::microseconds(i64::from(micros))
}

#[test]
fn a_resource_is_answered_in_order() {
    let user = Registry::standard().unwrap().user;
    let meta = Meta::of(&user, at(5, 678_901), at(6, 0), location("https://x/scim/v2/", &user, "1"), 3);
    let attributes = json!({
        "externalId": "e", "meta": 1, "userName": "ada", "id": "9", ENTERPRISE_SCHEMA: { "division": "d" },
    });
    let expected = json!({
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "id": "1", "externalId": "e", "userName": "ada",
        ENTERPRISE_SCHEMA: { "division": "d" },
        "meta": {
            "resourceType": "User", "created": "2026-01-02T03:04:05.678Z", "lastModified": "2026-01-02T03:04:06.000Z",
            "location": "https://x/scim/v2/Users/1", "version": "W/\"3\"",
        },
    });
    let answered = answer(&user, "1", attributes.as_object().unwrap().clone(), &meta);
    assert_eq!(Value::Object(answered).to_string(), expected.to_string());
    assert_eq!(serde_json::to_value(&meta).unwrap(), expected["meta"], "the model writes the same");
    let given = json!({ "userName": "ada", "schemas": [USER_SCHEMA] });
    let answered = answer(&user, "1", given.as_object().unwrap().clone(), &Meta::default());
    assert_eq!(
        Value::Object(answered).to_string(),
        json!({ "schemas": [USER_SCHEMA], "id": "1", "userName": "ada", "meta": {} }).to_string()
    );
}

#[test]
fn a_list_counts_what_it_holds() {
    let expected = json!({
        "schemas": [LIST_MESSAGE], "totalResults": 7, "itemsPerPage": 2, "startIndex": 3, "Resources": [{ "id": "a" }, { "id": "b" }],
    });
    let resources = vec![json!({ "id": "a" }), json!({ "id": "b" })];
    let written = |total, paging: Paging<'_>, resources: &[Value]| {
        list_text(total, paging, resources, |out, resource| {
            out.push_str(&resource.to_string());
            Ok::<_, ()>(())
        })
        .unwrap()
    };
    assert_eq!(written(7, Paging::Index(3), &resources), expected.to_string());
    assert_eq!(list_text(7, Paging::Index(3), &resources, |_, _| Err("why")), Err("why"));
    assert_eq!(serde_json::to_string(&list(7, 3, resources)).unwrap(), expected.to_string());
    let empty = serde_json::to_string(&list(0, 1, Vec::<Value>::new())).unwrap();
    assert_eq!(written(0, Paging::Index(1), &[]), empty);
    for (next, expected) in [
        (Some("a\"b"), r#""itemsPerPage":1,"nextCursor":"a\"b","Resources":[{}]}"#),
        (None, r#""itemsPerPage":1,"Resources":[{}]}"#),
    ] {
        let text = written(3, Paging::Cursor(next), &[json!({})]);
        assert!(text.ends_with(expected), "{text}");
        assert!(
            serde_json::from_str::<ListResponse<Value>>(&text).is_ok_and(|page| page.next_cursor.as_deref() == next)
        );
    }
    assert!(empty.ends_with("\"itemsPerPage\":0,\"startIndex\":1,\"Resources\":[]}"), "{empty}");
}

#[test]
fn pages_are_read_forgivingly() {
    // startIndex, count, expected start and count
    let table = [
        (None, None, 1, 100),
        (Some("0"), Some("0"), 1, 0),
        (Some("-5"), Some("-1"), 1, 0),
        (Some("7"), Some("20"), 7, 20),
        (Some(" 7 "), Some("+20"), 7, 20),
        (None, Some("201"), 1, 200),
        (None, Some("99999999999999999999"), 1, 200),
        (Some("99999999999999999999"), Some("-99999999999999999999"), 9_223_372_036_854_775_807, 0),
    ];
    for (start, count, start_index, expected) in table {
        let page = Page::parse(start, count, LIMITS).unwrap();
        assert_eq!(page, Page { start_index, count: expected }, "{start:?} {count:?}");
        assert_eq!(u64::try_from(page.offset()).unwrap(), start_index - 1);
        assert_eq!(u64::try_from(page.limit()).unwrap(), expected);
    }
    for (start, count, detail) in [
        (Some("a"), None, "startIndex: must be an integer"),
        (Some("1.5"), None, "startIndex: must be an integer"),
        (None, Some(""), "count: must be an integer"),
        (None, Some("1e3"), "count: must be an integer"),
    ] {
        let error = Page::parse(start, count, LIMITS).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert_eq!(error.detail, detail, "{start:?} {count:?}");
    }
}

#[test]
fn both_forms_of_a_search_mean_the_same() {
    let expected = Query {
        filter: Some("userName pr".into()),
        attributes: Some("userName,emails[type eq \"a\"].value".into()),
        excluded_attributes: None,
        sort_by: Some("name.familyName".into()),
        sort_order: SortOrder::Descending,
        page: Page { start_index: 2, count: 5 },
        cursor: None,
    };
    let pairs = [
        ("FILTER", "userName pr"),
        ("attributes", "userName,emails[type eq \"a\"].value"),
        ("excludedAttributes", " "),
        ("sortby", "name.familyName"),
        ("sortOrder", "Descending"),
        ("startIndex", "2"),
        ("count", "5"),
        ("count", "6"),
        ("aadOptscim062020", ""),
    ];
    assert_eq!(Query::from_pairs(pairs, LIMITS).unwrap(), expected);
    let body = json!({
        "Schemas": [SEARCH_MESSAGE], "Filter": "userName pr", "attributes": ["userName", "emails[type eq \"a\"].value"],
        "excludedAttributes": [], "sortBy": "name.familyName", "sortOrder": "descending", "startIndex": 2, "count": "5",
        "cursor": null, "nonsense": [1],
    });
    assert_eq!(Query::from_body(&body, LIMITS).unwrap(), expected);
    let plain = Query::from_body(&json!({ "schemas": [SEARCH_MESSAGE], "filter": null }), LIMITS).unwrap();
    assert_eq!(plain, Query::from_pairs([], LIMITS).unwrap());
    assert_eq!(plain.sort_order, SortOrder::Ascending);
    let empty = Query::from_pairs([("filter", "")], LIMITS).unwrap();
    assert_eq!(empty.filter.as_deref(), Some(""), "an empty filter is not the same as none");
}

#[test]
fn a_broken_search_is_refused_with_the_reason() {
    let schemas = json!([SEARCH_MESSAGE]);
    let table = [
        (json!([]), ScimType::InvalidSyntax, "a search request must be a JSON object"),
        (json!({}), ScimType::InvalidSyntax, "schemas: must name urn:ietf:params:scim:api:messages:2.0:SearchRequest"),
        (
            json!({ "schemas": [USER_SCHEMA] }),
            ScimType::InvalidSyntax,
            "schemas: must name urn:ietf:params:scim:api:messages:2.0:SearchRequest",
        ),
        (json!({ "schemas": schemas, "count": 1.5 }), ScimType::InvalidValue, "count: must be an integer"),
        (json!({ "schemas": schemas, "startIndex": true }), ScimType::InvalidValue, "startIndex: must be an integer"),
        (json!({ "schemas": schemas, "filter": 1 }), ScimType::InvalidValue, "filter: must be a string"),
        (
            json!({ "schemas": schemas, "attributes": [1] }),
            ScimType::InvalidValue,
            "attributes: must be an array of strings",
        ),
        (
            json!({ "schemas": schemas, "attributes": {} }),
            ScimType::InvalidValue,
            "attributes: must be an array of strings",
        ),
        (
            json!({ "schemas": schemas, "sortOrder": "up" }),
            ScimType::InvalidValue,
            "sortOrder: must be ascending or descending",
        ),
    ];
    for (body, scim_type, detail) in table {
        let error = Query::from_body(&body, LIMITS).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{body}");
        assert_eq!(error.detail, detail, "{body}");
    }
}

/// JSON has one kind of number, and writers of it that put a point after each.
#[test]
fn a_whole_number_is_one_however_it_is_written() {
    for (count, start, page) in [
        ("7.0", "2.0", Page { start_index: 2, count: 7 }),
        ("1e1", "-3.0", Page { start_index: 1, count: 10 }),
        (
            "123456789012345678901234567890",
            "18446744073709551615",
            Page { start_index: i64::MAX.unsigned_abs(), count: 200 },
        ),
        ("-1e300", "1e300", Page { start_index: i64::MAX.unsigned_abs(), count: 0 }),
    ] {
        let text = format!(r#"{{"schemas": ["{SEARCH_MESSAGE}"], "count": {count}, "startIndex": {start}}}"#);
        let body = serde_json::from_str(&text).unwrap();
        assert_eq!(Query::from_body(&body, LIMITS).map(|query| query.page), Ok(page), "{text}");
    }
}

/// RFC 9865 2, 2.1 and 2.4.
#[test]
fn a_page_by_cursor_is_asked_for_by_cursor_alone() {
    // startIndex, count; count as read, or kind and words of the refusal
    let table = [
        (None, None, Ok(100)),
        (Some("1"), Some("7"), Ok(7)),
        (Some("0"), Some("-7"), Ok(0)),
        (None, Some("500"), Ok(200)),
        (None, Some("many"), Err((ScimType::InvalidCount, "count: must be an integer"))),
        (Some("many"), None, Err((ScimType::InvalidValue, "startIndex: must be an integer"))),
        (
            Some("2"),
            None,
            Err((ScimType::InvalidValue, "startIndex and cursor: a page is asked for by one of them (RFC 9865 2.4)")),
        ),
    ];
    for (start, count, expected) in table {
        for cursor in ["", "abc"] {
            let pairs = [("startIndex", start), ("count", count), ("cursor", Some(cursor))];
            let query = Query::from_pairs(pairs.into_iter().filter_map(|(n, v)| v.map(|v| (n, v))), LIMITS);
            let body = json!({ "schemas": [SEARCH_MESSAGE], "startIndex": start, "count": count, "cursor": cursor });
            assert_eq!(Query::from_body(&body, LIMITS), query, "{body}");
            match (&query, &expected) {
                (Ok(query), Ok(count)) => {
                    assert_eq!(query.page, Page { start_index: 1, count: *count }, "{start:?}");
                    assert_eq!(query.cursor.as_deref(), Some(cursor));
                }
                (Err(error), Err((kind, words))) => {
                    assert_eq!((error.status, error.scim_type), (400, Some(*kind)), "{start:?} {count:?}");
                    assert_eq!(error.detail, *words);
                }
                _ => panic!("{start:?} {count:?}: {query:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn a_page_is_within_its_limits(start in "-?[0-9]{1,25}", count in "-?[0-9]{1,25}") {
        let page = Page::parse(Some(&start), Some(&count), LIMITS).unwrap();
        prop_assert!(page.start_index >= 1 && page.count <= LIMITS.max_count);
        prop_assert!(page.offset() >= 0 && page.limit() >= 0);
    }
}

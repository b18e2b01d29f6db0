//! RFC 7644 3.4.2.3, against an order that is computed here in another way.

use std::cmp::Ordering;

use serde_json::Value;

use super::super::support::app::TestApp;
use super::{ENTERPRISE, by_cursor, ids, page, people};

/// How values of an attribute compare.
#[derive(Debug, Clone, Copy)]
enum As {
    Folded,
    Exact,
    Truth,
}

/// What is asked for, where it stands in an answer (of a list: in which list, then in each element), how it compares.
fn cases() -> Vec<(String, Vec<&'static str>, As)> {
    let plain: [(&str, &[&'static str], As); 22] = [
        ("userName", &["userName"], As::Folded),
        ("USERNAME", &["userName"], As::Folded),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", &["userName"], As::Folded),
        ("id", &["id"], As::Exact),
        ("externalId", &["externalId"], As::Exact),
        ("title", &["title"], As::Folded),
        ("displayName", &["displayName"], As::Folded),
        ("name.familyName", &["name", "familyName"], As::Folded),
        ("name.givenName", &["name", "givenName"], As::Folded),
        ("active", &["active"], As::Truth),
        ("timezone", &["timezone"], As::Folded),
        ("emails", &["emails", "value"], As::Folded),
        ("emails.value", &["emails", "value"], As::Folded),
        ("emails.type", &["emails", "type"], As::Folded),
        ("roles", &["roles", "value"], As::Folded),
        ("groups.display", &["groups", "display"], As::Folded),
        ("members", &["members", "value"], As::Exact),
        // Times are answered in UTC and with milliseconds, so that their texts have the order of time.
        ("meta.created", &["meta", "created"], As::Exact),
        ("meta.lastModified", &["meta", "lastModified"], As::Exact),
        ("department", &[ENTERPRISE, "department"], As::Folded),
        ("password", &["nothing"], As::Folded),
        ("shoeSize", &["nothing"], As::Folded),
    ];
    let urn = [
        (format!("{ENTERPRISE}:department"), vec![ENTERPRISE, "department"], As::Folded),
        (format!("{ENTERPRISE}:manager"), vec![ENTERPRISE, "manager", "value"], As::Exact),
        (format!("{}:MANAGER.value", ENTERPRISE.to_uppercase()), vec![ENTERPRISE, "manager", "value"], As::Exact),
    ];
    plain.into_iter().map(|(by, at, kind)| (by.to_owned(), at.to_vec(), kind)).chain(urn).collect()
}

/// Full-width letters fold to plain ones, which is all of Unicode's normal forms that [`people`] has.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('ａ', "a")
}

fn value<'v>(resource: &'v Value, at: &[&str]) -> Option<&'v Value> {
    let mut value = resource;
    for name in at {
        if let Value::Array(list) = value {
            let primary = list.iter().find(|element| element["primary"] == true);
            value = primary.or(list.first())?;
        }
        value = value.get(name)?;
    }
    Some(value)
}

fn order(a: &Value, b: &Value, at: &[&str], kind: As) -> Ordering {
    let text = |v: &Value| v.as_str().map(str::to_owned).unwrap_or_default();
    match (value(a, at), value(b, at)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => match kind {
            As::Folded => folded(&text(a)).cmp(&folded(&text(b))),
            As::Exact => text(a).cmp(&text(b)),
            As::Truth => a.as_bool().cmp(&b.as_bool()),
        },
    }
}

both_engines! {
    async fn every_attribute_gives_its_order(engine: Engine) {
        let app = TestApp::start(&engine).await;
        people(&app).await;
        // All; what an index finds; what only the matcher finds. Of users, and of users and groups.
        for (endpoint, filter) in [
            ("/Users", "-"),
            ("/Users", "groups.value pr or active eq false or title pr"),
            ("/Users", "meta.resourceType eq \"User\""),
            ("", "-"),
            ("", "meta.resourceType eq \"Group\" or title pr"),
        ] {
            let all = page(&app, endpoint, &[("filter", filter)]).await;
            let all = all["Resources"].as_array().expect("Resources").clone();
            assert!(all.len() > 5, "{filter}");
            for (by, at, kind) in cases() {
                for (asked, descending) in [("-", false), ("ascending", false), ("DESCENDING", true)] {
                    let mut wanted: Vec<&Value> = all.iter().collect();
                    // Stable: equal ones keep the order of a list that is not sorted, users before groups.
                    wanted.sort_by(|a, b| {
                        let order = order(a, b, &at, kind);
                        if descending { order.reverse() } else { order }
                    });
                    let wanted: Vec<&str> = wanted.iter().map(|r| r["id"].as_str().expect("an id")).collect();
                    let parameters = [("filter", filter), ("sortBy", by.as_str()), ("sortOrder", asked)];
                    let told = format!("{endpoint} {parameters:?}");
                    let whole = page(&app, endpoint, &parameters).await;
                    assert_eq!(ids(&whole), wanted, "{told}");
                    assert_eq!(whole["totalResults"], wanted.len(), "{told}");
                    if asked == "-" {
                        continue;
                    }
                    let mut seen = Vec::new();
                    for start in (1..=wanted.len()).step_by(3) {
                        let start = start.to_string();
                        let paging = [("startIndex", start.as_str()), ("count", "3")];
                        let body = page(&app, endpoint, &[&parameters[..], &paging].concat()).await;
                        assert_eq!(body["totalResults"], wanted.len(), "{told}");
                        seen.extend(ids(&body));
                    }
                    assert_eq!(seen, wanted, "pages by index: {told}");
                    let pages = by_cursor(&app, endpoint, &parameters, 4).await;
                    assert_eq!(pages.len(), wanted.len().div_ceil(4), "{told}");
                    assert!(pages.iter().all(|page| page["totalResults"] == wanted.len()), "{told}");
                    let seen: Vec<String> = pages.iter().flat_map(ids).collect();
                    assert_eq!(seen, wanted, "pages by cursor: {told}");
                }
            }
        }
    }
}

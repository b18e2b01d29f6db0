//! RFC 9865: pages by cursor while others write.

use std::collections::BTreeSet;

use scim_bridge::clock::{Clock as _, SystemClock};
use scim_bridge::scim::cursor::{Cursor, Scope};
use scim_bridge::scim::sort::{Key, Place};
use serde_json::json;

use super::super::support::app::{TENANT, TestApp, user};
use super::{by_cursor, ids, made, page};

both_engines! {
    /// Who was there from the first page to the last is answered once, whatever is made and deleted meanwhile, and
    /// whether SQL or the matcher decides.
    async fn nobody_is_repeated_or_left_out(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut lasting = BTreeSet::new();
        for n in 0..250 {
            let mut body = user(&format!("user{:03}", (n * 7) % 250));
            // Many have the same, and some have none.
            if n % 3 > 0 {
                body["title"] = json!(format!("T{}", n % 5));
            }
            lasting.insert(made(&app.post("/Users", &body).await));
        }
        let mut n = 0;
        for parameters in [
            [("filter", "-"), ("sortBy", "-"), ("sortOrder", "-")],
            [("filter", "-"), ("sortBy", "userName"), ("sortOrder", "-")],
            [("filter", "-"), ("sortBy", "userName"), ("sortOrder", "descending")],
            [("filter", "-"), ("sortBy", "meta.lastModified"), ("sortOrder", "descending")],
            [("filter", "userName co \"user\""), ("sortBy", "-"), ("sortOrder", "-")],
            [("filter", "-"), ("sortBy", "title"), ("sortOrder", "-")],
            [("filter", "userName co \"user\""), ("sortBy", "title"), ("sortOrder", "descending")],
        ] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let paging = [("count", "40"), ("cursor", cursor.as_str())];
                let body = page(&app, "/Users", &[&parameters[..], &paging].concat()).await;
                pages += 1;
                assert!(body.get("startIndex").is_none() && body.get("previousCursor").is_none(), "{parameters:?}");
                let these = ids(&body);
                assert_eq!(body["itemsPerPage"], these.len());
                let total = body["totalResults"].as_u64().expect("a number");
                assert!((240..=320).contains(&total), "{parameters:?}: {total}");
                seen.extend(these.iter().cloned());
                let Some(next) = body["nextCursor"].as_str() else { break };
                assert!(next.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)), "{next}");
                cursor = next.to_owned();
                assert_eq!(these.len(), 40, "{parameters:?}");
                // Every other time the place where the next page begins is that of a resource which is no more; others go
                // on both sides of it, and others come.
                let ahead = lasting.iter().find(|id| !seen.contains(id)).cloned();
                let last = these.last().filter(|_| pages % 2 == 0);
                for gone in [last, these.first(), ahead.as_ref()].into_iter().flatten() {
                    assert_eq!(app.delete(&format!("/Users/{gone}")).await.status, 204);
                    lasting.remove(gone);
                }
                for name in ["aaa-user", "user125-", "zzz-user"] {
                    n += 1;
                    app.user(&format!("{name}{n}")).await;
                }
            }
            assert!(pages >= 6, "{parameters:?}: {pages}");
            let once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "{parameters:?}: somebody twice");
            let missed: Vec<_> = lasting.iter().filter(|id| !once.contains(*id)).collect();
            assert!(missed.is_empty(), "{parameters:?}: {missed:?}");
            // As many as before for the next round.
            lasting = by_cursor(&app, "/Users", &[], 200).await.iter().flat_map(ids).collect();
        }
    }

    async fn pages_say_what_rfc_9865_wants(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 0..5 {
            app.user(&format!("user{n}")).await;
        }
        let sizes = |count| {
            let app = &app;
            async move {
                let pages = by_cursor(app, "/Users", &[], count).await;
                pages.iter().map(|page| page["Resources"].as_array().map_or(0, Vec::len)).collect::<Vec<_>>()
            }
        };
        // No cursor leads to an empty page.
        for (count, wanted) in [(1, vec![1; 5]), (2, vec![2, 2, 1]), (4, vec![4, 1]), (5, vec![5]), (6, vec![5])] {
            assert_eq!(sizes(count).await, wanted, "{count}");
        }
        let keys = |body: &serde_json::Value| {
            body.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let first = page(&app, "/Users", &[("cursor", ""), ("count", "2")]).await;
        assert_eq!(keys(&first), "schemas totalResults itemsPerPage nextCursor Resources");
        let last = page(&app, "/Users", &[("cursor", ""), ("startIndex", "1")]).await;
        assert_eq!(keys(&last), "schemas totalResults itemsPerPage Resources");
        // RFC 9865 2: a negative count is 0, and 0 asks for the total alone.
        for count in ["0", "-1"] {
            let none = page(&app, "/Users", &[("cursor", ""), ("count", count)]).await;
            assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(5), &json!([])));
            assert_eq!(keys(&none), "schemas totalResults itemsPerPage Resources");
        }
        // RFC 9865 2.4: who does not ask for cursors gets what there was before them.
        let plain = page(&app, "/Users", &[("count", "2")]).await;
        assert_eq!(keys(&plain), "schemas totalResults itemsPerPage startIndex Resources");
        // A page of another size, and the same query in a body.
        let cursor = first["nextCursor"].as_str().expect("a cursor");
        let rest = page(&app, "/Users", &[("cursor", cursor), ("count", "9")]).await;
        assert_eq!(ids(&rest).len(), 3);
        let body = json!({ "schemas": [super::SEARCH], "cursor": cursor, "count": 9 });
        assert_eq!(app.post("/Users/.search", &body).await.body, rest);
        // RFC 9865 4.
        let config = app.get("/ServiceProviderConfig").await.body;
        let pagination = json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
            "maxPageSize": 200, "cursorTimeout": 3600,
        });
        assert_eq!(config["pagination"], pagination);
        assert_eq!(config["sort"], json!({ "supported": true }));
    }

    /// A cursor is bound to its query by a hash that needs no secret: what somebody makes up is answered or refused, and
    /// neither begins the list anew nor troubles the database.
    async fn made_up_cursors_do_no_harm(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.user("ada").await;
        let now = SystemClock.now();
        for (key, part, sort_by, expected) in [
            (Key::Missing, 7, None, 400),
            (Key::Time(i64::MIN / 100), 0, Some("meta.created"), 200),
            (Key::Time(i64::MIN), 0, Some("meta.created"), 200),
            (Key::Text("\0".into()), 0, Some("userName"), 200),
            (Key::Text("a".into()), 0, Some("meta.created"), 200),
        ] {
            let scope = Scope { tenant: TENANT, endpoint: "/Users", filter: None, sort_by, descending: false };
            let cursor = Cursor::new(Place { key, part, id: "x".into() }, 100, now).encode(&scope);
            let sort = sort_by.map(|by| format!("&sortBy={by}")).unwrap_or_default();
            let answer = app.get(&format!("/Users?cursor={cursor}{sort}")).await;
            assert_eq!(answer.status.as_u16(), expected, "{sort}: {}", answer.body);
            if expected == 400 {
                assert_eq!(answer.body["scimType"], "invalidCursor");
            } else {
                assert_eq!(answer.body["Resources"], json!([]), "{sort}");
            }
        }
    }
}

//! Lists, sorting, paging.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use scim_bridge::clock::{Clock as _, SystemClock};
use scim_bridge::scim::cursor::{Cursor, Scope};
use serde_json::{Value, json};

use super::super::support::app::{Answer, TENANT, TestApp};
use super::{Directory, ENTERPRISE, LIST, SEARCH, USER, encoded, group_body, names, refused, user_with};

/// A bridge with five users, user1 to user5.
async fn five(engine: &super::Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    for n in 1..=5 {
        app.user(&format!("user{n}")).await;
    }
    app
}

/// Checks the frame of a page: the number of results, of those on the page, and of the first.
fn page(answer: &Answer, total: u64, wanted: &[&str], start: u64, request: &str) {
    let body = &answer.body;
    assert_eq!(answer.status, 200, "{request}: {body}");
    assert_eq!(body["schemas"], json!([LIST]), "{request}");
    for member in ["totalResults", "itemsPerPage", "startIndex"] {
        assert!(body[member].is_u64(), "{request}: {member} is no integer: {body}");
    }
    assert_eq!((&body["totalResults"], &body["startIndex"]), (&json!(total), &json!(start)), "{request}");
    assert_eq!(body["itemsPerPage"], json!(wanted.len()), "{request}");
    assert_eq!(names(body), wanted, "{request}");
}

/// The pages that cursors lead to, the first by this request.
async fn walk(app: &TestApp, request: &str) -> Vec<Value> {
    let mut pages = vec![app.get(request).await.body];
    while let Some(cursor) = pages.last().and_then(|page| page["nextCursor"].as_str()) {
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        assert!(!cursor.is_empty() && cursor.chars().all(unreserved), "a cursor to be escaped: {cursor}");
        let answer = app.get(&request.replace("cursor=", &format!("cursor={cursor}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        pages.push(answer.body);
        assert!(pages.len() < 20, "cursors lead in a circle");
    }
    pages
}

statements! {
    13, "RFC 7644 3.4.2", "Resources is there whenever totalResults is not 0; startIndex and itemsPerPage are there when a result is partial; all numbers are JSON integers.",
    async fn frame(engine: Engine) {
        let app = five(&engine).await;
        app.post("/Groups", &group_body("Sales")).await;
        let all = ["user1", "user2", "user3", "user4", "user5"];
        page(&app.get("/Users").await, 5, &all, 1, "whole");
        page(&app.get("/Users?count=2").await, 5, &all[..2], 1, "part");
        page(&app.get("/Users?startIndex=3&count=2").await, 5, &all[2..4], 3, "middle");
        page(&app.get("/Users?filter=userName%20sw%20%22user4%22").await, 1, &all[3..4], 1, "indexed");
        page(&app.get("/Users?filter=userName%20co%20%22user%22&count=1").await, 5, &all[..1], 1, "scanned");
        page(&app.get("/Groups").await, 1, &["Sales"], 1, "groups");
        for path in ["/Users?count=0", "/Users?startIndex=9"] {
            assert!(app.get(path).await.body["Resources"].is_array(), "{path}: the total is not 0");
        }
        let search = json!({ "schemas": [SEARCH], "count": 2, "startIndex": 2 });
        page(&app.post("/Users/.search", &search).await, 5, &all[1..3], 2, "search");
    }

    14, "RFC 7644 3.4.2.4", "startIndex below 1 is 1; a negative count is 0; a count of 0 answers the total alone; a page never has more than count.",
    async fn bounds_of_a_page(engine: Engine) {
        let app = five(&engine).await;
        let all = ["user1", "user2", "user3", "user4", "user5"];
        for (query, start, wanted) in [
            ("startIndex=0", 1, &all[..]),
            ("startIndex=-3", 1, &all[..]),
            ("startIndex=0&count=2", 1, &all[..2]),
            ("startIndex=-3&count=1", 1, &all[..1]),
            ("count=0", 1, &[][..]),
            ("count=-1", 1, &[][..]),
            ("count=-100&startIndex=2", 2, &[][..]),
            ("count=1", 1, &all[..1]),
            ("count=4", 1, &all[..4]),
            ("count=5", 1, &all[..]),
            ("count=1000000", 1, &all[..]),
            ("startIndex=2&count=3", 2, &all[1..4]),
        ] {
            for filter in ["", "&filter=userName%20co%20%22user%22", "&filter=userName%20pr%20and%20active%20eq%20true"] {
                let path = format!("/Users?{query}{filter}");
                page(&app.get(&path).await, 5, wanted, start, &path);
            }
        }
        let search = json!({ "schemas": [SEARCH], "count": -1, "startIndex": -1 });
        page(&app.post("/Users/.search", &search).await, 5, &[], 1, "search");
        // More than the service provider gives at once: it says how much, and gives no more.
        let config = app.get("/ServiceProviderConfig").await.body;
        let largest = config["filter"]["maxResults"].as_u64().expect("a number");
        assert!(largest >= 100, "{config}");
        for query in ["count=a", "startIndex=1.5"] {
            refused(&app.get(&format!("/Users?{query}")).await, 400, "invalidValue", query);
        }
    }

    15, "RFC 7644 3.4.2.4", "totalResults is the size of the whole result, itemsPerPage the number of resources on this page.",
    async fn totals(engine: Engine) {
        let app = five(&engine).await;
        app.patch(&format!("/Users/{}", app.user("late").await), json!([{ "op": "add", "path": "title", "value": "T" }])).await;
        for (filter, total) in [("", 6), ("userName co \"user\"", 5), ("title pr", 1), ("not (title pr)", 5), ("userName eq \"late@example.com\"", 1)] {
            let filter = if filter.is_empty() { String::new() } else { format!("&filter={}", encoded(filter)) };
            let mut seen = 0;
            for start in [1, 3, 5] {
                let body = app.get(&format!("/Users?startIndex={start}&count=2{filter}")).await.body;
                let on_page = body["Resources"].as_array().map_or(0, Vec::len);
                assert_eq!(body["totalResults"], json!(total), "{filter}");
                assert_eq!(body["itemsPerPage"], json!(on_page), "{filter}");
                seen += on_page;
            }
            assert_eq!(seen, total, "the pages come to the total: {filter}");
        }
    }

    16, "RFC 7644 3.4.2.4", "A startIndex past the end is answered 200 with an empty page and the right total.",
    async fn past_the_end(engine: Engine) {
        let app = five(&engine).await;
        for start in ["6", "7", "1000", "9223372036854775807"] {
            for rest in ["", "&count=2", "&filter=userName%20co%20%22user%22", "&sortBy=userName"] {
                let path = format!("/Users?startIndex={start}{rest}");
                let answer = app.get(&path).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                assert_eq!((&answer.body["totalResults"], &answer.body["itemsPerPage"]), (&json!(5), &json!(0)), "{path}");
                assert_eq!(answer.body["Resources"], json!([]), "{path}");
            }
        }
        page(&app.get("/Users?startIndex=5&count=2").await, 5, &["user5"], 5, "the last");
    }

    17, "RFC 7644 3.4.2.3", "Sorting ascends unless told otherwise; a missing value is last ascending and first descending; a multi-valued attribute counts by its primary value, else by its first; caseExact is honoured.",
    async fn sorting(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let work = |mail: &str| json!({ "value": mail, "type": "work" });
        user_with(&app, "delta", json!({
            "externalId": "b", "title": "B", "emails": [work("z@x.example"), { "value": "a@x.example", "primary": true }],
            ENTERPRISE: { "department": "Beta" }, "name": { "familyName": "x" },
        })).await;
        user_with(&app, "Alpha", json!({
            "externalId": "a", "title": "a", "emails": [work("m@x.example"), { "value": "0@x.example", "type": "home" }],
            ENTERPRISE: { "department": "alpha" }, "name": { "familyName": "Y" },
        })).await;
        user_with(&app, "charlie", json!({ "externalId": "C", "emails": null, "name": { "givenName": "G" } })).await;
        user_with(&app, "Bravo", json!({
            "externalId": "c", "title": "\u{e9}t\u{e9}", "emails": [work("N@x.example")], ENTERPRISE: { "department": "GAMMA" },
            "name": { "familyName": "z" },
        })).await;
        let (department, urn) = (format!("{ENTERPRISE}:department"), format!("{USER}:userName"));
        let by_mail: &[&str] = &["delta", "Alpha", "Bravo", "charlie"];
        for (by, wanted) in [
            ("userName", &["Alpha", "Bravo", "charlie", "delta"][..]),
            ("USERNAME", &["Alpha", "Bravo", "charlie", "delta"]),
            (&urn, &["Alpha", "Bravo", "charlie", "delta"]),
            ("externalId", &["charlie", "Alpha", "delta", "Bravo"]),
            ("title", &["Alpha", "delta", "Bravo", "charlie"]),
            ("emails", by_mail),
            ("emails.value", by_mail),
            ("name.familyName", &["delta", "Alpha", "Bravo", "charlie"]),
            (&department, &["Alpha", "delta", "Bravo", "charlie"]),
            ("meta.created", &["delta", "Alpha", "charlie", "Bravo"]),
        ] {
            let sorted = |rest: &'static str| format!("/Users?sortBy={}{rest}", encoded(by));
            assert_eq!(names(&app.get(&sorted("")).await.body), wanted, "{by}");
            assert_eq!(names(&app.get(&sorted("&sortOrder=ascending")).await.body), wanted, "{by}");
            let down: Vec<&str> = wanted.iter().rev().copied().collect();
            assert_eq!(names(&app.get(&sorted("&sortOrder=descending")).await.body), down, "{by} descending");
            assert_eq!(names(&app.get(&sorted("&filter=userName%20pr")).await.body), wanted, "{by} filtered");
            page(&app.get(&sorted("&startIndex=2&count=2")).await, 4, &wanted[1..3], 2, by);
            page(&app.get(&sorted("&sortOrder=descending&count=1")).await, 4, &down[..1], 1, by);
            let search = json!({ "schemas": [SEARCH], "sortBy": by, "sortOrder": "descending" });
            assert_eq!(names(&app.post("/Users/.search", &search).await.body), down, "{by} search");
        }
        assert_eq!(app.get("/ServiceProviderConfig").await.body["sort"]["supported"], json!(true));
        for name in ["beta", "Alpha", "Gamma"] {
            app.group(name, &[]).await;
        }
        assert_eq!(names(&app.get("/Groups?sortBy=displayName").await.body), ["Alpha", "beta", "Gamma"]);
        refused(&app.get("/Users?sortBy=userName&sortOrder=sideways").await, 400, "invalidValue", "sortOrder");
    }

    18, "RFC 7644 3.4.3", "POST to /.search, /Users/.search and /Groups/.search takes a SearchRequest with the parameters of a query and answers 200 with a list, not 201.",
    async fn search(engine: Engine) {
        let Directory { app, .. } = Directory::new(&engine).await;
        let request = |members: Value| {
            let mut body = json!({ "schemas": [SEARCH] });
            body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
            body
        };
        for (endpoint, members, query) in [
            ("/Users", json!({}), ""),
            ("/Users", json!({ "filter": "active eq true" }), "filter=active%20eq%20true"),
            ("/Users", json!({ "filter": "active eq true", "attributes": ["userName", "name.givenName"] }), "filter=active%20eq%20true&attributes=userName,name.givenName"),
            ("/Users", json!({ "excludedAttributes": ["emails", "groups"] }), "excludedAttributes=emails,groups"),
            ("/Users", json!({ "sortBy": "userName", "sortOrder": "descending" }), "sortBy=userName&sortOrder=descending"),
            ("/Users", json!({ "startIndex": 2, "count": 1, "sortBy": "userName" }), "startIndex=2&count=1&sortBy=userName"),
            ("/Users", json!({ "count": 0 }), "count=0"),
            ("/Users", json!({ "unknown": true }), ""),
            ("/Groups", json!({ "filter": "members pr" }), "filter=members%20pr"),
            ("/Groups", json!({ "attributes": ["displayName"] }), "attributes=displayName"),
            ("", json!({ "filter": "userName sw \"a\" or displayName eq \"Sales\"", "sortBy": "id" }), "filter=userName%20sw%20%22a%22%20or%20displayName%20eq%20%22Sales%22&sortBy=id"),
        ] {
            let searched = app.post(&format!("{endpoint}/.search"), &request(members.clone())).await;
            let listed = app.get(&format!("{endpoint}?{query}")).await;
            assert_eq!((searched.status.as_u16(), listed.status.as_u16()), (200, 200), "{members}: {}", searched.body);
            assert_eq!(searched.body, listed.body, "{endpoint} {members}");
            assert_eq!(searched.body["schemas"], json!([LIST]));
            assert_eq!(searched.headers["content-type"], "application/scim+json");
            assert!(!searched.headers.contains_key("location"), "nothing was made");
        }
        let both = app.post("/.search", &request(json!({ "filter": "userName pr or displayName pr" }))).await.body;
        assert_eq!(both["totalResults"], 5, "{both}");
        for endpoint in ["", "/Users", "/Groups"] {
            let path = format!("{endpoint}/.search");
            refused(&app.post(&path, &request(json!({ "filter": "userName xx \"a\"" }))).await, 400, "invalidFilter", &path);
            refused(&app.post(&path, &json!({ "filter": "userName pr" })).await, 400, "invalidSyntax", &path);
            refused(&app.post(&path, &json!([])).await, 400, "invalidSyntax", &path);
            refused(&app.post(&path, &request(json!({ "count": "many" }))).await, 400, "invalidValue", &path);
            refused(&app.get(&path).await, 405, "", &path);
        }
        assert_eq!(app.get("/Users").await.body["totalResults"], 3, "a search makes no user");
    }

    19, "RFC 9865 2", "An empty cursor asks for the first page; nextCursor stands on every page but the last, previousCursor never on the first, both of unreserved characters; the pages come to the whole result.",
    async fn cursors(engine: Engine) {
        let app = five(&engine).await;
        for (query, whole) in [
            ("count=2", "/Users?"),
            ("count=2&sortBy=userName&sortOrder=descending", "/Users?sortBy=userName&sortOrder=descending"),
            ("count=2&filter=not%20(userName%20sw%20%22user3%22)", "/Users?filter=not%20(userName%20sw%20%22user3%22)"),
            ("count=1&attributes=userName", "/Users?attributes=userName"),
        ] {
            let wanted = names(&app.get(whole).await.body);
            let pages = walk(&app, &format!("/Users?cursor=&{query}")).await;
            let (last, first) = (pages.last().expect("a page"), &pages[0]);
            assert!(last.get("nextCursor").is_none() && first.get("previousCursor").is_none(), "{query}");
            let size = if query.contains("count=1") { 1 } else { 2 };
            assert_eq!(pages.len(), wanted.len().div_ceil(size), "{query}");
            assert_eq!(pages.iter().flat_map(names).collect::<Vec<_>>(), wanted, "{query}");
            for page in &pages {
                assert_eq!(page["schemas"], json!([LIST]), "{query}");
                assert_eq!(page["totalResults"], json!(wanted.len()), "{query}");
                assert!(names(page).len() <= size, "{query}");
            }
        }
        // The cursor may stand without a value, and one page may be all.
        let bare = app.get("/Users?cursor&count=2").await.body;
        assert!(bare["nextCursor"].is_string(), "{bare}");
        let all = app.get("/Users?cursor=&count=5").await.body;
        assert!(all.get("nextCursor").is_none() && all.get("previousCursor").is_none(), "{all}");
        assert_eq!(names(&all).len(), 5);
        let none = app.get("/Users?cursor=&filter=title%20pr").await.body;
        assert_eq!((&none["totalResults"], none.get("nextCursor")), (&json!(0), None));
        // By search as well.
        let search = |cursor: &str| json!({ "schemas": [SEARCH], "cursor": cursor, "count": 3 });
        let first = app.post("/Users/.search", &search("")).await.body;
        let second = app.post("/Users/.search", &search(first["nextCursor"].as_str().expect("a cursor"))).await.body;
        assert_eq!(names(&first).len() + names(&second).len(), 5);
        assert!(second.get("nextCursor").is_none());
        let distinct: BTreeSet<String> = [first, second].iter().flat_map(names).collect();
        assert_eq!(distinct.len(), 5);
    }

    20, "RFC 9865 2.1, 2.4, 4", "A cursor that is none is refused with invalidCursor, one that is too old with expiredCursor, and a count that is none with invalidCount; paging by index stays the default; /ServiceProviderConfig has pagination.",
    async fn cursors_that_are_none(engine: Engine) {
        let app = five(&engine).await;
        for cursor in ["nonsense", "AAAA", "~", "0", "%00"] {
            let path = format!("/Users?cursor={cursor}&count=2");
            refused(&app.get(&path).await, 400, "invalidCursor", &path);
            let body = json!({ "schemas": [SEARCH], "cursor": cursor, "count": 2 });
            refused(&app.post("/Users/.search", &body).await, 400, "invalidCursor", cursor);
        }
        for count in ["many", "1.5"] {
            let path = format!("/Users?cursor=&count={count}");
            refused(&app.get(&path).await, 400, "invalidCount", &path);
        }
        let index = app.get("/Users?count=2").await;
        page(&index, 5, &["user1", "user2"], 1, "the default");
        assert!(index.body.get("nextCursor").is_none(), "{}", index.body);
        let pagination = &app.get("/ServiceProviderConfig").await.body["pagination"];
        assert_eq!((&pagination["cursor"], &pagination["index"]), (&json!(true), &json!(true)), "{pagination}");
        assert!(matches!(pagination["defaultPaginationMethod"].as_str(), None | Some("index")), "{pagination}");
        for size in ["defaultPageSize", "maxPageSize"] {
            assert!(pagination[size].as_u64().is_some_and(|size| size > 0), "{pagination}");
        }
        let schema = app.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig").await.body;
        let described = schema["attributes"].as_array().expect("attributes").iter().any(|a| a["name"] == "pagination");
        assert!(described, "{schema}");
        // A cursor as the bridge would have issued it before the time for which it can be used.
        let timeout = pagination["cursorTimeout"].as_u64().expect("cursors do not live for ever");
        let scope = Scope { tenant: TENANT, endpoint: "/Users", filter: None, sort_by: None, descending: false };
        let first = app.get("/Users?cursor=&count=2").await.body;
        let issued = Cursor::decode(first["nextCursor"].as_str().expect("a cursor"), &scope, SystemClock.now()).expect("ours");
        for (age, status) in [(0, 200), (timeout / 2, 200), (timeout + 5, 400)] {
            let then = SystemClock.now() - TimeDelta::seconds(age.try_into().expect("seconds"));
            let cursor = Cursor::new(issued.after.clone(), 2, then).encode(&scope);
            let answer = app.get(&format!("/Users?cursor={cursor}&count=2")).await;
            assert_eq!(answer.status.as_u16(), status, "{age}: {}", answer.body);
            if status == 400 {
                refused(&answer, 400, "expiredCursor", "an old one");
            }
        }
    }
}

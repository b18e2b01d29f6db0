//! RFC 7644 3.4.2.1: queries across resource types.

use serde_json::{Value, json};

use super::super::support::app::{TestApp, answer};
use super::{ENTERPRISE, GROUP, USER, by_cursor, names, page};

fn keys(resource: &Value) -> String {
    resource.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
}

both_engines! {
    async fn the_root_has_users_and_groups(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let bob = app.user("bob").await;
        let west = app.group("West", &[&ada]).await;
        app.user("eve").await;
        app.group("adults", &[&ada, &bob]).await;
        let filtered = [
            ("-", vec!["ada", "bob", "eve", "West", "adults"]),
            ("meta.resourceType eq \"User\"", vec!["ada", "bob", "eve"]),
            ("meta.resourceType eq \"Group\"", vec!["West", "adults"]),
            ("meta.resourceType eq \"User\" and userName sw \"a\"", vec!["ada"]),
            ("meta.resourceType ne \"User\"", vec!["West", "adults"]),
            ("meta.resourceType eq \"Role\"", vec![]),
            ("userName eq \"ADA@example.com\"", vec!["ada"]),
            ("displayName eq \"west\"", vec!["West"]),
            ("userName eq \"bob@example.com\" or displayName eq \"west\"", vec!["bob", "West"]),
            ("userName pr", vec!["ada", "bob", "eve"]),
            ("not (userName pr)", vec!["West", "adults"]),
            ("userName ne \"ada@example.com\"", vec!["bob", "eve", "West", "adults"]),
            ("userName eq null", vec!["West", "adults"]),
            ("members pr", vec!["West", "adults"]),
            ("groups.display eq \"adults\"", vec!["ada", "bob"]),
            ("members[type eq \"User\"]", vec!["West", "adults"]),
            ("emails[type eq \"work\"] or members pr", vec!["ada", "bob", "eve", "West", "adults"]),
            ("nothing eq \"x\"", vec![]),
        ];
        let mut cases: Vec<(String, Vec<&str>)> = filtered.into_iter().map(|(f, names)| (f.to_owned(), names)).collect();
        cases.extend([
            (format!("id eq \"{west}\""), vec!["West"]),
            (format!("members.value eq \"{bob}\""), vec!["adults"]),
            (format!("groups.value eq \"{west}\""), vec!["ada"]),
            (format!("groups.value eq \"{west}\" or members.value eq \"{bob}\""), vec!["ada", "adults"]),
            (format!("schemas eq \"{GROUP}\""), vec!["West", "adults"]),
            (format!("{USER}:userName sw \"a\""), vec!["ada"]),
            (format!("{GROUP}:displayName sw \"a\""), vec!["adults"]),
            (format!("not ({ENTERPRISE}:manager.value pr)"), vec!["ada", "bob", "eve", "West", "adults"]),
        ]);
        for (filter, wanted) in &cases {
            let parameters = [("filter", filter.as_str())];
            let whole = page(&app, "", &parameters).await;
            assert_eq!(names(&whole), *wanted, "{filter}");
            assert_eq!((&whole["totalResults"], &whole["startIndex"]), (&json!(wanted.len()), &json!(1)), "{filter}");
            // The same by the matcher alone, which sees users and groups alike.
            let scanned = format!("not (not ({filter}))");
            if filter != "-" {
                assert_eq!(names(&page(&app, "", &[("filter", &scanned)]).await), *wanted, "{scanned}");
            }
            for count in 1..=3 {
                let size = count.to_string();
                for start in 1..=wanted.len() + 2 {
                    let start_text = start.to_string();
                    let paging = [parameters[0], ("startIndex", start_text.as_str()), ("count", size.as_str())];
                    let body = page(&app, "", &paging).await;
                    let these: Vec<&str> = wanted.iter().skip(start - 1).take(count).copied().collect();
                    assert_eq!(names(&body), these, "{paging:?}");
                    assert_eq!(body["totalResults"], wanted.len(), "{paging:?}");
                }
                let pages = by_cursor(&app, "", &parameters, count).await;
                assert_eq!(pages.iter().flat_map(names).collect::<Vec<_>>(), *wanted, "{filter} by {count}");
                assert!(pages.iter().all(|page| page["totalResults"] == wanted.len()), "{filter} by {count}");
            }
            assert_eq!(page(&app, "", &[parameters[0], ("count", "0")]).await["totalResults"], wanted.len(), "{filter}");
        }
    }

    async fn what_is_answered_is_of_each_type(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let west = app.group("West", &[&ada]).await;
        let bob = app.user("bob").await;
        let whole = page(&app, "/", &[]).await;
        let mut alone = Vec::new();
        for path in [format!("/Users/{ada}"), format!("/Users/{bob}"), format!("/Groups/{west}")] {
            alone.push(app.get(&path).await.body);
        }
        assert_eq!(whole["Resources"], json!(alone));
        let some = page(&app, "", &[("attributes", "userName,displayName,members.value,groups")]).await;
        assert_eq!(keys(&some["Resources"][0]), "schemas id userName groups");
        assert_eq!(some["Resources"][2]["members"], json!([{ "value": ada }]));
        let less = page(&app, "", &[("excludedAttributes", "members,groups,meta,name,emails")]).await;
        assert_eq!(keys(&less["Resources"][0]), "schemas id externalId userName active");
        assert_eq!(keys(&less["Resources"][2]), "schemas id displayName");
        // The order of answers is that of the resources, whichever type comes first.
        let sorted = page(&app, "", &[("sortBy", "displayName"), ("sortOrder", "ascending")]).await;
        assert_eq!(names(&sorted), ["West", "ada", "bob"]);
        let sorted = page(&app, "", &[("sortBy", "meta.resourceType"), ("sortOrder", "ascending")]).await;
        assert_eq!(names(&sorted), ["West", "ada", "bob"]);
        // What is there for other tenants is not there.
        let other = scim_bridge::access::NewToken::new("other", "t", vec![scim_bridge::access::Scope::Scim]);
        let (_, token) = app.app().access().create(other).await.expect("a token");
        let client = reqwest::Client::builder().build().expect("a client");
        let none = answer(client.get(app.base()).bearer_auth(token)).await;
        assert_eq!((none.status.as_u16(), &none.body["totalResults"]), (200, &json!(0)));
    }
}

//! Who is who: names that are the same, and tenants that are not.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::{TENANT, answer, user};
use super::{Client, Directory, GROUP, SEARCH, encoded, finds, group_body, id_of, patch, refused, user_with};

statements! {
    64, "RFC 7644 5; RFC 8265 3.3", "userName is compared after PRECIS preparation: letter case, width and composition do not tell names apart.",
    note "A password is never compared, since none is stored.",
    async fn prepared_names(engine: Engine) {
        let Directory { app, eve, .. } = Directory::new(&engine).await;
        // Ångström with a composed letter; the same of letters and marks, in other case, and with letters of full width.
        let composed = "\u{c5}ngstr\u{f6}m";
        let same = ["A\u{30a}ngstro\u{308}m", "\u{e5}NGSTR\u{d6}M", "\u{ff21}\u{30a}\u{ff4e}\u{ff47}\u{ff53}\u{ff54}\u{ff52}\u{f6}\u{ff4d}", "\u{212b}ngstr\u{f6}m"];
        let id = user_with(&app, "x", json!({ "userName": composed })).await;
        assert_eq!(app.get(&format!("/Users/{id}")).await.body["userName"], json!(composed), "as it was written");
        for name in same {
            finds(&app, "/Users", &[(&format!("userName eq {}", json!(name)), &[composed]), (&format!("userName sw {}", json!(name)), &[composed])]).await;
            let mut body = user("new");
            body["userName"] = json!(name);
            refused(&app.post("/Users", &body).await, 409, "uniqueness", name);
            refused(&app.put(&format!("/Users/{eve}"), &body).await, 409, "uniqueness", name);
            let rename = json!([{ "op": "replace", "path": "userName", "value": name }]);
            refused(&app.patch(&format!("/Users/{eve}"), rename).await, 409, "uniqueness", name);
        }
        finds(&app, "/Users", &[("userName eq \"\u{ff41}\u{ff44}\u{ff41}@example.com\"", &["ada"])]).await;
        for other in ["Angstrom", "\u{c5}ngstrom", "\u{c5}ngstr\u{f6}m "] {
            finds(&app, "/Users", &[(&format!("userName eq {}", json!(other)), &[])]).await;
        }
    }

    65, "RFC 7644 6.1, 6.2", "Tenants never see each other: what one has is to the other not there, in no answer to any request; names and externalIds may be the same in both.",
    note "The token says which tenant is meant; addresses are the same for all.",
    async fn apart(engine: Engine) {
        let directory = Directory::configured(&engine, |config| {
            let other = config.tenant[TENANT].clone();
            config.tenant.insert("other".into(), other);
        }).await;
        let Directory { app, ada, bob, sales, .. } = &directory;
        let other = Client::of(app, "other").await;
        let before = directory.snapshot().await;
        for endpoint in ["", "/Users", "/Groups"] {
            // A list without a filter is counted otherwise than one with.
            for query in ["", "count=0", "startIndex=3", "cursor=", "sortBy=id", "filter=id%20pr", "filter=meta.created%20pr&count=200", "filter=not%20(id%20eq%20%22x%22)&sortBy=id"] {
                let list = other.get(&format!("{endpoint}?{query}")).await;
                assert_eq!((list.status.as_u16(), &list.body["totalResults"]), (200, &json!(0)), "{endpoint}?{query}");
                assert!(list.body["Resources"].as_array().is_none_or(Vec::is_empty), "{endpoint}?{query}: {}", list.body);
            }
            let search = other.post(&format!("{endpoint}/.search"), &json!({ "schemas": [SEARCH], "filter": "id pr" })).await;
            assert_eq!(search.body["totalResults"], json!(0), "{endpoint}/.search");
        }
        for (endpoint, filter) in [
            ("/Users", "userName eq \"ada@example.com\"".to_owned()), ("/Users", format!("id eq \"{ada}\"")), ("/Users", "externalId eq \"ext-ada\"".into()),
            ("/Users", "emails.value eq \"ada@example.com\"".into()), ("/Users", format!("groups.value eq \"{sales}\"")), ("/Groups", format!("members.value eq \"{ada}\"")),
            ("/Groups", "displayName eq \"Sales\"".into()),
        ] {
            let list = other.get(&format!("{endpoint}?filter={}", encoded(&filter))).await;
            assert_eq!((list.status.as_u16(), &list.body["totalResults"]), (200, &json!(0)), "{filter}");
        }
        let change = patch(json!([{ "op": "add", "path": "externalId", "value": "x" }]));
        for (path, body) in [(format!("/Users/{ada}"), user("ada")), (format!("/Groups/{sales}"), group_body("Sales"))] {
            refused(&other.get(&path).await, 404, "", &path);
            refused(&other.put(&path, &body).await, 404, "", &path);
            refused(&other.send(Method::PATCH, &path, &change).await, 404, "", &path);
            refused(&answer(other.request(Method::DELETE, &path)).await, 404, "", &path);
            let conditional = other.request(Method::GET, &path).header("If-None-Match", "*");
            refused(&answer(conditional).await, 404, "", &path);
        }
        let bulk = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            { "method": "DELETE", "path": format!("/Users/{ada}") }, { "method": "PATCH", "path": format!("/Groups/{sales}"), "data": change },
        ] });
        let results = other.post("/Bulk", &bulk).await;
        assert_eq!(results.status, 200, "{}", results.body);
        assert!(results.body["Operations"].as_array().expect("results").iter().all(|result| result["status"] == "404"), "{}", results.body);

        // The same names there, and a group that takes nobody of ours.
        let theirs = id_of(&other.post("/Users", &user("ada")).await);
        let group = json!({ "schemas": [GROUP], "displayName": "Sales", "externalId": "x", "members": [{ "value": ada }, { "value": bob }, { "value": theirs }] });
        let created = other.post("/Groups", &group).await;
        let members: Vec<&Value> = created.body["members"].as_array().expect("members").iter().map(|member| &member["value"]).collect();
        assert_eq!((created.status.as_u16(), members), (201, vec![&json!(theirs)]), "{}", created.body);
        for (client, users, groups) in [(&other, 1, 1), (&Client::of(app, TENANT).await, 3, 2)] {
            for (endpoint, all) in [("/Users", users), ("/Groups", groups), ("", users + groups)] {
                for query in ["", "?count=0", "?count=1", "?count=1&cursor=", "?count=1&sortBy=id"] {
                    let list = client.get(&format!("{endpoint}{query}")).await.body;
                    assert_eq!(list["totalResults"], json!(all), "{endpoint}{query}");
                }
            }
        }
        for filter in ["userName eq \"ada@example.com\"", "externalId eq \"ext-ada\""] {
            let list = other.get(&format!("/Users?filter={}", encoded(filter))).await.body;
            assert_eq!((&list["totalResults"], &list["Resources"][0]["id"]), (&json!(1), &json!(theirs)), "{filter}");
            let list = app.get(&format!("/Users?filter={}", encoded(filter))).await.body;
            assert_eq!((&list["totalResults"], &list["Resources"][0]["id"]), (&json!(1), &json!(ada)), "{filter}");
        }
        refused(&app.get(&format!("/Users/{theirs}")).await, 404, "", "nor do we see theirs");
        assert_eq!(directory.snapshot().await, before, "nothing of ours has changed");
    }
}

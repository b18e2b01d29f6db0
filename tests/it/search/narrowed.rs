//! What indexes say of a filter is what the matcher says of every resource: random filters, each beside one that no
//! index answers.

use serde_json::json;

use super::super::support::app::TestApp;
use super::{ids, page, people};

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Comparisons that hold for some and not for others, of which indexes answer many.
fn comparison(numbers: &mut Numbers, users: &[String], groups: &[String]) -> String {
    let user = &users[numbers.below(users.len())];
    let group = &groups[numbers.below(groups.len())];
    let operator = numbers.one(&["eq", "eq", "eq", "ne", "sw", "ge"]);
    match numbers.below(16) {
        0 => format!("userName {operator} \"{}\"", numbers.one(&["Q0@example.com", "w1@EXAMPLE.com", "nobody"])),
        1 => format!("displayName {operator} \"{}\"", numbers.one(&["west", "EAST", "alpha", "x"])),
        2 => format!("externalId {operator} \"{}\"", numbers.one(&["B", "b", "a", "Z"])),
        3 => format!("id {operator} \"{user}\""),
        4 => format!("id {operator} \"{group}\""),
        5 => format!("emails.value {operator} \"{}\"", numbers.one(&["a@X.org", "m@x.org", "none"])),
        6 => format!(
            "emails[value eq \"{}\" and type eq \"{}\"]",
            numbers.one(&["z@x.org", "a@x.org"]),
            numbers.one(&["work", "home"])
        ),
        7 => format!("emails[value eq \"{}\"]", numbers.one(&["z@x.org", "b@x.org"])),
        8 => format!("manager {operator} \"{user}\""),
        9 => format!("groups.value {operator} \"{group}\""),
        10 => format!("members.value {operator} \"{user}\""),
        11 => format!("members[value eq \"{user}\"]"),
        12 => format!("meta.resourceType {operator} \"{}\"", numbers.one(&["User", "Group", "group"])),
        13 => format!("active {} {}", numbers.one(&["eq", "ne"]), numbers.one(&["true", "false"])),
        14 => format!("{} pr", numbers.one(&["title", "userName", "members", "groups", "nothing", "displayName"])),
        _ => format!(
            "{} {} null",
            numbers.one(&["title", "userName", "displayName", "nothing"]),
            numbers.one(&["eq", "ne"])
        ),
    }
}

fn filter(numbers: &mut Numbers, users: &[String], groups: &[String], depth: usize) -> String {
    match numbers.below(if depth == 0 { 4 } else { 10 }) {
        0..=3 => comparison(numbers, users, groups),
        4 => format!("not ({})", filter(numbers, users, groups, depth - 1)),
        n => {
            let (left, right) = (filter(numbers, users, groups, depth - 1), filter(numbers, users, groups, depth - 1));
            format!("({left}) {} ({right})", if n < 8 { "and" } else { "or" })
        }
    }
}

both_engines! {
    async fn indexes_and_the_matcher_agree(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let users = people(&app).await;
        let groups = ids(&page(&app, "/Groups", &[]).await);
        let mut numbers = Numbers(7);
        let (mut some, mut none) = (0, 0);
        for _ in 0..120 {
            let asked = filter(&mut numbers, &users, &groups, 3);
            let by = numbers.one(&["-", "userName", "displayName", "title", "id", "meta.created"]);
            let order = numbers.one(&["ascending", "descending"]);
            for endpoint in ["/Users", "/Groups", ""] {
                let parameters = [("sortBy", by), ("sortOrder", order)];
                let found = page(&app, endpoint, &[&parameters[..], &[("filter", &asked)]].concat()).await;
                let scanned = format!("not (not ({asked}))");
                let told = page(&app, endpoint, &[&parameters[..], &[("filter", &scanned)]].concat()).await;
                assert_eq!(found, told, "{endpoint} {asked} by {by} {order}");
                if found["totalResults"] == 0 { none += 1 } else { some += 1 }
            }
        }
        assert!(some > 60 && none > 60, "{some} with, {none} without a result");
    }

    /// What stands in the brackets is looked up only where it is a path that the attribute has.
    async fn paths_inside_of_brackets(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let user = people(&app).await.remove(2);
        for (endpoint, attribute, value, many) in
            [("/Users", "emails", "m@x.org", 1), ("/Groups", "members", user.as_str(), 2)]
        {
            for (path, wanted) in [
                ("value".to_owned(), many),
                (format!("{attribute}.value"), many),
                ("value.x".to_owned(), 0),
                ("x.value".to_owned(), 0),
            ] {
                let asked = format!("{attribute}[{path} eq \"{value}\"]");
                for filter in [asked.clone(), format!("not (not ({asked}))")] {
                    let found = page(&app, endpoint, &[("filter", &filter)]).await;
                    assert_eq!(found["totalResults"], wanted, "{filter}");
                }
            }
        }
    }

    /// Few users of one value are looked up at once, with their groups; of many, the page alone is read.
    async fn few_and_many_of_one_value(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut few = Vec::new();
        for n in 0..23 {
            let mut body = super::user(&format!("u{n:02}"));
            body["externalId"] = json!(if n < 3 { "few" } else { "many" });
            let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
            if n < 3 { few.push(id) }
        }
        for n in 0..7 {
            app.group(&format!("G{n}"), &[&few[0], &few[2]]).await;
        }
        for (value, total) in [("few", 3), ("many", 20)] {
            let asked = format!("externalId eq \"{value}\"");
            let scanned = format!("not (not ({asked}))");
            for other in [
                vec![],
                vec![("count", "2")],
                vec![("startIndex", "2"), ("count", "1")],
                vec![("startIndex", "19")],
                vec![("count", "0")],
                vec![("attributes", "userName")],
                vec![("excludedAttributes", "groups")],
                vec![("sortBy", "userName"), ("sortOrder", "descending"), ("count", "2")],
            ] {
                let found = page(&app, "/Users", &[&other[..], &[("filter", &asked)]].concat()).await;
                let told = page(&app, "/Users", &[&other[..], &[("filter", &scanned)]].concat()).await;
                assert_eq!(found, told, "{asked} {other:?}");
                assert_eq!(found["totalResults"], total, "{asked} {other:?}");
            }
        }
        let found = page(&app, "/Users", &[("filter", "externalId eq \"few\"")]).await;
        let groups = |at: usize| found["Resources"][at]["groups"].as_array().map_or(0, Vec::len);
        assert_eq!([groups(0), groups(1), groups(2)], [7, 0, 7]);
        // With two groups more each, they are too many to be read in one statement.
        for n in 7..9 {
            app.group(&format!("G{n}"), &[&few[0], &few[2]]).await;
        }
        let found = page(&app, "/Users", &[("filter", "externalId eq \"few\"")]).await;
        let groups = |at: usize| found["Resources"][at]["groups"].as_array().map_or(0, Vec::len);
        assert_eq!((found["totalResults"].as_u64(), [groups(0), groups(1), groups(2)]), (Some(3), [9, 0, 9]));
    }
}

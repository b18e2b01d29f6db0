//! How many SQL statements a list takes, and of what kind.

use std::sync::{Arc, Mutex};

use diesel::Connection;
use diesel::connection::InstrumentationEvent;
use scim_bridge::db::{Conn, Db};
use scim_bridge::scim::filter::Filter;
use scim_bridge::scim::model::SortOrder;
use scim_bridge::scim::schema::Registry;
use scim_bridge::scim::sort::{Place, Sort};
use scim_bridge::scim::{Strictness, schema::ResourceType};
use scim_bridge::shadow::query::{self, Part, Query, Start};
use scim_bridge::shadow::{self, Kind, Stored, member};
use serde_json::json;

use super::super::outbox::{open, stored};
use super::super::support::engine::Engine;

/// A list as it is asked for.
#[derive(Clone, Copy)]
struct Asked {
    filter: Option<&'static str>,
    sort: Option<(&'static str, SortOrder)>,
    root: bool,
}

/// How a page is asked for.
enum By {
    Index,
    Cursor(Option<Place>),
}

/// The statements of a page, and where its last resource stands.
async fn statements(db: &Db, asked: Asked, by: By, limit: usize) -> (Vec<String>, usize, Option<Place>) {
    db.read(move |conn: &mut Conn| {
        let registry = Registry::standard().expect("schemas");
        let kinds: Vec<(Kind, &ResourceType)> = if asked.root {
            vec![(Kind::User, &registry.user), (Kind::Group, &registry.group)]
        } else {
            vec![(Kind::User, &registry.user)]
        };
        let filters: Vec<Option<Filter>> = kinds
            .iter()
            .map(|(_, resource_type)| asked.filter.map(|text| Filter::parse(resource_type, text).expect("a filter")))
            .collect();
        let parts: Vec<Part<'_>> = kinds
            .iter()
            .zip(&filters)
            .map(|((kind, resource_type), filter)| Part { kind: *kind, resource_type, filter: filter.as_ref() })
            .collect();
        let types: Vec<&ResourceType> = kinds.iter().map(|(_, resource_type)| *resource_type).collect();
        let sort = asked.sort.map(|(by, order)| Sort::parse(&types, by, order, Strictness::Strict).expect("an order"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                sink.lock().expect("a lock").push(query.to_string());
            }
        });
        let start = match &by {
            By::Index => Start::Offset(0),
            By::Cursor(place) => Start::After(place.as_ref()),
        };
        let found = query::list(conn, &Query { tenant: "acme", parts: &parts, sort: sort.as_ref(), start, limit })?;
        conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        let seen = seen.lock().expect("a lock").clone();
        Ok::<_, query::Error>((seen, found.resources.len(), found.last))
    })
    .await
    .expect("read")
}

/// 150 users who are all members of each of 200 groups, but for the last ten groups, which have nobody.
async fn crowded(engine: &Engine) -> Db {
    let db = open(engine, 1).await;
    db.write(|conn| {
        let named = |id: &str, kind: Kind, name: &str| {
            let document = json!({ name: id }).as_object().expect("an object").clone();
            Stored { tenant: "acme".into(), kind, document, ..stored(id) }
        };
        let users: Vec<String> = (0..150).map(|n| format!("user{n:03}")).collect();
        for id in &users {
            shadow::insert(conn, &named(id, Kind::User, "userName"))?;
        }
        for n in 0..200 {
            let group = named(&format!("group{n:03}"), Kind::Group, "displayName");
            shadow::insert(conn, &group)?;
            if n < 190 {
                member::add(conn, &group.id, &users)?;
            }
        }
        Ok::<_, scim_bridge::db::Error>(())
    })
    .await
    .expect("crowded");
    db
}

async fn filled(engine: &Engine) -> Db {
    let db = open(engine, 1).await;
    db.write(|conn| {
        for n in 0..300 {
            let mut user = stored(&format!("user{n:03}"));
            user.tenant = "acme".into();
            user.document.insert("externalId".into(), json!(format!("x{n}")));
            user.document.insert("displayName".into(), json!(format!("d{n}")));
            user.document.insert("emails".into(), json!([{ "value": format!("{n}@x.org"), "type": "work" }]));
            shadow::insert(conn, &user)?;
        }
        Ok::<_, scim_bridge::db::Error>(())
    })
    .await
    .expect("filled");
    db
}

both_engines! {
    async fn a_look_up_is_one_statement(engine: Engine) {
        let db = filled(&engine).await;
        for filter in [
            "userName eq \"USER007\"",
            "externalId eq \"x7\"",
            "displayName eq \"D7\"",
            "emails.value eq \"7@x.org\"",
            "emails[value eq \"7@x.org\"]",
            "id eq \"user007\"",
            "id eq \"user007\" and externalId eq \"x7\"",
            "userName eq \"user007\" and meta.resourceType eq \"User\"",
        ] {
            for sort in [None, Some(("title", SortOrder::Ascending)), Some(("userName", SortOrder::Descending))] {
                for (root, limit) in [(false, 100), (false, 1), (true, 100)] {
                    let asked = Asked { filter: Some(filter), sort, root };
                    let (seen, found, _) = statements(&db, asked, By::Index, limit).await;
                    assert_eq!(found, 1, "{filter}");
                    // A group may have this id, name or externalId too, and then the keys are compared here: one of
                    // each kind, and the row.
                    let scanned = sort.is_some_and(|(by, _)| by == "title");
                    let most = if root { 3 } else { 1 + usize::from(scanned) };
                    assert!(seen.len() <= most, "{filter} {sort:?} root={root}: {seen:#?}");
                    assert!(!root || !filter.contains("userName") || seen.len() <= 2, "{filter}: {seen:#?}");
                }
            }
        }
    }

    /// A page takes as many statements with 2 resources as with 200, and by cursor no statement counts off rows.
    async fn a_page_is_a_fixed_number_of_statements(engine: Engine) {
        let db = filled(&engine).await;
        for sort in [
            None,
            Some(("id", SortOrder::Descending)),
            Some(("userName", SortOrder::Ascending)),
            Some(("userName", SortOrder::Descending)),
            Some(("meta.created", SortOrder::Ascending)),
            Some(("meta.lastModified", SortOrder::Descending)),
        ] {
            for root in [false, true] {
                if root && sort.is_some_and(|(by, _)| by != "userName") {
                    continue;
                }
                let asked = Asked { filter: None, sort, root };
                for limit in [2, 200] {
                    let (seen, found, place) = statements(&db, asked, By::Cursor(None), limit).await;
                    assert_eq!(found, limit, "{sort:?}");
                    assert!(seen.len() <= if root { 4 } else { 2 }, "{sort:?} root={root}: {seen:#?}");
                    assert!(place.is_some());
                    let (seen, found, _) = statements(&db, asked, By::Cursor(place), limit).await;
                    assert!(found > 1);
                    assert!(seen.len() <= if root { 4 } else { 2 }, "{sort:?} root={root}: {seen:#?}");
                    assert!(seen.iter().all(|statement| !statement.contains("OFFSET")), "{seen:#?}");
                }
            }
        }
    }

    /// Where a filter looks at memberships, no more than 10,000 are in memory at once.
    async fn memberships_are_read_in_parts(engine: Engine) {
        let db = crowded(&engine).await;
        // Nothing that an index answers, so that each resource is looked at: 28,500 memberships of users and as many of
        // groups, of which 10,000 hold those of 52 users or of 66 groups.
        for (filter, found) in [
            ("not (not (groups.value eq \"group189\"))", 150),
            ("not (not (groups.value eq \"group190\"))", 0),
            ("not (not (members.value eq \"user149\"))", 190),
            ("not (members pr)", 10 + 150),
        ] {
            let asked = Asked { filter: Some(filter), sort: None, root: true };
            let (seen, all, _) = statements(&db, asked, By::Index, 1000).await;
            assert_eq!(all, found, "{filter}");
            let of_memberships = seen.iter().filter(|s| s.contains("JOIN") && s.contains("members")).count();
            assert_eq!(of_memberships, 3, "{filter}: {seen:#?}");
        }
    }
}

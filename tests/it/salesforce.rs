//! The Salesforce client against the simulated org, over real HTTP.

use std::sync::Arc;

use chrono::DateTime;
use scim_bridge::clock::SystemClock;
use scim_bridge::salesforce::{
    Account, Cause, Client, Disposition, Error, Flow, Record, Settings, UserKey, WaitFor, mapping,
};
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{self, Faults, Running};
use serde_json::{Value, json};

pub(crate) const JWT_KEY: &str = include_str!("../../src/salesforce/auth/test_key.pem");
pub(crate) const JWT_PUBLIC_KEY: &str = include_str!("../../src/salesforce/auth/test_key.pub.pem");

/// The org, its client, and the id of the profile "Standard User".
struct World {
    org: Running,
    client: Client,
    profile: String,
}

async fn world() -> World {
    world_of(sandbox::Settings::default()).await
}

async fn world_of(settings: sandbox::Settings) -> World {
    let flow = Flow::ClientCredentials {
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone().into(),
    };
    let org = sandbox::start(settings).await.unwrap();
    let client = client(&org, flow);
    let profile = client.find_profile("Standard User").await.unwrap().remove(0).id;
    World { org, client, profile }
}

fn client(org: &Running, flow: Flow) -> Client {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Client::new(Settings::new("acme", org.url().parse().unwrap(), flow), http, Arc::new(SystemClock))
}

impl World {
    /// Creates the user that a SCIM document describes, as the bridge does it.
    async fn join(&self, document: Value) -> (Record, Account) {
        let wish = mapping::Mapping::builtin().record(document.as_object().unwrap()).unwrap().record;
        let (now, later) = wish.split_for_create();
        let account = self.client.create_user(&now, &self.profile).await.unwrap();
        self.client.update_user(&account.id, &later).await.unwrap();
        let account = self.client.user(&account.id).await.unwrap().unwrap();
        (wish, account)
    }

    async fn read(&self, id: &str) -> Record {
        self.client.user(id).await.unwrap().unwrap().record
    }

    fn faults(&self, faults: Faults) {
        self.org.org().set_faults(faults);
    }
}

fn person(name: &str) -> Value {
    json!({
        "userName": format!("{name}@Example.com"), "externalId": format!("ext-{name}"),
        "name": { "familyName": "O'Neil", "givenName": name }, "title": "Engineer", "locale": "de-DE",
        "preferredLanguage": "de-CH", "timezone": "Europe/Zurich",
        "phoneNumbers": [{ "type": "work", "value": "+41 1" }, { "type": "mobile", "value": "+41 2" }, { "type": "fax", "value": "+41 3" }],
        "addresses": [{ "type": "work", "streetAddress": "1 Main St\n2nd floor", "locality": "Bern", "region": "BE",
                        "postalCode": "3000", "country": "CH" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "42", "department": "R&D \"X\"", "division": "Engines"
        }
    })
}

#[tokio::test]
async fn everything_mapped_arrives_and_nothing_is_left_to_change() {
    let world = world().await;
    let (wish, account) = world.join(person("Ada")).await;
    assert_eq!(wish.changes_since(&account.record), Record::new());
    assert_eq!(account.record.text("MobilePhone"), Some("+41 2"));
    assert_eq!(account.record.text("TimeZoneSidKey"), Some("Europe/Berlin"));
    assert_eq!(account.profile_id.as_ref(), Some(&world.profile));
    assert!(account.is_active() && account.notes.is_empty());
}

#[tokio::test]
async fn every_field_changes_and_clears() {
    let world = world().await;
    let (_, boss) = world.join(person("boss")).await;
    let (wish, account) = world.join(person("ada")).await;
    let over_scim = Record::new()
        .with("FirstName", "A")
        .with("LastName", "B")
        .with("CommunityNickname", "c")
        .with("Title", "D")
        .with("Department", "E")
        .with("Division", "F")
        .with("EmployeeNumber", "7")
        .with("ManagerId", boss.id.as_str())
        .with("LocaleSidKey", "en_US")
        .with("LanguageLocaleKey", "fr")
        .with("TimeZoneSidKey", "Asia/Tokyo")
        .with("EmailEncodingKey", "ISO-8859-1")
        .with("Street", "1")
        .with("City", "2")
        .with("State", "3")
        .with("PostalCode", "4")
        .with("Country", "5")
        .with("IsActive", false);
    let echoed = world.client.update_user(&account.id, &over_scim).await.unwrap().echoed.unwrap();
    assert_eq!(over_scim.changes_since(&echoed.record), Record::new());
    let over_rest = Record::new().with("Username", "new@example.com").with("Fax", "9").with("City", "x");
    assert_eq!(world.client.update_user(&account.id, &over_rest).await.unwrap().echoed, None);
    assert_eq!(over_rest.changes_since(&world.read(&account.id).await), Record::new());
    let clear = |fields: &[&str]| fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect::<Record>();
    for fields in [
        &["FirstName", "Title", "Department", "Division", "EmployeeNumber", "ManagerId"][..],
        &["Phone", "MobilePhone", "Fax", "Street", "City", "State", "PostalCode", "Country"],
    ] {
        world.client.update_user(&account.id, &clear(fields)).await.unwrap();
        let held = world.read(&account.id).await;
        assert!(fields.iter().all(|field| held.get(field).is_none()), "{held:?}");
    }
    let back = wish.changes_since(&world.read(&account.id).await);
    world.client.update_user(&account.id, &back).await.unwrap();
    assert_eq!(wish.changes_since(&world.read(&account.id).await), Record::new());
}

#[tokio::test]
async fn a_new_e_mail_waits_and_is_not_sent_again() {
    let world = world().await;
    let (_, account) = world.join(person("ada")).await;
    let calls = || world.org.org().counters()["total"].as_u64().unwrap();
    let before = calls();
    let change = Record::new().with("Email", "new@example.com").with("Title", "Boss");
    let echoed = world.client.update_user(&account.id, &change).await.unwrap().echoed.unwrap();
    assert_eq!(echoed.record.text("Email"), Some("ada@Example.com"));
    assert_eq!(echoed.record.text("Title"), Some("Boss"));
    assert_eq!(calls() - before, 1);
}

#[tokio::test]
async fn people_are_found_by_federation_id_and_by_username() {
    let world = world().await;
    let mut document = person("ada");
    document["externalId"] = json!("O'Neil \"the\\ one\"");
    document["userName"] = json!("d'arc@example.com");
    document["active"] = json!(false);
    let (_, account) = world.join(document).await;
    world.join(person("neil")).await;
    for key in [
        UserKey::FederationId("O'Neil \"the\\ one\""),
        UserKey::Username("d'arc@example.com"),
        UserKey::Username("D'ARC@example.com"),
    ] {
        let found = world.client.find_users(key).await.unwrap();
        assert_eq!(found.iter().map(|user| &user.id).collect::<Vec<_>>(), [&account.id], "{key:?}");
    }
    assert_eq!(world.client.find_users(UserKey::Username("none@example.com")).await.unwrap(), []);
    assert_eq!(world.client.user("005000000000000AAA").await.unwrap(), None);
}

#[tokio::test]
async fn refusals_are_understood() {
    let world = world().await;
    let (_, account) = world.join(person("ada")).await;
    let wish = |name: &str| {
        mapping::Mapping::builtin().record(person(name).as_object().unwrap()).unwrap().record.split_for_create().0
    };
    let create = async |record: Record, profile: &str| world.client.create_user(&record, profile).await.unwrap_err();
    let profile = world.profile.as_str();
    let unique = |record: Record| record.with("FederationIdentifier", "other").with("CommunityNickname", "other");
    for (record, profile, cause) in [
        (unique(wish("ada")), profile, Cause::DuplicateUsername),
        (unique(wish("x")).with("Username", "test@gmail.com"), profile, Cause::DuplicateUsername),
        (wish("x").with("FederationIdentifier", "ext-ada"), profile, Cause::DuplicateFederationId),
        (wish("x").with("CommunityNickname", "ada@Example.com"), profile, Cause::DuplicateNickname),
        (wish("x").with("LocaleSidKey", "xx"), profile, Cause::BadPicklist),
        (wish("x").with("Username", format!("{}@b.co", "x".repeat(90))), profile, Cause::TooLong),
        (wish("x"), "00e000000000000AAA", Cause::InvalidProfile),
        (wish("x"), "bad", Cause::MissingProfile),
        (wish("x").with("Email", Value::Null), profile, Cause::MissingField),
        (wish("x").with("Email", "no e-mail"), profile, Cause::InvalidEmail),
    ] {
        let error = create(record, profile).await;
        assert_eq!(error.cause(), Some(cause), "{error:?}");
    }
    world.org.org().set_licence("Salesforce", 1);
    let error = create(wish("x"), profile).await;
    assert_eq!(error.disposition(), Disposition::Wait(WaitFor::Licence), "{error:?}");
    let absent = "005000000000000AAA";
    for field in ["Title", "Phone"] {
        let error = world.client.update_user(absent, &Record::new().with(field, "x")).await.unwrap_err();
        assert!(matches!(error, Error::Gone { .. }), "{error:?}");
    }
    let title = Record::new().with("Title", "x");
    world.faults(Faults { row_locks: 1, ..Faults::default() });
    let error = world.client.update_user(&account.id, &title).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry { after: None, at_most: None }, "{error:?}");
    world.faults(Faults { unknown_exceptions: 1, ..Faults::default() });
    let error = world.client.update_user(&account.id, &title).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::Unexpected), "{error:?}");
    world.faults(Faults { unavailable_next: 1, ..Faults::default() });
    let error = world.client.update_user(&account.id, &title).await.unwrap_err();
    assert!(matches!(error.disposition(), Disposition::Outage { .. }), "{error:?}");
    world.client.update_user(&account.id, &title).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_leaves_a_user_that_a_look_finds() {
    let world = world().await;
    let wish =
        mapping::Mapping::builtin().record(person("ada").as_object().unwrap()).unwrap().record.split_for_create().0;
    world.faults(Faults { lost_answer_next: 1, ..Faults::default() });
    let error = world.client.create_user(&wish, &world.profile).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::LookFirst, "{error:?}");
    assert_eq!(world.client.find_users(UserKey::FederationId("ext-ada")).await.unwrap().len(), 1);
    world.faults(Faults { lost_request_next: 1, ..Faults::default() });
    let error = world.client.create_user(&wish.with("Username", "x@example.com"), &world.profile).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::LookFirst, "{error:?}");
    assert_eq!(world.client.find_users(UserKey::Username("x@example.com")).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_revoked_session_is_renewed() {
    let world = world().await;
    world.org.org().revoke_sessions();
    world.join(person("ada")).await;
}

#[tokio::test]
async fn the_jwt_flow_logs_in() {
    let settings =
        sandbox::Settings { jwt_public_key: Some(JWT_PUBLIC_KEY.to_owned()), ..sandbox::Settings::default() };
    let world = world_of(settings.clone()).await;
    let flow = |username: &str, audience: Option<&str>| Flow::JwtBearer {
        client_id: settings.client_id.clone(),
        username: username.to_owned(),
        private_key_pem: JWT_KEY.into(),
        audience: audience.map(str::to_owned),
    };
    for audience in [None, Some("https://login.salesforce.com"), Some("https://test.salesforce.com")] {
        let client = client(&world.org, flow(&settings.integration_username, audience));
        assert_eq!(client.find_profile("Standard User").await.unwrap().len(), 1);
    }
    for (username, audience) in
        [("nobody@example.com", None), (settings.integration_username.as_str(), Some("https://x"))]
    {
        let error = client(&world.org, flow(username, audience)).log_in().await.unwrap_err();
        assert!(matches!(error, Error::Login(_)), "{error:?}");
    }
    let wrong = Flow::ClientCredentials { client_id: settings.client_id.clone(), client_secret: "wrong".into() };
    let error = client(&world.org, wrong).log_in().await.unwrap_err();
    assert!(error.to_string().contains("consumer secret is wrong"), "{error}");
}

#[tokio::test]
async fn groups_live_and_die() {
    let world = world().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(world.join(person(name)).await.1.id);
    }
    let client = &world.client;
    assert_eq!(client.find_groups("Support Queue").await.unwrap(), [], "a queue is no public group");
    assert_eq!(client.find_groups("SF 'East'").await.unwrap(), []);
    let group = client.create_group("SF 'East'").await.unwrap();
    assert_eq!(client.find_groups("sf 'east'").await.unwrap(), std::slice::from_ref(&group));
    client.rename_group(&group.id, "SF \"North\"").await.unwrap();
    assert_eq!(client.find_groups("SF \"North\"").await.unwrap()[0].id, group.id);
    client.change_members(&group.id, &ids[..2], &[]).await.unwrap();
    client.change_members(&group.id, &ids[2..], &ids[..1]).await.unwrap();
    assert_eq!(client.group_members(&group.id).await.unwrap(), ids[1..]);
    for (add, remove) in [(&ids[1..2], &ids[..0]), (&ids[..0], &ids[..1])] {
        let error = client.change_members(&group.id, add, remove).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::MembershipMismatch), "{error:?}");
        assert_eq!(error.disposition(), Disposition::LookFirst);
    }
    world.faults(Faults { row_locks: 1, ..Faults::default() });
    let error = client.change_members(&group.id, &ids[..1], &[]).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RowLock), "{error:?}");
    client.delete_group(&group.id).await.unwrap();
    client.delete_group(&group.id).await.unwrap();
    for error in [
        client.rename_group(&group.id, "x").await.unwrap_err(),
        client.change_members(&group.id, &ids[..1], &[]).await.unwrap_err(),
        client.group_members(&group.id).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Gone { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn groups_are_made_over_rest_where_scim_does_not_offer_it() {
    let mut settings = sandbox::Settings::default();
    settings.switches.group_writes = false;
    let world = world_of(settings).await;
    let group = world.client.create_group("East").await.unwrap();
    assert_eq!(world.client.find_groups("East").await.unwrap(), std::slice::from_ref(&group));
    world.client.delete_group(&group.id).await.unwrap();
    assert_eq!(world.client.find_groups("East").await.unwrap(), []);
}

#[tokio::test]
async fn a_group_of_thousands_is_read_whole() {
    let world = world().await;
    let group = world.client.find_groups("West").await.unwrap().remove(0).id;
    let mut ids: Vec<String> = world.org.org().with_store(|store| {
        (0..2_345)
            .map(|n| {
                let mut user = store.blank_user(DateTime::UNIX_EPOCH);
                user.set(Field::Username, &format!("u{n}@example.com"));
                for (field, value) in [
                    (Field::CommunityNickname, format!("u{n}").as_str()),
                    (Field::Alias, "u"),
                    (Field::LastName, "U"),
                    (Field::Email, "u@example.com"),
                    (Field::ProfileId, &world.profile),
                    (Field::LanguageLocaleKey, "en_US"),
                    (Field::LocaleSidKey, "en_US"),
                    (Field::TimeZoneSidKey, "GMT"),
                    (Field::EmailEncodingKey, "UTF-8"),
                ] {
                    user.set(field, value);
                }
                let id = store.insert_user(user).unwrap();
                store.add_member(&group, &id).unwrap();
                id
            })
            .collect()
    });
    let mut members = world.client.group_members(&group).await.unwrap();
    members.sort();
    ids.sort();
    assert_eq!(members, ids);
}

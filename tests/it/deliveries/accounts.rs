//! Accounts that were in the org before the bridge: which are taken for a person's, and what is left alone.

use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{Faults, UserSeed};
use serde_json::json;

use super::{account, all_delivered, creates, seed, set, until, words};
use crate::entitlements::by_hand;
use crate::support::app::{TestApp, user};

both_engines! {
    /// A 404 without a word may come from anything in between: what is known of the account is not thrown away for it.
    async fn a_blank_404_ends_no_link(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let before = all_delivered(&app).await;
        let path = format!("/Users/{ada}");
        let linked = app.delivery(&path).await["salesforceId"].clone();
        for blanks in [1, 2, 3] {
            app.org().org().set_faults(Faults { blank_404_next: blanks, ..Faults::default() });
            set(&app, &path, "title", json!(format!("T{blanks}"))).await;
            let state = all_delivered(&app).await;
            let account = state.user("ada@example.com").expect("ada");
            assert_eq!(account["Title"], json!(format!("T{blanks}")));
            assert_eq!(app.delivery(&path).await["salesforceId"], linked);
            assert_eq!(state.users().len(), before.users().len());
        }
        assert_eq!(creates(&app).await, 1, "nobody was made anew: {}", app.calls().await);
    }

    async fn adopted_by_federation_id_and_by_username(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let by_id = seed(&app, "old.name@example.com", true, &[
            (Field::FederationIdentifier, "ext-ada"), (Field::Title, "Countess"), (Field::Department, "Old"),
        ]);
        let by_name = seed(&app, "eve@example.com", false, &[(Field::Phone, "123")]);
        by_hand(&app, &by_id, "Sales_Console");
        app.org().org().with_store(|store| {
            let west = store.group_named("West").expect("West");
            store.add_member(&west, &by_id).expect("a member");
        });
        let mut body = user("ada");
        body[super::ENTERPRISE] = json!({ "department": "New" });
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let eve = app.user("eve").await;
        let state = all_delivered(&app).await;
        assert_eq!(state.users().len(), 2, "no second account");
        assert_eq!(account(&state, "ada@example.com"), by_id);
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["Title"], &ada["Department"]), (&json!("Countess"), &json!("New")));
        assert_eq!(ada["Profile"], "Standard User", "the profile of an account that was there is its own");
        assert_eq!((&ada["PermissionSets"], &ada["Groups"]), (&json!(["Sales_Console"]), &json!(["West"])));
        assert_eq!(account(&state, "eve@example.com"), by_name);
        let held = state.user("eve@example.com").expect("eve");
        assert_eq!((&held["IsActive"], &held["Phone"]), (&json!(true), &json!("123")));
        assert_eq!(held["FederationIdentifier"], "ext-eve");
        // What the IdP had, and cleared, is cleared; what it never spoke of stays.
        set(&app, &format!("/Users/{eve}"), "title", json!("T")).await;
        all_delivered(&app).await;
        assert_eq!(app.patch(&format!("/Users/{eve}"), json!([{ "op": "remove", "path": "title" }])).await.status, 200);
        let state = all_delivered(&app).await;
        let held = state.user("eve@example.com").expect("eve");
        assert_eq!((&held["Title"], &held["Phone"]), (&json!(null), &json!("123")));
    }

    async fn not_adopted(engine: Engine) {
        let partner =
            UserSeed { username: "partner@example.com".into(), user_type: "PowerPartner".into(), ..UserSeed::default() };
        let app = TestApp::start_with(&engine, |org| org.users = vec![partner], |config| {
            let tenant = config.tenant.get_mut("sandbox").expect("the tenant");
            tenant.protected = vec!["Admin@example.com".into()];
        })
        .await;
        seed(&app, "other@example.com", true, &[(Field::FederationIdentifier, "somebody else")]);
        seed(&app, "admin@example.com", true, &[]);
        seed(&app, "admin.two@example.com", true, &[(Field::FederationIdentifier, "ext-two")]);
        let before = app.state().await;
        let other = app.user("other").await;
        let admin = app.user("admin").await;
        let partner = app.user("partner").await;
        for (id, reason) in [
            (&other, "another federation id"),
            (&admin, "protected by the configuration"),
            (&partner, "not an employee's"),
        ] {
            let path = format!("/Users/{id}");
            until(&app, &path, "rejected").await;
            assert!(words(&app, &path).await.contains(reason), "{}", words(&app, &path).await);
            set(&app, &path, "title", json!("T")).await;
            until(&app, &path, "rejected").await;
            assert_eq!(app.delete(&path).await.status, 204);
        }
        app.settled().await;
        assert_eq!(app.state().await.0, before.0, "untouched");
        assert_eq!(creates(&app).await, 4, "of the protected name no call at all");
        // Linked to another live user.
        let first = app.user("two").await;
        until(&app, &format!("/Users/{first}"), "delivered").await;
        let mut body = user("three");
        body["externalId"] = json!("ext-two");
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/Users/{id}");
        until(&app, &path, "rejected").await;
        assert!(words(&app, &path).await.contains(&format!("linked to another user, {first}")));
    }

    /// An account that the bridge has linked and that is protected since.
    async fn a_protected_account_is_not_updated_or_deactivated(engine: Engine) {
        let mut app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        all_delivered(&app).await;
        app.reconfigure(|config| {
            config.tenant.get_mut("sandbox").expect("the tenant").protected = vec!["ADA@example.com".into()];
        })
        .await;
        let path = format!("/Users/{id}");
        set(&app, &path, "title", json!("T")).await;
        until(&app, &path, "rejected").await;
        // Not by another name either: it is the account that is protected.
        set(&app, &path, "userName", json!("eve@example.com")).await;
        until(&app, &path, "rejected").await;
        assert_eq!(app.delete(&path).await.status, 204);
        app.settled().await;
        let state = app.state().await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["IsActive"], &ada["Title"]), (&json!(true), &json!(null)));
    }

    /// The person comes back under another name, and the account is found by the federation id.
    async fn an_account_passes_from_a_deleted_user_to_another_with_its_memberships_right(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        let before = account(&all_delivered(&app).await, "ada@example.com");
        // The group cannot be changed for the moment.
        app.org().org().set_faults(scim_bridge::sandbox::Faults { row_locks: 6, ..Default::default() });
        assert_eq!(app.delete(&format!("/Users/{ada}")).await.status, 204);
        let mut body = user("lovelace");
        body["externalId"] = json!("ext-ada");
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "lovelace@example.com"), before);
        assert_eq!(state.members("SF West"), Some(Vec::new()), "nobody asked for the new one in it");
        assert_eq!(state.user("lovelace@example.com").expect("the account")["IsActive"], true);
    }
}

//! Fields that do not arrive, or arrive for ever.

use scim_bridge::config::Rest;
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{PermissionSetSeed, ProfileSeed};
use serde_json::json;

use super::{all_delivered, calls, creates, seed, set, words};
use crate::support::app::{TestApp, user};

both_engines! {
    /// The e-mail address is accepted, does not change until the person confirms it, and is sent again in every cycle.
    async fn no_06_an_email_change_is_sent_again_for_ever(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        all_delivered(&app).await;
        set(&app, &path, "emails[type eq \"work\"].value", json!("new@example.com")).await;
        all_delivered(&app).await;
        let before = calls(&app, "user_update_scim").await + calls(&app, "user_update_rest").await;
        for cycle in 0..5 {
            set(&app, &path, "emails[type eq \"work\"].value", json!("new@example.com")).await;
            set(&app, &path, "displayName", json!(format!("Ada {cycle}"))).await;
            all_delivered(&app).await;
            assert!(words(&app, &path).await.contains("waits for the person's confirmation"), "it says so in each");
        }
        let after = calls(&app, "user_update_scim").await + calls(&app, "user_update_rest").await;
        assert_eq!(after, before, "five cycles, no call");
        assert_eq!(app.org().org().confirm_emails(), 1);
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["Email"], "new@example.com");
    }

    /// SCIM cannot rename a user.
    async fn no_07_a_user_cannot_be_renamed(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        all_delivered(&app).await;
        set(&app, &format!("/Users/{id}"), "userName", json!("lovelace@example.com")).await;
        let state = all_delivered(&app).await;
        assert!(state.user("lovelace@example.com").is_some() && state.user("ada@example.com").is_none());
        assert_eq!((creates(&app).await, calls(&app, "user_update_rest").await), (1, 1));
    }

    /// SCIM takes one telephone number in a call, and drops kinds that it does not know.
    async fn no_08_only_one_telephone_number(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut body = user("ada");
        body["phoneNumbers"] = json!([
            { "type": "work", "value": "1" }, { "type": "mobile", "value": "2" }, { "type": "fax", "value": "3" },
            { "type": "home", "value": "4" },
        ]);
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["Phone"], &ada["MobilePhone"], &ada["Fax"]), (&json!("1"), &json!("2"), &json!("3")));
        set(&app, &format!("/Users/{id}"), "phoneNumbers[type eq \"mobile\"].value", json!("5")).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["MobilePhone"], "5");
    }

    /// Lists end after ten users, and entitlements after two hundred, without a word.
    async fn no_09_lists_end_early(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 0..25 {
            seed(&app, &format!("x{n}@example.com"), true, &[(Field::FederationIdentifier, &format!("x'{n}"))]);
        }
        let mut body = user("ada");
        // Looked for by its pieces, because an apostrophe breaks Salesforce's filters: all 25 are answered.
        body["externalId"] = json!("x'24");
        body["userName"] = json!("somebody@example.com");
        app.post("/Users", &body).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.users().len(), 25, "the last of them was found");
        assert_eq!(state.user("somebody@example.com").expect("it")["FederationIdentifier"], "x'24");
        let journal = app.org().org().journal();
        let lists = journal.as_array().expect("calls").iter().filter_map(|call| call["path"].as_str());
        assert!(lists.filter(|path| path.contains("?filter=")).all(|path| path.contains("count=200")), "{journal}");
    }

    /// The same of profiles and permission sets: what stands behind the two-hundredth is found as well, by SCIM alone too.
    async fn no_09_entitlements_end_after_two_hundred(engine: Engine) {
        for rest in [Rest::WhenNeeded, Rest::Never] {
            let fresh = engine.another();
            let app = TestApp::start_with(&fresh, |org| {
                // Names that begin alike, in an org that has more than a page of them.
                for n in 0..250 {
                    org.profiles.push(ProfileSeed { name: format!("Profile {n}"), licence: "Salesforce".into() });
                    org.permission_sets.push(PermissionSetSeed {
                        name: format!("Set_{n}"), label: format!("Set {n}"), ..PermissionSetSeed::default()
                    });
                }
            }, |config| {
                let tenant = super::tenant(config);
                tenant.salesforce.rest = rest;
                let sets = if rest == Rest::Never { "" } else { "permission_sets = [\"Set_249\"]" };
                let text = format!(
                    "default_profile = \"Profile 248\"\n[[rules]]\nname = \"title\"\nwhen = 'title eq \"T\"'\n\
                     profile = \"Profile 249\"\n{sets}"
                );
                tenant.entitlements = toml::from_str(&text).expect("entitlements");
            })
            .await;
            let ada = app.user("ada").await;
            let profile = async || all_delivered(&app).await.user("ada@example.com").expect("ada")["Profile"].clone();
            assert_eq!(profile().await, "Profile 248");
            set(&app, &format!("/Users/{ada}"), "title", json!("T")).await;
            assert_eq!(profile().await, "Profile 249");
            let sets = app.state().await.user("ada@example.com").expect("ada")["PermissionSets"].clone();
            assert_eq!(sets, if rest == Rest::Never { json!([]) } else { json!(["Set_249"]) });
        }
    }

    /// Fields that Salesforce requires and the identity provider does not have; languages in another spelling.
    async fn no_14_required_fields_and_spellings_of_languages(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut body = user("ada");
        body["preferredLanguage"] = json!("en-US,en;q=0.8");
        body["locale"] = json!("de-CH");
        body["timezone"] = json!("Europe/Paris");
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let bare = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bare@example.com",
            "locale": "xx-YY", "timezone": "Mars/Olympus",
        });
        let bare = app.post("/Users", &bare).await.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["LanguageLocaleKey"], &ada["LocaleSidKey"]), (&json!("en_US"), &json!("de_CH")));
        assert_eq!(ada["TimeZoneSidKey"], "Europe/Paris");
        let held = state.user("bare@example.com").expect("bare");
        for field in ["LastName", "Email", "Alias", "LocaleSidKey", "LanguageLocaleKey", "TimeZoneSidKey", "EmailEncodingKey"] {
            assert!(held[field].as_str().is_some_and(|value| !value.is_empty()), "{field}: {held}");
        }
        let said = words(&app, &format!("/Users/{bare}")).await;
        assert!(said.contains("xx-YY") && said.contains("Mars/Olympus") && said.contains("familyName"), "{said}");
    }
}

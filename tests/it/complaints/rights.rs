//! Permission sets, licences, profiles.

use serde_json::json;

use super::{account, all_delivered, set};
use crate::support::app::TestApp;

both_engines! {
    /// A push of a profile overwrites permission sets that were given by hand.
    async fn no_10_permission_sets_given_by_hand_are_overwritten(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let ada = account(&all_delivered(&app).await, "ada@example.com");
        app.org().org().with_store(|store| {
            let set = store.permission_sets.iter().find(|(_, set)| set.name == "Sales_Console").expect("it").0.clone();
            store.assign(&ada, &set).expect("assigned");
        });
        let path = format!("/Users/{id}");
        set(&app, &path, "title", json!("T")).await;
        set(&app, &path, "userName", json!("lovelace@example.com")).await;
        all_delivered(&app).await;
        set(&app, &path, "active", json!(false)).await;
        all_delivered(&app).await;
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("lovelace@example.com").expect("ada")["PermissionSets"], json!(["Sales_Console"]));
    }
}

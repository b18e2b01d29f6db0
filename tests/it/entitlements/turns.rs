//! Who shares a public group or a role is written one after the other.

use scim_bridge::sandbox::Faults;

use super::*;

/// A bridge whose org refuses calls that write the same group or role at the same time.
async fn locking(engine: &Engine, text: &str) -> TestApp {
    let settings = |settings: &mut scim_bridge::sandbox::Settings| settings.switches.locks_shared_rows = true;
    let app = TestApp::start_with(engine, settings, |config| {
        let tenant = tenant(config);
        tenant.entitlements = entitlements(text);
        tenant.groups.mirror.clear();
    })
    .await;
    app.org().org().set_faults(Faults { latency_ms: 20, ..Faults::default() });
    app
}

const SHARED: &str = r#"
default_profile = "Standard User"
[[rules]]
name = "sales"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"'
role = "Sales Rep"
permission_sets = ["Sales_Console"]
public_groups = ["West", "All Regions"]
"#;

both_engines! {
    /// Eight deliveries are under way at once, all of them want the same two groups and the same role, and none meets a lock.
    async fn eight_at_once_who_share_a_group_meet_no_lock(engine: Engine) {
        let app = locking(&engine, SHARED).await;
        let mut people = Vec::new();
        for n in 0..24 {
            people.push(person(&app, &format!("person{n}"), if n < 16 { "Sales" } else { "Research" }).await);
        }
        all_delivered(&app).await;
        // Some come, some go, some only change: newcomers' roles, and those of people who have an account.
        for (n, id) in people.iter().enumerate() {
            department(&app, id, if n < 8 { "Research" } else { "Sales" }).await;
        }
        let state = all_delivered(&app).await;
        assert_eq!(app.calls().await["faults"], json!({}), "no call met another one's lock");
        for n in 0..24 {
            let role = if n < 8 { json!(null) } else { json!("Sales Rep") };
            assert_eq!(has(&state, &format!("person{n}"))[1], role, "person{n}");
        }
        assert_eq!(state.members("West").map(|members| members.len()), Some(16));
    }
}

//! What the requests of an identity provider may cost in Salesforce calls: the targets of the benchmark, at a smaller
//! scale.

#[path = "../../benches/calls/rig.rs"]
mod rig;
#[path = "../../benches/calls/scenario.rs"]
mod scenario;

use scenario::{Cost, Scale};

const SMALL: Scale = Scale { users: 200, members: 450, pushes: 500, speed: 60.0 };

fn hold(costs: &[Cost]) {
    for cost in costs {
        println!(
            "{}: {} requests, {} calls, {:?} ({})",
            cost.name, cost.requests, cost.calls, cost.kinds, cost.because
        );
        assert!(cost.holds(), "{cost:?}");
        assert!(cost.per_thousand() > 0.0, "something was called: {cost:?}");
    }
}

both_engines! {
    async fn an_entra_cycle_costs_one_call_a_changed_person(engine: Engine) {
        let costs = scenario::entra(engine.url(), SMALL).await.expect("it runs");
        hold(&costs);
        assert_eq!(costs[0].kinds.iter().find(|(kind, _)| kind == "user_create_rest").map(|(_, n)| *n), Some(200));
        assert_eq!(costs[1].kinds, [("user_update_scim".to_owned(), 10)], "one a changed person, none for a repeat");
    }

    async fn a_group_push_costs_a_call_for_two_hundred_members(engine: Engine) {
        hold(&scenario::okta(engine.url(), SMALL).await.expect("it runs"));
    }

    async fn an_outage_costs_its_probes(engine: Engine) {
        hold(&scenario::outage(engine.url(), SMALL).await.expect("it runs"));
    }
}

//! Several processes on one database: the work is shared, and the loss of any of them loses nothing.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use scim_bridge::sandbox::{self, Faults};
use serde_json::json;

use crate::crash::{Bridge, Fire, configuration, kill_and_compare, settled, token};
use crate::support::app::{OrgState, client, user};

async fn org(faults: Faults) -> sandbox::Running {
    let settings = sandbox::Settings {
        client_secret: "secret".into(),
        listen: "127.0.0.1:0".into(),
        faults,
        ..sandbox::Settings::default()
    };
    sandbox::start(settings).await.expect("the org listens")
}

async fn push(http: &reqwest::Client, base: &str, token: &str, name: &str) -> Result<u16, reqwest::Error> {
    let request = http.post(format!("{base}/Users")).bearer_auth(token).json(&user(name));
    Ok(request.send().await?.status().as_u16())
}

/// Tries that a process made, as it tells itself.
async fn tries(base: &str) -> u64 {
    let url = base.replace("/scim/v2", "/metrics");
    let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
    let counts = text.lines().filter(|line| line.starts_with("scim_bridge_deliveries_total"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Refuses to serve a file that another process serves: both would deliver.
fn is_refused(config: &std::path::Path) {
    let second = Command::new(env!("CARGO_BIN_EXE_scim-bridge"))
        .args(["serve", "--config"])
        .arg(config)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        !second.status.success() && said.contains("SQLite is for one process, use PostgreSQL for several"),
        "{said}"
    );
}

both_engines! {
    /// Two and three processes, of which one is killed again and again. SQLite is for one process, and says so.
    async fn the_loss_of_a_process_loses_nothing(engine: Engine) {
        let faults = Faults { seed: 7, unavailable: 0.1, lost_answer: 0.1, latency_ms: 5, ..Faults::default() };
        if engine.name() == "sqlite" {
            let org = org(faults).await;
            let config = configuration(&engine, &org);
            let _first = Bridge::start(&config);
            return is_refused(&config);
        }
        for processes in [2, 3] {
            let fire = Fire { faults: faults.clone(), seed: 31, kills: 5, processes };
            kill_and_compare(&engine.another(), fire).await;
        }
    }

    /// Each of them delivers, none delivers what another is at, and each account is made once.
    async fn processes_share_the_work(engine: Engine) {
        let processes = if engine.name() == "sqlite" { 1 } else { 3 };
        let org = org(Faults { latency_ms: 30, ..Faults::default() }).await;
        let config = configuration(&engine, &org);
        let bridges: Vec<Bridge> = (0..processes).map(|_| Bridge::start(&config)).collect();
        let (token, client) = (token(&config), client());
        for n in 0..90 {
            let base = &bridges[n % processes].base;
            assert_eq!(push(&client, base, &token, &format!("user{n}")).await.expect("an answer"), 201);
        }
        let status = settled(&bridges[0].base, &token).await;
        assert_eq!(status["delivered"], 90, "{status}");
        assert_eq!(OrgState(org.org().state()).users().len(), 90);
        let creates: u64 = org.org().counters()["calls"]["user_create_rest"].as_u64().unwrap_or_default();
        assert_eq!(creates, 90, "nobody was sent twice");
        for bridge in &bridges {
            assert!(tries(&bridge.base).await > 0, "each has a part in it");
        }
    }

    /// A rolling restart behind a load balancer that looks at /readyz is an error to nobody.
    async fn a_rolling_restart_is_an_error_to_nobody(engine: Engine) {
        if engine.name() == "sqlite" {
            // One process has nobody to hand over to: what it accepted it answers, and then it ends.
            let org = org(Faults::default()).await;
            let config = configuration(&engine, &org);
            let mut bridge = Bridge::start(&config);
            let (token, client) = (token(&config), client());
            assert_eq!(push(&client, &bridge.base, &token, "ada").await.expect("an answer"), 201);
            terminate(&bridge);
            assert!(bridge.child.wait().expect("it ends").success());
            return;
        }
        let org = org(Faults { latency_ms: 5, ..Faults::default() }).await;
        let config = configuration(&engine, &org);
        let text = std::fs::read_to_string(&config).expect("the file").replace("[server]", "[server]\ndrain = \"1s\"");
        std::fs::write(&config, text).expect("written");
        let mut bridges: Vec<Bridge> = (0..2).map(|_| Bridge::start(&config)).collect();
        let token = token(&config);
        let bases = Arc::new(std::sync::Mutex::new(bridges.iter().map(|one| one.base.clone()).collect::<Vec<_>>()));
        let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (bases, stop, made, token) = (Arc::clone(&bases), Arc::clone(&stop), Arc::clone(&made), token.clone());
                tokio::spawn(async move { push_on(client, &bases, &stop, &made, &token).await })
            })
            .collect();
        for _ in 0..2 {
            let mut old = bridges.remove(0);
            let new = Bridge::start(&config);
            bases.lock().expect("whole").push(new.base.clone());
            bridges.push(new);
            tokio::time::sleep(Duration::from_millis(300)).await;
            terminate(&old);
            let begun = Instant::now();
            while old.child.try_wait().expect("a state").is_none() {
                assert!(begun.elapsed() < Duration::from_secs(40), "it does not end");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(old.child.wait().expect("it ended").success());
            bases.lock().expect("whole").retain(|base| *base != old.base);
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("no request failed");
        }
        let status = settled(&bridges[0].base, &token).await;
        assert_eq!(status["delivered"], json!(made.load(Ordering::Relaxed)), "{status}");
    }
}

fn terminate(bridge: &Bridge) {
    let sent = Command::new("kill").args(["-TERM", &bridge.child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Pushes people as a load balancer would hand them on: to a process that says that it is ready.
async fn push_on(
    client: usize,
    bases: &std::sync::Mutex<Vec<String>>,
    stop: &AtomicBool,
    made: &AtomicUsize,
    token: &str,
) {
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let known: Vec<String> = bases.lock().expect("whole").clone();
        for base in known {
            let ready = http.get(base.replace("/scim/v2", "/readyz")).send().await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                let name = format!("c{client}n{n}");
                assert_eq!(push(&http, &base, token, &name).await.expect("an answer"), 201);
                made.fetch_add(1, Ordering::Relaxed);
                n += 1;
            }
        }
    }
}

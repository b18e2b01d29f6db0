//! `cargo bench --bench entitlements`: how long a whole organisation takes to be planned anew after the rules changed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use clap::Parser;
use diesel::RunQueryDsl as _;
use scim_bridge::app::{self, Surroundings};
use scim_bridge::clock::{SystemClock, SystemRandomness};
use scim_bridge::config::{Config, RuleTable};
use scim_bridge::db::schema::{guarded, planned_under};
use scim_bridge::db::{Conn, Db};
use scim_bridge::delivery::plan::{Decided, HeldGrant, ObservedUser};
use scim_bridge::delivery::{Org, outbox, replan};
use scim_bridge::entitlement::Grant;
use scim_bridge::scim::ENTERPRISE_SCHEMA;
use scim_bridge::shadow::{self, Kind, Stored, member, observed};
use scim_bridge::telemetry;
use serde_json::json;

/// Plans an organisation anew whose rules changed.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench entitlements --")]
struct Options {
    /// People.
    #[arg(long, default_value_t = 20_000)]
    people: usize,
    /// Groups, of which everybody is in five.
    #[arg(long, default_value_t = 200)]
    groups: usize,
    /// Rules: half of them look at a group, half at attributes.
    #[arg(long, default_value_t = 100)]
    rules: usize,
    /// Where to keep it. Without it, an SQLite file that is deleted afterwards.
    #[arg(long)]
    database: Option<String>,
    /// Exit with 1 where it took longer than 2 seconds.
    #[arg(long)]
    check: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

const TENANT: &str = "sandbox";
/// What a whole organisation may take.
const MOST: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite:{}", folder.path().join("bridge.db").display());
    let db = Db::open(options.database.as_deref().unwrap_or(&file), 4)?;
    db.migrate().await?;
    seed(&db, &options).await?;
    println!("{} people, {} groups, {} rules", options.people, options.groups, options.rules);
    let mut held = true;
    for (what, changed) in [
        ("the rules for the first time", None),
        ("the rules as they were", None),
        ("one rule gives another permission set", Some(0..1)),
        ("every rule gives another permission set", Some(0..options.rules)),
    ] {
        let org = org(&options, changed.as_ref())?;
        let mut most = Duration::ZERO;
        let mut people = 0;
        for _ in 0..3 {
            forget(&db).await?;
            let begun = Instant::now();
            people = replan::replan(&db, &org, moment()).await?;
            most = most.max(begun.elapsed());
        }
        held &= most <= MOST;
        println!("{what}: {people} people planned anew, {:.2} s (the longest of 3)", most.as_secs_f64());
        if what.contains("first") {
            carry_out(&db, &org).await?;
        }
    }
    db.close().await;
    Ok(if options.check && !held { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn moment() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
}

/// An organisation with these rules, of which those in `changed` give something else than before.
fn org(options: &Options, changed: Option<&std::ops::Range<usize>>) -> Result<Org> {
    let mut config = Config::sandbox("http://127.0.0.1:1".parse()?, "client", "secret".into());
    let tenant = config.tenant.get_mut(TENANT).context("the tenant")?;
    tenant.groups.mirror.clear();
    tenant.entitlements.rules = (0..options.rules)
        .map(|n| RuleTable {
            name: format!("rule {n}"),
            when: Some(if n % 2 == 0 {
                format!("groups[display eq \"Group {n}\"] and active eq true")
            } else {
                format!(
                    "{ENTERPRISE_SCHEMA}:department eq \"Department {}\" and title co \"Engineer {}\"",
                    n % 40,
                    n % 7
                )
            }),
            permission_sets: vec![match changed {
                Some(changed) if changed.contains(&n) => format!("Other_{n}"),
                _ => format!("Set_{n}"),
            }],
            ..RuleTable::default()
        })
        .collect();
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        metrics: telemetry::metrics()?,
    };
    let tenant = config.tenant.get(TENANT).context("the tenant")?;
    app::org(TENANT, tenant, config.delivery.lease, &around)
}

fn user(n: usize) -> Stored {
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_SCHEMA],
        "userName": format!("person{n}@example.com"), "externalId": format!("external-{n}"),
        "name": { "givenName": "Ada", "familyName": format!("Lovelace {n}"), "formatted": format!("Ada Lovelace {n}") },
        "displayName": format!("Ada Lovelace {n}"), "title": format!("Engineer {}", n % 7), "active": true,
        "emails": [{ "value": format!("person{n}@example.com"), "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": "+1 555 0100", "type": "work" }, { "value": "+1 555 0101", "type": "mobile" }],
        "addresses": [{ "type": "work", "streetAddress": "1 Road", "locality": "London", "country": "GB" }],
        "preferredLanguage": "en-GB", "locale": "en-GB", "timezone": "Europe/London",
        ENTERPRISE_SCHEMA: { "department": format!("Department {}", n % 40), "employeeNumber": n.to_string(),
            "costCenter": "4130", "division": "R&D" },
    });
    stored(Kind::User, format!("u-{n:08}"), &document)
}

fn stored(kind: Kind, id: String, document: &serde_json::Value) -> Stored {
    let document = document.as_object().cloned().unwrap_or_default();
    let at = moment();
    Stored { id, tenant: TENANT.to_owned(), kind, document, version: 1, created: at, modified: at, deleted: None }
}

async fn seed(db: &Db, options: &Options) -> Result<()> {
    let (people, groups) = (options.people, options.groups);
    for from in (0..people).step_by(1000) {
        db.write(move |conn: &mut Conn| {
            for n in from..(from + 1000).min(people) {
                let user = user(n);
                shadow::insert(conn, &user)?;
                observed::save(conn, &user.id, &account(&user.id), moment())?;
                outbox::enqueue(conn, TENANT, Kind::User, &user.id, moment())?;
            }
            Ok::<_, scim_bridge::db::Error>(())
        })
        .await?;
    }
    for n in 0..groups {
        db.write(move |conn: &mut Conn| {
            let document = json!({ "displayName": format!("Group {n}") });
            let group = stored(Kind::Group, format!("g-{n:08}"), &document);
            shadow::insert(conn, &group)?;
            // Everybody is in five groups.
            let members: Vec<String> = (0..people)
                .filter(|person| (person + n * 7) % (groups / 5).max(1) == 0)
                .map(|n| format!("u-{n:08}"))
                .collect();
            member::add(conn, &group.id, &members).map(drop)
        })
        .await?;
    }
    Ok(())
}

/// Eighteen characters that only `name` has.
fn id(prefix: &str, name: &str) -> String {
    let digits: String = name.chars().rev().filter(char::is_ascii_alphanumeric).take(15).collect();
    format!("{prefix}{digits:0>15}")
}

/// What is known of an account, as large as it is in truth.
fn account(user: &str) -> ObservedUser {
    let mut known = ObservedUser::default();
    let fields = "Username FirstName LastName Email CommunityNickname FederationIdentifier Title Department Division \
                  EmployeeNumber Phone MobilePhone Fax Street City State PostalCode Country LocaleSidKey LanguageLocaleKey \
                  TimeZoneSidKey EmailEncodingKey ManagerId ProfileId UserRoleId";
    for field in fields.split_whitespace() {
        known.record.set(field, format!("{field} of {user}"));
    }
    known.record.set("IsActive", true);
    known
}

/// Forgets under which rules everybody was planned: the next time is like the first.
async fn forget(db: &Db) -> Result<()> {
    Ok(db
        .write(|conn: &mut Conn| {
            diesel::delete(planned_under::table).execute(conn)?;
            diesel::delete(guarded::table).execute(conn)?;
            Ok::<_, scim_bridge::db::Error>(())
        })
        .await?)
}

/// Notes for everybody what was decided, as deliveries do.
async fn carry_out(db: &Db, org: &Org) -> Result<()> {
    let mut outlooks = replan::Outlooks::new(db, org);
    while let Some(found) = outlooks.next().await? {
        db.write(move |conn: &mut Conn| {
            for outlook in &found {
                let mut known = account(&outlook.id);
                let decided = outlook.after.iter().cloned().map(|entitlement| Decided {
                    id: id("0PS", &entitlement.name),
                    entitlement,
                    is_default: false,
                });
                known.grants.decided = decided.collect();
                let given = known.grants.decided.iter();
                known.grants.given = given.map(|one| Grant::new(one.entitlement.kind, one.id.as_str())).collect();
                let held = known.grants.given.iter().map(|grant| HeldGrant {
                    assignment: Some(id("0Pa", &format!("{}{}", outlook.id, grant.id))),
                    grant: grant.clone(),
                });
                known.grants.holds = Some(held.collect());
                observed::save(conn, &outlook.id, &known, moment())?;
            }
            Ok::<_, scim_bridge::db::Error>(())
        })
        .await?;
    }
    Ok(())
}

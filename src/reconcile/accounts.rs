//! The first half of a reconcile: accounts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::db::{Conn, Error as DbError};
use crate::delivery::plan::ObservedUser;
use crate::delivery::{Names, Org, SINGLES, wanted_of_account};
use crate::salesforce::mapping::Write;
use crate::salesforce::{Chunk, Disposition, Place, Pulled, Record, Shown, Way};
use crate::scim::fold::fold;
use crate::shadow::{member, observed};

use super::compare::{self, Held};
use super::finding::{Finding, Kind, Unlinked};
use super::grants::{self, Assigned, Extent, Person};
use super::lease::{Counts, Phase, Run};
use super::run::{Error, Reconcile, Standing};
use super::store::{self, Known};

/// Users whose account was not found that are looked at together.
const PAGE: i64 = 200;

/// What is the same for all accounts.
struct Surroundings {
    org: Arc<Org>,
    shown: Shown,
    /// Those who are frozen.
    frozen: HashSet<String>,
    /// The user that the bridge acts as.
    own: Option<String>,
    /// What is compared of what people are given.
    extent: Extent,
    assigned: Option<Assigned>,
}

impl Surroundings {
    fn protects(&self, record: &Record) -> bool {
        record.text("Username").is_some_and(|name| self.org.protected.contains(&fold(name)))
    }
}

/// What follows for one user.
struct Change {
    known: Known,
    observed: Option<ObservedUser>,
    drift: Vec<Finding>,
}

/// What follows from a chunk of accounts.
#[derive(Default)]
struct Compared {
    changes: Vec<Change>,
    unlinked: Vec<Finding>,
    /// Users who were compared, and those who were passed over.
    counts: Counts,
}

/// Reads all accounts from `place` on, and compares them.
pub(super) async fn compare_all(
    on: &Reconcile,
    run: &mut Run,
    place: Option<Place>,
    watch: &(dyn Fn(Standing) + Send + Sync),
) -> Result<(), Error> {
    let client = &on.org.client;
    let extent = grants::extent(on, run).await?;
    // Each by itself: what passes must not cost once more what was read already.
    let way = way(on, run).await?;
    let frozen = if client.may_query() { on.patiently(|| client.frozen_users()).await? } else { HashSet::new() };
    let own = on.patiently(|| client.own_account()).await?;
    let assigned = grants::read(on, &extent).await?;
    run.progress.way = Some(way);
    let fields = fields(&on.org, &extent);
    let mut accounts = client.accounts(way, &fields, place);
    let (org, shown) = (Arc::clone(&on.org), accounts.shown());
    let around = Arc::new(Surroundings { org, shown, frozen, own, extent, assigned });
    loop {
        let mut patience = on.patience();
        let chunk = loop {
            match accounts.next().await {
                Ok(chunk) => break chunk,
                Err(error) if patience.lasts(&error).await => {}
                // Not everybody may start jobs; pages of a query show the same.
                Err(error) if accounts.begins_a_job() && error.disposition() == Disposition::Reject => {
                    tracing::warn!(%error, tenant = run.tenant, "no bulk query could be started; accounts are read page by page");
                    run.progress.way = Some(Way::Soql);
                    accounts = client.accounts(Way::Soql, &fields, None);
                }
                Err(error) => return Err(Error::Salesforce(error)),
            }
        };
        let Some(chunk) = chunk else { return Ok(()) };
        let next = chunk.next.clone();
        let next = next.map_or_else(|| Phase::Missing(String::new()), |place| Phase::Accounts(Some(place)));
        take(on, run, &around, chunk, next).await?;
        watch(Standing { at: "accounts", counts: run.progress.counts, expected: run.progress.expected });
    }
}

/// How accounts are read: as before, where this goes on, else by how many there are.
async fn way(on: &Reconcile, run: &mut Run) -> Result<Way, Error> {
    let client = &on.org.client;
    if let Some(way) = run.progress.way {
        return Ok(way);
    }
    if !client.may_query() {
        return Ok(Way::Scim);
    }
    let count = on.patiently(|| client.count_accounts()).await?;
    run.progress.expected = Some(count);
    Ok(if count > on.bulk_above { Way::Bulk } else { Way::Soql })
}

/// Compares a chunk of accounts, and notes what follows in one transaction.
async fn take(
    on: &Reconcile,
    run: &mut Run,
    around: &Arc<Surroundings>,
    mut chunk: Chunk,
    next: Phase,
) -> Result<(), Error> {
    // What is known of people is of two readings: whoever changed since the older one is passed over.
    chunk.began = around.assigned.iter().map(|assigned| assigned.began).fold(chunk.began, DateTime::min);
    let (began, ids): (_, Vec<String>) = (chunk.began, chunk.accounts.iter().map(|one| one.id.clone()).collect());
    let grouped = around.extent != Extent::Nothing && on.org.entitlements.rules.look_at_groups();
    let (known, groups) = {
        let (tenant, ids) = (run.tenant.clone(), ids.clone());
        let read = move |conn: &mut Conn| {
            let known = store::by_account(conn, &tenant, &ids)?;
            let own: Vec<String> = known.iter().filter(|_| grouped).map(|known| known.id.clone()).collect();
            let groups = member::groups_of(conn, &own)?;
            Ok::<_, DbError>((known, groups))
        };
        on.db.read(read).await?
    };
    let people = grants::decide(on, &around.extent, known, &groups).await?;
    let compared = {
        let (around, names) = (Arc::clone(around), on.org.catalogue.names().await);
        // Here, where a thread may be busy for a while.
        let compare = move |_: &mut Conn| Ok::<_, DbError>(compare_chunk(&around, people, &names, &chunk));
        Arc::new(on.db.read(compare).await?)
    };
    on.commit(run, next, move |conn, run, _| {
        let mut counts = compared.counts;
        for change in &compared.changes {
            settle(conn, run, change, began, &mut counts)?;
        }
        for unlinked in &compared.unlinked {
            store::keep(conn, &run.id, unlinked)?;
        }
        store::seen(conn, &run.tenant, &run.id, &ids)?;
        Ok(counts)
    })
    .await
}

/// Notes what was found of one user.
fn settle(
    conn: &mut Conn,
    run: &Run,
    change: &Change,
    began: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<(), DbError> {
    let known = &change.known;
    if !known.hold(conn)? {
        counts.users = counts.users.saturating_sub(1);
        counts.skipped += 1;
        return Ok(());
    }
    if let Some(observed) = &change.observed {
        observed::save(conn, &known.id, observed, began)?;
    }
    for finding in &change.drift {
        store::keep(conn, &run.id, finding)?;
    }
    Ok(())
}

/// The fields that deliveries keep as asked, those by which accounts are told apart, and where it
/// matters those that rules give: to be read of every account.
fn fields(org: &Org, extent: &Extent) -> Vec<String> {
    let always = org.mapping.fields().filter(|field| field.write == Write::Always).map(|field| field.name);
    let told_apart_by = ["Username", "FederationIdentifier", "IsActive", "ManagerId"];
    let given = SINGLES.iter().map(|(_, field)| *field).filter(|_| *extent != Extent::Nothing);
    let fields: BTreeSet<&str> = always.chain(told_apart_by).chain(given).collect();
    fields.into_iter().map(str::to_owned).collect()
}

fn compare_chunk(around: &Surroundings, people: Vec<Person>, names: &Names, chunk: &Chunk) -> Compared {
    let mut compared = Compared::default();
    compared.counts.accounts = u64::try_from(chunk.accounts.len()).unwrap_or(0);
    let mut people: BTreeMap<String, Person> =
        people.into_iter().map(|one| (one.known.salesforce_id().to_owned(), one)).collect();
    for account in &chunk.accounts {
        let Some(person) = people.remove(&account.id) else {
            compared.unlinked.extend(unlinked(around, account).map(Finding::Unlinked));
            continue;
        };
        let (known, observed) = (&person.known, &person.observed);
        let document = (!known.deleted).then_some(&known.document);
        // A mapping that fails is for the delivery to tell.
        let wish = wanted_of_account(document, &known.manager, &around.org.mapping, observed).ok();
        match wish.filter(|_| !known.is_newer_than(chunk.began)) {
            // The delivery of one who shall have the name of a protected account is refused.
            Some(wish) if around.protects(&account.record) || around.protects(&wish) => {}
            Some(wish) => {
                compared.counts.users += 1;
                compared.changes.extend(compare_one(around, person, &wish, account, names));
            }
            None => compared.counts.skipped += 1,
        }
    }
    // One order for all who hold several.
    compared.changes.sort_by(|one, other| one.known.id.cmp(&other.known.id));
    compared
}

fn compare_one(
    around: &Surroundings,
    Person { known, observed, entitled }: Person,
    wish: &Record,
    account: &Pulled,
    names: &Names,
) -> Option<Change> {
    let frozen = around.frozen.contains(&account.id);
    let frozen_is_known = around.org.client.may_query();
    let held = Held { record: &account.record, shown: &around.shown, frozen, frozen_is_known };
    let compare::Compared { differences, observed: fresh } = compare::account(wish, &observed, held);
    let (mut is_news, mut now, mut due) = (fresh.is_some(), fresh.unwrap_or(observed), Vec::new());
    if let Some(entitled) = entitled {
        let held = (account, &around.shown, around.assigned.as_ref());
        let (found, news) = grants::compare((&around.org, names), &entitled, held, &mut now);
        is_news |= news;
        due = found;
    }
    let about = known.about();
    let of_field = |difference: compare::Difference| {
        let (kind, field) = (Kind::of_field(&difference.field), Some(difference.field.as_str()));
        about.drift(kind, field, difference.wanted, difference.held)
    };
    let drift = differences.into_iter().map(of_field).chain(due.into_iter().map(|due| about.due(due)));
    let drift: Vec<Finding> = drift.map(Finding::Drift).collect();
    (is_news || !drift.is_empty()).then(|| Change { observed: is_news.then_some(now), drift, known })
}

/// An account without an owner, as it is reported.
fn unlinked(around: &Surroundings, account: &Pulled) -> Option<Unlinked> {
    let others = !account.standard || around.own.as_deref() == Some(&account.id) || around.protects(&account.record);
    (!others).then(|| Unlinked {
        salesforce_id: account.id.clone(),
        username: account.record.text("Username").unwrap_or_default().to_owned(),
        federation_id: account.record.text("FederationIdentifier").map(str::to_owned),
        active: account.record.get("IsActive").and_then(Value::as_bool).unwrap_or(false),
        matches: None,
    })
}

/// Looks for the users whose account was not among those that were read.
pub(super) async fn find_missing(on: &Reconcile, run: &mut Run, mut after: String) -> Result<(), Error> {
    loop {
        let began = on.clock.now();
        let (tenant, id, started, from) = (run.tenant.clone(), run.id.clone(), run.started, after.clone());
        let page = on.db.read(move |conn| store::unseen(conn, (&tenant, &id, started), &from, PAGE)).await?;
        let Some(last) = page.last() else {
            return on.commit(run, Phase::Groups(String::new()), |_, _, _| Ok(Counts::default())).await;
        };
        after.clone_from(&last.id);
        // Not among them may also mean: of another kind by now, or not shown. Each is asked for.
        let asked: Vec<String> = page.iter().map(|known| known.salesforce_id().to_owned()).collect();
        let there = on.patiently(|| on.org.client.present_accounts(&asked)).await?;
        let gone: Vec<Known> = page.into_iter().filter(|known| !there.contains(known.salesforce_id())).collect();
        on.commit(run, Phase::Missing(after.clone()), move |conn, run, _| {
            let mut counts = Counts::default();
            for known in &gone {
                if known.is_newer_than(began) || !known.hold(conn)? {
                    counts.skipped += 1;
                    continue;
                }
                counts.users += 1;
                let drift = known.about().drift(Kind::MissingAccount, None, true.into(), false.into());
                store::keep(conn, &run.id, &Finding::Drift(drift))?;
            }
            Ok(counts)
        })
        .await?;
    }
}

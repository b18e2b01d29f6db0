//! Accounts that nobody is linked to, and who would be matched with them.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::db::Conn;
use crate::delivery::plan::ObservedUser;
use crate::delivery::{Manager, wanted_of_account};
use crate::scim::fold::fold;

use super::finding::{Finding, Match, Unlinked};
use super::lease::{Counts, Phase, Run};
use super::run::{Error, Reconcile};
use super::store;

/// People without an account who are looked at together.
const PEOPLE: i64 = 500;

/// Says of the accounts that nobody is linked to who would be matched with them, and takes those back that somebody is
/// about to get.
pub(super) async fn match_all(on: &Reconcile, run: &mut Run) -> Result<(), Error> {
    let mut found: Vec<Unlinked> = Vec::new();
    loop {
        let (id, after) = (run.id.clone(), found.last().map(|last| Finding::Unlinked(last.clone()).place()));
        let read = move |conn: &mut Conn| store::findings(conn, &id, true, &after.unwrap_or_default(), PEOPLE);
        let page = on.db.read(read).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().filter_map(|(_, finding)| match finding {
            Finding::Unlinked(unlinked) => Some(unlinked),
            Finding::Drift(_) => None,
        }));
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut matched: HashMap<String, Match> = HashMap::new();
    if !found.is_empty() {
        let key = |name: Option<&str>| name.map(fold).filter(|name| !name.is_empty());
        let by = |of: fn(&Unlinked) -> Option<&str>| -> HashMap<String, String> {
            found.iter().filter_map(|one| Some((key(of(one))?, one.salesforce_id.clone()))).collect()
        };
        let (federation, usernames) = (by(|one| one.federation_id.as_deref()), by(|one| Some(&one.username)));
        let (mut after, org) = (String::new(), &on.org);
        loop {
            let (tenant, from) = (run.tenant.clone(), after.clone());
            let people = on.db.read(move |conn| store::without_account(conn, &tenant, &from, PEOPLE)).await?;
            let Some(last) = people.last() else { break };
            after.clone_from(&last.id);
            for person in &people {
                let Ok(record) =
                    wanted_of_account(Some(&person.document), &Manager::None, &org.mapping, &ObservedUser::default())
                else {
                    continue;
                };
                let of = |field: &str, index: &HashMap<String, String>| index.get(&key(record.text(field))?).cloned();
                let (account, by) = match of("FederationIdentifier", &federation) {
                    Some(account) => (account, "federation-id"),
                    None => match of("Username", &usernames) {
                        Some(account) => (account, "username"),
                        None => continue,
                    },
                };
                if person.under_way {
                    taken.insert(account);
                } else {
                    let name = person.document.get("userName").and_then(Value::as_str).unwrap_or_default();
                    let found = Match { id: person.id.clone(), name: name.to_owned(), by: by.to_owned() };
                    matched.insert(account, found);
                }
            }
        }
        let accounts: Vec<String> = found.iter().map(|one| one.salesforce_id.clone()).collect();
        let tenant = run.tenant.clone();
        taken.extend(on.db.read(move |conn| store::owned(conn, &tenant, &accounts)).await?);
    }
    found.retain(|one| taken.contains(&one.salesforce_id) || matched.contains_key(&one.salesforce_id));
    on.commit(run, Phase::Repair(String::new()), move |conn, run, _| {
        for one in &found {
            if taken.contains(&one.salesforce_id) {
                store::take_back(conn, &run.id, &Finding::Unlinked(one.clone()))?;
            } else {
                let one = Unlinked { matches: matched.get(&one.salesforce_id).cloned(), ..one.clone() };
                store::keep(conn, &run.id, &Finding::Unlinked(one))?;
            }
        }
        Ok(Counts::default())
    })
    .await
}

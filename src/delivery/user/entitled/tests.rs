//! The whole way from what the identity provider says to what is sent: rules, names, licences, plan.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::delivery::Mark;
use crate::delivery::guard::{Guard, Limits};
use crate::delivery::plan::{Ladder, Means, ObservedGrants, UserSeen, UserStep, UserWish, user};
use crate::entitlement::{Rule, Rules, When};
use crate::salesforce::{Change, Entry, Grants, Held, Licence, Record, Resolved, resolve};
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::schema::Registry;

type Entries = BTreeMap<Kind, Arc<[Entry]>>;

const SEVERAL: [Kind; 4] =
    [Kind::PermissionSetLicence, Kind::PermissionSet, Kind::PermissionSetGroup, Kind::PublicGroup];

fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Profile => "00e",
        Kind::Role => "00E",
        Kind::PermissionSetLicence => "0PL",
        Kind::PermissionSet => "0PS",
        Kind::PermissionSetGroup => "0PG",
        Kind::PublicGroup => "00G",
    }
}

fn id(kind: Kind, n: u8) -> String {
    format!("{}{n}", prefix(kind))
}

/// Names `N0` to `N3` of each kind: missing, there, or there twice. Profiles belong to one of two user licences; permission
/// sets need nothing, one of those, or a permission set licence.
fn catalogue() -> impl Strategy<Value = Entries> {
    let one = (0..8_u8, 0..8_u8);
    prop::collection::vec(one, Kind::ALL.len() * 4).prop_map(|drawn| {
        let mut drawn = drawn.into_iter();
        let of_kind = |kind: Kind| {
            let mut entries = Vec::new();
            for n in 0..4_u8 {
                let (there, needs) = drawn.next().unwrap();
                let licence = match (kind, needs) {
                    (Kind::Profile, needs) => Some(format!("100{}", needs % 2)),
                    (Kind::PermissionSet, 0 | 1) => Some(format!("100{needs}")),
                    (Kind::PermissionSet, 2..=4) => Some(id(Kind::PermissionSetLicence, needs - 2)),
                    _ => None,
                };
                let licence = licence.map(|id| Licence { id, name: None });
                // A name may be missing; what has the id may be there under another.
                let name = if there == 0 { format!("renamed {n}") } else { format!("N{n}") };
                entries.push(Entry { id: id(kind, n), name: name.clone(), label: None, licence });
                if there == 1 {
                    entries.push(Entry { id: id(kind, n + 4), name, label: None, licence: None });
                }
            }
            (kind, entries.into())
        };
        Kind::ALL.into_iter().map(of_kind).collect()
    })
}

fn conditions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        r#"title eq "a""#.to_owned(),
        "title pr".to_owned(),
        format!(r#"{ENTERPRISE_SCHEMA}:department eq "x""#),
        r#"groups.display eq "G0""#.to_owned(),
        r#"groups[display sw "G" and display ew "1"]"#.to_owned(),
        "groups pr".to_owned(),
    ]);
    leaf.prop_recursive(2, 6, 2, |inner| {
        let two = (inner.clone(), inner.clone(), prop::sample::select(vec!["and", "or"]));
        prop_oneof![
            two.prop_map(|(one, other, how)| format!("({one}) {how} ({other})")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let glob = prop::sample::select(vec!["group:G*", "group:G1", "group:?0", "group:*"]).prop_map(str::to_owned);
    let gives = prop::collection::vec((prop::sample::select(Kind::ALL.to_vec()), 0..4_u8), 0..5);
    let one = (prop_oneof![conditions(), glob], gives);
    (prop::collection::vec(one, 0..5), prop::option::of(0..4_u8)).prop_map(|(drawn, default)| {
        let users = Arc::clone(Registry::standard().unwrap().resource_type("User").unwrap());
        let rules = drawn.into_iter().enumerate().map(|(n, (when, gives))| Rule {
            name: format!("rule {n}"),
            when: match when.strip_prefix("group:") {
                Some(pattern) => When::group(pattern).unwrap(),
                None => When::filter(&users, &when).unwrap(),
            },
            gives: gives.into_iter().map(|(kind, n)| Entitlement::new(kind, format!("N{n}"))).collect(),
        });
        let rules = rules.collect();
        Rules::new(users, rules, default.map(|n| format!("N{n}")))
    })
}

fn people() -> impl Strategy<Value = Attributes> {
    let value = || prop::option::of(prop::sample::select(vec!["a", "x"]));
    let groups = prop::sample::subsequence(vec!["G0", "G1", "H0"], 0..3);
    let asked = prop::collection::vec(0..4_u8, 0..2);
    (value(), value(), groups, asked).prop_map(|(title, department, groups, asked)| {
        let asked: Vec<Value> = asked.iter().map(|n| json!({ "value": format!("N{n}") })).collect();
        let mut person = json!({ "userName": "ada@example.com", "active": true, "entitlements": asked,
                                 ENTERPRISE_SCHEMA: { "department": department } });
        if let Some(title) = title {
            person["title"] = json!(title);
        }
        let Value::Object(person) = person else { unreachable!("an object") };
        with_groups(person, groups.into_iter().map(|name| ("id", name)))
    })
}

fn grants() -> impl Strategy<Value = BTreeSet<Grant>> {
    let one = (prop::sample::select(SEVERAL.to_vec()), 0..6_u8).prop_map(|(kind, n)| Grant::new(kind, id(kind, n)));
    prop::collection::btree_set(one, 0..8)
}

/// An account in an org that refuses what Salesforce refuses.
struct Org<'a> {
    entries: &'a Entries,
    /// Permission set licences of which no seat is free.
    full: BTreeSet<Grant>,
    profile: String,
    role: Option<String>,
    has: BTreeSet<Grant>,
}

impl Org<'_> {
    fn licence_of(&self, kind: Kind, id: &str) -> Option<&Licence> {
        self.entries[&kind].iter().find(|entry| entry.id == id)?.licence.as_ref()
    }

    /// Whether the account may have a permission set.
    fn fits(&self, set: &Grant) -> bool {
        let Some(needed) = self.licence_of(Kind::PermissionSet, &set.id).filter(|_| set.kind == Kind::PermissionSet)
        else {
            return true;
        };
        if needed.is_of_permission_sets() {
            return self.has.contains(&Grant::new(Kind::PermissionSetLicence, needed.id.clone()));
        }
        self.licence_of(Kind::Profile, &self.profile).is_none_or(|has| has == needed)
    }

    fn all_fit(&self) -> bool {
        self.has.iter().all(|grant| self.fits(grant))
    }

    fn read(&self) -> Grants {
        let held = self.has.iter().map(|grant| Held { grant: grant.clone(), assignment: format!("0Pa{}", grant.id) });
        Grants { profile: Some(self.profile.clone()), role: self.role.clone(), held: held.collect() }
    }
}

/// What a delivery does between two calls.
fn entitle(entitled: &mut Entitled, seen: &UserSeen) -> UserWish {
    let record = Record::new().with("IsActive", true).with("Title", "a");
    let mut wish = AccountWish { record, ..AccountWish::default() };
    entitled.apply(&mut wish, &seen.observed);
    entitled.fit(&mut wish, &seen.observed);
    UserWish::Account(wish)
}

fn note_given(entitled: &Entitled, sent: &Record, grants: &mut ObservedGrants) {
    for (kind, field) in [(Kind::Profile, PROFILE), (Kind::Role, ROLE)] {
        if sent.mentions(field) {
            grants.given.retain(|grant| grant.kind != kind);
            let given = sent.text(field).map(|id| Grant::new(kind, id)).filter(|grant| entitled.gives(grant));
            grants.given.extend(given);
        }
    }
}

/// One delivery; answers how many calls changed something.
fn deliver(entitled: &Entitled, observed: &mut ObservedUser, org: &mut Org<'_>) -> Result<usize, TestCaseError> {
    let means = Means { rest: true, welcome_mail: false, ladder: Ladder::none() };
    let mut entitled = entitled.clone();
    let mut seen = UserSeen { account: Some("005".into()), observed: observed.clone(), ..UserSeen::default() };
    let mut wish = entitle(&mut entitled, &seen);
    let (mut steps, mut touched) = (0, 0);
    while let Some(step) = user(&wish, &seen, means) {
        steps += 1;
        prop_assert!(steps < 10, "it does not end: {step:?}");
        match step {
            UserStep::ReadGrants(_) => {
                seen.looked = true;
                let found = org.read();
                for (field, value) in [(PROFILE, &found.profile), (ROLE, &found.role)] {
                    seen.observed.record.set(field, value.as_deref().map_or(Value::Null, Into::into));
                }
                seen.observed.grants.read(&found);
                wish = entitle(&mut entitled, &seen);
            }
            UserStep::Update(_, changes) => {
                touched += 1;
                if let Some(profile) = changes.text(PROFILE) {
                    profile.clone_into(&mut org.profile);
                    prop_assert!(org.all_fit(), "a profile that Salesforce refuses was sent");
                }
                if changes.mentions(ROLE) {
                    org.role = changes.text(ROLE).map(str::to_owned);
                }
                seen.observed.record.apply(&changes);
                note_given(&entitled, &changes, &mut seen.observed.grants);
            }
            UserStep::Grants(_, changes) => {
                let mut sorted = changes.clone();
                // As the client sends them.
                sorted.sort_by_key(|change| match change {
                    Change::Give(grant) if grant.kind == Kind::PermissionSetLicence => 0,
                    Change::Take(held) if held.grant.kind == Kind::PermissionSetLicence => 3,
                    Change::Take(_) => 1,
                    Change::Give(_) => 2,
                });
                for change in sorted {
                    let grant = change.grant().clone();
                    match &change {
                        Change::Give(_) if org.full.contains(&grant) => {
                            seen.refused.insert(grant);
                            continue;
                        }
                        Change::Give(_) => {
                            prop_assert!(org.fits(&grant), "{grant:?} does not fit");
                            prop_assert!(org.has.insert(grant), "it was there");
                        }
                        Change::Take(_) => {
                            prop_assert!(org.has.remove(&grant), "it was not there");
                            let managed = seen.observed.grants.given.contains(&grant);
                            prop_assert!(managed || entitled.exclusive.0.contains(&grant.kind), "{grant:?} is by hand");
                            prop_assert!(org.all_fit(), "a licence was taken that is needed");
                        }
                    }
                    touched += 1;
                    let made = matches!(change, Change::Give(_)).then(|| format!("0Pa{}", change.grant().id));
                    seen.observed.grants.changed(&change, made);
                }
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
    // What is wanted and fits is there, but for what waits for a seat.
    let UserWish::Account(wish) = wish else { unreachable!("an account") };
    let wished = wish.grants.unwrap();
    for grant in wished.wanted.keys() {
        let waits = seen.refused.contains(grant);
        let waits = waits || wished.needs.get(grant).is_some_and(|needed| seen.refused.contains(needed));
        prop_assert!(waits || org.has.contains(grant), "{grant:?} is wanted");
    }
    *observed = seen.observed;
    Ok(touched)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// Whatever the rules, the person, the org and what the account had: one delivery brings it to what was decided, the next
    /// one changes nothing, what is by hand stays, and nothing is sent that Salesforce refuses for the sake of licences.
    #[test]
    fn one_delivery_is_enough_and_sends_nothing_that_can_not_be(
        entries in catalogue(), rules in rules(), person in people(), had in grants(), given in grants(), giving in grants(),
        exclusive in prop::collection::btree_set(0..SEVERAL.len(), 0..2), full in grants(), profile in 0..4_u8,
        known in any::<bool>(), gave_profile in any::<bool>(), honours in any::<bool>(),
    ) {
        let mut org = Org {
            entries: &entries,
            full: full.into_iter().filter(|grant| grant.kind == Kind::PermissionSetLicence).collect(),
            profile: id(Kind::Profile, profile),
            role: None,
            has: BTreeSet::new(),
        };
        for grant in had.iter().filter(|grant| grant.kind != Kind::PermissionSet) {
            org.has.insert(grant.clone());
        }
        for grant in had.iter().filter(|grant| grant.kind == Kind::PermissionSet) {
            if org.fits(grant) {
                org.has.insert(grant.clone());
            }
        }
        let mut observed = ObservedUser::default();
        observed.record.set("IsActive", true);
        observed.grants.given = given;
        if gave_profile {
            observed.grants.given.insert(Grant::new(Kind::Profile, org.profile.clone()));
        }
        if known {
            let found = org.read();
            observed.record.set(PROFILE, org.profile.clone());
            observed.grants.read(&found);
        } else {
            observed.grants.giving = giving;
        }
        let ours = |grant: &&Grant| observed.grants.given.contains(*grant) || observed.grants.giving.contains(*grant);
        let by_hand: BTreeSet<Grant> = org.has.iter().filter(|grant| !ours(grant)).cloned().collect();
        let limits = Limits { people: 25, percent: 10, window: chrono::TimeDelta::days(1) };
        let entitlements = Entitlements {
            rules,
            honours,
            exclusive: Exclusive(exclusive.into_iter().map(|n| SEVERAL[n]).collect()),
            guard: Guard {
                losses: limits,
                deactivations: limits,
                removals: limits,
                sensitive: Vec::new(),
            },
            mark: Mark::default(),
        };
        let seen = Person { attributes: &person };
        let asked_for = if honours { pushed(seen) } else { Vec::new() };
        let has = |kind: Kind, name: &str| matches!(resolve(&entries[&kind], name), Resolved::One(_));
        let decision = entitlements.rules.decide(seen, &asked_for, has);
        let wanted = decision.iter().map(|reasoned| reasoned.entitlement.clone());
        let meanings = wanted.map(|wanted| (wanted.clone(), Meaning::of(&entries[&wanted.kind], &wanted))).collect();
        let of = |kind: Kind| Arc::clone(&entries[&kind]);
        let licences = Licences {
            profiles: of(Kind::Profile),
            sets: of(Kind::PermissionSet),
            set_licences: of(Kind::PermissionSetLicence),
        };
        let entitled = Entitled::of(&decision, &entitlements, &meanings, &BTreeSet::new(), licences);
        deliver(&entitled, &mut observed, &mut org)?;
        let (profile, role, there) = (org.profile.clone(), org.role.clone(), org.has.clone());
        let again = deliver(&entitled, &mut observed, &mut org)?;
        prop_assert_eq!((again, &org.profile, &org.role, &org.has), (0, &profile, &role, &there), "the next one");
        for grant in by_hand.iter().filter(|grant| !entitlements.exclusive.0.contains(&grant.kind)) {
            prop_assert!(org.has.contains(grant), "{:?} was by hand", grant);
        }
        // A seat comes free.
        org.full.clear();
        deliver(&entitled, &mut observed, &mut org)?;
        prop_assert_eq!(deliver(&entitled, &mut observed, &mut org)?, 0);
    }
}

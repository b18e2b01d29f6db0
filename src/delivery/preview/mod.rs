//! What a delivery would do now: the same loading, mapping and planning as a delivery's own, and no call.

mod calls;
mod grants;
mod shown;

pub use calls::PlannedCall;
pub use grants::PlannedGrant;
pub use shown::{CallPlan, FieldPlan, GrantPlan, UserPlan};

use diesel::prelude::*;
use serde_json::Value;

use crate::db::schema::deliveries;
use crate::db::{Conn, Db, Error};
use crate::entitlement::{Entitlement, Kind as GrantKind, Person};
use crate::salesforce::mapping::Write;
use crate::salesforce::{Carrier, Change, Record};
use crate::shadow::link;
use crate::shadow::{self, Key, Kind, observed};

use super::org::{Entitlements, Org};
use super::outbox::{self, Delivery};
use super::plan::{GroupStep, ObservedUser, UserSeen, UserStep, UserWish};
use super::user::Foreseen;
use super::{group, user};

/// What a delivery of a user would do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Our id.
    pub id: String,
    /// `userName`; empty where there is none.
    pub name: String,
    /// Salesforce's id of the account, if there is one.
    pub account: Option<String>,
    /// Where the delivery stands.
    pub delivery: Option<Delivery>,
    /// The next step. `None`: nothing is to be sent.
    pub step: Option<UserStep>,
    /// The calls that would be made until nothing is left.
    pub calls: Vec<PlannedCall>,
    /// Every field that the mapping speaks about or of which something was observed.
    pub fields: Vec<Planned>,
    /// Everything that the person is to be given, was given by the bridge, or is known to have.
    pub grants: Vec<PlannedGrant>,
    /// What was cut, derived or left out.
    pub notes: Vec<String>,
    /// What the delivery will wait for once everything is sent.
    pub waits_for: Option<String>,
    /// Why nothing can be sent for this person.
    pub failed: Option<String>,
}

impl Preview {
    /// The next step, or what is waited for, in words.
    pub fn next(&self) -> String {
        match (&self.step, &self.waits_for) {
            (Some(step), _) => words_of_user(step),
            (None, Some(reason)) => reason.clone(),
            (None, None) => NOTHING.to_owned(),
        }
    }
}

/// A field of an account, beside what it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// API name.
    pub field: String,
    /// What is wanted; `Null`: no value. `None`: nothing is wanted, the field is Salesforce's.
    pub wanted: Option<Value>,
    /// What Salesforce last confirmed; `None`: nothing is known.
    pub observed: Option<Value>,
    /// Whether the next step sends it.
    pub sent: bool,
    /// When it is written; `None` where the mapping does not decide.
    pub write: Option<Write>,
    /// Its template.
    pub template: Option<String>,
    /// Whether that is the built-in one.
    pub is_builtin: bool,
}

/// What the shadow has of whom somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// The user of this id.
    Found(String),
    /// Several have this `externalId`: their ids.
    Several(Vec<String>),
    /// Nobody.
    Unknown,
}

/// The live user whom `name` means: a `userName`, else an id, else an `externalId`.
///
/// # Errors
/// What the database says.
pub async fn seek(db: &Db, tenant: &str, name: &str) -> Result<Sought, Error> {
    let (tenant, name) = (tenant.to_owned(), name.to_owned());
    db.read(move |conn| {
        if let Some(id) = shadow::named(conn, &tenant, Kind::User, &name)? {
            return Ok(Sought::Found(id));
        }
        if let Some(stored) = shadow::find(conn, &tenant, Kind::User, &name)? {
            return Ok(Sought::Found(stored.id));
        }
        let key = Key::Value { path: "externalid", value: &name };
        let Some(people) = shadow::people(conn, &tenant, key)? else { return Ok(Sought::Unknown) };
        let mut ids: Vec<String> = people.into_iter().map(|person| person.stored.id).collect();
        Ok(match ids.len() {
            0 => Sought::Unknown,
            1 => ids.pop().map_or(Sought::Unknown, Sought::Found),
            _ => Sought::Several(ids),
        })
    })
    .await
}

/// What a delivery of the user `id` would do now; `None`: there is no such user.
///
/// # Errors
/// What the database says.
pub async fn of_user(db: &Db, org: &Org, id: &str) -> Result<Option<Preview>, Error> {
    let (id, mapping) = (id.to_owned(), org.mapping.clone());
    let grouped = org.entitlements.rules.look_at_groups();
    let loaded = db
        .read(move |conn| {
            let Some(mut loaded) = user::load(conn, &id, grouped)? else { return Ok(None) };
            if let Some(before) = loaded.predecessor.take()
                && let Some(old) = link::find(conn, &before)?
            {
                // A delivery takes the account over from the tombstone first.
                loaded.link = Some(old);
                loaded.observed = observed::find::<ObservedUser>(conn, &before)?.unwrap_or_default();
            }
            let sent = creating(conn, &id)?;
            let delivery = outbox::of(conn, std::slice::from_ref(&id))?.remove(&id);
            Ok::<_, Error>(Some((loaded, sent, delivery)))
        })
        .await?;
    let Some((loaded, sent, delivery)) = loaded else { return Ok(None) };
    let mut preview = Preview {
        id: loaded.stored.id.clone(),
        name: loaded.stored.text("userName").unwrap_or_default().to_owned(),
        account: loaded.link.as_ref().map(|link| link.salesforce_id.clone()),
        delivery,
        step: None,
        calls: Vec::new(),
        fields: Vec::new(),
        grants: Vec::new(),
        notes: Vec::new(),
        waits_for: None,
        failed: None,
    };
    let mut seen = user::seen(loaded.link, loaded.observed, sent.is_some());
    let wish = match user::wanted(loaded.stored.live(), &loaded.manager, &mapping) {
        Ok(mut wanted) => {
            let document = loaded.stored.live();
            // Of whoever cannot log in nothing changes, but a new account needs a profile.
            let document = document.filter(|document| user::is_active(document) || seen.account.is_none());
            let foreseen = document
                .and_then(|document| user::foreseen(&org.entitlements, document, &loaded.groups, &seen.observed));
            user::entitle(&mut wanted.wish, foreseen.as_ref().map(|foreseen| &foreseen.entitled), &seen.observed);
            user::apply_choices(&mut wanted.wish, &mut seen.observed, &mut wanted.notes);
            if let Some(Foreseen { person, decision, entitled, .. }) = &foreseen {
                wanted.notes.extend(entitled.notes.iter().cloned());
                let Entitlements { rules, exclusive, .. } = &org.entitlements;
                let person = Person { attributes: person };
                preview.grants = grants::planned(rules, exclusive, person, decision, &seen.observed);
            }
            (preview.notes, preview.waits_for) = (wanted.notes, wanted.waits_for);
            preview.failed = wanted.unmapped.map(|failed| failed.to_string());
            match protected(org, &wanted.wish, &seen.observed) {
                Some(username) => {
                    preview.failed = Some(format!("the account {username} is protected by the configuration"));
                }
                None => lay_out(&mut preview, org, &wanted.wish, &seen, foreseen.as_ref()),
            }
            Some(wanted.wish)
        }
        Err(failed) => {
            preview.failed = Some(failed.to_string());
            None
        }
    };
    preview.fields = fields(org, wish.as_ref(), &seen.observed.record, preview.step.as_ref());
    Ok(Some(preview))
}

/// Lays out the next step and all calls, on a copy of what is known.
fn lay_out(preview: &mut Preview, org: &Org, wish: &UserWish, seen: &UserSeen, foreseen: Option<&Foreseen>) {
    let (means, paths) = (org.means, org.client.paths());
    let entitled = foreseen.map(|foreseen| &foreseen.entitled);
    let (mut later, mut then) = (wish.clone(), seen.clone());
    let mut steps = calls::steps(&mut later, &mut then, means, |wish, seen| user::entitle(wish, entitled, seen));
    let mut asks: Vec<Entitlement> = foreseen.map(|foreseen| foreseen.asks.clone()).unwrap_or_default();
    // Nobody is made without a profile.
    let bare = |step: &UserStep| matches!(step, UserStep::Create(record, _) if record.text("ProfileId").is_none());
    if let Some(at) = steps.iter().position(bare) {
        match (entitled, &org.default_profile) {
            (None, Some(name)) => asks.push(Entitlement::new(GrantKind::Profile, name.as_str())),
            (None, None) => {
                steps.truncate(at);
                preview.waits_for = Some(org.no_profile());
            }
            (Some(entitled), _) => {
                steps.truncate(at);
                preview.waits_for = Some(entitled.no_profile(&org.tenant));
            }
        }
    }
    let decided = &seen.observed.grants.decided;
    let name = |change: &Change| {
        let grant = change.grant();
        let known = decided.iter().find(|decided| decided.entitlement.kind == grant.kind && decided.id == grant.id);
        match (known, entitled) {
            (Some(known), _) => known.entitlement.to_string(),
            (None, Some(entitled)) => entitled.name(grant),
            (None, None) => format!("{} {}", grant.kind.words(), grant.id),
        }
    };
    if !steps.is_empty() {
        preview.calls = calls::asking(&asks, means, paths);
        preview.calls.extend(steps.iter().flat_map(|step| calls::of_step(step, means, paths, name)));
    }
    preview.step = steps.into_iter().next();
}

/// The username of the account that a delivery would touch, if it is protected.
fn protected<'a>(org: &Org, wish: &'a UserWish, observed: &'a ObservedUser) -> Option<&'a str> {
    let wished = match wish {
        UserWish::Account(wish) => wish.record.text("Username").or(wish.on_create.text("Username")),
        UserWish::Gone => None,
    };
    [wished, observed.record.text("Username")].into_iter().flatten().find(|name| org.protects(name))
}

fn fields(org: &Org, wish: Option<&UserWish>, observed: &Record, step: Option<&UserStep>) -> Vec<Planned> {
    let gone = Record::new().with("IsActive", false);
    let nothing = Record::new();
    let (record, on_create) = match wish {
        Some(UserWish::Account(wish)) => (&wish.record, &wish.on_create),
        Some(UserWish::Gone) => (&gone, &nothing),
        None => (&nothing, &nothing),
    };
    let sent = match step {
        Some(UserStep::Create(record, _) | UserStep::Update(_, record)) => record,
        Some(
            UserStep::Look
            | UserStep::Unfreeze(_)
            | UserStep::Freeze(_)
            | UserStep::ReadGrants(_)
            | UserStep::Grants(..),
        )
        | None => &nothing,
    };
    let value = |record: &Record, field: &str| {
        record.mentions(field).then(|| record.get(field).cloned().unwrap_or(Value::Null))
    };
    let planned = |field: &str| Planned {
        field: field.to_owned(),
        wanted: value(record, field).or_else(|| value(on_create, field)),
        observed: value(observed, field),
        sent: sent.mentions(field),
        write: None,
        template: None,
        is_builtin: false,
    };
    let mut all: Vec<Planned> = org
        .mapping
        .fields()
        .map(|field| Planned {
            write: Some(field.write),
            template: Some(field.template.to_owned()),
            is_builtin: field.is_builtin,
            ..planned(field.name)
        })
        .collect();
    for (field, _) in record.iter().chain(on_create.iter()).chain(observed.iter()) {
        if !all.iter().any(|known| known.field == field) {
            all.push(planned(field));
        }
    }
    all
}

/// What an earlier create carried whose answer never came.
fn creating(conn: &mut Conn, id: &str) -> Result<Option<String>, Error> {
    let sent: Option<Option<String>> =
        deliveries::table.find(id).select(deliveries::creating).first(conn).optional()?;
    Ok(sent.flatten())
}

/// What the delivery of a user or group would do next, in a few words.
///
/// # Errors
/// What the database says.
pub async fn in_short(db: &Db, org: &Org, kind: Kind, id: &str) -> Result<String, Error> {
    if kind == Kind::User {
        return Ok(match of_user(db, org, id).await? {
            Some(Preview { failed: Some(failed), .. }) => failed,
            Some(preview) => preview.next(),
            None => NOTHING.to_owned(),
        });
    }
    let (id, mirror, create, nested) = (id.to_owned(), org.mirror.clone(), org.create_groups, org.nested);
    let step = db
        .read(move |conn| {
            let sent = creating(conn, &id)?;
            group::next(conn, &id, (&mirror, create, nested), sent)
        })
        .await?;
    Ok(step.map_or_else(|| NOTHING.to_owned(), |step| words_of_group(&step)))
}

/// Words where no step is left.
pub const NOTHING: &str = "nothing to send";

/// A step in words.
pub fn words_of_user(step: &UserStep) -> String {
    let list = |record: &Record| record.iter().map(|(field, _)| field).collect::<Vec<_>>().join(", ");
    match step {
        UserStep::Look => "look for the account".to_owned(),
        UserStep::Create(_, Carrier::Rest) => "create an account over REST".to_owned(),
        UserStep::Create(_, Carrier::Scim) => "create an account over SCIM".to_owned(),
        UserStep::Unfreeze(_) => "let the person log in again".to_owned(),
        UserStep::Freeze(_) => "freeze the account".to_owned(),
        UserStep::Update(_, changes) => format!("update {}", list(changes)),
        UserStep::ReadGrants(_) => "read what the person has been given".to_owned(),
        UserStep::Grants(_, changes) => {
            let given = changes.iter().filter(|change| matches!(change, Change::Give(_))).count();
            words_of_changes(given, changes.len() - given)
        }
    }
}

fn words_of_changes(given: usize, taken: usize) -> String {
    match (given, taken) {
        (given, 0) => format!("give {given}"),
        (0, taken) => format!("take away {taken}"),
        (given, taken) => format!("give {given}, take away {taken}"),
    }
}

fn words_of_group(step: &GroupStep) -> String {
    match step {
        GroupStep::Look(name) => format!("look for the public group \"{name}\""),
        GroupStep::Create(name) => format!("create the public group \"{name}\""),
        GroupStep::Rename(_, name) => format!("rename the public group to \"{name}\""),
        GroupStep::Delete(_) => "delete the public group".to_owned(),
        GroupStep::Members { add, remove, .. } => {
            format!("change members: add {}, remove {}", add.len(), remove.len())
        }
        GroupStep::Compare(_) => "read the members".to_owned(),
        GroupStep::Missing(name) => format!("wait for the public group \"{name}\", which may not be created"),
    }
}

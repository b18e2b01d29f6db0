//! Licences of an org: which profile and which permission set needs which, and people who wait for one, in the order in
//! which they began to wait.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::deliveries;
use crate::db::{Conn, Error};
use crate::salesforce::{Entry, Licence, by_id, same_id};

use super::outbox;
use super::state::State;

/// What a delivery says that waits for a user licence.
pub(super) const WAITS: &str = "waits for a free user licence in Salesforce";
/// What a delivery says that waits for a permission set licence.
const WAITS_FOR_SET: &str = "waits for a free permission set licence in Salesforce";

/// What an org said of licences, as far as anybody asked.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_field_names, reason = "permission set licences are called that")]
pub(super) struct Licences {
    pub(super) profiles: Arc<[Entry]>,
    pub(super) sets: Arc<[Entry]>,
    pub(super) set_licences: Arc<[Entry]>,
}

impl Licences {
    /// The user licence that a profile belongs to; `None`: not known.
    pub(super) fn of_profile(&self, id: &str) -> Option<&Licence> {
        by_id(&self.profiles, id)?.licence.as_ref()
    }

    /// The licence that a permission set needs; `None`: none, or it is not known.
    pub(super) fn needed_by(&self, set: &str) -> Option<&Licence> {
        by_id(&self.sets, set)?.licence.as_ref()
    }

    /// The seat that somebody with a profile has.
    pub(super) fn seat_of_profile(&self, profile: Option<&str>) -> Seat {
        let licence = profile.and_then(|profile| self.of_profile(profile));
        Seat::User(licence.map(|licence| (licence.id.clone(), self.name(licence))))
    }

    /// A seat of a permission set licence.
    pub(super) fn seat_of_set(&self, id: &str) -> Seat {
        Seat::Set(id.to_owned(), self.name(&Licence { id: id.to_owned(), name: None }))
    }

    /// A profile, as messages call it.
    pub(super) fn profile_words(&self, id: &str) -> String {
        by_id(&self.profiles, id).map_or_else(|| format!("profile {id}"), |entry| format!("profile \"{}\"", entry.name))
    }

    /// A permission set, as messages call it.
    pub(super) fn set_words(&self, id: &str) -> String {
        let named = by_id(&self.sets, id);
        named.map_or_else(|| format!("permission set {id}"), |entry| format!("permission set \"{}\"", entry.name))
    }

    /// A licence, as messages call it.
    pub(super) fn words(&self, licence: &Licence) -> String {
        let kind = if licence.is_of_permission_sets() { "permission set licence" } else { "user licence" };
        format!("{kind} \"{}\"", self.name(licence))
    }

    /// Its name, else its id.
    fn name(&self, licence: &Licence) -> String {
        let of_profiles = || {
            let licences = self.profiles.iter().filter_map(|profile| profile.licence.as_ref());
            licences.filter(|other| same_id(&other.id, &licence.id)).find_map(|other| other.name.as_deref())
        };
        let of_sets = || by_id(&self.set_licences, &licence.id).map(|entry| entry.name.as_str());
        let told = licence.name.as_deref();
        let told = told.or_else(|| if licence.is_of_permission_sets() { of_sets() } else { of_profiles() });
        told.unwrap_or(&licence.id).to_owned()
    }
}

/// A place under a licence, of which there are so many in an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seat {
    /// Of a user licence, by id and name where it is known which.
    User(Option<(String, String)>),
    /// Of a permission set licence, by id and name.
    Set(String, String),
}

impl Seat {
    /// What a delivery says that waits for one. The id is what [`given_back`] finds it by.
    pub(super) fn waited_for(&self) -> String {
        match self {
            Self::User(None) => WAITS.to_owned(),
            Self::User(Some((id, name))) => format!("{WAITS}: \"{name}\" ({id})"),
            Self::Set(id, name) => format!("{WAITS_FOR_SET}: \"{name}\" ({id})"),
        }
    }
}

/// Whether a reason says that somebody waits for a licence.
pub(super) fn is_waited_for(reason: &str) -> bool {
    reason.contains(WAITS) || reason.contains(WAITS_FOR_SET)
}

/// Seats were given back: for each, whoever waits longest for one of its licence tries next. One, because it is one seat;
/// if another licence was meant, where nobody knows which, the next look of each finds out.
pub(super) fn given_back(conn: &mut Conn, tenant: &str, seats: &[Seat], now: DateTime<Utc>) -> Result<(), Error> {
    let mut woken: Vec<String> = Vec::new();
    for seat in seats {
        let (unnamed, any_named) = (format!("%{WAITS}%"), format!("%{WAITS}: %"));
        let all = deliveries::table
            .filter(deliveries::tenant.eq(tenant).and(deliveries::state.eq(State::Held.as_str())))
            .filter(deliveries::resource_id.ne_all(&woken))
            .order((deliveries::updated_at, deliveries::resource_id))
            .select(deliveries::resource_id);
        let like = deliveries::reason.like(match seat {
            Seat::User(None) => unnamed.clone(),
            Seat::User(Some((id, _))) => format!("{any_named}({id})%"),
            Seat::Set(id, _) => format!("%{WAITS_FOR_SET}: %({id})%"),
        });
        let unsaid = deliveries::reason.like(unnamed).and(deliveries::reason.not_like(any_named));
        let with_unsaid = matches!(seat, Seat::User(Some(_)));
        // Two that give a seat back at the same time must not both wake the same one.
        let next: Option<String> = match &mut *conn {
            Conn::Sqlite(c) if with_unsaid => all.filter(like.or(unsaid)).first(c).optional()?,
            Conn::Sqlite(c) => all.filter(like).first(c).optional()?,
            Conn::Postgres(c) if with_unsaid => {
                all.filter(like.or(unsaid)).for_update().skip_locked().first(c).optional()?
            }
            Conn::Postgres(c) => all.filter(like).for_update().skip_locked().first(c).optional()?,
        };
        woken.extend(next);
    }
    outbox::release(conn, &woken, now).map(drop)
}

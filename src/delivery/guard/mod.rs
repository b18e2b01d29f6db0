//! What waits for a person to agree: a loss that too many people have at once, and what is too dangerous to be given
//! without a look. A mass change is a mistake until a person says otherwise.
//!
//! `store` keeps who is about to lose or gain what, and who lost it lately; what it comes to is decided here (pure).

mod members;
mod store;

pub use members::{may_part, parted, stay};
pub use store::{ask, done, drop_all, forget, had, is_watched, note, numbers, over, release, waiting};

use chrono::TimeDelta;

use crate::entitlement::{Entitlement, Grant};

/// What a tenant's guard watches.
#[derive(Debug, Clone)]
pub struct Guard {
    /// How many may lose the same right within the window.
    pub losses: Limits,
    /// How many may be deactivated.
    pub deactivations: Limits,
    /// How many may be taken out of one mirrored group.
    pub removals: Limits,
    /// What nobody is given before a person agrees.
    pub sensitive: Vec<Entitlement>,
}

impl Guard {
    /// The limits for an act; `None`: it has none, and waits in any case.
    pub fn limits(&self, act: &Act) -> Option<Limits> {
        match act {
            Act::Lose(_) => Some(self.losses),
            Act::Leave => Some(self.deactivations),
            Act::Gain(_) => None,
        }
    }

    /// How far back is looked on.
    pub fn window(&self) -> TimeDelta {
        self.losses.window
    }
}

/// To how many people the same thing may be done. Past both numbers it is a mass change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// People.
    pub people: u64,
    /// Per cent of those whom it could be done to.
    pub percent: u64,
    /// The time that is looked back on.
    pub window: TimeDelta,
}

impl Limits {
    /// Whether it is a mass change when it is done to `people` of `all`: those to whom it can be done still, and those of
    /// the `people` to whom it was done already.
    pub fn are_passed(&self, people: u64, all: u64) -> bool {
        people > self.people && people.saturating_mul(100) > self.percent.saturating_mul(all)
    }
}

/// Something that the guard looks at before it is done to a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// They lose it.
    Lose(Grant),
    /// They get it.
    Gain(Grant),
    /// Their account is deactivated.
    Leave,
}

impl Act {
    /// What is lost or gained; of somebody who leaves nothing by itself.
    pub fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Lose(grant) | Self::Gain(grant) => Some(grant),
            Self::Leave => None,
        }
    }

    /// As it is stored.
    fn key(&self) -> String {
        let (verb, grant) = match self {
            Self::Lose(grant) => ("lose", grant),
            Self::Gain(grant) => ("gain", grant),
            Self::Leave => return "leave".to_owned(),
        };
        format!("{verb} {} {}", grant.kind.as_str(), grant.id)
    }
}

/// A span in its largest unit that keeps it a whole number.
pub fn words_of_span(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds > 0 && seconds % size == 0 {
            return format!("{} {unit}", seconds / size);
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn a_mass_change_is_more_than_both_numbers() {
        let limits = |people, percent| Limits { people, percent, window: chrono::TimeDelta::hours(1) };
        for (losses, percent, losers, holders, expected) in [
            (25, 10, 25, 25, false),
            (25, 10, 26, 26, true),
            (25, 10, 26, 260, false),
            (25, 10, 27, 260, true),
            (0, 0, 1, 1_000, true),
            (0, 100, 1_000, 1_000, false),
            // Somebody has it of whom the bridge knows nothing yet.
            (0, 100, 2, 1, true),
        ] {
            let passed = limits(losses, percent).are_passed(losers, holders);
            assert_eq!(passed, expected, "{losers} of {holders}, {losses} and {percent} %");
        }
    }
}

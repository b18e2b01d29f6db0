//! What waits for a person to agree: a loss that too many people have at once, and what is too dangerous to be given
//! without a look. A mass change is a mistake until a person says otherwise.
//!
//! `store` keeps who is about to lose or gain what, and who lost it lately; what it comes to is decided here (pure).

mod store;

pub use store::{ask, done, forget, holders, is_watched, losers, note, numbers, release, waiting};

use chrono::TimeDelta;

use crate::entitlement::{Entitlement, Grant};

/// What a tenant's guard watches.
#[derive(Debug, Clone)]
pub struct Guard {
    /// How many may lose the same within the window.
    pub limits: Limits,
    /// What nobody is given before a person agrees.
    pub sensitive: Vec<Entitlement>,
}

/// How many may lose the same thing. Past both numbers it is a mass change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// People.
    pub losses: u64,
    /// Per cent of those who had it.
    pub percent: u64,
    /// The time that is looked back on.
    pub window: TimeDelta,
}

impl Limits {
    /// Whether it is a mass change when `losers` people lose something that `holders` had: those who have it still, and
    /// those of the losers who have it no more.
    pub fn are_passed(&self, losers: u64, holders: u64) -> bool {
        losers > self.losses && losers.saturating_mul(100) > self.percent.saturating_mul(holders)
    }
}

/// Something that the guard looks at before it is done to a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// They lose it.
    Lose(Grant),
    /// They get it.
    Gain(Grant),
}

impl Act {
    /// What is lost or gained.
    pub fn grant(&self) -> &Grant {
        match self {
            Self::Lose(grant) | Self::Gain(grant) => grant,
        }
    }

    /// As it is stored.
    fn key(&self) -> String {
        let (verb, grant) = match self {
            Self::Lose(grant) => ("lose", grant),
            Self::Gain(grant) => ("gain", grant),
        };
        format!("{verb} {} {}", grant.kind.as_str(), grant.id)
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn a_mass_change_is_more_than_both_numbers() {
        let limits = |losses, percent| Limits { losses, percent, window: chrono::TimeDelta::hours(1) };
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

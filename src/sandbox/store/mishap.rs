//! What stands in the way of a write by order of a test.

use std::collections::BTreeSet;

use super::Store;
use super::refusal::Refusal;

/// The orders that stand. Numbers are of the next writes that they strike.
#[derive(Debug, Clone, Default)]
pub struct Mishaps {
    /// Writes that find their row locked.
    pub row_locks: u32,
    /// Writes that end in an unknown exception.
    pub unknown_exceptions: u32,
    /// Writes of users that take a licence and find none.
    pub licence_limits: u32,
    /// New usernames that an unknown org has just then.
    pub duplicate_usernames: u32,
    /// SCIM creates and composite calls whose first assignment or membership is refused.
    pub child_failures: u32,
    /// Names of profiles whose users cannot be written at all: each write ends in an unknown exception, as with
    /// delegated authentication in some orgs.
    pub sso_profiles: Vec<String>,
    /// Groups and roles that another call is writing during the present one.
    pub in_use: BTreeSet<String>,
    /// What strikes the present call by chance.
    pub once: Once,
    /// What has struck since it was asked last.
    pub struck: Option<&'static str>,
}

/// What strikes the present call by chance, once.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mishap of its own")]
pub struct Once {
    /// See [`Mishaps::row_locks`].
    pub row_lock: bool,
    /// See [`Mishaps::unknown_exceptions`].
    pub unknown_exception: bool,
    /// See [`Mishaps::licence_limits`].
    pub licence_limit: bool,
    /// See [`Mishaps::duplicate_usernames`].
    pub duplicate_username: bool,
    /// See [`Mishaps::child_failures`].
    pub child_failure: bool,
}

/// Whether it strikes, which uses it up.
fn strikes(count: &mut u32, once: &mut bool) -> bool {
    if *count > 0 {
        *count -= 1;
        return true;
    }
    std::mem::take(once)
}

impl Mishaps {
    /// What every write meets first. `id` is that of the record, or the prefix of a new one.
    pub(super) fn meet(&mut self, id: &str) -> Result<(), Refusal> {
        self.meet_row(id)?;
        if strikes(&mut self.row_locks, &mut self.once.row_lock) {
            self.struck = Some("row_lock");
            return Err(Refusal::locked(id));
        }
        if strikes(&mut self.unknown_exceptions, &mut self.once.unknown_exception) {
            self.struck = Some("unknown_exception");
            return Err(Refusal::unknown());
        }
        Ok(())
    }

    /// What the write of a row meets that another call is writing.
    pub(super) fn meet_row(&mut self, id: &str) -> Result<(), Refusal> {
        if self.in_use.contains(id) {
            self.struck = Some("row_in_use");
            return Err(Refusal::locked(id));
        }
        Ok(())
    }

    /// Whether a licence that is there is not to be had.
    pub(super) fn licence_is_gone(&mut self) -> bool {
        let gone = strikes(&mut self.licence_limits, &mut self.once.licence_limit);
        if gone {
            self.struck = Some("licence_limit");
        }
        gone
    }

    /// Whether a username that is free is taken elsewhere.
    pub(super) fn username_is_taken(&mut self) -> bool {
        let taken = strikes(&mut self.duplicate_usernames, &mut self.once.duplicate_username);
        if taken {
            self.struck = Some("duplicate_username");
        }
        taken
    }
}

impl Store {
    /// Whether the first assignment or membership of a SCIM create or a composite call is to be refused; asked once for each
    /// that has any.
    pub fn child_fails(&mut self) -> bool {
        let fails = strikes(&mut self.mishaps.child_failures, &mut self.mishaps.once.child_failure);
        if fails {
            self.mishaps.struck = Some("child_failure");
        }
        fails
    }

    /// What every write does first.
    pub(super) fn begin_write(&mut self, id: &str) -> Result<(), Refusal> {
        self.mishaps.meet(id)
    }
}

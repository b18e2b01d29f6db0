//! What stands in the way of a write by order of a test.

use super::refusal::Refusal;
use crate::sandbox::settings::Faults;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody else writes the same record.
    RowLock,
    /// An error that Salesforce itself did not expect.
    UnknownException,
    /// No licence is left, whatever the counters say.
    LicenceLimit,
    /// The username is taken in an org that nobody sees.
    DuplicateUsername,
    /// The org is being maintained.
    Maintenance,
    /// A user is created, and what was to be assigned to it is not.
    PartialCreate,
}

impl Trouble {
    /// Its name in the counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::RowLock => "row_lock",
            Self::UnknownException => "unknown_exception",
            Self::LicenceLimit => "licence_limit",
            Self::DuplicateUsername => "duplicate_username",
            Self::Maintenance => "maintenance",
            Self::PartialCreate => "partial_create",
        }
    }

    fn refusal(self, id: &str) -> Refusal {
        match self {
            Self::RowLock => Refusal::locked(id),
            Self::UnknownException | Self::PartialCreate => {
                let message = "An unexpected error occurred. Please include this ErrorId if you contact support: \
                               1860233312-48374 (-740188281)";
                Refusal::new("UNKNOWN_EXCEPTION", message, &[])
            }
            Self::LicenceLimit => Refusal::new("LICENSE_LIMIT_EXCEEDED", "license limit exceeded", &["IsActive"]),
            Self::DuplicateUsername => {
                Refusal::new("DUPLICATE_USERNAME", super::user::DUPLICATE_USERNAME, &["Username"])
            }
            Self::Maintenance => {
                let message = "The operation is not allowed while the organization is in maintenance";
                Refusal::new("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", message, &[])
            }
        }
    }

    /// Whether it can stand in the way of this kind of write.
    fn fits(self, write: Write) -> bool {
        match self {
            Self::RowLock | Self::UnknownException | Self::Maintenance => true,
            Self::LicenceLimit | Self::DuplicateUsername => write == Write::NewUser,
            Self::PartialCreate => false,
        }
    }
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// A new user.
    NewUser,
    /// Anything else.
    Other,
}

/// What is ordered, and what was met.
#[derive(Debug, Default)]
pub struct Troubles {
    counted: Vec<(Trouble, u32)>,
    /// What chance has for the present call.
    drawn: Option<Trouble>,
    met: Option<Trouble>,
    /// Every write of a user with this profile ends in an unknown exception.
    pub broken_profile: Option<String>,
}

impl Troubles {
    /// The counted faults that are ordered.
    pub fn of(faults: &Faults) -> Self {
        let counted = vec![
            (Trouble::RowLock, faults.row_locks),
            (Trouble::UnknownException, faults.unknown_exceptions),
            (Trouble::LicenceLimit, faults.licence_limits),
            (Trouble::DuplicateUsername, faults.duplicate_usernames),
            (Trouble::Maintenance, faults.maintenance_next),
            (Trouble::PartialCreate, faults.partial_creates),
        ];
        Self { counted, drawn: None, met: None, broken_profile: faults.broken_profile.clone() }
    }

    /// A call begins, for which chance has `drawn`.
    pub fn begin_call(&mut self, drawn: Option<Trouble>) {
        (self.drawn, self.met) = (drawn, None);
    }

    /// What stood in the way of the call that ends.
    pub fn end_call(&mut self) -> Option<Trouble> {
        self.drawn = None;
        self.met.take()
    }

    /// Meets what stands in the way of a write.
    pub(super) fn meet(&mut self, id: &str, write: Write) -> Result<(), Refusal> {
        match self.next(|trouble| trouble.fits(write)) {
            Some(trouble) => Err(trouble.refusal(id)),
            None => Ok(()),
        }
    }

    /// Whether what is to be assigned to a new user is lost.
    pub fn loses_assignments(&mut self) -> bool {
        self.next(|trouble| trouble == Trouble::PartialCreate).is_some()
    }

    /// Notes trouble that is neither counted nor drawn.
    pub(super) fn note(&mut self, trouble: Trouble, id: &str) -> Refusal {
        self.met = Some(trouble);
        trouble.refusal(id)
    }

    fn next(&mut self, fits: impl Fn(Trouble) -> bool) -> Option<Trouble> {
        let counted = self.counted.iter_mut().find(|(trouble, left)| *left > 0 && fits(*trouble));
        let trouble = match counted {
            Some((trouble, left)) => {
                *left -= 1;
                *trouble
            }
            None => self.drawn.take_if(|trouble| fits(*trouble))?,
        };
        self.met = Some(trouble);
        Some(trouble)
    }
}

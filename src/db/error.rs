//! What can go wrong between us and the database.

/// A database error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no engine that we have. The text never has the URL: it may hold a password.
    #[error("{0}")]
    Url(String),
    /// No connection: the server is away, the file cannot be opened, or the pool is exhausted.
    #[error("no database connection: {0}")]
    Connection(String),
    /// Another row has this key.
    #[error("a unique key is taken")]
    Unique(#[source] diesel::result::Error),
    /// A statement failed.
    #[error("a database statement failed: {0}")]
    Statement(#[source] diesel::result::Error),
    /// A row holds what this version cannot read: written by another version, or damaged.
    #[error("table {table}, row {row}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Key of the row.
        row: String,
        /// What is wrong with it.
        what: String,
    },
    /// A schema change failed, or is still to be made.
    #[error("{0}")]
    Migration(String),
    /// The process is stopping, or a statement's thread died.
    #[error("the database is closed")]
    Closed,
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match error {
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Unique(error),
            Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, ref what) => {
                Self::Connection(what.message().to_owned())
            }
            other => Self::Statement(other),
        }
    }
}

/// An error that may have a database error in it.
pub trait Failure: From<Error> {
    /// The database error.
    fn database(&self) -> Option<&Error>;
}

impl Failure for Error {
    fn database(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Error {
    /// Whether the transaction lost against another one (a deadlock) and only has to be run again.
    pub fn is_conflict(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match self {
            Self::Statement(Diesel::DatabaseError(kind, what)) => {
                matches!(kind, DatabaseErrorKind::SerializationFailure) || what.message().contains("deadlock detected")
            }
            _ => false,
        }
    }

    /// Whether the same request may succeed a moment later: answered 503 with `Retry-After`, where others are 500.
    pub fn is_transient(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match self {
            Self::Connection(_) | Self::Closed => true,
            Self::Statement(Diesel::DatabaseError(kind, what)) => {
                matches!(kind, DatabaseErrorKind::ClosedConnection)
                    || what.message().contains("database is locked")
                    || self.is_conflict()
            }
            _ => false,
        }
    }
}

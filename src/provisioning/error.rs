//! Why a request was not carried out.

use crate::shadow::query;
use crate::{db, scim};

/// Why a request was not carried out: something to tell the client, or something to log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is at fault; the client is told why.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    /// The database is; the client is told to come back, or nothing more than that.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::Scim(error) => Self::Scim(error),
            query::Error::Database(error) => Self::Database(error),
        }
    }
}

impl db::Failure for Error {
    fn database(&self) -> Option<&db::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Scim(_) => None,
        }
    }
}

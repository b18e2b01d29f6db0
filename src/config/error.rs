//! What is wrong with a configuration.

use std::fmt;

/// One thing that is wrong, in words for the person who edits the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or environment variable it stands in.
    pub place: String,
    /// What is wrong, with the full name of the key. Never the value of a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that is wrong with a configuration; one line a problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Error {
    /// The problems, in the order of the keys; never empty.
    pub problems: Vec<Problem>,
}

impl Error {
    pub(super) fn one(place: &str, message: String) -> Self {
        Self { problems: vec![Problem { place: place.to_owned(), message }] }
    }
}

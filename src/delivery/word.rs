//! Salesforce's word on a change that is on disk, for identity providers that are to hear it before they are answered.

use std::pin::pin;
use std::time::Duration;

use crate::db::{Db, Error};

use super::outbox::{self, Delivery};
use super::signal::Signals;
use super::state::{Refused, State};

/// How soon those who wait look by themselves: another process may have made the delivery, and no signal crosses processes.
const SHORTEST: Duration = Duration::from_millis(100);
/// How seldom at most: hundreds may wait.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The same where there is no other process.
const LOOK_AGAIN_ALONE: Duration = Duration::from_secs(2);

/// What became of a change in the time that its answer may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Salesforce is what was asked.
    Delivered,
    /// Salesforce refuses it for good.
    Refused {
        /// How that is told.
        how: Refused,
        /// Why, with Salesforce's own words.
        words: String,
    },
    /// Nothing yet: the delivery goes on, or waits for somebody.
    None,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The word.
    pub word: Word,
    /// Whether the resource was made by a request that waits, and no success was answered to it yet.
    pub unheard: bool,
}

/// Waits for the word on what was committed of a resource before, for as long as `most`. It takes no thread.
///
/// # Errors
/// What the database says.
pub async fn word(db: &Db, signals: &Signals, resource: &str, most: Duration) -> Result<Heard, Error> {
    let ending = signals.ending(resource);
    let longest = if db.is_only_writer() { LOOK_AGAIN_ALONE } else { LOOK_AGAIN };
    let (mut nap, mut unheard) = (SHORTEST.min(longest), false);
    let listen = async {
        loop {
            let mut came = pin!(ending.came());
            // Before the look: what ends after it is heard.
            came.as_mut().enable();
            if signals.are_closed() {
                return Ok::<Word, Error>(Word::None);
            }
            let ids = [resource.to_owned()];
            let found = db.look_up(move |conn| outbox::of(conn, &ids)).await?.remove(resource);
            unheard = found.as_ref().is_some_and(|delivery| delivery.unheard);
            if let Some(word) = found.map_or(Some(Word::None), said) {
                return Ok(word);
            }
            tokio::select! {
                () = came => {}
                () = tokio::time::sleep(nap) => nap = (nap * 2).min(longest),
            }
        }
    };
    let word = tokio::time::timeout(most, listen).await.unwrap_or(Ok(Word::None))?;
    Ok(Heard { word, unheard })
}

/// What a delivery says; `None`: that is to be waited for. A delivery at its end speaks of all that was committed before:
/// a change takes it back to its beginning.
fn said(delivery: Delivery) -> Option<Word> {
    match delivery.state {
        State::Delivered => Some(Word::Delivered),
        // Not Salesforce's word.
        State::Rejected if delivery.refused == Some(Refused::Discarded) => Some(Word::None),
        State::Rejected => {
            let (reason, error) = (delivery.reason.unwrap_or_default(), delivery.last_error.unwrap_or_default());
            let words = if error.is_empty() || reason.contains(&error) {
                reason
            } else if reason.is_empty() || error.contains(&reason) {
                error
            } else {
                format!("{reason} (Salesforce: {error})")
            };
            Some(Word::Refused { how: delivery.refused.unwrap_or(Refused::Value), words })
        }
        // For a person, a licence or another resource: that takes longer than anybody waits.
        State::Held => Some(Word::None),
        State::Pending | State::Delivering | State::Retrying => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(state: State, reason: &str, error: &str) -> Delivery {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Delivery {
            resource: "1".into(),
            state,
            attempts: 0,
            due: None,
            unheard: false,
            refused: None,
            reason: text(reason),
            last_error: text(error),
            updated: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_rejection_is_told_with_salesforces_own_words_once() {
        for (reason, error, told) in [
            ("the username is taken", "DUPLICATE_USERNAME", "the username is taken (Salesforce: DUPLICATE_USERNAME)"),
            ("taken", "taken (Salesforce: DUPLICATE_USERNAME)", "taken (Salesforce: DUPLICATE_USERNAME)"),
            ("taken: DUPLICATE_USERNAME", "DUPLICATE_USERNAME", "taken: DUPLICATE_USERNAME"),
            ("protected", "", "protected"),
        ] {
            let words = told.to_owned();
            let told = said(delivery(State::Rejected, reason, error));
            assert_eq!(told, Some(Word::Refused { how: Refused::Value, words }));
        }
    }

    #[test]
    fn what_waits_for_somebody_is_not_waited_for() {
        assert_eq!(said(delivery(State::Held, "waits for a licence", "")), Some(Word::None));
        assert_eq!(said(delivery(State::Delivered, "", "")), Some(Word::Delivered));
        for state in [State::Pending, State::Delivering, State::Retrying] {
            assert_eq!(said(delivery(state, "", "")), None);
        }
    }
}

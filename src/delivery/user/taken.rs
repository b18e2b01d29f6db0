//! Another value for one that somebody else has: usernames are unique in the world, nicknames in the org.

use sha2::{Digest as _, Sha256};

use crate::delivery::attempt::Abandoned;
use crate::delivery::plan::{AccountWish, Chosen, ObservedUser, UserWish};
use crate::salesforce::Record;
use crate::salesforce::mapping::OnTaken;
use crate::scim::fold::fold;

use super::Delivery;

/// Field of the username.
pub(super) const USERNAME: &str = "Username";
/// Field of the nickname.
pub(super) const NICKNAME: &str = "CommunityNickname";

/// Values tried instead of one at most, over all tries: so many namesakes are a mistake.
const MOST: u32 = 50;

/// Longest username, in characters.
const USERNAME_MAX: usize = 80;
/// Longest nickname, in characters.
const NICKNAME_MAX: usize = 40;

/// Puts what was chosen before in the place of what was wanted. A choice for a wish that is no longer there falls.
pub(in crate::delivery) fn apply_choices(wish: &mut UserWish, observed: &mut ObservedUser, notes: &mut Vec<String>) {
    let UserWish::Account(wish) = wish else { return };
    observed.chosen.retain(|field, chosen| {
        let record = place(wish, field);
        let stands = record.text(field).is_some_and(|wanted| fold(wanted) == fold(&chosen.wanted));
        if stands {
            notes.push(format!("{field} \"{}\" is taken; it is \"{}\" instead", chosen.wanted, chosen.value));
            record.set(field, chosen.value.clone());
        }
        stands
    });
}

/// The part of the wish that has a field.
fn place<'a>(wish: &'a mut AccountWish, field: &str) -> &'a mut Record {
    if wish.record.mentions(field) { &mut wish.record } else { &mut wish.on_create }
}

impl Delivery<'_> {
    /// Chooses another value for a field whose value is taken, if the mapping allows it. `false`: it stands refused.
    pub(super) async fn choose_another(&mut self, field: &str) -> Result<bool, Abandoned> {
        let UserWish::Account(wish) = &mut self.wish else { return Ok(false) };
        let Some(current) = place(wish, field).text(field).map(str::to_owned) else { return Ok(false) };
        let before = self.seen.observed.chosen.get(field).cloned();
        let (wanted, tried) = before.map_or((current, 0), |chosen| (chosen.wanted, chosen.tried));
        if !self.suffixes(field) || tried >= MOST {
            return Ok(false);
        }
        let value = variant(field, &wanted, &self.stored.id, tried + 1);
        if let UserWish::Account(wish) = &mut self.wish {
            place(wish, field).set(field, value.clone());
        }
        self.notes.retain(|note| !note.starts_with(&format!("{field} \"")));
        self.notes.push(format!("{field} \"{wanted}\" is taken; it is \"{value}\" instead"));
        self.seen.observed.chosen.insert(field.to_owned(), Chosen { wanted, value, tried: tried + 1 });
        self.save_observed().await?;
        Ok(true)
    }

    /// Whether the mapping lets another value stand for one that is taken.
    fn suffixes(&self, field: &str) -> bool {
        self.attempt.shared.org.mapping.on_taken(field) == OnTaken::Suffix
    }
}

/// The `n`th value (from 1) instead of `wanted`. A username counts on before the `@`, as people do by hand; a nickname
/// gets letters that follow from our id, so that the first is nearly always free.
fn variant(field: &str, wanted: &str, id: &str, n: u32) -> String {
    let first = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    if field == USERNAME {
        let (local, domain) = wanted.split_once('@').unwrap_or((wanted, ""));
        let number = (n + 1).to_string();
        let left = USERNAME_MAX.saturating_sub(domain.chars().count() + 1 + number.len());
        return format!("{}{number}@{domain}", first(local, left));
    }
    let hash = Sha256::digest(format!("{id} {n}"));
    let letters: String = hash.iter().take(4).map(|byte| char::from(b'a' + byte % 26)).collect();
    format!("{}-{letters}", first(wanted, NICKNAME_MAX - 5))
}

/// A username that nobody wants, for the time in which somebody else has the wanted one.
pub(super) fn aside(wanted: &str, id: &str) -> String {
    let domain = wanted.split_once('@').map_or("", |(_, domain)| domain);
    format!("{id}@{domain}").chars().take(USERNAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::{NICKNAME, USERNAME, variant};

    #[test]
    fn another_value_fits_its_field_and_differs_each_time() {
        assert_eq!(variant(USERNAME, "ada@b.co", "1", 1), "ada2@b.co");
        assert_eq!(variant(USERNAME, "ada@b.co", "1", 9), "ada10@b.co");
        let long = format!("{}@b.co", "x".repeat(75));
        assert_eq!(variant(USERNAME, &long, "1", 1).chars().count(), 80);
        let (one, two) = (variant(NICKNAME, &long, "1", 1), variant(NICKNAME, &long, "1", 2));
        assert_eq!((one.len(), two.len()), (40, 40));
        assert_ne!(one, two);
        assert_ne!(one, variant(NICKNAME, &long, "2", 1), "another person's");
        assert_eq!(one, variant(NICKNAME, &long, "1", 1), "the same again after a restart");
    }
}

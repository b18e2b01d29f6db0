//! Salesforce record ids: 15 case-sensitive characters, and a suffix of 3 that makes them safe where case is lost.

use std::collections::HashMap;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The three letters at the front of an id that tell the object.
pub mod prefix {
    /// `Organization`.
    pub const ORGANIZATION: &str = "00D";
    /// `User`.
    pub const USER: &str = "005";
    /// `Group`: public groups and queues.
    pub const GROUP: &str = "00G";
    /// `Profile`; with a small e, unlike [`ROLE`].
    pub const PROFILE: &str = "00e";
    /// `PermissionSet`.
    pub const PERMISSION_SET: &str = "0PS";
    /// `UserRole`.
    pub const ROLE: &str = "00E";
    /// `PermissionSetGroup`.
    pub const PERMISSION_SET_GROUP: &str = "0PG";
    /// `PermissionSetLicense`.
    pub const PERMISSION_SET_LICENCE: &str = "0PL";
    /// `PermissionSetAssignment`: of a permission set or of a permission set group.
    pub const SET_ASSIGNMENT: &str = "0Pa";
    /// `PermissionSetLicenseAssign`.
    pub const LICENCE_ASSIGNMENT: &str = "2LA";
    /// `GroupMember`.
    pub const GROUP_MEMBER: &str = "011";
    /// `UserLogin`.
    pub const USER_LOGIN: &str = "0Yw";
    /// `UserLicense`.
    pub const USER_LICENCE: &str = "100";
    /// `CallCenter`.
    pub const CALL_CENTER: &str = "04v";

    /// The prefixes of records that come and go while the org lives, unlike those of the catalogue.
    pub(crate) const LIVING: &[&str] = &[USER, GROUP, SET_ASSIGNMENT, LICENCE_ASSIGNMENT, GROUP_MEMBER, USER_LOGIN];
}

/// The suffix of a 15-character id: for each five characters one letter, whose bits say which of the five are capitals.
pub fn suffix(fifteen: &str) -> String {
    fifteen
        .as_bytes()
        .chunks(5)
        .map(|five| {
            let bits = five
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .map(|(at, _)| 1_usize << at)
                .sum::<usize>();
            SUFFIX.get(bits).map_or('A', |&letter| char::from(letter))
        })
        .collect()
}

/// The 18-character form of an id given with 15 or 18 characters; `None` where it is no id. The suffix of an
/// 18-character id is not believed but made anew: Salesforce compares the first 15.
pub fn canonical(id: &str) -> Option<String> {
    if !(id.len() == 15 || id.len() == 18) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let fifteen = id.get(..15)?;
    Some(format!("{fifteen}{}", suffix(fifteen)))
}

/// Makes ids, in ascending order for each prefix.
#[derive(Debug, Clone)]
pub struct IdSource {
    instance: String,
    last: HashMap<&'static str, u64>,
}

impl IdSource {
    /// Ids that carry two letters taken from `seed`, so that the ids of two orgs differ at sight.
    pub fn new(seed: &str) -> Self {
        let mut hash = 5_381_usize;
        for byte in seed.bytes() {
            hash = hash.wrapping_mul(33) ^ usize::from(byte);
        }
        let letter = |at: usize| BASE62.get(10 + at % 26).map_or('A', |&byte| char::from(byte));
        Self { instance: [letter(hash), letter(hash / 26)].iter().collect(), last: HashMap::new() }
    }

    /// Notes an id that was made before: later ones come after it.
    pub fn observe(&mut self, id: &str) {
        let known = prefix::LIVING.iter().copied().find(|prefix| id.starts_with(prefix));
        let (Some(prefix), Some(digits)) = (known, id.get(5..15)) else { return };
        let number = digits.bytes().try_fold(0_u64, |number, byte| {
            let digit = BASE62.iter().position(|known| *known == byte)?;
            number.checked_mul(62)?.checked_add(u64::try_from(digit).ok()?)
        });
        let last = self.last.entry(prefix).or_insert(0);
        *last = number.unwrap_or(0).max(*last);
    }

    /// The next id with `prefix`.
    pub fn next(&mut self, prefix: &'static str) -> String {
        let last = self.last.entry(prefix).or_insert(0);
        *last += 1;
        let fifteen = format!("{prefix}{}{}", self.instance, base62(*last, 10));
        format!("{fifteen}{}", suffix(&fifteen))
    }
}

/// `number` in base 62, at least `width` digits.
fn base62(mut number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        let digit = usize::try_from(number % 62).unwrap_or(0);
        digits.push(BASE62.get(digit).map_or('0', |&byte| char::from(byte)));
        number /= 62;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_is_salesforces() {
        // A well-known pair of Salesforce's own documentation.
        assert_eq!(canonical("001A0000006Vm9r").as_deref(), Some("001A0000006Vm9rIAC"));
        assert_eq!(canonical("001A0000006Vm9rXXX").as_deref(), Some("001A0000006Vm9rIAC"), "the first 15 count");
        for wrong in ["", "005", "001A0000006Vm9", "001A0000006Vm9rI", "001A0000006Vm9'"] {
            assert_eq!(canonical(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_ascend_and_do_not_repeat() {
        let mut source = IdSource::new("acme");
        let ids: Vec<String> = (0..200).map(|_| source.next(prefix::USER)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.len() == 18 && canonical(id).as_deref() == Some(id)));
        assert_ne!(source.next(prefix::PROFILE), source.next(prefix::ROLE));
    }
}

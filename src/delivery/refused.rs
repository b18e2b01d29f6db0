//! What is told of members that Salesforce refuses.

use crate::salesforce;

/// Members that are named, and texts of Salesforce that are kept, of one group at most.
const TOLD: usize = 10;
/// Bytes of Salesforce's text of one member.
const TEXT: usize = 300;

/// Why a group is not as asked, for an administrator: who is refused and what to do; and Salesforce's own words. `refused`:
/// name and error of each member. `all`: whether everybody else is as asked.
pub(super) fn told(refused: &[(String, salesforce::Error)], all: bool) -> (String, String) {
    // Those who are refused for one reason stand together.
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    let mut words = Vec::new();
    for (name, error) in refused.iter().take(TOLD) {
        let sentence = error.to_string();
        match reasons.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, names)) => names.push(name),
            None => reasons.push((sentence, vec![name])),
        }
        let text = error.salesforce_text();
        let short = text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default();
        words.push(format!("{name}: {short}{}", if short == text { "" } else { "…" }));
    }
    let reasons: Vec<String> =
        reasons.into_iter().map(|(sentence, names)| format!("{}: {sentence}", names.join(", "))).collect();
    let more = match refused.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let members = if refused.len() == 1 { "a member".to_owned() } else { format!("{} members", refused.len()) };
    let others = if all { "all others are as asked" } else { "so many that the others were not tried" };
    (format!("Salesforce refuses {members} ({others}): {}{more}", reasons.join("; ")), words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, text: &str) -> (String, salesforce::Error) {
        let body = serde_json::json!([{ "errorCode": "X", "message": text }]).to_string();
        (name.to_owned(), salesforce::Error::from_answer(400, None, body.as_bytes(), false))
    }

    #[test]
    fn who_is_refused_why_and_what_to_do() {
        let licence = "The user license doesn't allow the permission: Read Accounts";
        let (reason, words) = told(&[refused("ada@x.example", licence)], true);
        assert!(
            reason.starts_with("Salesforce refuses a member (all others are as asked): ada@x.example: "),
            "{reason}"
        );
        assert!(reason.contains("change the rule or the licence"), "{reason}");
        assert_eq!(words, format!("ada@x.example: X: {licence}"));
        let all = [refused("ada@x.example", licence), refused("Outer", "CIRCULAR_DEPENDENCY"), refused("bob", licence)];
        let (reason, words) = told(&all, true);
        assert!(reason.contains("3 members") && reason.contains("ada@x.example, bob: ") && reason.contains("Outer: "));
        assert_eq!(words.matches(licence).count(), 2, "{words}");
    }

    #[test]
    fn however_many_are_refused_the_text_is_bounded() {
        let long = "é".repeat(2_000);
        let many: Vec<_> = (0..200).map(|n| refused(&format!("user{n}"), &format!("{n} {long}"))).collect();
        let (reason, words) = told(&many, false);
        assert!(reason.contains("user9") && !reason.contains("user10") && reason.ends_with("and 190 more"), "{reason}");
        assert!(words.len() < TOLD * (TEXT + 20), "{}", words.len());
    }
}

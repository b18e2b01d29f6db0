//! Locale, language and time zone in the forms that Salesforce's picklists have. Pure.
//!
//! A value that is not in the picklist fails the whole user (`INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST`), so only values
//! that every org has are derived. Where Salesforce gave a place no entry of its own, a place with the same time takes
//! its part.

use super::picklist::{LANGUAGES, LOCALES, SAME_TIME, TIME_ZONES};

/// `LocaleSidKey` for a SCIM `locale` (a BCP 47 tag such as `en-US`, RFC 7643 4.1.1).
pub(super) fn locale(tag: &str) -> Option<String> {
    let tag = Tag::parse(tag)?;
    let candidates = [
        tag.region
            .as_ref()
            .zip(tag.script.as_ref())
            .map(|(region, script)| format!("{}_{script}_{region}", tag.language)),
        tag.region.as_ref().map(|region| format!("{}_{region}", tag.language)),
        if tag.region.is_none() { Some(tag.language.clone()) } else { None },
    ];
    candidates.into_iter().flatten().find(|key| LOCALES.contains(&key.as_str()))
}

/// `LanguageLocaleKey` for a SCIM `preferredLanguage` (in the form of `Accept-Language`, RFC 7643 4.1.1: the first one
/// counts).
pub(super) fn language(preferred: &str) -> Option<String> {
    let tag = Tag::parse(preferred.split([',', ';']).next()?)?;
    let regional = match tag.language.as_str() {
        "zh" => match (tag.script.as_deref(), tag.region.as_deref()) {
            (Some("HANT"), _) | (None, Some("TW" | "HK" | "MO")) => Some("zh_TW".to_owned()),
            _ => Some("zh_CN".to_owned()),
        },
        language => tag.region.as_ref().map(|region| format!("{language}_{region}")),
    };
    let plain = match tag.language.as_str() {
        "en" => "en_US",
        "nl" => "nl_NL",
        // Only Brazil's is the language that Salesforce supports fully; Africa writes as Portugal does.
        "pt" if tag.region.is_some() => "pt_PT",
        "pt" => "pt_BR",
        language => language,
    };
    [regional, Some(plain.to_owned())].into_iter().flatten().find(|key| LANGUAGES.contains(&key.as_str()))
}

/// `TimeZoneSidKey` for a SCIM `timezone` (an Olson name, RFC 7643 4.1.1).
pub(super) fn time_zone(name: &str) -> Option<String> {
    let listed = |wanted: &str| TIME_ZONES.iter().find(|zone| zone.eq_ignore_ascii_case(wanted)).copied();
    let same = || SAME_TIME.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name)).map(|(_, zone)| *zone);
    listed(name).or_else(same).map(str::to_owned)
}

/// A language tag, taken apart (BCP 47, or with underscores as Salesforce and Java write it).
struct Tag {
    /// Lower case, by the code that Salesforce uses.
    language: String,
    /// Upper case.
    script: Option<String>,
    /// Upper case.
    region: Option<String>,
}

impl Tag {
    fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.trim().split(['-', '_']);
        let language = parts.next().filter(|part| matches!(part.len(), 2 | 3))?.to_ascii_lowercase();
        // Java's, and so Salesforce's, codes of these languages are the old ones of ISO 639.
        let language = match language.as_str() {
            "he" => "iw".to_owned(),
            "id" => "in".to_owned(),
            "nb" | "nn" => "no".to_owned(),
            _ => language,
        };
        let (mut script, mut region) = (None, None);
        for part in parts {
            match part.len() {
                4 if script.is_none() => script = Some(part.to_ascii_uppercase()),
                2 | 3 if region.is_none() => region = Some(part.to_ascii_uppercase()),
                _ => {}
            }
        }
        Some(Self { language, script, region })
    }
}

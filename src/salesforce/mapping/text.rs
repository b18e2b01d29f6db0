//! What is done with text on its way into a field. Pure.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

/// Length in UTF-16 units, as Salesforce counts.
pub(super) fn length(value: &str) -> usize {
    value.encode_utf16().count()
}

/// The beginning of `value` that has at most `limit` UTF-16 units, without blanks at its end.
pub(super) fn cut(value: &str, limit: usize) -> String {
    let mut left = limit;
    let kept: String = value
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    kept.trim_end().to_owned()
}

/// Text without the blanks around it, which Salesforce takes off anyway; a difference that never goes away otherwise.
pub(super) fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// Whether `value` has the form that Salesforce asks of usernames and e-mail addresses.
pub(super) fn is_email_shaped(value: &str) -> bool {
    matches!(value.split_once('@'), Some((local, domain))
        if !local.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.'))
        && !value.contains(char::is_whitespace)
}

/// What stands before the `@`; all of it where there is none.
pub(super) fn local_part(value: &str) -> &str {
    value.split('@').next().unwrap_or_default()
}

/// What stands behind the last `@`.
pub(super) fn domain(value: &str) -> Option<&str> {
    value.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

/// The text in ASCII: letters lose their marks, a few are written as two, and what is left over falls.
pub(super) fn ascii(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.nfd() {
        match c {
            c if c.is_ascii() => out.push(c),
            'ß' => out.push_str("ss"),
            'ẞ' => out.push_str("SS"),
            'æ' => out.push_str("ae"),
            'Æ' => out.push_str("AE"),
            'œ' => out.push_str("oe"),
            'Œ' => out.push_str("OE"),
            'þ' => out.push_str("th"),
            'Þ' => out.push_str("Th"),
            'ø' => out.push('o'),
            'Ø' => out.push('O'),
            'ł' => out.push('l'),
            'Ł' => out.push('L'),
            'đ' | 'ð' => out.push('d'),
            'Đ' | 'Ð' => out.push('D'),
            'ħ' => out.push('h'),
            'Ħ' => out.push('H'),
            'ŧ' => out.push('t'),
            'Ŧ' => out.push('T'),
            'ı' => out.push('i'),
            'ŋ' => out.push('n'),
            'Ŋ' => out.push('N'),
            _ => {}
        }
    }
    out
}

/// Only the letters.
pub(super) fn letters(value: &str) -> String {
    value.chars().filter(|c| c.is_alphabetic()).collect()
}

/// Only the digits 0 to 9.
pub(super) fn digits(value: &str) -> String {
    value.chars().filter(char::is_ascii_digit).collect()
}

//! Folding of values that compare without regard to case.

use unicode_normalization::UnicodeNormalization;

/// The form in which two values of a `caseExact: false` attribute are equal: compatibility-normalised (full-width and
/// composed forms meet) and lower case. RFC 7644 section 5 asks for PRECIS preparation of userName (RFC 8265), whose
/// `UsernameCaseMapped` profile does these two steps.
pub fn fold(value: &str) -> String {
    if value.is_ascii() {
        return value.to_ascii_lowercase();
    }
    value.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folds_case_width_and_composition() {
        assert_eq!(fold("Ada@Example.COM"), "ada@example.com");
        assert_eq!(fold("ＡＤＡ"), "ada");
        assert_eq!(fold("E\u{301}va"), fold("éVA"));
    }
}

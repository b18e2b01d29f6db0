//! What a request makes its success depend on: `If-Match`, `If-None-Match` (RFC 7644 3.14, RFC 9110 section 13).

use super::Error;

/// The entity tags of one header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any version.
    Any,
    /// One of these, without `W/` and quotes. Tags compare weakly: SCIM's versions are weak, and RFC 7644 3.14 uses
    /// them in `If-Match` all the same.
    OneOf(Vec<String>),
}

impl Tags {
    /// Reads a header's value. What is no entity tag is kept as it is: it matches nothing, which is what a condition on
    /// an unknown version means, but for a bare version (`3` for `W/"3"`), which some clients send.
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let bare = |tag: &str| {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
            tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag).to_owned()
        };
        // A comma within quotes is part of a tag (RFC 9110 8.8.3).
        let mut quoted = false;
        let ends = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        Self::OneOf(text.split(ends).map(bare).filter(|tag| !tag.is_empty()).collect())
    }

    /// Whether a resource of this version is meant.
    pub fn matches(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| *tag == version.to_string()),
        }
    }
}

/// What a request depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// It must be one of these versions.
    pub if_match: Option<Tags>,
    /// It must be none of these.
    pub if_none_match: Option<Tags>,
}

impl Precondition {
    /// That it is this version, as a bulk operation's `version` says (RFC 7644 3.7).
    pub fn version(tag: &str) -> Self {
        Self { if_match: Some(Tags::parse(tag)), if_none_match: None }
    }

    /// Whether the client has this version already: a read is answered 304 without a body.
    pub fn has(&self, version: i64) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.matches(version))
    }

    /// For a read. What [`Precondition::has`] is no error there.
    ///
    /// # Errors
    /// 412 where the version is another one.
    pub fn check_read(&self, version: i64) -> Result<(), Error> {
        match &self.if_match {
            Some(tags) if !tags.matches(version) => Err(failed("If-Match", version)),
            _ => Ok(()),
        }
    }

    /// For a change of a resource that is there.
    ///
    /// # Errors
    /// 412 where the version is another one (RFC 7644 3.12 table 8).
    pub fn check_change(&self, version: i64) -> Result<(), Error> {
        self.check_read(version)?;
        if self.has(version) { Err(failed("If-None-Match", version)) } else { Ok(()) }
    }
}

fn failed(header: &str, version: i64) -> Error {
    Error::new(412, format!("{header}: the resource is at version {}", super::message::etag(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_weakly() {
        for (text, fits) in [
            ("W/\"3\"", true),
            ("w/\"3\"", true),
            ("\"3\"", true),
            ("3", true),
            ("*", true),
            (" * ", true),
            ("\"2\", W/\"3\"", true),
            ("W/\"2\"", false),
            ("W/\"33\"", false),
            ("W/\"03\"", false),
            ("", false),
            ("\"", false),
            ("W/", false),
            ("nonsense", false),
            ("\"a,3,b\"", false),
            ("\"a,3", false),
            ("\"a,b\", \"3\"", true),
            ("\"a,3,b\",W/\"c\"", false),
            ("1,3", true),
            ("\"3\u{fffd}\"", false),
            ("\"\u{fffd}\", \"3\"", true),
        ] {
            assert_eq!(Tags::parse(text).matches(3), fits, "{text}");
        }
    }

    #[test]
    fn a_change_depends_on_both_headers_and_a_read_on_one() {
        let tags = |text: &str| Some(Tags::parse(text));
        for (if_match, if_none_match, read, change) in [
            (None, None, true, true),
            (tags("W/\"3\""), None, true, true),
            (tags("W/\"2\""), None, false, false),
            (None, tags("W/\"3\""), true, false),
            (None, tags("*"), true, false),
            (None, tags("W/\"2\""), true, true),
        ] {
            let condition = Precondition { if_match, if_none_match };
            let status = |result: Result<(), Error>| result.err().map(|e| e.status);
            assert_eq!(status(condition.check_read(3)), (!read).then_some(412), "{condition:?}");
            assert_eq!(status(condition.check_change(3)), (!change).then_some(412), "{condition:?}");
        }
    }
}

//! How a client's requests are read.

/// How a client's requests are read. One value goes through the whole core, from [`super::dialect`] to
/// [`super::validate`] and [`super::filter::Filter::parse_with`]; a token says which.
///
/// What a strict client is refused, and a lenient one is not:
///
/// - a body whose `schemas` is missing, does not name the core schema and each extension in use, or names a URN twice or
///   one that the resource type has not (RFC 7643 section 3): 400 `invalidValue`, of a PATCH message 400 `invalidSyntax`;
/// - an unknown attribute, sub-attribute or extension: 400 `invalidValue` in a body, `invalidPath` in a path;
/// - an attribute of an extension without its URN, and `name.givenName` as the key of an object: the same; a name with its
///   URN as a key of a POST or PUT, and the core schema as an object: 400 `invalidValue`;
/// - a value in another type than its attribute's: `"True"` for a boolean, a string or list for a complex attribute, one
///   object for a list, JSON text for an object: 400 `invalidValue`;
/// - a read-only attribute among those of a PATCH without a path: 400 `mutability` (RFC 7644 3.5.2). In POST and PUT it is
///   ignored either way (3.3, 3.5.1);
/// - `replace` through a value filter that matches nothing: 400 `noTarget` (RFC 7644 3.5.2.3). A lenient client gets the
///   value that the filter describes. `add` makes it for both: 3.5.2.1 names no error;
/// - `remove` with a path and a value: 400 `invalidValue`. RFC 7644 3.5.2.2 knows no value there, and to pass over it
///   would remove everything where the client said which. A lenient client loses what it named and no more;
/// - an operation without `op`, or on the `display` of a member, which is immutable (RFC 7643 4.2);
/// - a member that is no object with a `value` in it: 400 `invalidValue`;
/// - a filter literal that is no JSON, `userName eq ada`: 400 `invalidFilter` (RFC 7644 3.4.2.2);
/// - `sortBy` an attribute that no schema has, or that is never answered: 400 `invalidPath`. A lenient client gets the list
///   as if it had not asked for an order;
/// - a page by cursor with another `count` than the page before: 400 `invalidCount` (RFC 9865 2.1);
/// - a `country` that is no ISO 3166-1 code (RFC 7643 4.1.2) and a reference that is no URI (2.3.7): 400 `invalidValue`.
///
/// And what is read in another way: `emails.value` in a path is that of every value for a strict client (RFC 7644 figure
/// 7), for a lenient one that of the primary value, else of the only one, else of the one of type `work`, which is made
/// if need be. A value that loses its `value` keeps its other sub-attributes for a strict client; for a lenient one it
/// goes as a whole, since `{"type": "fax"}` tells nothing. An empty text is a text for a strict client, no value for a
/// lenient one.
///
/// The same for both: names and `op` in any case, `null` and `[]` for no value (RFC 7643 2.5), unknown members of a group
/// left out, one group of a `displayName`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// Deviations that identity providers are known for are accepted and mean what was meant.
    #[default]
    Lenient,
    /// RFC 7643 and RFC 7644, where their answer is another.
    Strict,
}

impl Strictness {
    /// Whether this is [`Strictness::Strict`].
    pub fn is_strict(self) -> bool {
        self == Self::Strict
    }

    /// Whether this is [`Strictness::Lenient`].
    pub fn is_lenient(self) -> bool {
        self == Self::Lenient
    }
}

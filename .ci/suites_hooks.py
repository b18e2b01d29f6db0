"""What the formats in openapi.yaml mean, for schemathesis: no schema can describe filters, paths and lists of names."""

import schemathesis
from hypothesis import strategies as st

# The ids of nobody and of nothing, texts with what is special in filters, names that both users and groups have.
TEXTS = st.sampled_from(["", "ada@example.com", "Ada", "é", "a b", '\\"', "\\\\", "%", "_", "2026-01-31T12:00:00Z"])
TEXT_NAMES = st.sampled_from(
    ["userName", "displayName", "externalId", "id", "emails", "emails.value", "name.familyName", "members", "x-unknown"]
    + ["meta.resourceType", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"]
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ"])


def compared(names: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        st.builds('{} {} "{}"'.format, names, OPERATORS, TEXTS),
        st.builds("{} pr".format, names),
    )


def joined(terms: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        terms,
        lambda inner: st.one_of(
            st.builds("{} and {}".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=4,
    )


FILTERS = joined(
    st.one_of(
        compared(TEXT_NAMES),
        st.sampled_from(["active eq true", "active ne false", 'meta.lastModified ge "2026-01-31T12:00:00Z"']),
        st.builds("emails[{}]".format, joined(compared(st.sampled_from(["type", "value", "display"])))),
    )
)
VALUE_PATHS = st.builds(
    '{}[{} eq "{}"]{}'.format,
    st.sampled_from(["emails", "phoneNumbers", "ims", "roles"]),
    st.sampled_from(["type", "display"]),
    st.sampled_from(["work", "home", "mobile"]),
    st.sampled_from([".value", ".display"]),
)
ATTRIBUTES = st.lists(st.one_of(TEXT_NAMES, st.sampled_from(['emails[type eq "work"].value', "meta", ""])), max_size=4)

schemathesis.openapi.format("scim-filter", FILTERS)
schemathesis.openapi.format("scim-value-path", VALUE_PATHS)
schemathesis.openapi.format("scim-attributes", ATTRIBUTES.map(",".join))
schemathesis.openapi.format("scim-attribute-path", TEXT_NAMES)

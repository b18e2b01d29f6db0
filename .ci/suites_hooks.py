"""For schemathesis: what the formats in openapi.yaml mean, since no schema can describe filters, paths, lists of names and
cursors; which inputs are not known to be right or wrong; resources that are there, and a user to be `/Me`."""

import itertools
import json
import os

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from suites_person import People

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
# Only the server makes cursors, for one query each: what a client knows of itself is the empty one, of the first page.
schemathesis.openapi.format("scim-cursor", st.just(""))


# Conditions that mostly hold: else nearly every request would be refused before it was looked at.
schemathesis.openapi.format("scim-if-match", st.sampled_from(["*", '"1", W/"2", "3"', 'W/"1"', 'W/"0"']))
schemathesis.openapi.format("scim-if-none-match", st.sampled_from(['W/"0"', "x", 'W/"1", W/"2"', "*"]))

# In place of one value the bridge takes lists and objects that hold it, as deep as they are; openapi.yaml describes those that
# identity providers send.
ONE_VALUE = {f"Given{kind}" for kind in ("Nothing", "Text", "RequiredText", "Reference", "Boolean", "Decimal", "Integer")}
ONE_VALUE |= {f"Given{kind}" for kind in ("DateTime", "Binary", "Name", "Manager")}
VALIDATORS: dict[str, jsonschema_rs.Draft202012Validator] = {}
ME = "/scim/v2/Me"
# What must have a name that nobody else has.
NAMES = {"/scim/v2/Users": "userName", ME: "userName", "/scim/v2/Groups": "displayName"}
NUMBERS = itertools.count(1)


def is_wrong(case, place: ParameterLocation) -> bool:
    return case.meta is not None and place in case.meta.components and case.meta.components[place].mode.is_negative


def in_coverage(case) -> bool:
    return case.meta is not None and case.meta.phase.name == TestPhase.COVERAGE


@schemathesis.hook
def filter_case(context, case):
    if case.body is NOT_SET or isinstance(case.body, bytes):
        return True
    if in_coverage(case) and is_repeated(case):
        return False
    # Schemathesis counts every text of a format as wrong, and whatever is not described. What is left must be refused.
    only = is_wrong(case, ParameterLocation.BODY) and sum(is_wrong(case, place) for place in ParameterLocation) == 1
    return not only or not validator(case.operation).is_valid(case.body)


TURNS: dict[tuple, int] = {}


def is_repeated(case) -> bool:
    """Coverage tries each body, of which there are thousands, in both media types, and at `/Me` those of users again: here it
    is one body in one of them, and a tenth of those at `/Me`."""
    # By its turn and not by what is in it: there are ids in it, which are others in each run.
    key = case.operation.label, case.meta.generation.mode, json.dumps(case.body, sort_keys=True)
    number = TURNS.setdefault(key, len(TURNS))
    other = number % 2 == (case.media_type == "application/json")
    return other or (case.operation.path == ME and number // 2 % 10 != 0)


def validator(operation) -> jsonschema_rs.Draft202012Validator:
    """Of an operation's bodies, without formats, and with any list or object where one value stands."""
    if operation.label not in VALIDATORS:
        document = operation.schema.raw_schema
        components = dict(document["components"]["schemas"])
        for name in ONE_VALUE & components.keys():
            components[name] = {"anyOf": [components[name], {"type": ["array", "object"]}]}
        described = document["paths"][operation.path][operation.method.lower()]["requestBody"]["content"]
        schema = described["application/json"]["schema"] | {"components": {"schemas": components}}
        VALIDATORS[operation.label] = jsonschema_rs.Draft202012Validator(schema)
    return VALIDATORS[operation.label]


@schemathesis.hook
def map_case(context, case):
    # A page is asked for by cursor or by index: OpenAPI cannot say of two parameters that they do not go together.
    if not is_wrong(case, ParameterLocation.QUERY) and isinstance(case.query, dict) and "cursor" in case.query:
        case.query.pop("startIndex", None)
    endpoint = case.operation.path.removesuffix("/{id}")
    # Coverage stays on one resource, which must be there.
    if in_coverage(case) and endpoint in LIVING and endpoint != case.operation.path and case.method != "DELETE":
        if not is_wrong(case, ParameterLocation.PATH):
            case.path_parameters["id"] = LIVING[endpoint].id
    # Whether another has the name, no schema can say. Coverage creates nothing: it would be thousands.
    name = NAMES.get(endpoint)
    if name and isinstance(case.body, dict) and not (in_coverage(case) and case.method == "POST"):
        rename(case.body, name)
        for operation in case.body.get("Operations") or [] if case.method == "PATCH" else []:
            if isinstance(operation, dict):
                rename(operation, "value" if operation.get("path") == name else "")
                rename(operation.get("value"), name)
    return case


def rename(members, name: str) -> None:
    if isinstance(members, dict) and isinstance(members.get(name), str) and members[name].strip():
        members[name] += f" {next(NUMBERS)}"


class Living:
    """A user or group. After each that was deleted there is another."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.endpoint, self.name = endpoint, name
        self.renew()

    def renew(self) -> None:
        self.id = PEOPLE.create(self.endpoint, {self.name: f"living {next(NUMBERS)}"})


class Me:
    """The user who is `/Me`. After each that was deleted there is another."""

    def __init__(self) -> None:
        self.token, self.spent = PEOPLE.new(), set()

    def renew(self) -> None:
        self.spent.add(self.token)
        self.token = PEOPLE.new()


PEOPLE = People.of(os.environ)
WHO = Me()
LIVING = {path: Living(path.rsplit("/", 1)[1], name) for path, name in NAMES.items() if path != ME}


# Not cached: the user changes. Where a check leaves the token out, or sends a wrong one, this is not asked.
@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return WHO.token

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    # The case may have been made while there was another user.
    if case.headers and case.headers.get("Authorization", "").removeprefix("Bearer ") in WHO.spent:
        case.headers["Authorization"] = f"Bearer {WHO.token}"


@schemathesis.hook
def after_call(context, case, response):
    gone = response.status_code == 404 or (case.method, response.status_code) == ("DELETE", 204)
    if not gone:
        return
    # Other operations may delete the user too: the next that asks for `/Me` finds nobody.
    if case.operation.path == ME and response.request.headers.get("Authorization") == f"Bearer {WHO.token}":
        WHO.renew()
    living = LIVING.get(case.operation.path.removesuffix("/{id}"))
    if living is not None and case.path_parameters.get("id") == living.id:
        living.renew()

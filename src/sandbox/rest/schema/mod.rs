//! The objects and their fields: what queries may name, what writes may set, what `describe` tells.

mod objects;

use std::borrow::Cow;

pub(super) use self::objects::OBJECTS;
use self::objects::{Fixed, FixedShape, ID};
use super::soql::Kind;
use crate::sandbox::ids;
use crate::sandbox::store::Store;
use crate::sandbox::store::custom::{CustomField, CustomKind};
use crate::sandbox::store::field::{Field, Kind as UserKind};
use crate::sandbox::store::picklist;

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    /// API name.
    pub(super) name: &'static str,
    /// Label.
    pub(super) label: &'static str,
    /// How its ids begin.
    pub(super) prefix: &'static str,
    /// Whether records can be made.
    pub(super) createable: bool,
    /// Whether records can be changed.
    pub(super) updateable: bool,
    /// Whether records can be deleted.
    pub(super) deletable: bool,
    /// The fields; of users those that are not among [`Field::ALL`] and not custom.
    fields: &'static [Fixed],
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// The record's own id.
    Id,
    /// Text of so many characters at most.
    Text(usize),
    /// An e-mail address of so many characters at most.
    Email(usize),
    /// A phone number of so many characters at most.
    Phone(usize),
    /// Several lines of so many characters at most.
    LongText(usize),
    /// One of a fixed list.
    Picklist(Vec<String>),
    /// The id of a record of one of these objects, and the relationship that leads to it.
    Reference(&'static [&'static str], Option<&'static str>),
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A day.
    Date,
    /// A time of a day.
    Moment,
}

/// Where a field's value is.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// A standard field of a user.
    Standard(Field),
    /// A custom field of a user.
    Custom(CustomField),
    /// Something else, by its name.
    Named(&'static str),
}

/// A field.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own in what `describe` tells")]
pub(super) struct FieldDef {
    /// API name.
    pub(super) name: Cow<'static, str>,
    /// Label.
    pub(super) label: Cow<'static, str>,
    /// Its type.
    pub(super) shape: Shape,
    /// Whether it may be set when a record is made.
    pub(super) createable: bool,
    /// Whether it may be changed.
    pub(super) updateable: bool,
    /// Whether it may be empty.
    pub(super) nillable: bool,
    /// Whether no two records may have the same value.
    pub(super) unique: bool,
    /// Whether Salesforce fills it where nothing is said.
    pub(super) defaulted: bool,
    /// Whether the org's administrators made it.
    pub(super) custom: bool,
    /// Where its value is.
    pub(super) slot: Slot,
}

impl FieldDef {
    /// What a query finds in it.
    pub(super) fn kind(&self) -> Kind {
        match self.shape {
            Shape::Id | Shape::Reference(..) => Kind::Id,
            Shape::Text(_) | Shape::Email(_) | Shape::Phone(_) | Shape::Picklist(_) => Kind::Text,
            // Addresses are text areas that can be filtered by.
            Shape::LongText(length) if length <= 255 => Kind::Text,
            Shape::LongText(_) => Kind::LongText,
            Shape::Boolean => Kind::Boolean,
            Shape::Integer | Shape::Double => Kind::Number,
            Shape::Date => Kind::Date,
            Shape::Moment => Kind::Moment,
        }
    }
}

impl Object {
    /// The object called `name`, whatever its case.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    /// The object of the record with the id.
    pub(super) fn of_id(id: &str) -> Option<&'static Self> {
        let id = ids::canonical(id)?;
        OBJECTS.iter().find(|object| id.starts_with(object.prefix))
    }

    /// Whether its records are part of the org's set-up, which no transaction changes together with ordinary records.
    pub(super) fn is_setup(&self) -> bool {
        self.name != "Account"
    }

    /// Its fields.
    pub(super) fn fields(&self, store: &Store) -> Vec<FieldDef> {
        let fixed = self.fields.iter().map(Fixed::def);
        if self.name != "User" {
            return fixed.collect();
        }
        let standard = Field::ALL.iter().map(|field| standard(*field));
        let custom = store.custom_fields.iter().map(custom);
        std::iter::once(ID.def()).chain(standard).chain(fixed).chain(custom).collect()
    }

    /// The field called `name`, whatever its case.
    pub(super) fn field(&self, store: &Store, name: &str) -> Option<FieldDef> {
        if let Some(field) = self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)) {
            return Some(field.def());
        }
        if self.name != "User" {
            return None;
        }
        if name.eq_ignore_ascii_case("Id") {
            return Some(ID.def());
        }
        Field::named(name).map(standard).or_else(|| store.custom_field(name).map(custom))
    }

    /// The field called `name`, whatever its case, in its own spelling, of an object whose fields are the same in every
    /// org.
    pub(super) fn fixed_field(&self, name: &str) -> Option<&'static str> {
        self.fields.iter().map(|field| field.name).find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The relationship called `name`, whatever its case, and the object that it leads to.
    pub(super) fn relationship(&self, name: &str) -> Option<(&'static str, &'static str)> {
        if self.name == "User" {
            let known = [("Profile", "Profile"), ("UserRole", "UserRole"), ("Manager", "User")];
            return known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        }
        self.fields.iter().find_map(|field| match field.shape {
            FixedShape::Reference(&[to], Some(known)) if known.eq_ignore_ascii_case(name) => Some((known, to)),
            _ => None,
        })
    }
}

fn standard(field: Field) -> FieldDef {
    let shape = match (field.kind(), field) {
        (UserKind::Picklist(_), field) => Shape::Picklist(picklist::values(field).map(ToOwned::to_owned).collect()),
        (UserKind::Email, _) if field != Field::Username => Shape::Email(field.max()),
        (UserKind::Reference(_), Field::ProfileId) => Shape::Reference(&["Profile"], Some("Profile")),
        (UserKind::Reference(_), Field::UserRoleId) => Shape::Reference(&["UserRole"], Some("UserRole")),
        (UserKind::Reference(_), Field::ManagerId) => Shape::Reference(&["User"], Some("Manager")),
        (UserKind::Reference(_), Field::DelegatedApproverId) => Shape::Reference(&["Group", "User"], None),
        (UserKind::Reference(_), _) => Shape::Reference(&["CallCenter"], None),
        (UserKind::Boolean, _) => Shape::Boolean,
        (_, Field::Phone | Field::MobilePhone | Field::Fax | Field::Extension) => Shape::Phone(field.max()),
        (_, Field::Street | Field::AboutMe | Field::Signature) => Shape::LongText(field.max()),
        _ => Shape::Text(field.max()),
    };
    FieldDef {
        name: Cow::Borrowed(field.name()),
        label: Cow::Borrowed(field.label()),
        createable: true,
        updateable: true,
        nillable: !field.is_required() && shape != Shape::Boolean,
        unique: matches!(field, Field::Username | Field::FederationIdentifier | Field::CommunityNickname),
        defaulted: shape == Shape::Boolean || field == Field::CommunityNickname,
        custom: false,
        shape,
        slot: Slot::Standard(field),
    }
}

fn custom(field: &CustomField) -> FieldDef {
    let shape = match &field.kind {
        CustomKind::Text(length) => Shape::Text(*length),
        CustomKind::Number => Shape::Double,
        CustomKind::Checkbox => Shape::Boolean,
        CustomKind::Date => Shape::Date,
        CustomKind::Picklist(values) => Shape::Picklist(values.clone()),
        CustomKind::Reference => Shape::Reference(&[], None),
    };
    FieldDef {
        name: Cow::Owned(field.api_name.clone()),
        label: Cow::Owned(field.label.clone()),
        createable: true,
        updateable: true,
        nillable: shape != Shape::Boolean,
        unique: field.unique,
        defaulted: field.default.is_some() || shape == Shape::Boolean,
        custom: true,
        shape,
        slot: Slot::Custom(field.clone()),
    }
}

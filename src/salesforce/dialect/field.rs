//! Where each field of a Salesforce user stands in Salesforce's SCIM user, and what a SCIM PATCH does with it.

/// Place of a field in a SCIM user as Salesforce understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An attribute of the user itself.
    Top(&'static str),
    /// A sub-attribute of `name`.
    Name(&'static str),
    /// `value` of the only e-mail.
    Email,
    /// A sub-attribute of the only address.
    Address(&'static str),
    /// `value` of the telephone number of this type.
    Phone(&'static str),
    /// `value` of the only role.
    Role,
    /// `value` of the only entitlement that is a profile.
    Profile,
    /// An attribute of the enterprise extension.
    Enterprise(&'static str),
    /// `manager.value` of the enterprise extension.
    Manager,
}

/// What a SCIM PATCH of Salesforce does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patching {
    /// Answers 200 and changes nothing.
    Ignored,
    /// `replace` sets it; nothing clears it.
    Set,
    /// `replace` sets it, `remove` with this path clears it.
    SetAndClear(&'static str),
}

/// A field of the User object that Salesforce's SCIM schema has.
#[derive(Debug)]
pub struct Field {
    /// API name.
    pub name: &'static str,
    /// Where SCIM has it.
    pub place: Place,
    /// What PATCH does with it.
    pub patching: Patching,
}

const fn field(name: &'static str, place: Place, patching: Patching) -> Field {
    Field { name, place, patching }
}

/// Every field that Salesforce's SCIM user carries and a client may write.
///
/// `userName`, `externalId` and telephone numbers in a PATCH are answered with 200 and not applied. `name.middleName`,
/// the honorifics and `costCenter` are errors and therefore not here.
pub const FIELDS: &[Field] = &[
    field("Username", Place::Top("userName"), Patching::Ignored),
    field("FederationIdentifier", Place::Top("externalId"), Patching::Ignored),
    field("LastName", Place::Name("familyName"), Patching::Set),
    field("FirstName", Place::Name("givenName"), Patching::SetAndClear("givenName")),
    field("CommunityNickname", Place::Top("nickName"), Patching::Set),
    field("Email", Place::Email, Patching::Set),
    field("Street", Place::Address("streetAddress"), Patching::Set),
    field("City", Place::Address("locality"), Patching::Set),
    field("State", Place::Address("region"), Patching::Set),
    field("PostalCode", Place::Address("postalCode"), Patching::Set),
    field("Country", Place::Address("country"), Patching::Set),
    field("Phone", Place::Phone("work"), Patching::Ignored),
    field("MobilePhone", Place::Phone("mobile"), Patching::Ignored),
    field("Fax", Place::Phone("fax"), Patching::Ignored),
    field("Title", Place::Top("title"), Patching::SetAndClear("title")),
    field("LanguageLocaleKey", Place::Top("preferredLanguage"), Patching::Set),
    field("EmailEncodingKey", Place::Top("emailEncodingKey"), Patching::Set),
    field("LocaleSidKey", Place::Top("locale"), Patching::Set),
    field("TimeZoneSidKey", Place::Top("timezone"), Patching::Set),
    field("IsActive", Place::Top("active"), Patching::Set),
    field("UserRoleId", Place::Role, Patching::SetAndClear("roles")),
    // With a profile alone `replace` leaves the permission sets as they are.
    field("ProfileId", Place::Profile, Patching::Set),
    field("EmployeeNumber", Place::Enterprise("employeeNumber"), Patching::SetAndClear("employeeNumber")),
    field("Department", Place::Enterprise("department"), Patching::SetAndClear("department")),
    field("Division", Place::Enterprise("division"), Patching::SetAndClear("division")),
    field("ManagerId", Place::Manager, Patching::SetAndClear("manager")),
];

/// The entry of `name`, if SCIM has the field.
pub fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// Where SCIM has the field `name`, if it has it.
pub fn place(name: &str) -> Option<Place> {
    find(name).map(|field| field.place)
}

/// Whether Salesforce refuses a user without a value in this field: the fields that its REST reference requires, and
/// those that it fills itself on a create.
pub fn is_required(name: &str) -> bool {
    matches!(
        name,
        "Username"
            | "LastName"
            | "Email"
            | "Alias"
            | "CommunityNickname"
            | "IsActive"
            | "ProfileId"
            | "TimeZoneSidKey"
            | "LocaleSidKey"
            | "LanguageLocaleKey"
            | "EmailEncodingKey"
    )
}

//! The standard fields of the `User` object. Each is kept as text, whatever its type.

use super::picklist;

/// What a field's text must be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Anything.
    Text,
    /// An e-mail address, or a username, which has the same form.
    Email,
    /// One of a fixed list.
    Picklist(fn(&str) -> bool),
    /// The id of a record whose id starts so.
    Reference(&'static str),
    /// `true` or `false`; kept as `true`, or as nothing at all.
    Boolean,
}

macro_rules! fields {
    ($($name:ident $label:literal $max:literal $required:literal $kind:expr;)*) => {
        /// A standard field of the `User` object; the variant is its API name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = concat!("`User.", stringify!($name), "`.")] $name,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The field's API name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The field's label, which some refusals use.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The most characters that it takes.
            pub fn max(self) -> usize {
                match self { $(Self::$name => $max,)* }
            }

            /// Whether a user must have it.
            pub fn is_required(self) -> bool {
                match self { $(Self::$name => $required,)* }
            }

            /// What its text must be.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => $kind,)* }
            }
        }
    };
}

fields! {
    Username "Username" 80 true Kind::Email;
    FederationIdentifier "SAML Federation ID" 512 false Kind::Text;
    FirstName "First Name" 40 false Kind::Text;
    LastName "Last Name" 80 true Kind::Text;
    Email "Email" 128 true Kind::Email;
    Alias "Alias" 8 true Kind::Text;
    CommunityNickname "Nickname" 40 true Kind::Text;
    Title "Title" 80 false Kind::Text;
    CompanyName "Company Name" 80 false Kind::Text;
    Department "Department" 80 false Kind::Text;
    Division "Division" 80 false Kind::Text;
    EmployeeNumber "Employee Number" 20 false Kind::Text;
    Street "Street" 255 false Kind::Text;
    City "City" 40 false Kind::Text;
    State "State/Province" 80 false Kind::Text;
    PostalCode "Zip/Postal Code" 20 false Kind::Text;
    Country "Country" 80 false Kind::Text;
    Phone "Phone" 40 false Kind::Text;
    MobilePhone "Mobile" 40 false Kind::Text;
    Fax "Fax" 40 false Kind::Text;
    LanguageLocaleKey "Language" 40 true Kind::Picklist(picklist::is_language);
    LocaleSidKey "Locale" 40 true Kind::Picklist(picklist::is_locale);
    TimeZoneSidKey "Time Zone" 40 true Kind::Picklist(picklist::is_time_zone);
    EmailEncodingKey "Email Encoding" 40 true Kind::Picklist(picklist::is_encoding);
    ProfileId "Profile ID" 18 true Kind::Reference("00e");
    UserRoleId "Role ID" 18 false Kind::Reference("00E");
    ManagerId "Manager ID" 18 false Kind::Reference("005");
    DelegatedApproverId "Delegated Approver ID" 18 false Kind::Reference("005");
    CallCenterId "Call Center ID" 18 false Kind::Reference("04v");
    Extension "Extension" 40 false Kind::Text;
    AboutMe "About Me" 1000 false Kind::Text;
    SenderName "Email Sender Name" 80 false Kind::Text;
    SenderEmail "Email Sender Address" 80 false Kind::Email;
    Signature "Email Signature" 1333 false Kind::Text;
    StayInTouchSubject "Stay-in-Touch Email Subject" 80 false Kind::Text;
    ReceivesInfoEmails "Info Emails" 5 false Kind::Boolean;
    ReceivesAdminInfoEmails "Admin Info Emails" 5 false Kind::Boolean;
    ForecastEnabled "Allow Forecasting" 5 false Kind::Boolean;
    EmailPreferencesAutoBcc "AutoBcc" 5 false Kind::Boolean;
    EmailPreferencesAutoBccStayInTouch "AutoBccStayInTouch" 5 false Kind::Boolean;
    UserPermissionsMarketingUser "Marketing User" 5 false Kind::Boolean;
    UserPermissionsOfflineUser "Offline User" 5 false Kind::Boolean;
    UserPermissionsInteractionUser "Flow User" 5 false Kind::Boolean;
    UserPermissionsKnowledgeUser "Knowledge User" 5 false Kind::Boolean;
    UserPermissionsSupportUser "Service Cloud User" 5 false Kind::Boolean;
    UserPermissionsMobileUser "Apex Mobile User" 5 false Kind::Boolean;
    UserPermissionsSFContentUser "Salesforce CRM Content User" 5 false Kind::Boolean;
}

impl Field {
    /// The field with the API name `name`, in whatever case: Salesforce does not mind it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

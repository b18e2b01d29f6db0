//! The keys of `[tenant.NAME.accounts]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How people get their accounts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// What is done with an account that was in the org before and has the person's federation id or username.
    pub adopt: Adopt,
    /// Whether Salesforce mails new people a link to set a password. Without it they log in by single sign-on, or ask
    /// for a password themselves.
    pub welcome_mail: bool,
    /// What is done to the account of somebody who is no longer active or was deleted, in this order; `deactivate` is the
    /// last.
    pub on_deactivate: Vec<Leaving>,
}

/// Something that is done to the account of somebody who leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It is frozen: nobody logs in with it, at once.
    Freeze,
    /// Permission sets, their groups and their licences are taken away, whoever gave them, and given back when the person
    /// is active again.
    RemovePermissionSets,
    /// Memberships of public groups that are not mirrored are taken away, and given back.
    RemoveGroups,
    /// It is made inactive, and gives its licence back.
    Deactivate,
}

impl Accounts {
    /// What is wrong with `on_deactivate`, as it follows the key. `rest`: whether REST is allowed.
    pub(super) fn problem_of_leaving(&self, rest: bool) -> Option<&'static str> {
        let steps = &self.on_deactivate;
        let twice = steps.iter().enumerate().any(|(at, step)| steps.iter().skip(at + 1).any(|other| other == step));
        if twice {
            Some("names something twice")
        } else if steps.last() != Some(&Leaving::Deactivate) {
            Some("must end with \"deactivate\": an account that stays active keeps its licence and can be let in again")
        } else if steps.len() > 1 && !rest {
            Some("needs salesforce.rest = \"when-needed\" for more than \"deactivate\"")
        } else {
            None
        }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self { adopt: Adopt::default(), welcome_mail: false, on_deactivate: vec![Leaving::Deactivate] }
    }
}

/// What is done with an account that was in the org before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adopt {
    /// It becomes the person's, unless it is protected, another person's, or of another kind.
    #[default]
    Matching,
    /// It is left alone, and the person's delivery is rejected.
    Never,
    /// The delivery is held until `scim-bridge deliveries release` says that it is theirs.
    Ask,
}

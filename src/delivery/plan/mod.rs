//! The plan: what to do next so that Salesforce becomes what was asked. Pure, and asked again after every call: the
//! wish minus what was seen is the next step, and when nothing is left the delivery is done.

mod grants;
mod group;
mod leave;
mod user;

pub use grants::{Decided, GrantWish, HeldGrant, ObservedGrants, changes, concerns};
pub use group::{GroupSeen, GroupStep, GroupWish, MEMBERS_A_CALL, ObservedGroup, group};
pub use leave::{Ladder, Rung};
pub use user::{
    AccountWish, Adoption, Chosen, Means, ObservedUser, UserSeen, UserStep, UserWish, adopted, beyond_scim, confirmed,
    made_by, user,
};

//! placeholder
use super::org::Visit;
use super::wire::Reply;
pub(super) fn show(_visit: &Visit<'_>) -> Reply {
    Reply::empty(200)
}

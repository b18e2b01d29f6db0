//! `/Me`: the user whom the token's holder is (RFC 7644 3.11).

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use serde_json::Value;

use crate::access::Principal;
use crate::scim;

use super::resources::Call;
use super::wire::Refusal;

/// Id of the user; 501 for a token that is nobody's in particular, as those of identity providers are.
pub(super) fn user(principal: &Principal) -> Result<&str, Refusal> {
    principal.user.as_deref().ok_or_else(|| {
        scim::Error::new(501, "the token is no user's; make one with scim-bridge token create --user USERNAME").into()
    })
}

/// Nobody makes their own account.
pub(super) fn create() -> Refusal {
    scim::Error::new(501, "people cannot register themselves; POST to /Users").into()
}

/// What is done to `/Me`.
pub(super) enum Deed {
    /// GET.
    Read,
    /// PUT with this body.
    Replace(Value),
    /// PATCH with this body.
    Patch(Value),
}

/// Answers as the user's own address does, and names it.
pub(super) async fn answer(call: &Call<'_>, id: &str, deed: Deed) -> Result<HttpResponse, Refusal> {
    let mut response = match deed {
        Deed::Read => call.get(id).await?,
        Deed::Replace(body) => call.replace(id, body).await?,
        Deed::Patch(body) => call.patch(id, body).await?,
    };
    if let Ok(location) = call.location(id).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

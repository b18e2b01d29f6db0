//! From a request's credentials to whom it speaks for.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::access::{Access, Principal, Scope};
use crate::scim;
use crate::scim::schema::Registry;

use super::State;
use super::wire::Refusal;

/// The bearer token of a request (RFC 6750 2.1). The scheme's name compares without regard to case.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Whom a request speaks for: 401 without a live token, the same words whatever is wrong with it; 403 without the
/// scope.
pub(super) async fn principal(request: &HttpRequest, access: &Access, scope: Scope) -> Result<Arc<Principal>, Refusal> {
    let principal = somebody(request, access).await?;
    if !principal.may(scope) {
        return Err(scim::Error::new(403, format!("the token lacks the scope {scope}")).into());
    }
    Ok(principal)
}

/// Whom a request speaks for, whatever they may do: 401 without a live token.
async fn somebody(request: &HttpRequest, access: &Access) -> Result<Arc<Principal>, Refusal> {
    let presented = bearer(request).unwrap_or_default();
    let principal = access.authenticate(presented).await?;
    principal.ok_or_else(|| scim::Error::new(401, "a valid bearer token is needed").into())
}

/// What the resources look like of whom a request speaks for: to discovery nobody needs to say who they are, but a wrong
/// token is refused, since clients test theirs there. What needs no token needs no scope.
pub(super) async fn registry<'s>(request: &HttpRequest, state: &'s State) -> Result<&'s Registry, Refusal> {
    let registries = state.provisioner.registries();
    if request.headers().get(AUTHORIZATION).is_none() {
        return Ok(registries.standard());
    }
    let principal = somebody(request, &state.access).await?;
    Ok(registries.of(&principal.tenant))
}

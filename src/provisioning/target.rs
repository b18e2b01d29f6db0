//! What a request acts on.

use std::collections::HashMap;
use std::sync::Arc;

use crate::scim::Strictness;
use crate::scim::schema::{Registry, ResourceType};
use crate::shadow::Kind;

/// Whose resources of which kind a request acts on, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Whose.
    pub tenant: &'a str,
    /// Of which kind.
    pub kind: Kind,
    /// How the request is read.
    pub strictness: Strictness,
}

/// What each tenant's resources look like: the standard schemas, and the tenant's own extensions.
#[derive(Debug, Clone)]
pub struct Registries {
    standard: Arc<Registry>,
    own: HashMap<String, Arc<Registry>>,
}

impl Registries {
    /// The standard schemas, and those tenants' that have extensions.
    pub fn new(standard: Registry, own: HashMap<String, Arc<Registry>>) -> Self {
        Self { standard: Arc::new(standard), own }
    }

    /// A tenant's.
    pub fn of(&self, tenant: &str) -> &Arc<Registry> {
        self.own.get(tenant).unwrap_or(&self.standard)
    }

    /// What every tenant has: for those who do not say whose they are.
    pub fn standard(&self) -> &Arc<Registry> {
        &self.standard
    }

    /// A resource type of a tenant.
    pub fn resource_type(&self, tenant: &str, kind: Kind) -> &Arc<ResourceType> {
        let registry = self.of(tenant);
        match kind {
            Kind::User => &registry.user,
            Kind::Group => &registry.group,
        }
    }
}

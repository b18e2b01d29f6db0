//! How the REST interface behaves.

use serde::{Deserialize, Serialize};

/// How the REST interface behaves. `Default` is Salesforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestSettings {
    /// Records on one page of a query, 1 to 2,000. `Sforce-Query-Options: batchSize=N` makes pages smaller yet, but not
    /// below 200.
    pub query_page: usize,
    /// Permissions that the integration user lacks, by the names of `UserPermissionAccess`: `PermissionsFreezeUsers`,
    /// `PermissionsAssignPermissionSets`, …. What they allow is refused.
    pub integration_permissions: Vec<String>,
    /// Objects that the integration user may not see, by their names. Queries of them are refused.
    pub hidden_objects: Vec<String>,
    /// When bulk jobs go on.
    pub bulk_pace: BulkPace,
    /// Largest upload of a bulk job, in bytes.
    pub bulk_upload_max: usize,
    /// Bulk query jobs in 24 hours.
    pub bulk_query_jobs_max: u32,
    /// Bulk ingest jobs in 24 hours; Salesforce counts the batches that it makes of them.
    pub bulk_ingest_jobs_max: u32,
}

/// When bulk jobs go from `UploadComplete` to `InProgress` and from there to `JobComplete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkPace {
    /// One step each time that somebody asks for the job's state.
    Poll,
    /// One step each so many seconds of the org's clock.
    Seconds(u32),
}

impl Default for RestSettings {
    fn default() -> Self {
        Self {
            query_page: 2_000,
            integration_permissions: Vec::new(),
            hidden_objects: Vec::new(),
            bulk_pace: BulkPace::Poll,
            bulk_upload_max: 150 * 1024 * 1024,
            bulk_query_jobs_max: 10_000,
            bulk_ingest_jobs_max: 15_000,
        }
    }
}

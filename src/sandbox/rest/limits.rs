//! `/limits`, and what tells a client where it is.

use serde_json::{Map, Value, json};

use super::Call;
use crate::sandbox::org::Visit;
use crate::sandbox::store::field::Field;
use crate::sandbox::wire::Reply;

/// The newest version that is listed.
const NEWEST: u32 = 66;
/// The oldest version that is listed; older ones were retired.
const OLDEST: u32 = 31;

/// `GET /limits`.
pub(super) fn limits(visit: &mut Visit<'_>) -> Reply {
    let used = visit.inner.rest.jobs_today(visit.now);
    let rest = &visit.settings.rest;
    let mut out = Map::new();
    let mut put = |name: &str, max: u32, used: u32| {
        out.insert(name.to_owned(), json!({"Max": max, "Remaining": max.saturating_sub(used)}));
    };
    put("ActiveScratchOrgs", 3, 0);
    put("ConcurrentAsyncGetReportInstances", 200, 0);
    put("DailyApiRequests", visit.settings.daily_api_limit, visit.inner.api_calls);
    put("DailyAsyncApexExecutions", 250_000, 0);
    put("DailyBulkApiBatches", rest.bulk_ingest_jobs_max, used.ingest);
    put("DailyBulkV2QueryFileStorageMB", 976_562, 0);
    put("DailyBulkV2QueryJobs", rest.bulk_query_jobs_max, used.query);
    put("DailyStandardVolumePlatformEvents", 25_000, 0);
    put("DailyWorkflowEmails", 990, 0);
    put("DataStorageMB", 1_024, 1);
    put("FileStorageMB", 1_024, 0);
    put("HourlyAsyncReportRuns", 1_200, 0);
    put("HourlyODataCallout", 20_000, 0);
    put("MassEmail", 5_000, 0);
    put("SingleEmail", 5_000, 0);
    Reply::json(200, &Value::Object(out))
}

/// `GET /services/data`: the versions. Salesforce tells them to anybody.
pub(in crate::sandbox) fn versions() -> Reply {
    let versions: Vec<Value> = (OLDEST..=NEWEST)
        .map(|version| {
            json!({
                "label": format!("Release {version}"), "url": format!("/services/data/v{version}.0"),
                "version": format!("{version}.0"),
            })
        })
        .collect();
    Reply::json(200, &Value::Array(versions))
}

/// `GET /services/data/vN.0`: what there is below.
pub(super) fn resources(call: &Call<'_>) -> Reply {
    let names = ["composite", "jobs", "limits", "query", "queryAll", "sobjects"];
    let resources: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!(format!("{}/{name}", call.base)))).collect();
    Reply::json(200, &Value::Object(resources))
}

/// `GET /services/oauth2/userinfo`: whose session it is.
pub(in crate::sandbox) fn user_info(visit: &Visit<'_>) -> Reply {
    let Some(user) = visit.inner.store.user(&visit.caller) else {
        return Reply::rest_error(403, "Bad_OAuth_Token", "Bad_OAuth_Token");
    };
    let organization = &visit.inner.store.org_id;
    Reply::json(
        200,
        &json!({
            "sub": format!("{}/id/{organization}/{}", visit.base_url, user.id),
            "user_id": user.id, "organization_id": organization, "user_type": user.user_type.to_uppercase(),
            "preferred_username": user.get(Field::Username), "nickname": user.get(Field::CommunityNickname),
            "name": user.name(), "email": user.get(Field::Email), "active": user.active,
            "zoneinfo": user.get(Field::TimeZoneSidKey), "language": user.get(Field::LanguageLocaleKey),
            "locale": user.get(Field::LocaleSidKey),
            "urls": {
                "rest": format!("{}/services/data/v{{version}}/", visit.base_url),
                "query": format!("{}/services/data/v{{version}}/query/", visit.base_url),
                "sobjects": format!("{}/services/data/v{{version}}/sobjects/", visit.base_url),
            },
        }),
    )
}

//! The tables, as diesel sees them. The same on both engines: JSON as text, times as UTC `Timestamp`.
#![expect(missing_docs, reason = "the columns are described in migrations/")]

diesel::table! {
    resources (id) {
        id -> Text,
        tenant -> Text,
        kind -> Text,
        unique_key -> Nullable<Text>,
        former_key -> Nullable<Text>,
        external_id -> Nullable<Text>,
        document -> Text,
        version -> BigInt,
        created_at -> Timestamp,
        modified_at -> Timestamp,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    resource_values (resource_id, path, value) {
        resource_id -> Text,
        path -> Text,
        value -> Text,
        tenant -> Text,
        kind -> Text,
    }
}

diesel::table! {
    members (group_id, member_id) {
        group_id -> Text,
        member_id -> Text,
        desired -> Bool,
        observed -> Bool,
        unsure -> Bool,
        to_deliver -> Bool,
    }
}

diesel::table! {
    links (resource_id) {
        resource_id -> Text,
        tenant -> Text,
        kind -> Text,
        salesforce_id -> Text,
        how -> Text,
        created_at -> Timestamp,
        seen -> Nullable<Text>,
    }
}

diesel::table! {
    guarded (resource_id, act) {
        resource_id -> Text,
        act -> Text,
        tenant -> Text,
        state -> Text,
        noted_at -> Timestamp,
        people -> BigInt,
    }
}

diesel::table! {
    planned_under (tenant) {
        tenant -> Text,
        rules -> Text,
        scope -> Text,
    }
}

diesel::table! {
    observed (resource_id) {
        resource_id -> Text,
        state -> Text,
        observed_at -> Timestamp,
    }
}

diesel::table! {
    deliveries (resource_id) {
        resource_id -> Text,
        tenant -> Text,
        kind -> Text,
        state -> Text,
        wanted -> BigInt,
        attempts -> BigInt,
        unexpected -> BigInt,
        due_at -> Timestamp,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        creating -> Nullable<Text>,
        reason -> Nullable<Text>,
        last_error -> Nullable<Text>,
        updated_at -> Timestamp,
        urgent -> Bool,
        taken -> BigInt,
        refused -> Nullable<Text>,
        unheard -> Bool,
    }
}

diesel::table! {
    delivery_attempts (id) {
        id -> Text,
        resource_id -> Text,
        attempt -> BigInt,
        started_at -> Timestamp,
        finished_at -> Timestamp,
        outcome -> Text,
        calls -> BigInt,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    tokens (id) {
        id -> Text,
        tenant -> Text,
        name -> Text,
        hash -> Text,
        hint -> Text,
        scopes -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        strict -> Bool,
        user_id -> Nullable<Text>,
    }
}

diesel::table! {
    reconciles (id) {
        id -> Text,
        tenant -> Text,
        started_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        applies -> Bool,
        progress -> Text,
        lease_owner -> Text,
        lease_until -> Timestamp,
    }
}

diesel::table! {
    drifts (reconcile_id, place) {
        reconcile_id -> Text,
        place -> Text,
        kind -> Text,
        salesforce_id -> Text,
        finding -> Text,
    }
}

diesel::table! {
    /// On SQLite alone; kept by triggers.
    resource_counts (tenant, kind) {
        tenant -> Text,
        kind -> Text,
        live -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(resources, resource_values, members, links, observed, deliveries);

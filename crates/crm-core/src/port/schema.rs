//! What the SQL stores have in common: the list of migrations and the names of tables and columns.
//!
//! Each store writes its own SQL. The lists here keep them from drifting apart: a store's tests compare
//! what its database really holds with them, so a column has one name in every database.

/// Every step of the schema ever released, oldest first: its number and its name.
pub const MIGRATIONS: [(i32, &str); 1] = [(1, "0001_base")];

/// The number of the newest step.
pub const NEWEST: i32 = 1;

/// Tables and their columns, as every SQL store has them. A store may have further ones of its own, for
/// locking, counting and noting its place, which its documentation names.
pub const TABLES: [(&str, &str); 26] = [
    ("workspaces", "key name salt"),
    (
        "contacts",
        "workspace id version external_id name email email_key phone telegram_chat_id whatsapp segment \
         birthday_year birthday_day company position language time_zone tags custom_fields \
         preferred_channels consent last_interaction_date erased merged_into created_by created_at updated_at \
         search_key",
    ),
    (
        "templates",
        "workspace id version name occasion segment channel language subject content format is_active \
         created_by created_at updated_at",
    ),
    (
        "campaigns",
        "workspace id version occasion fields status test_mode occurrence plan_cursor planned \
         waiting waiting_since next_run_at created_by created_at updated_at",
    ),
    (
        "plan_rows",
        "workspace campaign contact occurrence channel send_at local_time time_zone excluded message draft_batch variant",
    ),
    (
        "messages",
        "workspace id contact written_for doubled campaign occurrence occasion channel recipient sender status version \
         revision digest generated_by metadata findings risk created_by approved_by approved_at scheduled_for \
         expires_at not_before queued_at epoch decided_epoch lease_owner lease_until attempts failure provider_id sent_at \
         test_mode deleted created_at updated_at",
    ),
    (
        "revisions",
        "workspace message number subject content format salt created_by created_at",
    ),
    (
        "approvals",
        "seq workspace message revision digest approver role decided_at override_reason",
    ),
    (
        "attempts",
        "workspace message epoch id number repeats worker digest started_at finished_at outcome provider_id \
         reason",
    ),
    (
        "receipts",
        "workspace channel about_kind about fate reason dead at received_at state message tries due_at",
    ),
    (
        "subscriptions",
        "workspace name version position failures failing_since due_at last_error disabled_at \
         lease_owner lease_until created_at",
    ),
    (
        "draft_batches",
        "workspace id version campaign requests state provider_id attempt prompt_version submitted_at due_at failures last_error \
         lease_owner lease_until created_at closed_at",
    ),
    (
        "suppressions",
        "workspace channel address reason created_by created_at",
    ),
    ("inbound", "workspace channel address at"),
    ("import_updates", "workspace import contact version fields"),
    ("voices", "workspace version fields updated_by updated_at"),
    (
        "saved_audiences",
        "workspace id version name name_key description audience created_by created_at updated_at",
    ),
    (
        "field_definitions",
        "workspace name version fields created_by created_at updated_at",
    ),
    (
        "events",
        "seq workspace id at actor role subject subject_id action status version revision digest \
         reason reason_salt reason_digest position prev_hash hash",
    ),
    ("checkpoints", "workspace position hash"),
    ("counters", "workspace name value"),
    (
        "intake",
        "seq workspace key kind payload created_at state reason message contact settled_at",
    ),
    ("budgets", "workspace scope period version amount"),
    (
        "ledger",
        "workspace id at day actor campaign model key held reserved state cost input_tokens \
         output_tokens cache_write_5m_tokens cache_write_1h_tokens cache_read_tokens batch answered \
         request_id failure expires_at closed_at",
    ),
    ("spent", "workspace scope day spent reserved"),
    (
        "usage",
        "workspace day scope actor model calls reserved cost input_tokens output_tokens \
         cache_write_5m_tokens cache_write_1h_tokens cache_read_tokens",
    ),
];

//! The API document is complete: every route of the API is in it, with typed bodies, typed answers, its
//! errors and its security, and every reference leads somewhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Host;
use serde_json::Value;

/// Every route a client of the original, and of what was added to it, may call.
const ROUTES: &[&str] = &[
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/auth/logout",
    "GET /api/auth/me",
    "GET /api/auth/users",
    "GET /api/contacts",
    "POST /api/contacts",
    "GET /api/contacts/{id}",
    "PUT /api/contacts/{id}",
    "DELETE /api/contacts/{id}",
    "POST /api/contacts/{id}/opt-in-request",
    "GET /api/contacts/fields",
    "GET /api/contacts/fields/{name}",
    "PUT /api/contacts/fields/{name}",
    "DELETE /api/contacts/fields/{name}",
    "POST /api/contacts/upsert",
    "POST /api/contacts/{id}/merge",
    "POST /api/contacts/import",
    "POST /api/contacts/import/preview",
    "GET /api/contacts/imports",
    "GET /api/contacts/imports/{import_id}",
    "GET /api/contacts/imports/{import_id}/rejects",
    "POST /api/contacts/imports/{import_id}/revert",
    "GET /api/contacts/export",
    "GET /api/contacts/export/csv",
    "GET /api/contacts/{id}/everything",
    "GET /api/contacts/{id}/suppressions",
    "POST /api/messages/generate",
    "POST /api/messages/variants",
    "GET /api/voice",
    "PUT /api/voice",
    "POST /api/messages",
    "GET /api/messages",
    "GET /api/messages/{id}",
    "PATCH /api/messages/{id}",
    "DELETE /api/messages/{id}",
    "POST /api/messages/{id}/submit",
    "POST /api/messages/{id}/approve",
    "POST /api/messages/{id}/reject",
    "POST /api/messages/{id}/send",
    "GET /api/messages/{id}/history",
    "GET /api/messages/{id}/attempts",
    "POST /api/messages/{id}/regenerate",
    "POST /api/messages/{id}/resolve",
    "POST /api/messages/preview",
    "POST /api/messages/bulk/preview",
    "POST /api/messages/bulk",
    "GET /api/campaigns",
    "POST /api/campaigns",
    "GET /api/campaigns/{id}",
    "PUT /api/campaigns/{id}",
    "DELETE /api/campaigns/{id}",
    "POST /api/campaigns/{id}/copy",
    "POST /api/campaigns/{id}/execute",
    "POST /api/campaigns/{id}/pause",
    "POST /api/campaigns/{id}/resume",
    "POST /api/campaigns/{id}/cancel",
    "GET /api/campaigns/{id}/plan",
    "GET /api/campaigns/{id}/cost",
    "GET /api/campaigns/{id}/experiment",
    "GET /api/campaigns/{id}/batches",
    "GET /api/audiences/schema",
    "GET /api/audiences/sample",
    "GET /api/audiences",
    "POST /api/audiences",
    "GET /api/audiences/{id}",
    "PUT /api/audiences/{id}",
    "DELETE /api/audiences/{id}",
    "GET /api/budgets",
    "PUT /api/budgets",
    "DELETE /api/budgets/{period}",
    "GET /api/usage",
    "GET /api/usage/calls",
    "GET /api/usage.csv",
    "GET /api/templates",
    "POST /api/templates",
    "GET /api/templates/{id}",
    "PUT /api/templates/{id}",
    "DELETE /api/templates/{id}",
    "POST /api/templates/{id}/preview",
    "GET /api/analytics/dashboard",
    "GET /api/analytics/messages-by-status",
    "GET /api/analytics/messages-by-occasion",
    "GET /api/analytics/ai-usage-stats",
    "GET /api/analytics/campaign-performance",
    "GET /api/analytics/contacts-by-segment",
    "GET /api/analytics/messages-timeline",
    "GET /api/audit",
    "GET /api/audit/checkpoint",
    "GET /api/audit/verify",
    "GET /api/events",
    "GET /api/hold",
    "POST /api/hold/acknowledge",
    "POST /api/receipts/{channel}",
    "GET /api/receipts/{channel}",
    "GET /api/subscriptions",
    "POST /api/subscriptions/{name}/enable",
    "GET /api/suppressions",
    "POST /api/suppressions",
    "POST /api/suppressions/lift",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
];

/// The fields that clients read, by schema.
const FIELDS: &[(&str, &str)] = &[
    ("User", "id email full_name role created_at updated_at"),
    ("Colleague", "id full_name role"),
    ("SignedIn", "access_token refresh_token token_type user"),
    (
        "Contact",
        "id name email phone segment birthday company position language tags custom_fields \
         last_interaction_date created_by created_at updated_at external_id time_zone \
         telegram_chat_id whatsapp preferred_channels consent",
    ),
    (
        "SubjectAccess",
        "at contact messages plans suppressions inbound history",
    ),
    (
        "Import",
        "import_id status rows created updated skipped rejected detected",
    ),
    (
        "ImportLine",
        "import_id started_at status rows done created updated skipped rejected detail",
    ),
    ("ImportList", "items next_cursor"),
    (
        "Suppression",
        "channel address reason created_by created_at",
    ),
    ("Detected", "encoding separator profile confidence mapping"),
    (
        "Message",
        "id contact_id occasion_type content status generated_by created_by approved_by sent_at \
         approved_at scheduled_for metadata created_at updated_at channel subject version digest \
         campaign_id allowed_actions attempts failure findings not_before units",
    ),
    (
        "Metadata",
        "model input_tokens output_tokens total_tokens cost_usd tone language generated_at \
         occasion_type fallback_used error",
    ),
    (
        "HistoryLine",
        "id message_id action user_id old_content new_content created_at reason hash prev_hash",
    ),
    ("BulkPreview", "count blocked manifest sample findings"),
    ("Finding", "rule severity part span message"),
    ("BulkFinding", "rule severity messages"),
    ("DuplicateGroup", "messages exact"),
    ("BulkResult", "applied skipped failed items"),
    ("BulkItem", "id outcome detail"),
    (
        "Campaign",
        "id name description occasion_type segment_filter audience schedule_type scheduled_at \
         recurrence_rule status created_by stats created_at updated_at local_time",
    ),
    ("CampaignStats", "generated_count sent_count failed_count"),
    ("Executed", "message campaign_id test_mode"),
    (
        "PlanLine",
        "contact_id send_at local_time time_zone channel variant estimated_cost excluded reason",
    ),
    (
        "Template",
        "id name occasion_type segment content subject language channel is_active usage_count \
         version created_by created_at updated_at",
    ),
    (
        "Dashboard",
        "total_contacts total_messages pending_approval approved sent active_campaigns \
         messages_this_month generated_at",
    ),
    ("StatusCount", "status count"),
    ("OccasionCount", "occasion_type count"),
    ("SegmentCount", "segment count"),
    ("Timeline", "data days"),
    ("DayCount", "date count"),
    (
        "AiUsage",
        "ai_generated manual total_tokens_used total_cost_usd avg_tokens_per_message \
         avg_cost_per_message",
    ),
    (
        "Performance",
        "id name status occasion_type generated_count sent_count failed_count created_at",
    ),
    ("Verified", "valid events sealed first_bad"),
    ("Checkpoint", "position hash"),
    ("Held", "hold"),
    ("SubscriptionList", "items"),
    (
        "SubscriptionView",
        "name state position lag failures failing_since last_error due_at disabled_at created_at \
         set_up",
    ),
    ("Acknowledged", "suspected"),
    ("List_Message", "items total skip limit next_cursor"),
    ("ProblemBody", "detail code errors"),
];

/// What anybody may call; registering is judged by the route itself.
const OPEN: &[&str] = &[
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/receipts/{channel}",
    "GET /api/receipts/{channel}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
];

struct Operation<'a> {
    name: String,
    path: &'a str,
    method: String,
    value: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            all.push(Operation {
                name: format!("{method} {path}"),
                path,
                method,
                value,
            });
        }
    }
    all
}

/// Everything in the document that is a `$ref`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                found.push(target.to_owned());
            }
            map.values().for_each(|inner| references(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

/// Whether a body's schema says what is in it.
fn typed(schema: &Value, document: &Value) -> bool {
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap();
        return typed(target, document);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        return any
            .iter()
            .all(|one| one["type"] == "null" || typed(one, document));
    }
    match schema["type"].as_str() {
        Some("object") => schema["properties"].is_object(),
        Some("array") => typed(&schema["items"], document),
        Some(_) => true,
        None => false,
    }
}

#[test]
fn the_document_says_everything() {
    let host = Host::start(&["--no-worker"]);
    let document = host.get("", "/api/openapi.json").expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&"http".into(), &"bearer".into())
    );
    assert_eq!(document["security"][0]["bearer"], serde_json::json!([]));

    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for target in found {
        let place = target.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{target}");
    }

    for (schema, fields) in FIELDS {
        let known = document["components"]["schemas"][schema]["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("there is no schema {schema}"));
        for field in fields.split_whitespace() {
            assert!(known.contains_key(field), "{schema} has no {field}");
        }
    }

    let operations = operations(&document);
    for route in ROUTES {
        assert!(
            operations.iter().any(|one| one.name == *route),
            "{route} is missing"
        );
    }
    let mut names = std::collections::BTreeSet::new();
    for Operation {
        name,
        path,
        method,
        value,
    } in &operations
    {
        let id = value["operationId"].as_str().unwrap();
        assert!(
            names.insert(id),
            "{name}: {id} is the name of another operation"
        );
        assert!(value["summary"].is_string(), "{name} has no summary");
        let responses = value["responses"].as_object().unwrap();
        let open = OPEN.contains(&name.as_str());
        let needs_nothing = value["security"] == serde_json::json!([{}]);
        assert_eq!(open, needs_nothing, "{name}: security");

        let good: Vec<_> = responses
            .iter()
            .filter(|(s, _)| s.starts_with('2'))
            .collect();
        assert_eq!(good.len(), 1, "{name} has one good answer");
        for (status, answer) in responses {
            assert!(
                answer["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name} {status} says nothing"
            );
            if status == "204" {
                assert!(answer["content"].is_null(), "{name}");
                continue;
            }
            let content = answer["content"].as_object();
            let content = content.unwrap_or_else(|| panic!("{name} {status} has no body"));
            for (kind, body) in content {
                assert!(typed(&body["schema"], &document), "{name} {status} {kind}");
                if status.starts_with('4') {
                    assert_eq!(body["schema"]["$ref"], "#/components/schemas/ProblemBody");
                }
            }
        }
        let has = |status: &str| responses.contains_key(status);
        assert!(open || (has("401") && has("403") && has("503")), "{name}");
        assert!(!path.contains('{') || (has("404") && has("422")), "{name}");
        let parameters = value["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &parameters {
            let kind =
                parameter["schema"]["type"].is_null() && parameter["schema"]["$ref"].is_null();
            let one_of = parameter["schema"]["oneOf"].is_null();
            assert!(!(kind && one_of), "{name}: {parameter}");
            if parameter["name"] == "limit" {
                let schema = &parameter["schema"];
                assert!(
                    schema["minimum"] == 1 && schema["maximum"].is_u64(),
                    "{name}"
                );
            }
        }
        let keyed = parameters
            .iter()
            .any(|one| one["name"] == "Idempotency-Key");
        assert_eq!(keyed, *method != "GET" && !open, "{name}: Idempotency-Key");
        if let Some(body) = value["requestBody"].as_object() {
            assert!(
                has("400") && has("413") && has("415") && has("422"),
                "{name}"
            );
            for (kind, content) in body["content"].as_object().unwrap() {
                assert!(
                    typed(&content["schema"], &document),
                    "{name} takes an untyped {kind}"
                );
            }
        }
    }
}

/// The answers have exactly the fields that the document names.
#[test]
fn answers_have_the_fields_of_their_schema() {
    let host = Host::start(&["--no-worker", "--demo"]);
    let token = host.login("admin@example.com", "demo-password")["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let document = host.get("", "/api/openapi.json").expect(200);
    let mut seen = 0;
    for Operation {
        name,
        path,
        method,
        value,
    } in operations(&document)
    {
        if method != "GET" || path.contains('{') || path == "/api/events" {
            continue;
        }
        let schema = &value["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let answer = host.get(&token, path).expect(200);
        same(schema, &answer, &document, &name);
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

fn same(schema: &Value, answer: &Value, document: &Value, at: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap();
        return same(target, answer, document, at);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        if let Some(one) = any
            .iter()
            .find(|one| one["type"] != "null" && !answer.is_null())
        {
            same(one, answer, document, at);
        }
        return;
    }
    if let (Some(fields), Some(map)) = (schema["properties"].as_object(), answer.as_object()) {
        let wanted: Vec<&String> = fields.keys().collect();
        let got: Vec<&String> = map.keys().collect();
        assert_eq!(wanted, got, "{at}");
        for (field, inner) in fields {
            same(inner, &answer[field], document, &format!("{at}.{field}"));
        }
        return;
    }
    if let Some(list) = answer.as_array() {
        for item in list {
            same(&schema["items"], item, document, &format!("{at}[]"));
        }
        return;
    }
    let allowed: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(any) => any.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let kind = match answer {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(allowed.contains(&kind), "{at}: {answer} is no {allowed:?}");
    if let Some(names) = schema["enum"].as_array() {
        assert!(names.contains(answer), "{at}: {answer}");
    }
}

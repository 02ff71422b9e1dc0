//! The API document: what the routes say of themselves, completed by what holds for all of them.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::error::ProblemBody;

/// Parts of the document that no route has.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Outreach engine",
        description = "Contacts, messages, approvals and campaigns.\n\nSign in with \
            `POST /api/auth/login` and send the access token as `Authorization: Bearer ...`. Every \
            error has one shape, `ProblemBody`."
    ),
    components(schemas(
        ProblemBody,
        crate::names::PatchModeName,
        crate::names::UsageGroupName
    )),
    security(("bearer" = []))
)]
struct Head;

pub(crate) fn head() -> Document {
    Head::openapi()
}

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Adds what holds for all routes: the security scheme, the errors that any of them may answer, and
/// `Idempotency-Key`.
pub(crate) fn complete(document: Document) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(components) = document
        .pointer_mut("/components")
        .and_then(Value::as_object_mut)
    {
        let bearer = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"});
        components.insert("securitySchemes".to_owned(), json!({"bearer": bearer}));
    }
    let paths = document
        .pointer_mut("/paths")
        .and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                describe(path, method, operation);
            }
        }
    }
    document
}

/// The errors an operation may answer, beyond those it names itself.
fn errors(
    path: &str,
    method: &str,
    operation: &Map<String, Value>,
) -> Vec<(&'static str, &'static str)> {
    let open = operation.get("security") == Some(&json!([{}]));
    let has_body = operation.contains_key("requestBody");
    let has_query = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| one.get("in") == Some(&json!("query"))));
    let has_id = path.contains('{');
    let mut errors = Vec::new();
    if path.starts_with("/api/") || path == "/metrics" {
        errors.push(("503", "The database does not answer; see Retry-After."));
    }
    if !open {
        errors.push((
            "401",
            "No token, or one that is not valid; see WWW-Authenticate.",
        ));
        errors.push(("403", "The caller's role may not do this."));
    }
    if has_id {
        errors.push(("404", "There is no such row in the caller's workspace."));
    }
    if has_body {
        errors.push(("400", "The body cannot be read."));
        errors.push(("413", "The body is too large."));
        errors.push(("415", "The body has another media type."));
    }
    if has_body || has_query || has_id {
        errors.push((
            "422",
            "A field or parameter is not valid; `errors` names each.",
        ));
    }
    if method != "get" && !open {
        errors.push((
            "409",
            "It was changed meanwhile, is there already, or the Idempotency-Key was used for another \
             request.",
        ));
    }
    errors
}

fn describe(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let problem =
        json!({"application/json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}});
    let errors = errors(path, method, operation);
    // Functions of different routes share names; client generators need one of its own for each.
    let tag = operation.get("tags").and_then(|tags| tags.get(0));
    let id = operation.get("operationId");
    if let (Some(Value::String(tag)), Some(Value::String(id))) = (tag, id) {
        let id = json!(format!("{tag}_{id}"));
        operation.insert("operationId".to_owned(), id);
    }
    let open = operation.get("security") == Some(&json!([{}]));
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (status, description) in errors {
        responses
            .entry(status)
            .or_insert_with(|| json!({"description": description}));
    }
    for (status, response) in responses.iter_mut() {
        let Some(response) = response.as_object_mut() else {
            continue;
        };
        if status.starts_with('4') || status.starts_with('5') {
            response.entry("content").or_insert_with(|| problem.clone());
        }
        let said = response.get("description").and_then(Value::as_str);
        if said.is_none_or(str::is_empty) {
            let said = match status.as_str() {
                "204" => "Done.",
                "404" => "There is no such row in the caller's workspace.",
                _ => "What was asked for.",
            };
            response.insert("description".to_owned(), json!(said));
        }
    }
    if method != "get" && !open {
        let key = json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key and body again acts once and returns the first answer; with \
                another body it is 409. Kept for a day.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        });
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(key);
        }
    }
}

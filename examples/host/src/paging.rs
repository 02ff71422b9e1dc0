//! `skip`, `limit` and `cursor`, and the shape of every list.

use crm_core::port::store::{Page, PageRequest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Problem;

pub(crate) fn request(
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 100"));
    }
    if cursor.is_some() && skip.is_some() {
        return Err(Problem::invalid("skip", "use either skip or cursor"));
    }
    Ok(PageRequest {
        limit,
        skip: skip.unwrap_or(0),
        after: cursor,
        count: true,
        ..PageRequest::default()
    })
}

pub(crate) fn list<T>(request: PageRequest, page: &Page<T>, items: Vec<Value>) -> Value {
    json!({
        "items": items,
        "total": page.total,
        "skip": request.skip,
        "limit": request.limit,
        "next_cursor": page.next,
    })
}

//! `skip`, `limit` and `cursor`, and the shape of every list.

use crm_core::port::store::{Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    items: Vec<T>,
    /// All that match, on all pages.
    total: u64,
    skip: u32,
    limit: u32,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

impl<T> List<T> {
    pub(crate) fn new(
        request: PageRequest,
        total: Option<u64>,
        next: Option<Uuid>,
        items: Vec<T>,
    ) -> Self {
        Self {
            items,
            total: total.unwrap_or(0),
            skip: request.skip,
            limit: request.limit,
            next_cursor: next,
        }
    }

    /// The page with each row as clients see it.
    pub(crate) fn of<R>(request: PageRequest, page: &Page<R>, view: impl FnMut(&R) -> T) -> Self {
        let items = page.items.iter().map(view).collect();
        Self::new(request, page.total, page.next, items)
    }
}

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

/// What to look for, if anything.
pub(crate) fn search(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > 200 {
        return Err(Problem::invalid("search", "use at most 200 characters"));
    }
    Ok(Some(text))
}

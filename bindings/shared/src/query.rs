//! What many operations take: an id alone, or which part of a list.

use serde::Deserialize;

/// One row, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Id<T> {
    pub(crate) id: T,
}

/// A query with the fields that say which part of a list. Spelt out by a macro, because serde can either
/// flatten a struct or refuse unknown fields.
macro_rules! query {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            $($field: Option<$type>,)*
            limit: Option<u32>,
            skip: Option<u32>,
            after: Option<uuid::Uuid>,
            oldest_first: Option<bool>,
            count: Option<bool>,
        }

        impl $name {
            fn page(&self) -> crm_core::Result<crm_core::port::store::PageRequest> {
                let limit = self.limit.unwrap_or(100);
                if !(1..=1_000).contains(&limit) {
                    return Err(crm_core::Error::field("limit", "use 1 to 1,000"));
                }
                Ok(crm_core::port::store::PageRequest {
                    limit,
                    skip: self.skip.unwrap_or(0),
                    after: self.after,
                    oldest_first: self.oldest_first.unwrap_or(false),
                    count: self.count.unwrap_or(false),
                })
            }
        }
    };
}
pub(crate) use query;

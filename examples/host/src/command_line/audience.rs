//! `crm audience`: how many contacts an expression finds, and some of them.

use crm_core::audience::Audience;
use crm_core::port::store::{ContactQuery, PageRequest};
use serde::Serialize;

use super::flags::AudienceFlags;
use super::output::{Done, Failure, Output, or_dash, short};
use super::place::Place;
use crate::views::ContactView;

/// What an audience holds.
#[derive(Serialize)]
struct Counted {
    /// As text.
    audience: String,
    count: u64,
    /// Some of them, newest first.
    items: Vec<ContactView>,
}

/// An audience as people write it, or as programs do.
pub(super) fn read(text: &str) -> Result<Audience, Failure> {
    if !text.trim_start().starts_with('{') {
        return Audience::from_text(text).map_err(|error| Failure::given(&error));
    }
    // What serde says of a value may repeat it.
    let read: Result<Audience, _> = serde_json::from_str(text);
    let audience = read.map_err(|error| {
        Failure::Usage(format!(
            "audience: this JSON is none, see line {}, column {}; docs/audiences.md has its form",
            error.line(),
            error.column()
        ))
    })?;
    audience.validate()?;
    Ok(audience)
}

/// Counts.
pub(super) async fn count(
    place: &Place,
    flags: AudienceFlags,
    output: Output,
) -> Result<Done, Failure> {
    let audience = read(&flags.expression)?;
    let engine = place.engine().await?;
    let session = place.session(&engine);
    let count = session.campaigns().audience_count(audience.clone()).await?;
    let found = match flags.sample {
        0 => Vec::new(),
        limit => {
            let query = ContactQuery {
                audience: Some(audience.clone()),
                page: PageRequest {
                    limit,
                    ..PageRequest::default()
                },
                ..ContactQuery::default()
            };
            session.contacts().list(query).await?.items
        }
    };
    if output.json {
        output.document(&Counted {
            audience: audience.to_text(),
            count,
            items: found.iter().map(ContactView::from).collect(),
        })?;
        return Ok(Done::Well);
    }
    output.line(&count.to_string())?;
    for contact in &found {
        let name = short(&contact.name, 40);
        let address = contact.email.as_deref().or(contact.phone.as_deref());
        let address = or_dash(address);
        output.line(&format!("  {}  {name:<40}  {address}", contact.id))?;
    }
    Ok(Done::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = read("segment = VIP").unwrap();
        assert_eq!(read(r#" {"segment": "VIP"}"#).unwrap(), text);
        for (wrong, hint) in [
            ("segmnt = VIP", "did you mean segment?"),
            (r#"{"segmnt": "Anna"}"#, "docs/audiences.md"),
            (r#"{"birthday_month": 13}"#, "12"),
        ] {
            let failure = read(wrong).unwrap_err();
            let said = failure.text().unwrap_or_default();
            assert!(said.contains(hint) && !said.contains("Anna"), "{said}");
            assert!(matches!(failure, Failure::Usage(_)));
        }
    }
}

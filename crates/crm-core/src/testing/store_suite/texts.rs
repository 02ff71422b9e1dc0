//! What goes in comes out the same: texts, instants, optional fields; erasure; search.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::Case;
use super::kit::{
    S, contact_of, everything, message_of, next_contact, next_message, put, told, ws,
};
use crate::change::Change;
use crate::consent::window::Inbound;
use crate::consent::{Consent, ConsentStatus, Topic};
use crate::contact::Birthday;
use crate::guardrail::{Finding, Part, Rule, Severity};
use crate::message::{Format, GeneratedBy, Message, Occasion, Provenance};
use crate::port::store::{ContactQuery, MessageQuery, SuppressionQuery};
use crate::testing::fixtures::{
    campaign, contact, message, noon, suppression, template, with_digest,
};
use crate::testing::suite::{Stop, Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        text_comes_back_byte_for_byte,
        a_full_contact_comes_back,
        a_full_message_comes_back,
        instants_keep_microseconds,
        revisions_are_kept,
        the_origin_of_a_message_never_changes,
        provenance_changes_only_with_a_new_text,
        erasure_removes_texts_and_addresses,
        an_erased_text_stays_erased,
        contact_search_ignores_case,
        message_search_in_text_and_subject,
    ]
}

fn texts() -> Vec<String> {
    vec![
        "Привет, Ёлка — «Ъ»".to_owned(),
        "Tugʻilgan kun, oʻrtoq; ўқувчи ғоз ҳам".to_owned(),
        "🎂 👩‍👩‍👧‍👦 🇺🇿 ☺️".to_owned(),
        "e\u{301} is not \u{e9}".to_owned(),
        "  \t\r\n\u{a0}\u{2028}\u{feff} x \u{b}\u{7f} \n\n ".to_owned(),
        "'; DROP TABLE messages; -- \" \\ % _ ?1 $1 :a".to_owned(),
        "ъ".repeat(10_000),
        String::new(),
    ]
}

/// One of each severity, with and without a span.
fn findings() -> Vec<Finding> {
    let finding = |rule, severity, span| Finding {
        rule,
        severity,
        part: Part::Content,
        span,
        message: "что-то «не так»".to_owned(),
    };
    vec![
        finding(Rule::Length, Severity::Blocking, None),
        finding(Rule::Name, Severity::Warning, Some(0..9_999)),
        finding(Rule::Duplicate, Severity::Notice, Some(3..4)),
    ]
}

fn written(number: u64, content: &str) -> Message {
    let mut row = message(number);
    content.clone_into(&mut row.revision.content);
    row.revision.subject = Some(content.to_owned());
    with_digest(row)
}

async fn text_comes_back_byte_for_byte(store: S) -> Verdict {
    for (number, text) in (1_u64..).zip(texts()) {
        let row = written(number, &text);
        let mut pattern = template(number);
        pattern.fields.content.clone_from(&text);
        put(&store, |s| {
            s.insert_contact(contact(number))
                .insert_message(row.clone())
                .push(Change::InsertTemplate(Box::new(pattern.clone())))
        })
        .await?;
        let found = message_of(&store, row.id).await?;
        ensure(
            found == Some(row),
            format!("text {number} of a message changed"),
        )?;
        let query = crate::port::store::TemplateQuery {
            ids: vec![pattern.id],
            ..Default::default()
        };
        let found = store.templates(&ws(), query).await.map_err(told)?;
        ensure(
            found.items == vec![pattern],
            format!("text {number} of a template changed"),
        )?;
    }
    Ok(())
}

async fn a_full_contact_comes_back(store: S) -> Verdict {
    let mut row = contact(1);
    let fields = &mut row.fields;
    fields.phone = Some("+998901234567".to_owned());
    fields.telegram_chat_id = Some("-100123".to_owned());
    fields.whatsapp = Some("+998901234568".to_owned());
    fields.birthday = Birthday::parse("--02-29");
    fields.company = Some("ООО «Ромашка»".to_owned());
    fields.position = Some("Директор".to_owned());
    fields.tags = ["gold".to_owned(), "ўзбек".to_owned()].into();
    fields.custom_fields = [
        ("n".to_owned(), json!(1.5)),
        ("b".to_owned(), json!(true)),
        ("s".to_owned(), json!("ё")),
    ]
    .into();
    fields.preferred_channels = vec!["telegram".to_owned(), "email".to_owned()];
    fields.consent = vec![Consent {
        channel: "*".to_owned(),
        topic: Topic::Marketing,
        status: ConsentStatus::OptedOut,
        evidence: Some("form-7".to_owned()),
        at: noon(),
    }];
    fields.last_interaction_date = Some(noon());
    put(&store, |s| s.insert_contact(row.clone())).await?;
    ensure(
        contact_of(&store, row.id).await? == Some(row),
        "a field of the contact changed",
    )
}

async fn a_full_message_comes_back(store: S) -> Verdict {
    let mut row = message(1);
    row.scheduled_for = Some(noon() + Duration::days(1));
    row.expires_at = Some(noon() + Duration::days(2));
    row.sender = "Ольга".to_owned();
    row.revision.format = Format::Html;
    row.generated_by = GeneratedBy::Ai;
    row.metadata = Provenance {
        model: Some("model-1".to_owned()),
        input_tokens: 1_200,
        output_tokens: 300,
        cost_picodollars: 9_007_199_254_740_993,
        tone: Some("тёплый".to_owned()),
        generated_at: Some(noon()),
        fallback_used: true,
        fallback_step: Some(crate::message::StandIn::OtherModel),
        prompt_version: Some("6c1f09a2.3".to_owned()),
        template_version: Some(7),
        context: Some("о складе".to_owned()),
        flagged: vec!["company".to_owned()],
        ..Provenance::default()
    };
    row.lease_owner = Some("worker-1".to_owned());
    row.lease_until = Some(noon());
    row.failure = Some("550_5.1.1".to_owned());
    row.provider_id = Some("<1@example.org>".to_owned());
    row.sent_at = Some(noon());
    row.test_mode = true;
    row.queued_at = Some(noon() + Duration::microseconds(1));
    row.epoch = 3;
    row.decided_epoch = 2;
    row.attempts = 2;
    row.findings = findings();
    let row = with_digest(row);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    ensure(
        message_of(&store, row.id).await? == Some(row),
        "a field of the message changed",
    )
}

async fn instants_keep_microseconds(store: S) -> Verdict {
    let instants = [
        0_i64,
        1,
        -1,
        999_999,
        253_402_300_799_999_999,
        -62_135_596_800_000_000,
    ];
    for (number, micros) in (1_u64..).zip(instants) {
        let at = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        let mut row = message(number);
        (row.not_before, row.sent_at, row.created_at) = (at, Some(at), at);
        put(&store, |s| {
            s.insert_contact(contact(number))
                .insert_message(row.clone())
        })
        .await?;
        let found = message_of(&store, row.id).await?;
        let instants = found.map(|m| (m.not_before, m.sent_at, m.created_at));
        same(instants, Some((at, Some(at), at)), "instants")?;
    }
    Ok(())
}

/// As it would be if a use case mixed up rows: everything that never changes is another.
fn of_another(row: &Message) -> Message {
    Message {
        contact_id: contact(2).id,
        campaign_id: None,
        occurrence: None,
        occasion: Occasion::Holiday,
        channel: "sms".to_owned(),
        test_mode: !row.test_mode,
        created_by: "somebody".to_owned(),
        created_at: noon() + Duration::days(1),
        ..next_message(row)
    }
}

async fn the_origin_of_a_message_never_changes(store: S) -> Verdict {
    let first = Message {
        campaign_id: Some(campaign(1).id),
        occurrence: Some("2026".to_owned()),
        ..message(1)
    };
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_contact(contact(2))
            .insert_campaign(campaign(1))
            .insert_message(first.clone())
    })
    .await?;
    // Without a new text and with one.
    let moved = of_another(&first);
    put(&store, |s| s.update_message(&first, moved.clone())).await?;
    let second = next_message(&first);
    same(
        message_of(&store, first.id).await?,
        Some(second.clone()),
        "moved",
    )?;
    let mut revised = of_another(&second);
    revised.revision.number += 1;
    put(&store, |s| s.update_message(&second, revised.clone())).await?;
    let mut third = next_message(&second);
    third.revision.number += 1;
    same(message_of(&store, first.id).await?, Some(third), "revised")
}

async fn provenance_changes_only_with_a_new_text(store: S) -> Verdict {
    let first = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(first.clone())
    })
    .await?;
    let mut changed = next_message(&first);
    changed.generated_by = match first.generated_by {
        GeneratedBy::Ai => GeneratedBy::Manual,
        GeneratedBy::Manual => GeneratedBy::Ai,
    };
    changed.metadata.tone = Some("rude".to_owned());
    changed.findings = findings();
    changed.recipient = "other@example.org".to_owned();
    changed.revision.content = "Another text under the same number.".to_owned();
    put(&store, |s| s.update_message(&first, changed.clone())).await?;
    let second = next_message(&first);
    same(
        message_of(&store, first.id).await?,
        Some(second.clone()),
        "moved",
    )?;
    let mut revised = Message {
        version: second.version + 1,
        ..changed
    };
    revised.revision.number += 1;
    put(&store, |s| s.update_message(&second, revised.clone())).await?;
    same(
        message_of(&store, first.id).await?,
        Some(revised),
        "revised",
    )
}

async fn revisions_are_kept(store: S) -> Verdict {
    let first = message(1);
    let mut second = next_message(&first);
    second.revision.number = 2;
    "другой текст".clone_into(&mut second.revision.content);
    let second = with_digest(second);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(first.clone())
    })
    .await?;
    put(&store, |s| s.update_message(&first, second.clone())).await?;
    same(
        message_of(&store, first.id).await?,
        Some(second.clone()),
        "message",
    )?;
    let trail = store.trail(&ws(), first.id).await.map_err(told)?;
    ensure(
        trail.revisions == vec![first.revision, second.revision],
        "the revisions are not both kept",
    )
}

fn wrote(address: &str) -> Inbound {
    Inbound {
        workspace: ws(),
        channel: "email".to_owned(),
        address: address.to_owned(),
        at: noon(),
    }
}

async fn erasure_removes_texts_and_addresses(store: S) -> Verdict {
    let (row, mut text, mut others) = (contact(1), message(1), message(2));
    for message in [&mut text, &mut others] {
        message.metadata.context = Some("her move to Namangan".to_owned());
    }
    let address = text.recipient.clone();
    let mut second = next_message(&text);
    second.revision.number = 2;
    second.findings = findings();
    let second = with_digest(second);
    put(&store, |s| {
        s.insert_contact(row.clone())
            .insert_contact(contact(2))
            .insert_message(text.clone())
            .insert_message(others.clone())
            .push(Change::InsertSuppression(suppression(&address)))
            .push(Change::InsertSuppression(suppression(&others.recipient)))
            .push(Change::RecordInbound(wrote(&address)))
            .push(Change::RecordInbound(wrote(&others.recipient)))
    })
    .await?;
    put(&store, |s| s.update_message(&text, second.clone())).await?;
    put(&store, |s| s.push(Change::EraseTexts(row.id))).await?;
    let found = message_of(&store, text.id)
        .await?
        .ok_or("the message is gone")?;
    ensure(found.recipient.is_empty(), "the address is still there")?;
    same(found.metadata.context, None, "what it was to be about")?;
    same(found.findings.len(), 0, "findings")?;
    let risky = MessageQuery {
        severity: Some(Severity::Notice),
        ..MessageQuery::default()
    };
    let risky = store.messages(&ws(), risky).await.map_err(told)?;
    same(risky.items.len(), 0, "what is risky without a text")?;
    same(found.digest, second.digest, "digest")?;
    same(found.status, second.status, "status")?;
    let trail = store.trail(&ws(), text.id).await.map_err(told)?;
    same(trail.revisions.len(), 2, "revisions")?;
    let clean = trail
        .revisions
        .iter()
        .chain([&found.revision])
        .all(|revision| {
            revision.content.is_empty()
                && revision.salt == [0; 16]
                && revision.subject.as_ref().is_none_or(String::is_empty)
        });
    ensure(clean, "a text, subject or salt is still there")?;
    ensure(
        message_of(&store, others.id).await? == Some(others.clone()),
        "another person's message changed",
    )?;
    for (address, left) in [(address, 0), (others.recipient, 1)] {
        let asked = [address.clone()];
        let found = store.inbound(&ws(), "email", &asked).await.map_err(told)?;
        same(found.len(), left, "words from an address")?;
        // Nothing is sent there, erased or not: that is for another change to replace.
        let query = SuppressionQuery {
            addresses: vec![address],
            ..SuppressionQuery::default()
        };
        let found = store.suppressions(&ws(), query).await.map_err(told)?;
        same(found.items.len(), 1, "suppressions of an address")?;
    }
    Ok(())
}

async fn an_erased_text_stays_erased(store: S) -> Verdict {
    let text = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(text.clone())
    })
    .await?;
    put(&store, |s| s.push(Change::EraseTexts(contact(1).id))).await?;
    put(&store, |s| s.update_message(&text, next_message(&text))).await?;
    let found = message_of(&store, text.id)
        .await?
        .ok_or("the message is gone")?;
    ensure(found.revision.content.is_empty(), "the text came back")?;
    let erased = crate::contact::Contact {
        erased: true,
        fields: crate::contact::ContactFields::default(),
        ..next_contact(&contact(1))
    };
    put(&store, |s| s.update_contact(&contact(1), erased.clone())).await?;
    let listed = ContactQuery {
        page: everything(),
        ..ContactQuery::default()
    };
    let page = store.contacts(&ws(), listed).await.map_err(told)?;
    same(
        (page.items.len(), page.total),
        (0, Some(0)),
        "erased contacts in the list",
    )?;
    ensure(
        contact_of(&store, erased.id).await? == Some(erased),
        "not found by id",
    )
}

async fn found_by(store: &S, part: &str) -> Result<u64, Stop> {
    let query = ContactQuery {
        search: Some(part.to_owned()),
        page: everything(),
        ..ContactQuery::default()
    };
    let page = store.contacts(&ws(), query).await.map_err(told)?;
    same(
        page.total,
        Some(page.items.len() as u64),
        "total of a search",
    )?;
    Ok(page.items.len() as u64)
}

async fn contact_search_ignores_case(store: S) -> Verdict {
    let mut row = contact(1);
    "Ўктам Ёлкин".clone_into(&mut row.fields.name);
    row.fields.company = Some("ООО Ромашка".to_owned());
    row.fields.email = Some("uktam@example.org".to_owned());
    put(&store, |s| s.insert_contact(row).insert_contact(contact(2))).await?;
    for part in [
        "ёлкин",
        "ЁЛКИН",
        "ўКТАМ ё",
        "ромашка",
        "РОМАШК",
        "UKTAM@",
        "tam@ex",
    ] {
        same(found_by(&store, part).await?, 1, part)?;
    }
    same(
        found_by(&store, "crm-1").await?,
        0,
        "a field that is not searched",
    )?;
    same(found_by(&store, "example.org").await?, 2, "both")
}

async fn message_search_in_text_and_subject(store: S) -> Verdict {
    let mut row = written(1, "Дорогая Анна, 50% скидка");
    row.revision.subject = Some("Ёжик".to_owned());
    let row = with_digest(row);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_contact(contact(2))
            .insert_message(row)
            .insert_message(message(2))
    })
    .await?;
    for (part, wanted) in [
        ("дорогая АННА", 1),
        ("ёЖ", 1),
        ("0% с", 1),
        ("0_ с", 0),
        ("%", 1),
    ] {
        let query = MessageQuery {
            search: Some(part.to_owned()),
            ..MessageQuery::default()
        };
        let page = store.messages(&ws(), query).await.map_err(told)?;
        same(page.items.len(), wanted, part)?;
    }
    Ok(())
}

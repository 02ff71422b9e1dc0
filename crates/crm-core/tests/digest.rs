//! The digest covers everything a delivery would send, field by field.

use crm_core::message::digest::digest;
use crm_core::message::{Format, Message};
use crm_core::testing::fixtures;

/// One field and how to change it.
type Change = (&'static str, fn(&mut Message));

#[test]
fn every_covered_field_changes_the_digest() {
    let message = fixtures::message(1);
    let changes: [Change; 12] = [
        ("workspace", |m| {
            m.workspace = crm_core::Workspace::new("other").unwrap()
        }),
        ("id", |m| m.id = fixtures::message(2).id),
        ("revision", |m| m.revision.number += 1),
        ("salt", |m| m.revision.salt = [9; 16]),
        ("contact", |m| m.contact_id = fixtures::contact(77).id),
        ("channel", |m| m.channel.push('x')),
        ("recipient", |m| m.recipient.push('x')),
        ("sender", |m| m.sender.push('x')),
        ("subject", |m| {
            m.revision.subject = Some("another".to_owned())
        }),
        ("content", |m| m.revision.content.push(' ')),
        ("format", |m| m.revision.format = Format::Html),
        ("times", |m| {
            m.expires_at = Some(m.created_at + chrono::Duration::days(9))
        }),
    ];
    for (field, change) in changes {
        let mut changed = message.clone();
        change(&mut changed);
        assert_ne!(digest(&changed), digest(&message), "{field}");
    }
    let mut scheduled = message.clone();
    scheduled.scheduled_for = Some(message.created_at);
    assert_ne!(digest(&scheduled), digest(&message), "scheduled_for");
}

#[test]
fn delays_and_leases_leave_the_digest_alone() {
    let message = fixtures::message(1);
    let mut later = message.clone();
    later.not_before += chrono::Duration::hours(1);
    later.epoch += 1;
    later.version += 1;
    later.attempts += 1;
    assert_eq!(digest(&later), digest(&message));
}

#[test]
fn text_cannot_move_between_fields() {
    let mut one = fixtures::message(1);
    let mut two = one.clone();
    (one.channel, one.recipient) = ("ab".to_owned(), "c".to_owned());
    (two.channel, two.recipient) = ("a".to_owned(), "bc".to_owned());
    assert_ne!(digest(&one), digest(&two));
}

//! `docs/lifecycle.md` is written from the table and never drifts from it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crm_core::message::Status;
use crm_core::message::lifecycle::{Event, TRANSITIONS, Who};

const fn who(who: Who) -> &'static str {
    match who {
        Who::People => "manager, admin",
        Who::Admins => "admin",
        Who::Worker => "worker",
        Who::Both => "manager, admin, worker",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Draft => "being written; nobody was asked yet",
        Status::PendingApproval => "waits for a person's decision",
        Status::Approved => "leaves when it is due",
        Status::Claimed => "a worker holds it under a lease; nothing has left",
        Status::Sending => "an attempt is recorded; the provider may or may not have it",
        Status::Sent => "the provider took it",
        Status::Delivered => "a receipt says it arrived",
        Status::Failed => "refused for good, bounced, out of attempts, or given up",
        Status::Uncertain => {
            "nobody knows whether the provider took it; frozen until that is settled"
        }
        Status::Rejected => "a person declined it",
        Status::Cancelled => "called off",
        Status::Expired => "its deadline passed, or it was due for too long, before it could leave",
    }
}

const fn event(event: Event) -> &'static str {
    match event {
        Event::Submit => "ask for a decision",
        Event::Edit => "new text: a new revision, an approval is void",
        Event::Reschedule => "new time: a new revision, an approval is void",
        Event::Invalidate => "address, consent or sender changed: an approval is void",
        Event::Approve => "a person agrees to exactly this text, address, channel, sender and time",
        Event::Reject => "a person declines",
        Event::Claim => "a worker takes it; the epoch grows by one",
        Event::Begin => "the last checks hold and the attempt is recorded",
        Event::Postpone => "a last check says: later",
        Event::Release => "given back, or the lease ran out before an attempt",
        Event::Accept => "the provider took it",
        Event::Refuse => "the provider refused for good, or the attempts are used up",
        Event::Defer => "the provider refused for now, or it provably did not leave",
        Event::Doubt => "no certain answer, or the lease ran out with an attempt open",
        Event::Repeat => {
            "sent again under the same key, by which the provider removes duplicates; the epoch grows by one"
        }
        Event::Suspect => "the store went back to an older state: it may have been sent since",
        Event::ConfirmSent => "a receipt, a look-up or a late answer proves that it was sent",
        Event::ConfirmFailed => "a receipt, a look-up or a late answer proves that it was not",
        Event::ResolveSent => "a person says: it was sent",
        Event::ResolveResend => "a person says: send again, a duplicate is acceptable",
        Event::ResolveFailed => "a person gives up on it",
        Event::Deliver => "a receipt: it arrived",
        Event::Bounce => "a receipt: it came back",
        Event::Retry => "a person asks for another round of the same text",
        Event::Cancel => "called off by a person, a campaign, a suppression or an erasure",
        Event::Expire => "the deadline passed, or it was due for too long",
    }
}

fn page() -> String {
    let mut page = String::from(
        "# The life of a message\n\n\
         Written from the table in `crates/crm-core/src/message/lifecycle.rs` by\n\
         `UPDATE_DOCS=1 cargo test -p crm-core --test lifecycle_page`; the same test fails when the two differ.\n\
         What is not in the table is refused.\n\n```mermaid\nstateDiagram-v2\n    [*] --> draft\n    [*] --> pending_approval\n",
    );
    // One arrow for all events between the same two: the picture stays readable.
    let mut arrows: BTreeMap<(Status, Status), Vec<&str>> = BTreeMap::new();
    for row in TRANSITIONS.iter().filter(|row| row.from != row.to) {
        let events = arrows.entry((row.from, row.to)).or_default();
        events.push(row.event.as_str());
    }
    for ((from, to), events) in arrows {
        let (from, to) = (from.as_str(), to.as_str());
        writeln!(page, "    {from} --> {to}: {}", events.join(", ")).unwrap();
    }
    page.push_str("```\n\n## Statuses\n\n| status | meaning |\n|---|---|\n");
    for each in Status::ALL {
        writeln!(page, "| `{}` | {} |", each.as_str(), status(each)).unwrap();
    }
    page.push_str("\n## Events\n\n| event | meaning | in the history |\n|---|---|---|\n");
    for each in Event::ALL {
        let (name, past) = (each.as_str(), each.past());
        writeln!(page, "| `{name}` | {} | `{past}` |", event(each)).unwrap();
    }
    page.push_str("\n## Transitions\n\n| from | event | who | to |\n|---|---|---|---|\n");
    for row in TRANSITIONS {
        let (from, name, to) = (row.from.as_str(), row.event.as_str(), row.to.as_str());
        writeln!(page, "| `{from}` | `{name}` | {} | `{to}` |", who(row.who)).unwrap();
    }
    page
}

#[test]
fn the_page_says_what_the_table_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycle.md");
    let wanted = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/lifecycle.md is not what the table says; run \
         UPDATE_DOCS=1 cargo test -p crm-core --test lifecycle_page"
    );
}

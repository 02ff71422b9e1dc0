//! Invented people and messages, written through the store in large commits.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use crm_core::change::ChangeSet;
use crm_core::contact::Contact;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::decide::{self, NewMessage, Seen, Text};
use crm_core::message::{Format, GeneratedBy, Occasion, Provenance};
use crm_core::port::store::{ContactQuery, Page, PageRequest};
use crm_core::stamp::Stamp;
use uuid::Uuid;

use crate::Outcome;
use crate::world::World;

const ZONES: [&str; 4] = [
    "Asia/Tashkent",
    "Europe/Moscow",
    "Europe/London",
    "America/New_York",
];
const SEGMENTS: [&str; 4] = ["regular", "VIP", "partner", "new"];

/// A CSV of `count` people from number `first` on.
#[must_use]
pub fn people(first: usize, count: usize) -> String {
    let mut file = String::from("external_id,name,email,segment,language,time_zone,company\n");
    for number in first..first + count {
        let zone = ZONES.get(number % 4).copied().unwrap_or_default();
        let segment = SEGMENTS.get(number / 4 % 4).copied().unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "c{number},Алишер {number:07},person{number}@example.uz,{segment},ru,{zone},Компания {}",
            number % 1_000
        );
    }
    file
}

/// Imports `count` people.
///
/// # Errors
/// When one of them was not taken.
pub async fn contacts(world: &World, count: usize) -> Outcome<()> {
    let mut done = 0;
    while done < count {
        let next = (count - done).min(20_000);
        let file = people(done, next);
        let report = world
            .session()
            .contacts()
            .import_file(file.as_bytes(), &crm_core::import::Options::default())
            .await?;
        if usize::try_from(report.created)? != next {
            return Err("not everyone was imported".into());
        }
        done += next;
    }
    Ok(())
}

/// Ids and addresses of `count` contacts, oldest first.
///
/// # Errors
/// As the store.
pub async fn recipients(world: &World, count: usize) -> Outcome<Vec<Contact>> {
    let mut all = Vec::with_capacity(count);
    let mut after = None;
    while all.len() < count {
        let page = page(world, after).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    all.truncate(count);
    Ok(all)
}

async fn page(world: &World, after: Option<Uuid>) -> Outcome<Page<Contact>> {
    let query = ContactQuery {
        page: PageRequest {
            limit: 1_000,
            after,
            oldest_first: true,
            ..PageRequest::default()
        },
        ..ContactQuery::default()
    };
    Ok(world.session().contacts().list(query).await?)
}

/// Writes a message to each of `count` contacts, a page at a time, so that little memory is left taken;
/// returns their ids.
///
/// # Errors
/// As the store.
pub async fn one_each(world: &World, count: usize, kind: Kind) -> Outcome<Vec<MessageId>> {
    let mut ids = Vec::with_capacity(count);
    let mut after = None;
    while ids.len() < count {
        let page = page(world, after).await?;
        let next = page.items.len().min(count - ids.len());
        ids.extend(messages(world, &page.items, next, |_| kind).await?);
        after = page.next;
        if after.is_none() && ids.len() < count {
            return Err("messages need contacts".into());
        }
    }
    Ok(ids)
}

/// What kind of messages to write; `number` counts from 0.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Occasion.
    pub occasion: Occasion,
    /// Who wrote it.
    pub generated_by: GeneratedBy,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// Whether it waits for a decision.
    pub submitted: bool,
    /// Whether it is approved at once.
    pub approved: bool,
    /// Octets that its text has at least.
    pub octets: usize,
}

/// Waits for a decision.
pub const WAITING: Kind = Kind {
    occasion: Occasion::NewYear,
    generated_by: GeneratedBy::Manual,
    campaign: None,
    submitted: true,
    approved: false,
    octets: 0,
};

/// Writes `count` messages to `contacts` in turn; returns their ids, oldest first.
///
/// # Errors
/// As the store.
pub async fn messages(
    world: &World,
    contacts: &[Contact],
    count: usize,
    kind: impl Fn(usize) -> Kind,
) -> Outcome<Vec<MessageId>> {
    let actor = World::actor();
    let mut ids = Vec::with_capacity(count);
    let (mut sets, mut approvals) = (Vec::new(), Vec::new());
    let mut turn = contacts.iter().cycle();
    for number in 0..count {
        let Some(contact) = turn.next() else {
            return Err("messages need contacts".into());
        };
        let stamp = Stamp {
            actor: &actor,
            at: world.engine.now(),
            ids: world.ids.as_ref(),
        };
        let kind = kind(number);
        let (message, set) = decide::create(message(contact.id, contact, kind, stamp.at), &stamp)?;
        sets.push(set);
        if kind.approved {
            let seen = Seen::of(&message);
            let undo = chrono::Duration::zero();
            approvals.push(decide::approve(&message, seen, false, undo, &stamp)?.1);
        }
        ids.push(message.id);
        // One after the other: sets that write the same row are not written together.
        if sets.len() >= 2_000 {
            commit(world, std::mem::take(&mut sets)).await?;
            commit(world, std::mem::take(&mut approvals)).await?;
        }
    }
    commit(world, sets).await?;
    commit(world, approvals).await?;
    while world.store.seal(&actor.workspace, 1_000).await? > 0 {}
    Ok(ids)
}

fn message(to: ContactId, contact: &Contact, kind: Kind, at: DateTime<Utc>) -> NewMessage {
    let mut content = format!(
        "Уважаемый {}! Поздравляем вас с Новым годом и желаем здоровья, радости и успехов \
         во всех начинаниях. Спасибо, что вы с нами. С уважением, команда.",
        contact.fields.name
    );
    for letter in " Спасибо, что вы с нами.".chars().cycle() {
        if content.len() >= kind.octets {
            break;
        }
        content.push(letter);
    }
    NewMessage {
        contact_id: to,
        // Each in an occurrence of its own, so that one person can have several.
        campaign: kind
            .campaign
            .map(|id| (id, at.timestamp_micros().to_string())),
        occasion: kind.occasion,
        channel: "email".to_owned(),
        recipient: contact.fields.email.clone().unwrap_or_default(),
        text: Text {
            subject: Some("С Новым годом!".to_owned()),
            content,
            format: Format::Text,
        },
        generated_by: kind.generated_by,
        metadata: Provenance {
            tone: Some("professional_friendly".to_owned()),
            language: Some("ru".to_owned()),
            generated_at: Some(at),
            ..Provenance::default()
        },
        findings: Vec::new(),
        scheduled_for: None,
        expires_at: None,
        test_mode: false,
        submitted: kind.submitted,
    }
}

async fn commit(world: &World, sets: Vec<ChangeSet>) -> Outcome<()> {
    for result in world.store.commit(sets).await? {
        result?;
    }
    Ok(())
}

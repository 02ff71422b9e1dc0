//! Audiences that ask for what was planned and sent select in the store exactly whom they match in memory.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use super::Case;
use super::audience_samples::{Draw, nested};
use super::kit::{S, everything, other_ws, put, told};
use super::lists::ids;
use crate::audience::Audience;
use crate::audience::messages::{Facts, MessageCondition, MessageFact, MessageState};
use crate::change::{Change, ChangeSet};
use crate::consent::window::Inbound;
use crate::contact::Contact;
use crate::id::{CampaignId, MessageId};
use crate::message::{Message, Status};
use crate::port::store::{ContactQuery, PageRequest};
use crate::testing::fixtures::{campaign, contact, message, plan_row, with_digest};
use crate::testing::ids::nth;
use crate::testing::suite::{Stop, Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        audiences_ask_for_messages_and_plans,
        messages_of_others_do_not_count,
    ]
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 10).unwrap_or_default()
}

/// The first instant of the day so many days ago, and so many microseconds later.
fn ago(days: i64, micros: i64) -> DateTime<Utc> {
    let midnight = today().and_time(NaiveTime::MIN).and_utc();
    midnight - Duration::days(days) + Duration::microseconds(micros)
}

/// People with what was planned for them and sent to them.
async fn settled(store: &S) -> Result<Vec<(Contact, Facts)>, Stop> {
    let mut draw = Draw::new(0x0BAD_5EED_0BAD_5EED);
    let campaigns = [campaign(900), campaign(901), campaign(902)];
    put(store, |s| {
        campaigns
            .iter()
            .fold(s, |s, row| s.insert_campaign(row.clone()))
    })
    .await?;
    let mut people = Vec::new();
    for number in 1..=40 {
        let person = contact(number);
        let mut facts = Facts::on(today());
        put(store, |s| s.insert_contact(person.clone())).await?;
        for row in &campaigns {
            if draw.one_in(2) {
                let mut line = plan_row(row, number);
                line.excluded = draw.one_in(3).then(|| "no_consent".to_owned());
                if line.excluded.is_none() {
                    facts.campaigns.push(row.id);
                }
                put(store, |s| s.push(Change::InsertPlanRow(line))).await?;
            }
        }
        let wrote = draw.one_in(2).then(|| some_time(&mut draw));
        if let Some(at) = wrote {
            put(store, |s| inbound(s, &person, at)).await?;
        }
        for count in 0..draw.below(4) {
            let row = letter(&person, number, count, &mut draw);
            let heard = wrote.filter(|_| row.channel == "email");
            facts.messages.push(MessageFact::of(&row, heard));
            put(store, |s| s.insert_message(row)).await?;
        }
        people.push((person, facts));
    }
    Ok(people)
}

/// They wrote by e-mail, and others on other channels and from other addresses.
fn inbound<'a>(set: &'a mut ChangeSet, person: &Contact, at: DateTime<Utc>) -> &'a mut ChangeSet {
    let address = person.email.clone().unwrap_or_default();
    let elsewhere = format!("not-{address}");
    for (channel, address) in [("email", address), ("email", elsewhere)] {
        set.push(Change::RecordInbound(Inbound {
            workspace: person.workspace.clone(),
            channel: channel.to_owned(),
            address,
            at,
        }));
    }
    set
}

/// The beginning of a day, and a little before and after it.
fn some_time(draw: &mut Draw) -> DateTime<Utc> {
    let days = draw.of(&[0, 1, 30, 31, 400]).unwrap_or_default();
    ago(days, draw.of(&[-1, 0, 1]).unwrap_or_default())
}

fn letter(person: &Contact, number: u64, count: usize, draw: &mut Draw) -> Message {
    let count = u64::try_from(count).unwrap_or_default();
    let mut row = message(number);
    row.id = MessageId(nth(10_000 + number * 10 + count));
    row.revision.message_id = row.id;
    row.contact_id = person.id;
    row.status = draw
        .of(&[
            Status::Sent,
            Status::Delivered,
            Status::Failed,
            Status::Draft,
            Status::Cancelled,
        ])
        .unwrap_or(Status::Draft);
    if draw.one_in(2) {
        row.campaign_id = draw.of(&[900, 901, 902]).map(|id| CampaignId(nth(id)));
        row.occurrence = row.campaign_id.map(|_| format!("run {count}"));
    }
    if draw.one_in(4) {
        // The same address, where nobody wrote.
        "webhook".clone_into(&mut row.channel);
    }
    if matches!(row.status, Status::Sent | Status::Delivered) || draw.one_in(3) {
        row.sent_at = Some(some_time(draw));
    }
    row.updated_at = some_time(draw);
    row.deleted = draw.one_in(5);
    with_digest(row)
}

fn conditions() -> Vec<Audience> {
    let mut all = vec![Audience::everybody(), Audience::nobody()];
    let campaigns = [900, 901, 902, 903].map(|number| CampaignId(nth(number)));
    all.extend(campaigns.map(Audience::InCampaign));
    for state in MessageState::ALL {
        for campaign in campaigns.map(Some).into_iter().chain([None]) {
            for within_days in [None, Some(0), Some(1), Some(30), Some(36_500)] {
                all.push(Audience::Message(MessageCondition {
                    state,
                    campaign,
                    within_days,
                }));
            }
        }
    }
    all
}

async fn audiences_ask_for_messages_and_plans(store: S) -> Verdict {
    let people = settled(&store).await?;
    let mut list = conditions();
    let mut draw = Draw::new(0x5EED_5EED_5EED_5EED);
    for _ in 0..100 {
        list.push(nested(&conditions(), &mut draw, 4));
    }
    for audience in list {
        let wanted: Vec<Uuid> = people
            .iter()
            .filter(|(person, facts)| audience.matches_with(person, facts))
            .map(|(person, _)| person.id.0)
            .collect();
        let found = ids(&store, asks(audience.clone())).await?;
        same(found, wanted, &format!("{audience:?}"))?;
    }
    Ok(())
}

fn asks(audience: Audience) -> ContactQuery {
    ContactQuery {
        audience: Some(audience),
        today: Some(today()),
        page: PageRequest {
            oldest_first: true,
            ..everything()
        },
        ..ContactQuery::default()
    }
}

async fn messages_of_others_do_not_count(store: S) -> Verdict {
    let other = other_ws()?;
    let mut row = Message {
        status: Status::Sent,
        sent_at: Some(ago(0, 0)),
        ..message(1)
    };
    row.workspace = other.clone();
    let mut person = contact(1);
    person.workspace = other.clone();
    let mut run = campaign(900);
    run.workspace = other.clone();
    let line = plan_row(&run, 1);
    let mut set = ChangeSet::new(other);
    set.insert_contact(person)
        .insert_campaign(run)
        .insert_message(with_digest(row))
        .push(Change::InsertPlanRow(line));
    for result in store.commit(vec![set]).await.map_err(told)? {
        result.map_err(told)?;
    }
    put(&store, |s| s.insert_contact(contact(1))).await?;
    let sent = Audience::Message(MessageCondition {
        state: MessageState::Sent,
        campaign: None,
        within_days: None,
    });
    same(ids(&store, asks(sent)).await?, Vec::new(), "sent")?;
    let planned = Audience::InCampaign(CampaignId(nth(900)));
    same(ids(&store, asks(planned)).await?, Vec::new(), "planned")
}

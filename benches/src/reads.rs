//! T7 and T8: figures and lists over many messages, each against one primary-key read.
//!
//! The peer is a prepared `SELECT` of one message with its text by primary key on an open connection,
//! called directly: no thread is changed and nothing is decoded. Our calls go through the engine.

use std::time::Instant;

use crm_core::engine::Session;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{GeneratedBy, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest};

use crate::fill::Filled;
use crate::measure::{Better, Figure, Names, each};
use crate::raw::Raw;
use crate::site::Site;
use crate::{Outcome, proof};

/// Calls in one run of one case.
const CALLS: usize = 100;

/// The database.
pub const NAME: &str = "reads";

/// Measures the wanted of T7 and T8, `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(
    site: &Site,
    filled: &Filled,
    count: usize,
    runs: usize,
    [t7, t8]: [bool; 2],
) -> Outcome<Vec<Figure>> {
    let Filled {
        world,
        ids,
        campaigns,
        contacts,
    } = filled;
    let session = world.session();
    let mut raw = site.raw(NAME).await?;
    let mut figures = Vec::new();
    if t7 {
        for call in Call::ALL {
            let mut pairs = Vec::with_capacity(runs);
            for _ in 0..runs {
                let start = Instant::now();
                for _ in 0..CALLS {
                    call.run(&session, ids).await?;
                }
                let ours = each(CALLS, start.elapsed());
                pairs.push((ours, key_reads(&mut raw, ids).await?));
            }
            figures.push(figure("T7", call.name().to_owned(), count, pairs, 5.0));
        }
    }
    if t8 {
        let contact = contacts.first().copied();
        for (name, query) in filters(campaigns.first().copied(), contact) {
            for (depth, after) in depths(ids) {
                let mut query = query.clone();
                query.page = PageRequest {
                    limit: 20,
                    after,
                    ..PageRequest::default()
                };
                let mut pairs = Vec::with_capacity(runs);
                for _ in 0..runs {
                    let start = Instant::now();
                    for _ in 0..CALLS {
                        session.messages().list(query.clone()).await?;
                    }
                    let ours = each(CALLS, start.elapsed());
                    pairs.push((ours, key_reads(&mut raw, ids).await?));
                }
                let work = format!("list by {name}, {depth}");
                figures.push(figure("T8", work, count, pairs, 10.0));
            }
        }
    }
    if count <= 10_000 {
        proof::sound(&session, count).await?;
    }
    raw.close().await?;
    Ok(figures)
}

fn figure(
    id: &'static str,
    work: String,
    count: usize,
    pairs: Vec<(f64, f64)>,
    goal: f64,
) -> Figure {
    let names = Names {
        id,
        work,
        peer_work: "raw primary-key read".to_owned(),
        better: Better::Less,
    };
    Figure::new(names, count, pairs, goal)
}

fn filters(
    campaign: Option<CampaignId>,
    contact: Option<ContactId>,
) -> Vec<(&'static str, MessageQuery)> {
    let all = MessageQuery::default;
    let status = |status| MessageQuery {
        statuses: vec![status],
        ..all()
    };
    vec![
        ("nothing", all()),
        ("status", status(Status::PendingApproval)),
        ("a status nothing has", status(Status::Rejected)),
        (
            "two statuses",
            MessageQuery {
                statuses: vec![Status::Approved, Status::Draft],
                ..all()
            },
        ),
        (
            "occasion",
            MessageQuery {
                occasion: Some(Occasion::Holiday),
                ..all()
            },
        ),
        (
            "an occasion nothing has",
            MessageQuery {
                occasion: Some(Occasion::Custom),
                ..all()
            },
        ),
        (
            "author",
            MessageQuery {
                generated_by: Some(GeneratedBy::Ai),
                ..all()
            },
        ),
        (
            "contact",
            MessageQuery {
                contact_id: contact,
                ..all()
            },
        ),
        (
            "campaign",
            MessageQuery {
                campaign_id: campaign,
                ..all()
            },
        ),
        (
            "campaign and status",
            MessageQuery {
                campaign_id: campaign,
                ..status(Status::PendingApproval)
            },
        ),
        (
            "status and occasion, both common, together none",
            MessageQuery {
                occasion: Some(Occasion::Birthday),
                ..status(Status::Approved)
            },
        ),
    ]
}

/// Newest first: the first page, one in the middle, one at the end.
fn depths(ids: &[MessageId]) -> Vec<(&'static str, Option<uuid::Uuid>)> {
    let at = |index: usize| ids.get(index).map(|id| id.0);
    vec![
        ("first page", None),
        ("middle", at(ids.len() / 2)),
        ("last page", at(20)),
    ]
}

/// The time of one read by primary key, in microseconds.
async fn key_reads(raw: &mut Raw, ids: &[MessageId]) -> Outcome<f64> {
    // Prime to every size, so that the reads spread over the table.
    let mut index = 0;
    let start = Instant::now();
    for _ in 0..CALLS {
        index = (index + 7_919) % ids.len().max(1);
        let Some(id) = ids.get(index) else { continue };
        if raw.read(*id).await? == 0 {
            return Err("a message without text was read".into());
        }
    }
    Ok(each(CALLS, start.elapsed()))
}

/// The calls behind a dashboard.
#[derive(Debug, Clone, Copy)]
enum Call {
    /// What the way through the engine costs by itself: two threads change hands, a row is decoded.
    One,
    Dashboard,
    ByStatus,
    ByOccasion,
    BySegment,
    AiUsage,
    Timeline,
    Performance,
}

impl Call {
    const ALL: [Self; 8] = [
        Self::One,
        Self::Dashboard,
        Self::ByStatus,
        Self::ByOccasion,
        Self::BySegment,
        Self::AiUsage,
        Self::Timeline,
        Self::Performance,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::One => "one message by id, for comparison",
            Self::Dashboard => "dashboard",
            Self::ByStatus => "messages by status",
            Self::ByOccasion => "messages by occasion",
            Self::BySegment => "contacts by segment",
            Self::AiUsage => "AI usage",
            Self::Timeline => "messages of 30 days",
            Self::Performance => "figures of 20 campaigns",
        }
    }

    async fn run(self, session: &Session, ids: &[MessageId]) -> Outcome<()> {
        let analytics = session.analytics();
        match self {
            Self::One => {
                if let Some(id) = ids.get(ids.len() / 3) {
                    session.messages().get(*id).await?;
                }
            }
            Self::Dashboard => {
                analytics.dashboard().await?;
            }
            Self::ByStatus => {
                analytics.messages_by_status().await?;
            }
            Self::ByOccasion => {
                analytics.messages_by_occasion().await?;
            }
            Self::BySegment => {
                analytics.contacts_by_segment().await?;
            }
            Self::AiUsage => {
                analytics.ai_usage().await?;
            }
            Self::Timeline => {
                analytics.messages_timeline(30, None).await?;
            }
            Self::Performance => {
                let page = PageRequest {
                    limit: 20,
                    ..PageRequest::default()
                };
                analytics.campaign_performance(page).await?;
            }
        }
        Ok(())
    }
}

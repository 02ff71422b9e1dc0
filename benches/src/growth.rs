//! T17: what one piece of work costs beside many rows against beside 100,000, in one run: two databases
//! of one server, the same work in each in turn. The "peer" is the smaller one.

use std::time::{Duration, Instant};

use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::engine::BulkAction;
use crm_core::id::MessageId;
use crm_core::message::{Format, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest};
use crm_core::template::TemplateFields;
use tokio::sync::watch;

use crate::fill::Filled;
use crate::measure::{Better, Figure, Names, each};
use crate::world::World;
use crate::{Outcome, multiply, seed};

/// Messages or rows in one run of one case.
const ITEMS: usize = 10_000;

/// Lists and figures read in one run.
const CALLS: usize = 100;

/// The smaller database has approved messages for no more.
const MOST_RUNS: usize = 5;

/// Approvals lie in so many places.
const PARTS: usize = 10;

/// What is done beside the rows.
#[derive(Debug, Clone, Copy)]
enum Work {
    Expand,
    Approve,
    Deliver,
    Import,
    List,
    Middle,
    Dashboard,
    Performance,
}

impl Work {
    /// Approvals come before deliveries, which use them up.
    const ALL: [Self; 8] = [
        Self::List,
        Self::Middle,
        Self::Dashboard,
        Self::Performance,
        Self::Expand,
        Self::Approve,
        Self::Deliver,
        Self::Import,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Expand => "T1: expand a campaign, for each message",
            Self::Approve => "T6: approve by id, for each message",
            Self::Deliver => "T2: deliver, for each message",
            Self::Import => "T9: import contacts, for each row",
            Self::List => "T8: first page by status",
            Self::Middle => "T8: a page in the middle, no filter",
            Self::Dashboard => "T7: dashboard",
            Self::Performance => "T7: figures of 20 campaigns",
        }
    }

    const fn goal(self) -> f64 {
        match self {
            Self::Dashboard | Self::Performance => 1.2,
            _ => 1.5,
        }
    }

    /// The time of one item in microseconds.
    async fn run(self, place: &Filled, run: usize) -> Outcome<f64> {
        let session = place.world.session();
        let page = |after| PageRequest {
            limit: 20,
            after,
            ..PageRequest::default()
        };
        match self {
            Self::Expand => expand(&place.world, run).await,
            Self::Approve => approve(place, run).await,
            Self::Deliver => deliver(&place.world).await,
            Self::Import => {
                // Nobody else has these numbers.
                let file = seed::people((run + 1) * 100_000_000, ITEMS);
                let start = Instant::now();
                let report = session
                    .contacts()
                    .import_file(file.as_bytes(), &crm_core::import::Options::default())
                    .await?;
                let took = start.elapsed();
                if usize::try_from(report.created)? != ITEMS {
                    return Err("not everyone was imported".into());
                }
                Ok(each(ITEMS, took))
            }
            Self::List => {
                let query = MessageQuery {
                    statuses: vec![Status::PendingApproval],
                    page: page(None),
                    ..MessageQuery::default()
                };
                list(place, &query).await
            }
            Self::Middle => {
                let after = place.ids.get(place.ids.len() / 2).map(|id| id.0);
                let query = MessageQuery {
                    page: page(after),
                    ..MessageQuery::default()
                };
                list(place, &query).await
            }
            Self::Dashboard => {
                let start = Instant::now();
                for _ in 0..CALLS {
                    session.analytics().dashboard().await?;
                }
                Ok(each(CALLS, start.elapsed()))
            }
            Self::Performance => {
                let start = Instant::now();
                for _ in 0..CALLS {
                    let found = session.analytics().campaign_performance(page(None)).await?;
                    if found.is_empty() {
                        return Err("no campaign was found".into());
                    }
                }
                Ok(each(CALLS, start.elapsed()))
            }
        }
    }
}

/// Measures everything `runs` times (5 at most: the smaller database holds no more approved messages) in
/// turn in both databases.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(
    large: &Filled,
    small: &Filled,
    count: usize,
    runs: usize,
) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for work in Work::ALL {
        let mut pairs = Vec::with_capacity(runs);
        for run in 0..runs.min(MOST_RUNS) {
            let here = work.run(large, run).await?;
            pairs.push((here, work.run(small, run).await?));
        }
        let names = Names {
            id: "T17",
            work: work.name().to_owned(),
            peer_work: "beside 100,000".to_owned(),
            better: Better::Less,
        };
        figures.push(Figure::new(names, count, pairs, work.goal()));
    }
    Ok(figures)
}

async fn list(place: &Filled, query: &MessageQuery) -> Outcome<f64> {
    let session = place.world.session();
    let start = Instant::now();
    for _ in 0..CALLS {
        if session.messages().list(query.clone()).await?.items.len() != 20 {
            return Err("a page is not full".into());
        }
    }
    Ok(each(CALLS, start.elapsed()))
}

/// One round of a worker plans and drafts for 10,000 contacts.
async fn expand(world: &World, run: usize) -> Outcome<f64> {
    let session = world.session();
    let before = all(world).await?;
    let template = session
        .templates()
        .create(TemplateFields {
            name: format!("growth {run} {before}"),
            occasion_type: Occasion::NewYear,
            segment: None,
            channel: None,
            language: "ru".to_owned(),
            subject: Some("С Новым годом!".to_owned()),
            content: "Уважаемый {{name}}! Поздравляем вас с Новым годом.".to_owned(),
            format: Format::Text,
            is_active: true,
        })
        .await?;
    let campaign = session
        .campaigns()
        .create(CampaignFields {
            schedule: Schedule::Scheduled {
                at: world.engine.now() + chrono::Duration::days(3),
                local_time: true,
            },
            template_id: Some(template.id),
            ..CampaignFields::new(&format!("growth {run}"), Occasion::NewYear)
        })
        .await?;
    session.campaigns().execute(campaign.id, false).await?;
    let worker = world.worker();
    // Delivers nothing: that is measured by itself.
    let (_sender, stop) = watch::channel(true);
    let start = Instant::now();
    worker.round(&stop).await?;
    let took = start.elapsed();
    let written = all(world).await? - before;
    if written < ITEMS / 2 {
        return Err(format!("{written} messages were written").into());
    }
    session.campaigns().pause(campaign.id).await?;
    Ok(each(written, took))
}

/// How many messages there are.
async fn all(world: &World) -> Outcome<usize> {
    let total = world
        .session()
        .analytics()
        .dashboard()
        .await?
        .total_messages;
    Ok(usize::try_from(total)?)
}

/// A thousand messages beside each other that wait; the parts are spread over everything there is.
fn waiting(place: &Filled, part: usize, run: usize) -> MessageQuery {
    // Of four messages beside each other, two wait.
    let at = place.ids.len() * (MOST_RUNS * part + run) / (MOST_RUNS * PARTS + 1);
    MessageQuery {
        statuses: vec![Status::PendingApproval],
        page: PageRequest {
            limit: 1_000,
            after: place.ids.get(at).map(|id| id.0),
            oldest_first: true,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    }
}

/// Gives the copies that will be approved digests of their own: those they were copied with are their
/// originals', and nothing with a wrong digest is ever approved.
///
/// # Errors
/// As the store.
pub async fn prepare(url: &str, place: &Filled, runs: usize) -> Outcome<()> {
    let session = place.world.session();
    for run in 0..runs.min(MOST_RUNS) {
        for part in 0..PARTS {
            let page = session.messages().list(waiting(place, part, run)).await?;
            multiply::redigest(url, &page.items).await?;
        }
    }
    Ok(())
}

/// Parts of a thousand messages.
async fn approve(place: &Filled, run: usize) -> Outcome<f64> {
    let session = place.world.session();
    let mut took = Duration::ZERO;
    let mut approved = 0;
    for part in 0..PARTS {
        let page = session.messages().list(waiting(place, part, run)).await?;
        let ids: Vec<MessageId> = page.items.iter().map(|message| message.id).collect();
        let query = || MessageQuery {
            ids: ids.clone(),
            ..MessageQuery::default()
        };
        let start = Instant::now();
        let preview = session
            .approvals()
            .preview(BulkAction::Approve, query())
            .await?;
        let done = session
            .approvals()
            .bulk(BulkAction::Approve, query(), Some(preview.manifest), None)
            .await?;
        took += start.elapsed();
        approved += usize::try_from(done.applied)?;
    }
    if approved != ITEMS {
        return Err(format!("{approved} messages were approved, not {ITEMS}").into());
    }
    Ok(each(approved, took))
}

/// A worker delivers until about as many have left.
async fn deliver(world: &World) -> Outcome<f64> {
    let before = world.channel.taken();
    let (sender, stop) = watch::channel(false);
    let worker = world.worker();
    let work = async {
        let start = Instant::now();
        let begun = worker.round(&stop).await;
        (begun, start.elapsed())
    };
    let watching = async {
        world.channel.reached(before + u64::try_from(ITEMS)?).await;
        sender.send_replace(true);
        Outcome::Ok(())
    };
    let ((round, took), told) = tokio::join!(work, watching);
    told?;
    let sent = usize::try_from(round?.begun)?;
    if sent < ITEMS {
        return Err(format!("{sent} messages were delivered").into());
    }
    Ok(each(sent, took))
}

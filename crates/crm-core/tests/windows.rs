//! Channels on which people are written to only for a while after they wrote themselves.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use common::{World, world};
use crm_core::Workspace;
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::engine::{Engine, Received};
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::callback::News;
use crm_core::port::channel::{ChannelCapabilities, Outcome};
use crm_core::port::clock::Clock as _;
use crm_core::port::store::{PageRequest, PlanQuery};
use crm_core::testing::{RecordingChannel, SequentialIds};
use proptest::prelude::*;

const ADDRESS: &str = "dilnoza@example.org";
/// Whose everything is.
static OWN: std::sync::LazyLock<Workspace> = std::sync::LazyLock::new(Workspace::default);
const DAY: Duration = Duration::days(1);

/// `chat` has a window of a day, `email` has none.
fn chatting() -> World {
    let mut world = world();
    let channel = Arc::new(RecordingChannel::new(ChannelCapabilities {
        window: Some(DAY.to_std().unwrap()),
        ..ChannelCapabilities::default()
    }));
    let store = Arc::clone(world.engine.store());
    let ids = Arc::new(SequentialIds::default());
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .channel("chat", channel.clone())
        .channel("email", Arc::clone(&world.channel) as _)
        .build();
    world.channel = channel;
    world
}

impl World {
    async fn wrote(&self, channel: &str, address: &str, at: Option<DateTime<Utc>>) -> Received {
        let address = address.to_owned();
        let news = vec![News::Inbound { address, at }];
        let heard = self.engine.hear(&OWN, channel, news);
        heard.await.unwrap()
    }

    /// An approved message on `chat`.
    async fn answer(&self) -> Message {
        let contact = self.contact(ADDRESS).await;
        let draft = crm_core::engine::NewDraft {
            channel: Some("chat".to_owned()),
            ..crm_core::engine::NewDraft::new(contact.id, Occasion::Custom, "Rahmat!")
        };
        let message = self.manager().messages().create(draft).await.unwrap();
        self.approve(&message).await
    }

    async fn ends(&self, message: &Message) -> (Status, Option<String>) {
        self.worker().run_until_idle().await.unwrap();
        let message = self.reload(message).await;
        (message.status, message.failure)
    }

    async fn known(&self, channel: &str) -> usize {
        let addresses = [ADDRESS.to_owned()];
        let store = self.engine.store();
        let known = store.inbound(&OWN, channel, &addresses);
        known.await.unwrap().len()
    }
}

#[tokio::test]
async fn an_answer_leaves_while_the_window_is_open() {
    let closed = Some("window_closed".to_owned());
    let moment = Duration::microseconds(1);
    for (since, expected) in [
        (Some(Duration::zero()), (Status::Sent, None)),
        (Some(DAY - moment), (Status::Sent, None)),
        (Some(DAY), (Status::Cancelled, closed.clone())),
        (None, (Status::Cancelled, closed)),
    ] {
        let world = chatting();
        if let Some(since) = since {
            let heard = world.wrote("chat", ADDRESS, None).await;
            assert_eq!(heard.inbound, 1);
            world.clock.advance(since);
        }
        let message = world.answer().await;
        assert_eq!(world.ends(&message).await, expected, "{since:?}");
        let left = usize::from(expected.0 == Status::Sent);
        assert_eq!(world.channel.calls().len(), left, "{since:?}");
    }
}

#[tokio::test]
async fn only_the_persons_latest_word_on_that_channel_counts() {
    let world = chatting();
    let now = world.clock.now();
    // Another person, another channel, and a word of long ago that is told late.
    world.wrote("chat", "other@example.org", None).await;
    world.wrote("email", ADDRESS, None).await;
    world.wrote("chat", ADDRESS, Some(now - DAY)).await;
    // A channel that is not set up writes to nobody, so nothing there is a reply.
    world.wrote("fax", ADDRESS, None).await;
    assert_eq!(
        [world.known("email").await, world.known("fax").await],
        [1, 0]
    );
    let message = world.answer().await;
    assert_eq!(world.ends(&message).await.0, Status::Cancelled);

    let world = chatting();
    world.wrote("chat", ADDRESS, None).await;
    // An older word that comes later closes nothing, and a clock that is ahead opens nothing for longer.
    world.wrote("chat", ADDRESS, Some(now - DAY)).await;
    world.wrote("chat", ADDRESS, Some(now + DAY)).await;
    world.clock.advance(DAY);
    let message = world.answer().await;
    assert_eq!(world.ends(&message).await.0, Status::Cancelled);
}

#[tokio::test]
async fn the_window_may_close_between_attempts() {
    let world = chatting();
    world.wrote("chat", ADDRESS, None).await;
    let message = world.answer().await;
    let wait = Outcome::RetryAfter {
        scope: crm_core::port::channel::RetryScope::Message,
        at_least: DAY.to_std().unwrap(),
        reason: "busy".to_owned(),
    };
    world.channel.push(wait);
    assert_eq!(world.ends(&message).await.0, Status::Approved);
    world.clock.advance(DAY * 2);
    let ends = (Status::Cancelled, Some("window_closed".to_owned()));
    assert_eq!(world.ends(&message).await, ends);
    assert_eq!(world.channel.calls().len(), 1);
}

#[tokio::test]
async fn a_campaign_takes_the_next_channel_for_whoever_did_not_write() {
    let world = chatting();
    let now = world.clock.now();
    for (address, wrote) in [
        ("now@example.org", Some(Duration::zero())),
        // Open now, and closed when it is to leave.
        ("soon@example.org", Some(DAY - Duration::hours(1))),
        ("never@example.org", None),
    ] {
        world.contact(address).await;
        if let Some(wrote) = wrote {
            world.wrote("chat", address, Some(now - wrote)).await;
        }
    }
    let planned = async |fallback: &[&str]| {
        let fields = CampaignFields {
            schedule: Schedule::Scheduled {
                at: now + Duration::hours(2),
                local_time: false,
            },
            channel: "chat".to_owned(),
            fallback_channels: fallback.iter().map(|&name| name.to_owned()).collect(),
            ..CampaignFields::new("Navruz", Occasion::Holiday)
        };
        let campaigns = world.manager();
        let campaign = campaigns.campaigns().create(fields).await.unwrap();
        campaigns
            .campaigns()
            .execute(campaign.id, false)
            .await
            .unwrap();
        world.worker().run_until_idle().await.unwrap();
        let query = PlanQuery {
            campaign_id: campaign.id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: PageRequest::default(),
        };
        let rows = campaigns.campaigns().plan(query).await.unwrap().items;
        let rows = rows.into_iter().map(|row| (row.channel, row.excluded));
        rows.collect::<Vec<_>>()
    };
    let on = |channel: &str| (channel.to_owned(), None);
    assert_eq!(
        planned(&["email"]).await,
        [on("chat"), on("email"), on("email")]
    );
    let out = || ("chat".to_owned(), Some("window_closed".to_owned()));
    assert_eq!(planned(&[]).await, [on("chat"), out(), out()]);
}

#[tokio::test]
async fn an_erased_person_never_wrote() {
    let world = chatting();
    let contact = world.contact(ADDRESS).await;
    world.wrote("chat", ADDRESS, None).await;
    assert_eq!(world.known("chat").await, 1);
    let admin = world.admin();
    admin.contacts().erase(contact.id).await.unwrap();
    assert_eq!(world.known("chat").await, 0);
}

proptest! {
    /// Whatever order callbacks come in, and however often: what counts is the latest word.
    #[test]
    fn order_does_not_matter(words in proptest::collection::vec(0..100_i64, 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = chatting();
            let now = world.clock.now();
            for ago in &words {
                world.wrote("chat", ADDRESS, Some(now - Duration::hours(*ago))).await;
            }
            let addresses = [ADDRESS.to_owned()];
            let store = world.engine.store();
            let known = store.inbound(&OWN, "chat", &addresses);
            let known = known.await.unwrap();
            let latest = words.iter().min().map(|ago| now - Duration::hours(*ago));
            assert_eq!(known.get(ADDRESS).copied(), latest);
        });
    }
}

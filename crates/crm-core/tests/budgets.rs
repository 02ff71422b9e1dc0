//! What people and campaigns see of budgets: what does not fit is not asked for, and a campaign's cost is the same
//! before it runs, while it runs and after.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::sync::Arc;

use chrono::Duration;
use common::World;
use crm_core::budget::{EntryState, LedgerEntry, Period, UsageGroup};
use crm_core::campaign::{Campaign, CampaignFields};
use crm_core::engine::{CostBasis, Engine, GenerateMessage, SetBudget};
use crm_core::memory::MemoryStore;
use crm_core::message::history::Subject;
use crm_core::message::{GeneratedBy, Message, Occasion};
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure};
use crm_core::port::store::{EventQuery, LedgerQuery, MessageQuery, PageRequest, UsageQuery};
use crm_core::testing::llm::{WORST_COST, draft};
use crm_core::testing::spend::{Ending, one};
use crm_core::testing::{FakeClock, RecordingChannel, ScriptedLlm, SequentialIds};
use crm_core::{ErrorKind, Role, Workspace};

/// A model without prices.
#[derive(Debug)]
struct Unpriced;

#[async_trait::async_trait]
impl Llm for Unpriced {
    async fn draft(&self, _request: &DraftRequest) -> Result<Draft, LlmError> {
        Ok(draft("Some text"))
    }
}

fn world(llm: Arc<dyn Llm>) -> World {
    let channel = Arc::new(RecordingChannel::default());
    let clock = Arc::new(FakeClock::default());
    let ids = Arc::new(SequentialIds::default());
    let store = Arc::new(MemoryStore::default());
    let engine = Engine::builder(store, clock.clone(), ids)
        .channel("email", channel.clone())
        .llm(llm)
        .build();
    World {
        engine,
        channel,
        clock,
    }
}

const fn limit(limit_picodollars: u64) -> SetBudget {
    SetBudget {
        campaign_id: None,
        period: Period::Total,
        limit_picodollars,
        version: None,
    }
}

async fn generate(world: &World, number: u32) -> Message {
    let contact = world.contact(&format!("p{number}@example.org")).await;
    let wanted = GenerateMessage::new(contact.id, Occasion::Birthday);
    world.manager().messages().generate(wanted).await.unwrap()
}

#[tokio::test]
async fn what_does_not_fit_is_not_asked_for_and_the_message_says_why() {
    let llm = Arc::new(ScriptedLlm::always("Дилноза, поздравляем вас!"));
    let world = world(llm.clone());
    let admin = world.admin();
    // Room for one reservation beside what two drafts cost.
    let one = draft("").cost_picodollars;
    let set = admin.budgets().set(limit(WORST_COST + 2 * one - 1)).await;
    assert_eq!(set.unwrap().budget.version, 1);
    for number in 0..2 {
        assert_eq!(generate(&world, number).await.generated_by, GeneratedBy::Ai);
    }
    let refused = generate(&world, 2).await;
    assert_eq!(refused.generated_by, GeneratedBy::Manual);
    assert_eq!(refused.metadata.error.as_deref(), Some("over_budget"));
    assert_eq!(llm.requests().len(), 2, "nothing was asked");
    let state = admin.budgets().list(10, 0).await.unwrap().remove(0);
    assert_eq!(
        (state.spent_picodollars, state.reserved_picodollars),
        (2 * one, 0)
    );
    assert_eq!(state.left_picodollars(), WORST_COST - 1);
    // One more picodollar is enough.
    let raised = admin.budgets().set(limit(WORST_COST + 2 * one)).await;
    assert_eq!(raised.unwrap().budget.version, 2);
    assert_eq!(generate(&world, 3).await.generated_by, GeneratedBy::Ai);
    // Everybody may look, an admin alone may set.
    assert_eq!(world.viewer().budgets().list(10, 0).await.unwrap().len(), 1);
    for session in [world.viewer(), world.manager()] {
        let error = session.budgets().set(limit(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        let error = session.budgets().remove(None, Period::Total).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    let stale = SetBudget {
        version: Some(1),
        ..limit(1)
    };
    let error = admin.budgets().set(stale).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    admin.budgets().remove(None, Period::Total).await.unwrap();
    let (store, own) = (world.engine.store(), Workspace::default());
    let events = store.events(&own, EventQuery::default()).await.unwrap();
    let about = events.iter().map(|stored| &stored.event);
    let about: Vec<_> = about
        .filter(|event| event.subject == Subject::Budget)
        .map(|event| (event.actor.as_str(), event.action.as_str(), event.version))
        .collect();
    let wanted = [
        ("admin", "created", 1),
        ("admin", "changed", 2),
        ("admin", "deleted", 3),
    ];
    assert_eq!(about, wanted);
    assert_eq!(world.viewer().usage().recount().await.unwrap(), []);
}

#[tokio::test]
async fn a_model_without_a_price_runs_without_budgets_alone() {
    let world = world(Arc::new(Unpriced));
    assert_eq!(generate(&world, 0).await.generated_by, GeneratedBy::Ai);
    let entry = entry(&world).await;
    assert_eq!(entry.reserved_picodollars, None);
    assert_eq!(entry.state, EntryState::Settled);
    assert_eq!(entry.cost_picodollars, draft("").cost_picodollars);
    world
        .admin()
        .budgets()
        .set(limit(u64::MAX / 4))
        .await
        .unwrap();
    let refused = generate(&world, 1).await;
    assert_eq!(refused.metadata.error.as_deref(), Some("unknown_price"));
}

#[tokio::test]
async fn a_day_begins_in_the_workspaces_zone() {
    let world = world(Arc::new(ScriptedLlm::always("Дилноза, поздравляем вас!")));
    let day = SetBudget {
        period: Period::Day,
        ..limit(WORST_COST)
    };
    world.admin().budgets().set(day).await.unwrap();
    assert_eq!(generate(&world, 0).await.generated_by, GeneratedBy::Ai);
    assert_eq!(generate(&world, 1).await.generated_by, GeneratedBy::Manual);
    // Noon in London is 17:00 in Tashkent: the day ends seven hours later.
    world
        .clock
        .advance(Duration::hours(6) + Duration::minutes(59));
    assert_eq!(generate(&world, 2).await.generated_by, GeneratedBy::Manual);
    world.clock.advance(Duration::minutes(1));
    assert_eq!(generate(&world, 3).await.generated_by, GeneratedBy::Ai);
    let query = UsageQuery {
        group: UsageGroup::Day,
        ..UsageQuery::default()
    };
    let days = world.viewer().usage().sums(query).await.unwrap();
    let days: Vec<_> = days
        .iter()
        .map(|line| (line.name.as_str(), line.amounts.calls))
        .collect();
    assert_eq!(days, [("2026-03-10", 1), ("2026-03-11", 1)]);
}

#[tokio::test]
async fn a_draft_that_costs_more_than_its_model_said_is_told() {
    let llm = ScriptedLlm::default();
    llm.push(Ok(Draft {
        cost_picodollars: WORST_COST + 1,
        ..draft("Дилноза, поздравляем вас!")
    }));
    let world = world(Arc::new(llm));
    assert_eq!(generate(&world, 0).await.generated_by, GeneratedBy::Ai);
    let entry = entry(&world).await;
    assert_eq!(entry.cost_picodollars, WORST_COST + 1, "nothing is hidden");
    let query = EventQuery {
        subject: Some((Subject::Budget, entry.id.0)),
        ..EventQuery::default()
    };
    let own = Workspace::default();
    let events = world.engine.store().events(&own, query).await.unwrap();
    assert_eq!(events[0].event.action, "reservation_exceeded");
}

#[tokio::test]
async fn what_a_deferred_engine_asks_is_reserved_at_once() {
    let world = world(Arc::new(ScriptedLlm::always("Дилноза, поздравляем вас!")));
    let contact = world.contact("d@example.org").await;
    world
        .admin()
        .budgets()
        .set(limit(WORST_COST))
        .await
        .unwrap();
    let (engine, kept) = world.engine.deferred();
    let session = engine.act_as(world.manager().actor().clone());
    for wanted in [GeneratedBy::Ai, GeneratedBy::Manual] {
        let ask = GenerateMessage::new(contact.id, Occasion::Birthday);
        let message = session.messages().generate(ask).await.unwrap();
        assert_eq!(message.generated_by, wanted);
    }
    // The host never commits, and has paid nevertheless.
    drop(kept.take());
    let state = world
        .viewer()
        .budgets()
        .list(10, 0)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(state.spent_picodollars, draft("").cost_picodollars);
}

async fn campaign(world: &World) -> Campaign {
    let fields = CampaignFields {
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    };
    world.manager().campaigns().create(fields).await.unwrap()
}

async fn metadata_cost(world: &World, campaign: &Campaign) -> u64 {
    let query = MessageQuery {
        campaign_id: Some(campaign.id),
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let messages = world.viewer().messages().list(query).await.unwrap().items;
    let costs = messages.iter().map(|row| row.metadata.cost_picodollars);
    costs.sum()
}

#[tokio::test]
async fn a_campaign_costs_the_same_before_while_and_after() {
    let llm = Arc::new(ScriptedLlm::default());
    let world = world(llm.clone());
    for number in 0..30 {
        world.contact(&format!("p{number}@example.org")).await;
    }
    let campaign = campaign(&world).await;
    let cost = async || world.viewer().campaigns().cost(campaign.id).await.unwrap();
    // Nothing is known yet but what a draft can cost at most.
    let before = cost().await;
    assert_eq!((before.drafted, before.to_draft), (0, 30));
    assert_eq!(
        (before.spent_picodollars, before.basis),
        (0, CostBasis::Bound)
    );
    assert_eq!(before.expected_total_picodollars, Some(30 * WORST_COST));
    assert_eq!(before.at_most_picodollars, Some(30 * WORST_COST));
    // What drafts usually cost here says more.
    let one = draft("").cost_picodollars;
    llm.push_text("Дилноза, поздравляем вас!");
    generate(&world, 100).await;
    let before = cost().await;
    assert_eq!((before.to_draft, before.basis), (31, CostBasis::Workspace));
    assert_eq!(before.expected_total_picodollars, Some(31 * one));

    // Twenty drafts, a refusal that cost something, and then the budget of the campaign is used up.
    let budget = SetBudget {
        campaign_id: Some(campaign.id),
        ..limit(20 * one + 7 + WORST_COST - 1)
    };
    world.admin().budgets().set(budget).await.unwrap();
    for number in 0..40 {
        if number == 5 {
            llm.push(Err(LlmError {
                cost_picodollars: 7,
                ..LlmFailure::Refused.into()
            }));
        } else {
            llm.push_text("Дилноза, с Наврузом!");
        }
    }
    let manager = world.manager();
    manager
        .campaigns()
        .execute(campaign.id, true)
        .await
        .unwrap();
    let running = cost().await;
    assert_eq!(running.to_draft, 31);
    assert_eq!(running.expected_total_picodollars, Some(31 * one));
    world.worker().run_until_idle().await.unwrap();

    let after = cost().await;
    assert_eq!((after.drafted, after.to_draft), (31, 0));
    assert!(after.spent_picodollars < 20 * one + 7 + WORST_COST);
    assert_eq!(after.reserved_picodollars, 0);
    assert_eq!(
        after.expected_total_picodollars,
        Some(after.spent_picodollars)
    );
    assert_eq!(after.at_most_picodollars, Some(after.spent_picodollars));
    let query = LedgerQuery {
        campaign_id: Some(campaign.id),
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
        ..LedgerQuery::default()
    };
    let entries = world.viewer().usage().entries(query).await.unwrap().items;
    let ledger: u64 = entries.iter().map(|entry| entry.cost_picodollars).sum();
    assert_eq!(ledger, after.spent_picodollars, "its calls");
    let messages = metadata_cost(&world, &campaign).await;
    assert_eq!(messages, after.spent_picodollars, "its messages");
    assert!(messages > 7 && messages % one == 7, "the refusal counts");
    assert_eq!(world.viewer().usage().recount().await.unwrap(), []);
    assert!(entries.iter().all(|entry| entry.actor == "system"));
}

#[tokio::test]
async fn without_a_model_a_campaign_costs_nothing() {
    let world = common::world();
    world.contact("p@example.org").await;
    let campaign = campaign(&world).await;
    let cost = world.viewer().campaigns().cost(campaign.id).await.unwrap();
    assert_eq!((cost.basis, cost.to_draft), (CostBasis::NoModel, 1));
    assert_eq!(cost.expected_total_picodollars, Some(0));
    let nobody = world.act("x", Role::Viewer);
    let id = crm_core::id::CampaignId(crm_core::testing::ids::nth(9));
    let error = nobody.campaigns().cost(id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_lost_answer_counts_as_much_as_was_reserved() {
    let llm = Arc::new(ScriptedLlm::default());
    llm.push_failure(LlmFailure::Unavailable {
        reason: "timeout".to_owned(),
        retry_after_s: None,
    });
    let world = world(llm);
    let message = generate(&world, 0).await;
    assert_eq!(message.metadata.error.as_deref(), Some("timeout"));
    let entry = entry(&world).await;
    assert_eq!(entry.state, EntryState::Assumed);
    assert_eq!(entry.cost_picodollars, WORST_COST);
}

async fn entry(world: &World) -> LedgerEntry {
    let entries = world.viewer().usage().entries(LedgerQuery::default()).await;
    entries.unwrap().items.remove(0)
}

#[tokio::test]
async fn the_worker_closes_what_nobody_answers_for_and_frees_its_key() {
    let world = world(Arc::new(ScriptedLlm::default()));
    let manager = world.manager();
    let ask = async |ending| {
        let key = Some("line".to_owned());
        one(&world.engine, manager.actor(), None, key, Some(9), ending).await
    };
    assert_eq!(ask(Ending::GivesUp).await, "given up");
    assert!(ask(Ending::Draft(3)).await.contains("Taken"));
    let worker = world.worker();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    worker.round(&stop).await.unwrap();
    assert_eq!(
        entry(&world).await.state,
        EntryState::Reserved,
        "it may still come"
    );
    world.clock.advance(Duration::minutes(5));
    worker.round(&stop).await.unwrap();
    let lost = entry(&world).await;
    assert_eq!(
        (lost.state, lost.cost_picodollars, lost.held),
        (EntryState::Assumed, 9, false)
    );
    // A draft holds its key, so that it can be saved, and not for ever.
    assert!(ask(Ending::Draft(3)).await.contains("Ok"));
    assert!(ask(Ending::Draft(3)).await.contains("Taken"));
    world.clock.advance(Duration::minutes(5));
    worker.round(&stop).await.unwrap();
    assert!(ask(Ending::Draft(3)).await.contains("Ok"));
    // A worker that starts knows that the one before is dead, and waits for nothing.
    assert!(ask(Ending::Draft(3)).await.contains("Taken"));
    world.worker().start().await.unwrap();
    assert_eq!(ask(Ending::GivesUp).await, "given up");
    world.worker().start().await.unwrap();
    assert_eq!(entry(&world).await.state, EntryState::Assumed);
    assert_eq!(world.viewer().usage().recount().await.unwrap(), []);
}

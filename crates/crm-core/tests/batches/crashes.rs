//! The program dies at each moment of a campaign drafted in batches: before and after each commit and each call of
//! the provider or the model. What comes after it hands nothing over twice, loses no draft and counts every cent.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use chrono::Duration;
use crm_core::budget::EntryState;
use crm_core::draft_batch::DraftBatchState;
use crm_core::id::CampaignId;
use crm_core::port::llm_batch::RequestId;
use crm_core::testing::llm_batch::{RequestEnd, Submission};

use super::{House, fields, house, price, texts};

const PEOPLE: usize = 4;

/// What the requests of each batch end with.
fn ends() -> [(usize, RequestEnd); 2] {
    [(1, RequestEnd::Refused), (3, RequestEnd::Expired)]
}

#[tokio::test]
async fn a_program_that_dies_anywhere_pays_for_nothing_twice_and_loses_no_draft() {
    for first in [
        Submission::Taken,
        Submission::AnswerLost,
        Submission::RequestLost,
    ] {
        let mut moment = 0;
        while dies(first, moment).await {
            moment += 1;
        }
        assert!(moment > 20, "{first:?}: {moment} moments cannot be all");
    }
}

/// Where one worker alone can be alive, the next one takes over what the dead one held at once.
#[tokio::test]
async fn nobody_waits_for_the_lease_of_a_worker_that_cannot_be_alive() {
    for moment in 0.. {
        let house = house();
        house.store.exclusive.store(true, Ordering::SeqCst);
        let id = house.campaign(PEOPLE, fields()).await;
        house.fuse.light(moment);
        let died = tokio::select! {
            biased;
            () = house.fuse.blown.notified() => true,
            () = life(&house) => false,
        };
        house.fuse.put_out();
        house.run().await;
        for batch in house.batches(id).await {
            assert_eq!(batch.lease_until, None, "moment {moment}: {batch:?}");
        }
        if !died {
            assert!(moment > 20, "{moment} moments cannot be all");
            return;
        }
    }
}

/// One life that ends at this moment, and what comes after it; whether it came so far.
async fn dies(first: Submission, moment: usize) -> bool {
    let house = house();
    let id = house.campaign(PEOPLE, fields()).await;
    house.provider.inner.next_submission(first);
    house.fuse.light(moment);
    let died = tokio::select! {
        biased;
        () = house.fuse.blown.notified() => true,
        () = life(&house) => false,
    };
    house.fuse.put_out();
    // Others take over when its leases have ended.
    for _ in 0..8 {
        house.later(Duration::minutes(20)).await;
        house.end(&ends());
    }
    house.later(Duration::minutes(20)).await;
    check(&house, id, &format!("{first:?} at {moment}")).await;
    died
}

/// A program that plans, hands over, and takes in.
async fn life(house: &House) {
    house.run().await;
    house.end(&ends());
    house.later(Duration::minutes(1)).await;
}

async fn check(house: &House, id: CampaignId, when: &str) {
    let messages = house.messages().await;
    assert_eq!(messages.len(), PEOPLE, "{when}: {:?}", texts(&messages));
    let people: BTreeSet<_> = messages.iter().map(|it| it.contact_id).collect();
    assert_eq!(people.len(), PEOPLE, "{when}");
    for batch in house.batches(id).await {
        assert_eq!(batch.state, DraftBatchState::Closed, "{when}: {batch:?}");
    }
    // Each line was in one batch that was made, whatever was handed over.
    let made: Vec<RequestId> = house.provider.made.lock().unwrap().concat();
    assert_eq!(made.len(), PEOPLE, "{when}");
    let in_batch = PEOPLE - ends().len();
    let paid = u64::try_from(in_batch).unwrap() * price();
    assert_eq!(house.spent(true).await, (in_batch, paid), "{when}");
    // One by one the others: one call more if the program died in one, and that counts as paid for.
    let calls = house.model.calls.load(Ordering::SeqCst);
    let (entries, _) = house.spent(false).await;
    let wanted = ends().len();
    assert!(
        (wanted..=wanted + 1).contains(&calls) && (calls..=calls + 1).contains(&entries),
        "{when}: {calls} calls, {entries} entries"
    );
    let open = EntryState::Reserved;
    let ledger = house.ledger().await;
    assert!(ledger.iter().all(|it| it.state != open), "{when}");
}

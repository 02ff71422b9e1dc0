use std::collections::BTreeMap;

use super::*;
use crate::port::llm::Usage;
use crate::testing::fixtures::{budget, ledger_entry, noon};
use crate::testing::ids::nth;

fn campaign() -> CampaignId {
    CampaignId(nth(7))
}

fn account(campaign_id: Option<CampaignId>, day: Option<NaiveDate>) -> Account {
    Account { campaign_id, day }
}

#[test]
fn each_budget_that_applies_refuses_by_itself_and_to_the_last_picodollar() {
    let entry = LedgerEntry {
        campaign_id: Some(campaign()),
        reserved_picodollars: Some(10),
        ..ledger_entry(1)
    };
    let day = Some(entry.day);
    let held = |spent, reserved| Totals { spent, reserved };
    for (of, period, place) in [
        (None, Period::Total, account(None, None)),
        (None, Period::Day, account(None, day)),
        (
            Some(campaign()),
            Period::Total,
            account(Some(campaign()), None),
        ),
        (
            Some(campaign()),
            Period::Day,
            account(Some(campaign()), day),
        ),
    ] {
        let budget = Budget {
            campaign_id: of,
            period,
            ..budget(100)
        };
        assert!(Account::of(&entry).contains(&place));
        let at = |spent, reserved| BTreeMap::from([(place, held(spent, reserved))]);
        let check = |totals: &_| check(&entry, std::slice::from_ref(&budget), totals);
        assert!(check(&at(45, 45)).is_ok(), "{place:?}");
        let error = check(&at(46, 45)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OverBudget);
        assert!(error.detail().contains("0.000000000009"), "{error}");
        // What another account holds does not matter.
        let elsewhere = account(Some(CampaignId(nth(8))), day);
        assert!(check(&BTreeMap::from([(elsewhere, held(100, 0))])).is_ok());
    }
    let other = Budget {
        campaign_id: Some(CampaignId(nth(8))),
        ..budget(0)
    };
    assert!(check(&entry, &[other], &BTreeMap::new()).is_ok());
}

#[test]
fn an_unknown_price_is_refused_as_soon_as_a_budget_applies() {
    let entry = LedgerEntry {
        reserved_picodollars: None,
        ..ledger_entry(1)
    };
    assert!(check(&entry, &[], &BTreeMap::new()).is_ok());
    let error = check(&entry, &[budget(MOST)], &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OverBudget);
    let other = Budget {
        campaign_id: Some(campaign()),
        ..budget(MOST)
    };
    assert!(check(&entry, &[other], &BTreeMap::new()).is_ok());
}

fn settled(entry: &LedgerEntry, cost_picodollars: u64) -> LedgerEntry {
    let outcome = Outcome::Settled {
        cost_picodollars,
        usage: Usage {
            input_tokens: 3,
            ..Usage::default()
        },
        answered: Some("other".to_owned()),
        request_id: None,
        failure: None,
    };
    entry.end(outcome, noon())
}

#[test]
fn an_entry_is_closed_once_and_an_assumed_one_when_more_is_known() {
    let open = ledger_entry(1);
    let why = || "x".to_owned();
    let released = open.end(Outcome::Released { failure: why() }, noon());
    let assumed = open.end(Outcome::Assumed { failure: why() }, noon());
    let settled = settled(&open, 5);
    assert_eq!(Some(assumed.cost_picodollars), open.reserved_picodollars);
    let all = [&open, &settled, &released, &assumed];
    for stored in all {
        for new in all {
            let allowed = match (stored.state, new.state) {
                (EntryState::Reserved, state) => state != EntryState::Reserved,
                (EntryState::Assumed, state) => {
                    matches!(state, EntryState::Settled | EntryState::Released)
                }
                _ => false,
            };
            assert_eq!(closed(stored, new).is_ok(), allowed, "{stored:?} {new:?}");
        }
    }
    // What it was for stays, whatever the new row says.
    let liar = LedgerEntry {
        reserved_picodollars: Some(1),
        actor: "ivan".to_owned(),
        ..settled
    };
    let row = closed(&open, &liar).unwrap();
    assert_eq!(row.reserved_picodollars, open.reserved_picodollars);
    assert_eq!(row.actor, open.actor);
    let elsewhere = LedgerEntry {
        campaign_id: Some(campaign()),
        ..liar
    };
    let error = closed(&open, &elsewhere).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_draft_holds_its_key_until_it_expires_and_a_failure_frees_it() {
    let open = LedgerEntry {
        key: Some("line".to_owned()),
        ..ledger_entry(1)
    };
    let draft = settled(&open, 5);
    assert!(draft.held);
    let free = closed(&draft, &draft.expire(noon())).unwrap();
    assert!(!free.held);
    assert_eq!(free.cost_picodollars, 5);
    assert!(closed(&free, &free.expire(noon())).is_err(), "only once");
    let refused = open.end(
        Outcome::Settled {
            cost_picodollars: 1,
            usage: Usage::default(),
            answered: None,
            request_id: None,
            failure: Some("refused".to_owned()),
        },
        noon(),
    );
    assert!(!refused.held);
    assert!(!settled(&ledger_entry(2), 5).held, "without a key");
    assert_eq!(open.expire(noon()).state, EntryState::Assumed);
}

#[test]
fn totals_and_usage_follow_an_entry_through_its_life() {
    let open = ledger_entry(1);
    let reserved = open.reserved_picodollars.unwrap();
    let settled = settled(&open, 5);
    let first = Totals::default().moved(None, &open).unwrap();
    assert_eq!((first.spent, first.reserved), (0, reserved));
    let last = first.moved(Some(&open), &settled).unwrap();
    assert_eq!((last.spent, last.reserved), (5, 0));
    let again = first.moved(Some(&settled), &settled).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Corrupt, "settled twice");
    let most = Totals {
        spent: MOST,
        reserved: 0,
    };
    let error = most.moved(None, &settled).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let mut usage: BTreeMap<UsageKey, Amounts> = BTreeMap::new();
    for (before, after) in [(None, &open), (Some(&open), &settled)] {
        for (key, amounts) in usage_changes(before, after) {
            let sum = usage.entry(key).or_default();
            *sum = sum.plus(amounts, 1);
        }
    }
    usage.retain(|_, amounts| !amounts.is_zero());
    // It moved to the model that answered.
    let wanted = BTreeMap::from([(UsageKey::of(&settled), Amounts::of(&settled))]);
    assert_eq!(usage, wanted);
    assert_eq!(usage.keys().next().unwrap().model, "other");
}

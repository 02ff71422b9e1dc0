//! Budgets that come and go, and drafts that are paid for.

use crm_core::Role;
use crm_core::budget::{BudgetState, LedgerEntry, Period, UsageGroup, UsageLine};
use crm_core::engine::SetBudget;
use crm_core::port::store::{BudgetQuery, LedgerQuery, UsageQuery};
use crm_core::testing::spend::{Ending, one};

use super::World;
use super::compare::all;

/// What is done about money.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spend {
    /// A limit is set, of the workspace or the campaign, in all or a day.
    Limit { own: bool, day: bool, limit: u64 },
    /// It is removed.
    NoLimit { own: bool, day: bool },
    /// A draft is asked for.
    Draft {
        own: bool,
        key: Option<u8>,
        worst: Option<u64>,
        ending: Ending,
    },
}

/// Everything about money.
#[derive(Debug, PartialEq)]
pub(crate) struct Money {
    budgets: Vec<BudgetState>,
    ledger: (Vec<LedgerEntry>, Option<u64>),
    usage: Vec<Vec<UsageLine>>,
}

impl World {
    pub(super) async fn spend(&self, what: Spend) -> String {
        let admin = self.act(Role::Admin);
        let of = |own: bool| own.then_some(self.campaign.id);
        let period = |day: bool| if day { Period::Day } else { Period::Total };
        match what {
            Spend::Limit { own, day, limit } => {
                let wanted = SetBudget {
                    campaign_id: of(own),
                    period: period(day),
                    limit_picodollars: limit,
                    version: None,
                };
                format!("{:?}", admin.budgets().set(wanted).await)
            }
            Spend::NoLimit { own, day } => {
                format!("{:?}", admin.budgets().remove(of(own), period(day)).await)
            }
            Spend::Draft {
                own,
                key,
                worst,
                ending,
            } => {
                let manager = self.act(Role::Manager);
                let key = key.map(|number| format!("line-{number}"));
                one(&self.engine, manager.actor(), of(own), key, worst, ending).await
            }
        }
    }

    pub(super) async fn money(&self) -> Money {
        let (store, workspace) = (self.engine.store(), &self.workspace);
        let query = BudgetQuery {
            of: None,
            day: self.engine.today(),
            limit: 0,
            skip: 0,
        };
        let budgets = store.budgets(workspace, query).await.unwrap();
        let query = LedgerQuery {
            page: all(),
            ..LedgerQuery::default()
        };
        let ledger = store.ledger(workspace, query).await.unwrap();
        let mut usage = Vec::new();
        for group in UsageGroup::ALL {
            let query = UsageQuery {
                group,
                limit: 1_000,
                ..UsageQuery::default()
            };
            usage.push(store.usage(workspace, query).await.unwrap());
        }
        let differences = self.act(Role::Manager).usage().recount().await.unwrap();
        assert_eq!(differences, [], "sums are the ledger's");
        Money {
            budgets,
            ledger: (ledger.items, ledger.total),
            usage,
        }
    }
}

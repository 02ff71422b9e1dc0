//! Every call of the store that workers and pages make.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use crm_core::budget::UsageGroup;
use crm_core::engine::Engine;
use crm_core::guardrail::Severity;
use crm_core::id::{AttemptId, CampaignId, ContactId, LedgerId, MessageId, TemplateId};
use crm_core::intake::IntakeState;
use crm_core::message::history::Subject;
use crm_core::message::{GeneratedBy, Occasion, Status};
use crm_core::port::callback::About;
use crm_core::port::store::{
    BudgetQuery, CampaignQuery, Claim, ContactQuery, EventQuery, IntakeQuery, LedgerQuery,
    MessageQuery, PageRequest, PlanQuery, ReceiptQuery, Store, SuppressionQuery, TemplateQuery,
    UsageQuery,
};
use crm_core::receipt::ReceiptState;
use crm_core::testing::{FakeClock, SequentialIds};
use crm_core::{Actor, Role, Workspace};
use uuid::Uuid;

use crate::fill::SEALED;

/// Rows a statement may read for a page of ten, whatever the tables hold: the runs of a list (60
/// combinations of status, occasion and author) each give a page, and the page's rows are read.
pub(crate) const PAGE: u64 = 1_500;

/// Counters of a workspace's people and campaigns, read where a page shows one campaign each.
const FEW: u64 = 300;

/// Told of each call when it has ended, with the rows a statement of it may read.
pub(crate) type Told<'a> = &'a mut (dyn FnMut(&str, u64) + Send);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_8000 << 48 | number)
}

fn later() -> DateTime<Utc> {
    DateTime::from_timestamp(4_000_000_000, 0).unwrap()
}

/// The first page, one in the middle and the last one, from either side.
fn pages(rows: &Range<u128>) -> Vec<PageRequest> {
    let mut pages = Vec::new();
    let middle = (rows.start + rows.end) / 2;
    for oldest_first in [false, true] {
        let last = if oldest_first {
            rows.end - 5
        } else {
            rows.start + 5
        };
        for after in [None, Some(id(middle)), Some(id(last))] {
            pages.push(PageRequest {
                limit: 10,
                oldest_first,
                after,
                ..PageRequest::default()
            });
        }
    }
    pages
}

/// Every call; `rows` are the numbers of the workspace's messages.
pub(crate) async fn all(
    store: &Arc<dyn Store>,
    workspace: &Workspace,
    rows: &Range<u128>,
    told: Told<'_>,
) {
    messages(store, workspace, &pages(rows), told).await;
    others(store, workspace, &pages(rows), told).await;
    counts(store, workspace, told).await;
    work(store, workspace, told).await;
    analytics(store, workspace, told).await;
}

fn message_queries() -> Vec<MessageQuery> {
    let all = MessageQuery::default;
    let mut list = vec![all()];
    for status in Status::ALL {
        list.push(MessageQuery {
            statuses: vec![status],
            ..all()
        });
    }
    let bases = [
        all(),
        MessageQuery {
            campaign_id: Some(CampaignId(id(3))),
            ..all()
        },
        MessageQuery {
            contact_id: Some(ContactId(id(5))),
            ..all()
        },
    ];
    for base in bases {
        for statuses in [
            vec![],
            vec![Status::Draft, Status::PendingApproval],
            vec![Status::Sent],
        ] {
            for occasion in [None, Some(Occasion::Holiday), Some(Occasion::NewYear)] {
                for generated_by in [None, Some(GeneratedBy::Ai)] {
                    // A campaign is of one occasion, and its messages of one author or two: a filter that
                    // none of them meets reads the campaign.
                    if base.campaign_id.is_some() && (occasion.is_some() || generated_by.is_some())
                    {
                        continue;
                    }
                    list.push(MessageQuery {
                        statuses: statuses.clone(),
                        occasion,
                        generated_by,
                        ..base.clone()
                    });
                }
            }
        }
    }
    for statuses in [
        vec![Status::PendingApproval],
        vec![Status::Draft, Status::PendingApproval],
    ] {
        for severity in [None, Some(Severity::Warning), Some(Severity::Blocking)] {
            for gravest_first in [true, false] {
                list.push(MessageQuery {
                    statuses: statuses.clone(),
                    severity,
                    gravest_first,
                    ..all()
                });
            }
        }
    }
    list.push(MessageQuery {
        ids: (1..=10).map(|n| MessageId(id(n))).collect(),
        ..all()
    });
    list.push(MessageQuery {
        provider_id: Some("p7".to_owned()),
        ..all()
    });
    list.push(MessageQuery {
        lease_before: Some(later()),
        statuses: vec![Status::Claimed, Status::Sending],
        ..all()
    });
    list.push(MessageQuery {
        lease_before: Some(later()),
        ..all()
    });
    list.push(MessageQuery {
        // What the sweep asks: nothing is late now.
        expires_before: DateTime::from_timestamp(1_700_000_000, 0),
        statuses: vec![Status::Draft, Status::PendingApproval, Status::Approved],
        ..all()
    });
    list.push(MessageQuery {
        // And this: nothing waits for too long.
        queued_before: DateTime::from_timestamp(1_700_000_000, 0),
        statuses: vec![Status::Approved],
        ..all()
    });
    list
}

async fn messages(
    store: &Arc<dyn Store>,
    workspace: &Workspace,
    pages: &[PageRequest],
    told: Told<'_>,
) {
    for query in message_queries() {
        for page in pages.iter().copied() {
            let query = MessageQuery {
                page,
                ..query.clone()
            };
            let name = format!("messages {query:?}");
            store.messages(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
    }
}

/// Numbers that a counter holds, and pages that are reached by skipping a few.
async fn counts(store: &Arc<dyn Store>, workspace: &Workspace, told: Told<'_>) {
    let page = PageRequest {
        limit: 10,
        skip: 30,
        count: true,
        ..PageRequest::default()
    };
    let all = || MessageQuery {
        page,
        ..MessageQuery::default()
    };
    for query in [
        all(),
        MessageQuery {
            statuses: vec![Status::Sent],
            ..all()
        },
        MessageQuery {
            occasion: Some(Occasion::Holiday),
            ..all()
        },
        MessageQuery {
            generated_by: Some(GeneratedBy::Ai),
            ..all()
        },
    ] {
        let name = format!("messages counted and skipped {query:?}");
        store.messages(workspace, query).await.unwrap();
        // Each run of the list gives what is skipped, too.
        told(&name, 4 * PAGE);
    }
}

async fn others(
    store: &Arc<dyn Store>,
    workspace: &Workspace,
    pages: &[PageRequest],
    told: Told<'_>,
) {
    for page in pages.iter().copied() {
        let all = || ContactQuery {
            page,
            ..ContactQuery::default()
        };
        let word = |text: &str| Some(text.to_owned());
        for query in [
            all(),
            ContactQuery {
                ids: vec![ContactId(id(1)), ContactId(id(9))],
                ..all()
            },
            ContactQuery {
                email: word("a7@mail.example"),
                ..all()
            },
            ContactQuery {
                external_id: word("x7"),
                ..all()
            },
            ContactQuery {
                phone: word("+7"),
                ..all()
            },
        ] {
            let name = format!("contacts {query:?}");
            store.contacts(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
        for text in ["rare", "rrae", "ra", "nobody"] {
            let query = ContactQuery {
                search: word(text),
                ..all()
            };
            store.contacts(workspace, query).await.unwrap();
            told(&format!("search for {text}"), PAGE);
        }
        let query = TemplateQuery {
            page,
            ids: vec![TemplateId(id(1))],
            ..TemplateQuery::default()
        };
        store.templates(workspace, query).await.unwrap();
        told("templates by id", FEW);
        let query = TemplateQuery {
            page,
            active: Some(true),
            ..TemplateQuery::default()
        };
        store.templates(workspace, query).await.unwrap();
        told("templates", FEW);
        let query = CampaignQuery {
            page,
            ..CampaignQuery::default()
        };
        store.campaigns(workspace, query).await.unwrap();
        told("campaigns", FEW);
        for (occurrence, excluded, undrafted) in [
            (None, None, false),
            (word("2026"), None, false),
            (word("2026"), Some(false), true),
            (None, Some(false), true),
        ] {
            let campaign_id = CampaignId(id(3));
            let query = PlanQuery {
                campaign_id,
                occurrence,
                excluded,
                undrafted,
                batch: None,
                page,
            };
            let name = format!("plan {query:?}");
            store.plan(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
    }
    for addresses in [vec![], vec!["a7@mail.example".to_owned()]] {
        for channel in [None, Some("email".to_owned())] {
            // Without the channel all addresses of the workspace are compared.
            if channel.is_none() && !addresses.is_empty() {
                continue;
            }
            let query = SuppressionQuery {
                channel,
                addresses: addresses.clone(),
                limit: 10,
                skip: 0,
            };
            let name = format!("suppressions {query:?}");
            store.suppressions(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
    }
    for subject in [None, Some((Subject::Message, id(7)))] {
        for sealed_after in [None, Some(0), Some(SEALED + 30_000)] {
            // What happened to one message, without the seals, is what is asked.
            if subject.is_some() && sealed_after.is_some() {
                continue;
            }
            let query = EventQuery {
                subject,
                sealed_after,
                limit: 10,
            };
            let name = format!("events {query:?}");
            store.events(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
    }
    for state in [
        None,
        Some(IntakeState::Waiting),
        Some(IntakeState::Applied),
        Some(IntakeState::Rejected),
    ] {
        for key in [None, Some("k7".to_owned())] {
            for oldest_first in [false, true] {
                let query = IntakeQuery {
                    state,
                    key: key.clone(),
                    after: None,
                    oldest_first,
                    limit: 10,
                };
                let name = format!("intake {query:?}");
                store.intake(workspace, query).await.unwrap();
                told(&name, PAGE);
            }
        }
    }
    for state in [ReceiptState::Waiting, ReceiptState::Unmatched] {
        for due_before in [None, Some(DateTime::<Utc>::MAX_UTC)] {
            let query = ReceiptQuery {
                state: Some(state),
                due_before,
                limit: 10,
                ..ReceiptQuery::default()
            };
            let name = format!("receipts {query:?}");
            store.receipts(workspace, query).await.unwrap();
            told(&name, PAGE);
        }
    }
    let query = ReceiptQuery {
        message_id: Some(MessageId(id(7))),
        ..ReceiptQuery::default()
    };
    store.receipts(workspace, query).await.unwrap();
    told("receipts of a message", PAGE);
    let about = [
        About::Attempt(AttemptId(id(7))),
        About::ProviderId("p7".to_owned()),
        About::ProviderId("unheard of".to_owned()),
    ];
    store.attempts(workspace, &about).await.unwrap();
    told("attempts a receipt is about", FEW);
    store
        .counters(workspace, &["message.", "contact."])
        .await
        .unwrap();
    told("counters", FEW);
    store.checkpoint(workspace).await.unwrap();
    told("checkpoint", FEW);
    store.subscriptions(workspace).await.unwrap();
    told("subscriptions", FEW);
    store.field_definitions(workspace).await.unwrap();
    told("field definitions", FEW);
    store.saved_audiences(workspace).await.unwrap();
    told("saved audiences", FEW);
    money(store, workspace, told).await;
    store.workspaces().await.unwrap();
    told("workspaces", FEW);
    store.trail(workspace, MessageId(id(7))).await.unwrap();
    told("trail", FEW);
    let ids: Vec<_> = (1..=10).map(|n| MessageId(id(n))).collect();
    store.dispatch(workspace, &ids).await.unwrap();
    told("dispatch", FEW);
}

/// Budgets, entries of the ledger and sums.
async fn money(store: &Arc<dyn Store>, workspace: &Workspace, told: Told<'_>) {
    let day = chrono::NaiveDate::from_ymd_opt(2021, 3, 4).unwrap();
    for of in [None, Some(None), Some(Some(CampaignId(id(7))))] {
        let query = BudgetQuery {
            of,
            day,
            limit: 100,
            skip: 0,
        };
        store.budgets(workspace, query).await.unwrap();
        told(&format!("budgets {query:?}"), FEW);
    }
    let page = PageRequest {
        limit: 10,
        ..PageRequest::default()
    };
    let all = || LedgerQuery {
        page,
        ..LedgerQuery::default()
    };
    let queries = [
        all(),
        LedgerQuery {
            ids: (1..=10).map(|n| LedgerId(id(n))).collect(),
            ..all()
        },
        LedgerQuery {
            campaign_id: Some(CampaignId(id(7))),
            ..all()
        },
        LedgerQuery {
            actor: Some("actor7".to_owned()),
            ..all()
        },
        LedgerQuery {
            from: Some(day),
            to: Some(day),
            ..all()
        },
        LedgerQuery {
            held_before: Some(later()),
            ..all()
        },
    ];
    for query in queries {
        store.ledger(workspace, query.clone()).await.unwrap();
        told(&format!("ledger {query:?}"), PAGE);
    }
    // A row of the ledger's sums for each day, actor, campaign and model there was; not one for each entry.
    for group in UsageGroup::ALL {
        let query = UsageQuery {
            group,
            ..UsageQuery::default()
        };
        store.usage(workspace, query).await.unwrap();
        told("usage", PAGE);
    }
}

async fn work(store: &Arc<dyn Store>, workspace: &Workspace, told: Told<'_>) {
    let claim = |parked: Vec<String>| Claim {
        workspace: workspace.clone(),
        worker: "w".to_owned(),
        limit: 10,
        now: later(),
        lease: Duration::minutes(1),
        parked,
        ids: Arc::new(SequentialIds::default()),
    };
    store.claim(claim(vec![])).await.unwrap();
    told("claim", FEW);
    store.claim(claim(vec!["sms".to_owned()])).await.unwrap();
    // Every campaign gives a page.
    told("claim with a parked channel", PAGE);
    store.seal(workspace, 10).await.unwrap();
    told("seal", FEW);
}

async fn analytics(store: &Arc<dyn Store>, workspace: &Workspace, told: Told<'_>) {
    let clock = Arc::new(FakeClock::default());
    let engine = Engine::builder(store.clone(), clock, Arc::new(SequentialIds::default())).build();
    let session = engine.act_as(Actor::new(workspace.clone(), "boss", Role::Admin));
    let analytics = session.analytics();
    analytics.dashboard().await.unwrap();
    told("dashboard", FEW);
    analytics.messages_by_status().await.unwrap();
    told("messages by status", FEW);
    analytics.messages_by_occasion().await.unwrap();
    told("messages by occasion", FEW);
    analytics.contacts_by_segment().await.unwrap();
    told("contacts by segment", FEW);
    analytics.ai_usage().await.unwrap();
    told("use of models", FEW);
    let page = PageRequest {
        limit: 10,
        ..PageRequest::default()
    };
    analytics.campaign_performance(page).await.unwrap();
    told("performance of campaigns", FEW);
    analytics.messages_timeline(30, None).await.unwrap();
    told("timeline", FEW);
}

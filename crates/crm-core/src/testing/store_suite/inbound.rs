//! When people last wrote.

use std::collections::BTreeMap;

use chrono::Duration;

use super::Case;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::change::Change;
use crate::consent::window::Inbound;
use crate::error::ErrorKind::Invalid;
use crate::testing::fixtures::noon;
use crate::testing::suite::{Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![inbound_keeps_the_later]
}

async fn inbound_keeps_the_later(store: S) -> Verdict {
    let wrote = |channel: &str, address: &str, hours: i64| {
        Change::RecordInbound(Inbound {
            workspace: ws(),
            channel: channel.to_owned(),
            address: address.to_owned(),
            at: noon() + Duration::hours(hours) + Duration::microseconds(1),
        })
    };
    // In one set, too, and in any order.
    put(&store, |s| {
        s.push(wrote("chat", "анна@почта.рф", 1))
            .push(wrote("chat", "анна@почта.рф", 3))
            .push(wrote("chat", "анна@почта.рф", 2))
            .push(wrote("sms", "анна@почта.рф", 7))
            .push(wrote("chat", "b@example.org", 5))
    })
    .await?;
    put(&store, |s| s.push(wrote("chat", "b@example.org", 4))).await?;
    put(&store, |s| s.push(wrote("chat", "b@example.org", 6))).await?;
    let foreign = Change::RecordInbound(Inbound {
        workspace: other_ws()?,
        channel: "chat".to_owned(),
        address: "b@example.org".to_owned(),
        at: noon(),
    });
    refuse(&store, Invalid, |s| s.push(foreign)).await?;
    let asked = |addresses: &[&str]| -> Vec<String> {
        addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect()
    };
    let all = asked(&[
        "b@example.org",
        "анна@почта.рф",
        "B@example.org",
        "b@example.org",
        "",
    ]);
    let found = store.inbound(&ws(), "chat", &all).await.map_err(told)?;
    let at = |hours: i64| noon() + Duration::hours(hours) + Duration::microseconds(1);
    let wanted = BTreeMap::from([
        ("b@example.org".to_owned(), at(6)),
        ("анна@почта.рф".to_owned(), at(3)),
    ]);
    same(found, wanted, "last words")?;
    for (workspace, channel, addresses) in [
        (other_ws()?, "chat", all.clone()),
        (ws(), "email", all),
        (ws(), "chat", Vec::new()),
    ] {
        let found = store.inbound(&workspace, channel, &addresses).await;
        same(found.map_err(told)?.len(), 0, "words of others")?;
    }
    let forget = Change::DeleteInbound("анна@почта.рф".to_owned());
    put(&store, |s| s.push(forget)).await?;
    let both = asked(&["b@example.org", "анна@почта.рф"]);
    for (channel, left) in [("chat", 1), ("sms", 0)] {
        let found = store.inbound(&ws(), channel, &both).await.map_err(told)?;
        same(found.len(), left, "words that are left")?;
    }
    Ok(())
}

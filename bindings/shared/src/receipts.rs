//! Operations about what providers say after the call, and about each call of a provider.

use chrono::{DateTime, Utc};
use crm_channels::smtp::bounce;
use crm_core::engine::Delivery;
use crm_core::id::{AttemptId, MessageId};
use crm_core::message::AttemptOutcome;
use crm_core::port::callback::{Callback, Fate};
use crm_core::receipt::KeptReceipt;
use crm_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::news::Said;
use crate::operations::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receive {
    channel: String,
    url: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Challenge {
    channel: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hear {
    channel: String,
    news: Vec<Said>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HearBounce {
    channel: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfMessage {
    id: MessageId,
}

/// What a provider said of an attempt.
#[derive(Serialize)]
struct ReceiptView {
    fate: &'static str,
    reason: Option<String>,
    /// By the provider's clock, if it says so.
    at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
}

impl ReceiptView {
    fn of(kept: &KeptReceipt) -> Self {
        let reason = match &kept.receipt.fate {
            Fate::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        Self {
            fate: kept.receipt.fate.as_str(),
            reason,
            at: kept.receipt.at,
            received_at: kept.received_at,
        }
    }
}

/// One call of a provider.
#[derive(Serialize)]
struct AttemptView {
    id: AttemptId,
    number: u32,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    /// `None` while it is awaited.
    outcome: Option<AttemptOutcome>,
    /// Once it is known.
    provider_id: Option<String>,
    reason: Option<String>,
    receipts: Vec<ReceiptView>,
}

impl AttemptView {
    fn of(delivery: Delivery) -> Self {
        let attempt = delivery.attempt;
        Self {
            id: attempt.id,
            number: attempt.number,
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
            outcome: attempt.outcome,
            provider_id: delivery.provider_id,
            reason: attempt.reason,
            receipts: delivery.receipts.iter().map(ReceiptView::of).collect(),
        }
    }
}

/// Runs one of them; `file` is the body of a callback, or a mail.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
    file: Option<Vec<u8>>,
) -> std::result::Result<Value, Failure> {
    let workspace = &call.actor().workspace;
    let engine = &call.open()?.engine;
    match operation {
        "receive" => {
            let wanted: Receive = read(input)?;
            let callback = Callback {
                url: wanted.url,
                headers: wanted.headers,
                body: file.unwrap_or_default(),
            };
            show(
                &engine
                    .receive(workspace, &wanted.channel, &callback)
                    .await?,
            )
        }
        "challenge" => {
            let Challenge { channel, url } = read(input)?;
            known(call, &channel)?;
            let channel = engine.channels().get(&channel);
            let channel = channel.ok_or_else(Failure::internal)?;
            show(&channel.challenge(&url)?)
        }
        "hear" => {
            let Hear { channel, news } = read(input)?;
            known(call, &channel)?;
            let news = news.into_iter().map(Said::news).collect::<Result<_>>()?;
            show(&engine.hear(workspace, &channel, news).await?)
        }
        "hear_bounce" => {
            let HearBounce { channel } = read(input)?;
            known(call, &channel)?;
            let mail = file.ok_or_else(|| Error::field("mail", "give the bytes of a mail"))?;
            let paths = call.open()?.delivery.return_paths.get(&channel);
            let news = bounce::read_any(&mail, paths.map_or(&[], Vec::as_slice))?;
            show(&engine.hear(workspace, &channel, news).await?)
        }
        _ => {
            let OfMessage { id } = read(input)?;
            let session = call.session()?;
            let found = session.messages().deliveries(id).await?.into_iter();
            show(&found.map(AttemptView::of).collect::<Vec<_>>())
        }
    }
}

/// The engine hears of any channel; a name that is none here is a mistake.
fn known(call: &Call<'_>, channel: &str) -> std::result::Result<(), Failure> {
    let channels = call.open()?.engine.channels();
    if channels.contains_key(channel) {
        return Ok(());
    }
    let names: Vec<&str> = channels.keys().map(String::as_str).collect();
    let message = format!("use one of the set-up channels: {}", names.join(", "));
    Err(Error::field("channel", message).into())
}

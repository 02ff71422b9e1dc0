//! Operations about subscriptions: how far subscribers were told of the history.

use crm_core::subscription::Start;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::{Nothing, show};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    name: String,
    #[serde(default)]
    start: Start,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

/// Runs one of them.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    match operation {
        // The host's own doing, like its worker: whoever the actor is.
        "subscribe" => {
            let Subscribe { name, start } = read(input)?;
            let workspace = &call.actor().workspace;
            call.open()?
                .engine
                .subscribe(workspace, &name, start)
                .await?;
            Ok(Value::Null)
        }
        "enable_subscription" => {
            let session = call.session()?;
            let Name { name } = read(input)?;
            session.subscriptions().enable(&name).await?;
            Ok(Value::Null)
        }
        _ => {
            let session = call.session()?;
            let Nothing {} = read(input)?;
            show(&session.subscriptions().list().await?)
        }
    }
}

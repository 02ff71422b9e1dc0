//! Operations about links to unsubscribe.

use crm_core::consent::Topic;
use crm_core::consent::token::Unsubscription;
use crm_core::id::ContactId;
use crm_core::{Error, ErrorKind, Workspace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    contact_id: ContactId,
    channel: String,
    topic: Topic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// What a token stands for.
#[derive(Serialize)]
struct View {
    workspace: Workspace,
    contact_id: ContactId,
    channel: String,
    topic: Topic,
}

/// Runs one of them.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    let open = call.open()?;
    let engine = &open.engine;
    match operation {
        "unsubscribe_token" | "unsubscribe_link" => {
            let wish: Wish = read(input)?;
            let token = engine.unsubscribe_token(&Unsubscription {
                workspace: call.actor().workspace.clone(),
                contact_id: wish.contact_id,
                channel: wish.channel,
                topic: wish.topic,
            })?;
            if operation == "unsubscribe_token" {
                return show(&token);
            }
            let links = open.delivery.links.as_ref().ok_or_else(|| {
                let message = "no address to unsubscribe at is set up: give unsubscribe_url";
                Error::new(ErrorKind::Unsupported, message)
            })?;
            show(&format!("{}{token}", links.base))
        }
        "unsubscription" => {
            let Token { token } = read(input)?;
            let wish = engine.unsubscription(&token)?;
            show(&View {
                workspace: wish.workspace,
                contact_id: wish.contact_id,
                channel: wish.channel,
                topic: wish.topic,
            })
        }
        _ => {
            let Token { token } = read(input)?;
            engine.unsubscribe(&token).await?;
            Ok(Value::Null)
        }
    }
}

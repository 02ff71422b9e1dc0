//! An Eskiz channel and the answers of its provider.

use crm_channels::{Eskiz, EskizConfig, HttpOptions};
use crm_core::port::channel::Outcome;
use serde_json::json as value;

use super::Draft;
use super::http::{Act, Provider, json};
use super::stages::options;

pub const PASSWORD: &str = "a-very-secret-password";
pub const TOKEN: &str = "a-very-secret-token";
pub const CALLBACK: &str = "callback-secret-0123456789";
pub const REQUEST: &str = "03759b6d-c4db-449f-81c1-f625ab1bc1b4";
pub const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";
pub const TO: &str = "+998901234567";

pub fn config(http: HttpOptions) -> EskizConfig {
    EskizConfig {
        http,
        ..EskizConfig::new("salon@example.test", PASSWORD.to_owned().into())
    }
}

pub fn eskiz(provider: &Provider) -> Eskiz {
    Eskiz::new(config(options(provider.base()))).unwrap()
}

pub fn draft() -> Draft {
    Draft {
        recipient: TO.to_owned(),
        subject: None,
        content: "Salom, Anna!".to_owned(),
        ..Draft::default()
    }
}

pub fn token(token: &str) -> Act {
    let body =
        value!({"message": "token_generated", "data": {"token": token}, "token_type": "bearer"});
    json(200, &body.to_string())
}

pub fn taken() -> Act {
    let body =
        value!({"id": REQUEST, "message": "Waiting for SMS provider", "status": ["waiting"]});
    json(200, &body.to_string())
}

pub fn accepted() -> Outcome {
    Outcome::Accepted {
        provider_id: REQUEST.to_owned(),
    }
}

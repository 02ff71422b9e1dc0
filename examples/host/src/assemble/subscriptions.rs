//! Makes the subscribers of the settings, and begins their subscriptions.

use std::sync::Arc;

use crm_channels::WebhookSubscriber;
use crm_core::Workspace;
use crm_core::engine::Engine;
use crm_core::port::subscriber::Subscriber;

use crate::config::Config;

/// Subscribers and what they are called.
type Named = Vec<(String, Arc<dyn Subscriber>)>;

/// All subscribers by name.
pub(super) fn all(config: &Config) -> Result<Named, String> {
    let mut subscribers: Vec<(String, Arc<dyn Subscriber>)> = Vec::new();
    for (name, settings) in &config.subscriptions {
        let made = WebhookSubscriber::new(settings.config.clone())
            .map_err(|error| format!("{}: {error}", settings.place))?;
        subscribers.push((name.clone(), Arc::new(made)));
    }
    Ok(subscribers)
}

/// Begins what is new. What was begun goes on where it was.
pub(crate) async fn subscribe(config: &Config, engine: &Engine) -> Result<(), String> {
    let workspace = Workspace::default();
    for (name, settings) in &config.subscriptions {
        engine
            .subscribe(&workspace, name, settings.from)
            .await
            .map_err(|error| format!("{}: {error}", settings.place))?;
    }
    Ok(())
}

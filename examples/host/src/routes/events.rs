//! Live changes as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use crm_core::Action;
use crm_core::port::broadcast::Heard;
use futures_util::Stream;
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::extract::User;
use crate::error::Problem;
use crate::state::App;

/// How often a stream looks whether its login still stands.
const LOOK: Duration = Duration::from_secs(5);

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Changes of messages, campaigns, templates and contacts as they are committed: ids and codes, no
/// texts. The event's name is the kind of row; `lagged` means that some were missed and lists are to be
/// loaded again. The stream ends when the login does.
#[utoipa::path(get, path = "/api/events", tag = "events",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn events(
    State(app): State<App>,
    user: User,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    user.actor().require(Action::Read)?;
    let mut look = tokio::time::interval(LOOK);
    look.reset();
    let start = (app.notices.subscribe(), app.stop.clone(), look, user);
    let stream =
        futures_util::stream::unfold(start, |(mut notices, mut stop, mut look, user)| async {
            loop {
                let heard = tokio::select! {
                    heard = notices.next() => heard?,
                    () = ended(&mut stop) => return None,
                    _ = look.tick() => {
                        if !user.still_signed_in().await {
                            return None;
                        }
                        continue;
                    }
                };
                let event = match heard {
                    Heard::Notice(notice) if notice.workspace != user.actor().workspace => continue,
                    Heard::Notice(notice) => {
                        let data = serde_json::to_string(&notice).unwrap_or_default();
                        Event::default().event(notice.subject.as_str()).data(data)
                    }
                    Heard::Lagged(_) => Event::default().event("lagged").data("{}"),
                };
                return Some((Ok(event), (notices, stop, look, user)));
            }
        });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// Waits until the host is asked to stop.
async fn ended(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

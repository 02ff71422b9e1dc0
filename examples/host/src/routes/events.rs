//! Live changes as server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use crm_core::Action;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::extract::User;
use crate::error::Problem;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Changes of messages, campaigns and contacts: ids and codes, no texts. `lagged` means that some were
/// missed and lists are to be loaded again.
#[utoipa::path(get, path = "/api/events", tag = "events",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn events(
    State(app): State<App>,
    user: User,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let session = user.session(&app);
    session.actor().require(Action::Read)?;
    let workspace = session.actor().workspace.clone();
    let start = (app.notices.subscribe(), app.stop.clone(), workspace);
    let stream = futures_util::stream::unfold(start, |(mut notices, mut stop, workspace)| async {
        loop {
            let notice = tokio::select! {
                notice = notices.recv() => notice,
                _ = stop.wait_for(|stop| *stop) => return None,
            };
            let event = match notice {
                Ok(notice) if notice.workspace != workspace => continue,
                Ok(notice) => {
                    let data = serde_json::to_string(&notice).unwrap_or_default();
                    Event::default().event(notice.subject.as_str()).data(data)
                }
                Err(RecvError::Lagged(_)) => Event::default().event("lagged").data("{}"),
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(event), (notices, stop, workspace)));
        }
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

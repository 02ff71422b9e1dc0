//! What the cases share.

use std::sync::Arc;

use crate::actor::Workspace;
use crate::change::ChangeSet;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ContactId, MessageId};
use crate::message::Message;
use crate::port::store::{ContactQuery, MessageQuery, PageRequest, Store};
use crate::testing::suite::{Verdict, same};

pub(super) type S = Arc<dyn Store>;

pub(super) fn ws() -> Workspace {
    Workspace::default()
}

pub(super) fn other_ws() -> Result<Workspace, String> {
    Workspace::new("other").map_err(told)
}

pub(super) fn told(error: Error) -> String {
    format!("{error:?}")
}

/// A change set of the default workspace.
pub(super) fn set(build: impl FnOnce(&mut ChangeSet) -> &mut ChangeSet) -> ChangeSet {
    let mut set = ChangeSet::new(ws());
    build(&mut set);
    set
}

/// Commits one set and returns its own result.
pub(super) async fn commit(store: &S, set: ChangeSet) -> Result<Result<()>, String> {
    let mut results = store.commit(vec![set]).await.map_err(told)?;
    match (results.pop(), results.len()) {
        (Some(result), 0) => Ok(result),
        _ => Err("one set did not have one result".to_owned()),
    }
}

/// Commits one set, which must be good.
pub(super) async fn put(
    store: &S,
    build: impl FnOnce(&mut ChangeSet) -> &mut ChangeSet,
) -> Verdict {
    Ok(commit(store, set(build)).await?.map_err(told)?)
}

/// Commits one set, which must be refused so.
pub(super) async fn refuse(
    store: &S,
    kind: ErrorKind,
    build: impl FnOnce(&mut ChangeSet) -> &mut ChangeSet,
) -> Verdict {
    match commit(store, set(build)).await? {
        Ok(()) => Err(format!("committed instead of refused as {}", kind.code()).into()),
        Err(error) => same(error.kind(), kind, "kind of refusal"),
    }
}

pub(super) async fn contact_of(store: &S, id: ContactId) -> Result<Option<Contact>, String> {
    let query = ContactQuery {
        ids: vec![id],
        ..ContactQuery::default()
    };
    let page = store.contacts(&ws(), query).await.map_err(told)?;
    Ok(page.items.into_iter().next())
}

pub(super) async fn message_of(store: &S, id: MessageId) -> Result<Option<Message>, String> {
    let query = MessageQuery {
        ids: vec![id],
        ..MessageQuery::default()
    };
    let page = store.messages(&ws(), query).await.map_err(told)?;
    Ok(page.items.into_iter().next())
}

/// A page of everything, counted.
pub(super) fn everything() -> PageRequest {
    PageRequest {
        limit: 1_000,
        count: true,
        ..PageRequest::default()
    }
}

/// The row one version later.
pub(super) fn next_contact(row: &Contact) -> Contact {
    Contact {
        version: row.version + 1,
        ..row.clone()
    }
}

/// The row one version later.
pub(super) fn next_message(row: &Message) -> Message {
    Message {
        version: row.version + 1,
        ..row.clone()
    }
}

/// What stands at this place of a list.
pub(super) fn at<T>(list: &[T], place: usize) -> Result<&T, String> {
    let there = list.get(place);
    there.ok_or_else(|| format!("a list of {} has nothing at {place}", list.len()))
}

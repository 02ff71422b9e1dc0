//! Reading lines ahead, and storing what was written of them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;
use uuid::Uuid;

use super::Worker;
use super::draft::{Ended, Kept, key};
use super::line::{Line, Texts};
use crate::actor::Workspace;
use crate::campaign::{Campaign, CampaignStatus, Waiting};
use crate::change::{Change, ChangeSet, Precondition};
use crate::contact::Contact;
use crate::engine::Drafted;
use crate::error::{ErrorKind, Result};
use crate::id::{CampaignId, ContactId};
use crate::port::store::{CampaignQuery, ContactQuery, PageRequest};

/// How often a text is stored anew when its campaign or its contact moved on meanwhile.
const TRIES: usize = 4;

/// What is read ahead of a campaign already.
pub(super) struct Have {
    /// The last contact read.
    pub(super) cursor: Option<Uuid>,
    /// Lines that wait.
    pub(super) left: usize,
}

/// A running campaign, and lines of it if any were read.
pub(super) struct Found {
    pub(super) campaign: Campaign,
    pub(super) page: Option<Lines>,
}

/// Some lines of a campaign.
pub(super) struct Lines {
    pub(super) texts: Texts,
    pub(super) lines: Vec<Line>,
    /// The last contact read, if there are more behind it.
    pub(super) next: Option<Uuid>,
}

impl Worker {
    /// All running campaigns, with lines of those that have few left, `room` in all.
    pub(super) async fn look(
        &self,
        have: &BTreeMap<CampaignId, Have>,
        room: usize,
        places: usize,
    ) -> Result<Vec<Found>> {
        let mut running = Vec::new();
        for workspace in self.engine.store().workspaces().await? {
            running.extend(self.campaigns(&workspace, CampaignStatus::Active).await?);
        }
        // So that no campaign is always the one for which no room is left.
        let turn = self.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let count = running.len().max(1);
        running.rotate_left(turn % count);
        let most = (places * 2).max(100);
        let share = (room / count).clamp(10, most);
        let mut room = room;
        let mut found = Vec::with_capacity(running.len());
        for campaign in running {
            let known = have.get(&campaign.id);
            let is_low = known.is_none_or(|known| known.left < places.min(share));
            let rests = self.rests().campaign(campaign.id, Instant::now());
            let mut page = None;
            if is_low && room > 0 && rests.is_none() {
                let limit = u32::try_from(share.min(room)).unwrap_or(u32::MAX);
                let after = known.and_then(|known| known.cursor);
                page = match self.lines(&campaign, limit, after).await {
                    Ok(page) => page,
                    Err(error) if error.kind() != ErrorKind::Unavailable => {
                        tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                            "a campaign could not go on");
                        None
                    }
                    Err(error) => return Err(error),
                };
                room = room.saturating_sub(page.as_ref().map_or(0, |page| page.lines.len()));
            }
            found.push(Found { campaign, page });
        }
        Ok(found)
    }

    /// Undrafted lines behind a contact, with whom they are for; `None` without any.
    async fn lines(
        &self,
        campaign: &Campaign,
        limit: u32,
        after: Option<Uuid>,
    ) -> Result<Option<Lines>> {
        let workspace = &campaign.workspace;
        let page = self.undrafted(workspace, campaign.id, limit, after).await?;
        if page.items.is_empty() && after.is_none() {
            return Ok(None);
        }
        let ids = page.items.iter().map(|row| row.contact_id).collect();
        let contacts = self.people(workspace, ids).await?;
        let lines = page.items.into_iter().map(|row| Line {
            contact: contacts.get(&row.contact_id).cloned(),
            row,
        });
        Ok(Some(Lines {
            lines: lines.collect(),
            texts: self.texts(workspace, campaign).await?,
            next: page.next,
        }))
    }

    async fn people(
        &self,
        workspace: &Workspace,
        ids: BTreeSet<ContactId>,
    ) -> Result<BTreeMap<ContactId, Contact>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let query = ContactQuery {
            ids: ids.into_iter().collect(),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let contacts = self.engine.store().contacts(workspace, query).await?.items;
        let by_id = contacts.into_iter().map(|contact| (contact.id, contact));
        Ok(by_id.collect())
    }

    /// Stores what was written, on the campaigns and contacts as they are now.
    pub(super) async fn keep(&self, batch: Vec<Ended>) -> Kept {
        let mut kept = Kept {
            count: 0,
            again: Vec::new(),
            over: Vec::new(),
            failure: None,
        };
        let mut groups: BTreeMap<Workspace, Vec<Ended>> = BTreeMap::new();
        for ended in batch {
            let workspace = ended.campaign.workspace.clone();
            groups.entry(workspace).or_default().push(ended);
        }
        for (workspace, mut group) in groups {
            for tries in (0..TRIES).rev() {
                match self.keep_once(&workspace, &group).await {
                    Err(error) => {
                        if error.kind() == ErrorKind::Unavailable {
                            kept.failure.get_or_insert(error);
                            kept.again.append(&mut group);
                        } else {
                            tracing::warn!(kind = error.kind().code(), "texts could not be stored");
                        }
                        break;
                    }
                    Ok((count, moved)) => {
                        kept.count += count;
                        let mut number = 0;
                        group.retain(|ended| {
                            let stays = tries > 0 && moved.contains(&number);
                            number += 1;
                            if !stays {
                                kept.over.push(key(&ended.line));
                            }
                            stays
                        });
                        if group.is_empty() {
                            break;
                        }
                    }
                }
            }
            kept.over.extend(group.iter().map(|ended| key(&ended.line)));
        }
        kept
    }

    /// Tries once. How many were stored, and the places of those whose campaign or contact moved on meanwhile.
    async fn keep_once(
        &self,
        workspace: &Workspace,
        group: &[Ended],
    ) -> Result<(u64, BTreeSet<usize>)> {
        let ids: BTreeSet<_> = group.iter().map(|ended| ended.campaign.id).collect();
        let query = CampaignQuery {
            ids: ids.into_iter().collect(),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..CampaignQuery::default()
        };
        let campaigns = self.engine.store().campaigns(workspace, query).await?.items;
        let people = group.iter().map(|ended| ended.line.row.contact_id);
        let people = self.people(workspace, people.collect()).await?;
        let running = |campaign: &&Campaign| campaign.status == CampaignStatus::Active;
        let running: BTreeMap<_, _> = campaigns
            .iter()
            .filter(running)
            .map(|campaign| (campaign.id, campaign))
            .collect();
        let mut sets = Vec::with_capacity(group.len());
        let mut places = Vec::with_capacity(group.len());
        for (place, ended) in group.iter().enumerate() {
            let Some(campaign) = running.get(&ended.campaign.id) else {
                continue;
            };
            let line = Line {
                row: ended.line.row.clone(),
                contact: people.get(&ended.line.row.contact_id).cloned(),
            };
            let set = self.decide_line(campaign, &line, &ended.text, Change::UpdatePlanRow);
            match set {
                Ok(Some(mut set)) => {
                    if let Some(contact) = &line.contact {
                        set.require(Precondition::Contact(contact.id, contact.version));
                    }
                    sets.push(set);
                    places.push(place);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                        "a message could not be drafted");
                }
            }
        }
        let drafted = sets.len();
        // Behind the texts, which need the campaign as it is.
        sets.extend(self.waiting(workspace, &running, group));
        if sets.is_empty() {
            return Ok((0, BTreeSet::new()));
        }
        let mut count = 0;
        let mut moved = BTreeSet::new();
        let results = self.engine.commit(sets).await?;
        for (result, place) in results.into_iter().take(drafted).zip(places) {
            match result {
                Ok(()) => count += 1,
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    moved.insert(place);
                }
                Err(error) if error.kind() == ErrorKind::Duplicate => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    tracing::warn!(kind = error.kind().code(), "a text could not be stored");
                }
            }
        }
        Ok((count, moved))
    }

    /// What campaigns say of why they wait, where that changed.
    fn waiting(
        &self,
        workspace: &Workspace,
        running: &BTreeMap<CampaignId, &Campaign>,
        group: &[Ended],
    ) -> Vec<ChangeSet> {
        let mut sets = Vec::new();
        for (id, campaign) in running {
            let mut texts = group.iter().filter(|ended| ended.campaign.id == *id);
            let reason = texts.clone().find_map(|ended| match &ended.text {
                Ok(Drafted::Waits { reason, .. }) => Some(reason.clone()),
                _ => None,
            });
            let wrote = texts.any(|ended| matches!(&ended.text, Ok(Drafted::Written(_))));
            let before = campaign.waiting.as_ref();
            let set = match reason {
                Some(reason) if before.is_none_or(|waiting| waiting.reason != reason) => {
                    let since = before.map_or(self.engine.now(), |waiting| waiting.since);
                    let waiting = Some(Waiting { reason, since });
                    self.update(workspace, campaign, "waiting", |after| {
                        after.waiting = waiting;
                    })
                }
                None if wrote && before.is_some() => {
                    self.update(workspace, campaign, "drafting", |after| {
                        after.waiting = None;
                    })
                }
                _ => continue,
            };
            sets.push(set);
        }
        sets
    }
}

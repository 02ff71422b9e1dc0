//! The voice of a workspace: one, changed by whoever read the version before. And why a campaign waits for a model.

use super::Case;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::campaign::Waiting;
use crate::change::Change;
use crate::error::ErrorKind::{Conflict, Invalid};
use crate::generation::{Example, Voice, VoiceFields};
use crate::message::Occasion;
use crate::port::store::CampaignQuery;
use crate::testing::fixtures::{campaign, noon};
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        a_voice_comes_back_as_it_was_written,
        a_voice_follows_its_version,
        the_voice_of_another_workspace_is_apart,
        why_a_campaign_waits_comes_back,
    ]
}

fn voice(version: u64) -> Voice {
    Voice {
        workspace: ws(),
        version,
        fields: VoiceFields {
            about: "«Вектор» — склад\nва етказиб бериш".to_owned(),
            style: format!("number {version}"),
            do_not: vec!["\\ \" \u{1f382}".to_owned(), "oʻrtoq".to_owned()],
            signature: Some("V.".to_owned()),
            examples: vec![Example {
                occasion: Occasion::NewYear,
                language: "uz-Cyrl".to_owned(),
                subject: None,
                content: "Табриклаймиз!".to_owned(),
            }],
        },
        updated_by: "admin".to_owned(),
        updated_at: noon(),
    }
}

fn set(voice: &Voice) -> Change {
    Change::PutVoice(Box::new(voice.clone()))
}

async fn a_voice_comes_back_as_it_was_written(store: S) -> Verdict {
    same(store.voice(&ws()).await.map_err(told)?, None, "no voice")?;
    put(&store, |s| s.push(set(&voice(1)))).await?;
    let found = store.voice(&ws()).await.map_err(told)?;
    same(found, Some(voice(1)), "voice")?;
    let spaces = store.workspaces().await.map_err(told)?;
    ensure(spaces == [ws()], "its workspace is not there")
}

async fn a_voice_follows_its_version(store: S) -> Verdict {
    refuse(&store, Conflict, |s| s.push(set(&voice(2)))).await?;
    put(&store, |s| s.push(set(&voice(1)))).await?;
    for wrong in [1, 3] {
        refuse(&store, Conflict, |s| s.push(set(&voice(wrong)))).await?;
    }
    put(&store, |s| s.push(set(&voice(2)))).await?;
    let found = store.voice(&ws()).await.map_err(told)?;
    same(found, Some(voice(2)), "voice")
}

async fn the_voice_of_another_workspace_is_apart(store: S) -> Verdict {
    let theirs = Voice {
        workspace: other_ws()?,
        ..voice(1)
    };
    refuse(&store, Invalid, |s| s.push(set(&theirs))).await?;
    put(&store, |s| s.push(set(&voice(1)))).await?;
    let found = store.voice(&other_ws()?).await.map_err(told)?;
    same(found, None, "voice of another workspace")
}

async fn why_a_campaign_waits_comes_back(store: S) -> Verdict {
    let mut row = campaign(1);
    let reason = "http_529".to_owned();
    let since = noon();
    row.waiting = Some(Waiting { reason, since });
    put(&store, |s| s.insert_campaign(row.clone())).await?;
    let (space, all) = (ws(), CampaignQuery::default());
    let found = store.campaigns(&space, all.clone()).await;
    let found = found.map_err(told)?.items;
    same(found, vec![row.clone()], "a campaign that waits")?;
    let before = row.clone();
    (row.version, row.waiting) = (2, None);
    put(&store, |s| s.update_campaign(&before, row.clone())).await?;
    let found = store.campaigns(&space, all).await.map_err(told)?.items;
    same(found, vec![row], "a campaign that goes on")
}

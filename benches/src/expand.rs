//! T1: expanding a campaign. Everyone gets a message of their own at nine in their own morning: plan
//! line, rendered text, message, revision and sealed audit event. The peer inserts message, text and
//! event rows of the same width.

use std::path::Path;
use std::time::Instant;

use chrono::Duration;
use crm_core::audience::Audience;
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::message::{Format, Occasion, Status};
use crm_core::template::TemplateFields;

use crate::measure::{Better, Figure, Names, rate};
use crate::world::{World, copy, remove};
use crate::{Outcome, proof, raw, seed};

const CONTENT: &str = "Уважаемый {{name}}! Поздравляем вас с Новым годом и желаем здоровья, радости \
    и успехов во всех начинаниях. Спасибо, что вы с нами. С уважением, команда.";

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(folder: &Path, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, file) = (folder.join("expand.base"), folder.join("expand.db"));
    {
        let world = World::open(&base)?;
        seed::contacts(&world, count).await?;
        world.worker().run_until_idle().await?;
    }
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        let ours = ours(&copy(&base, &file)?, count, run + 1 == runs).await?;
        let mut connection = raw::open(&copy(&base, &file)?)?;
        let start = Instant::now();
        raw::insert_messages(&mut connection, count)?;
        pairs.push((ours, rate(count, start.elapsed())));
    }
    remove(&base)?;
    remove(&file)?;
    let names = Names {
        id: "T1",
        work: "expand a campaign".to_owned(),
        peer_work: "raw insert of message, text and event".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.7))
}

async fn ours(file: &Path, count: usize, prove: bool) -> Outcome<f64> {
    let world = World::open(file)?;
    let session = world.session();
    let template = session
        .templates()
        .create(TemplateFields {
            name: "new year".to_owned(),
            occasion_type: Occasion::NewYear,
            segment: None,
            channel: None,
            language: "ru".to_owned(),
            subject: Some("С Новым годом!".to_owned()),
            content: CONTENT.to_owned(),
            format: Format::Text,
            is_active: true,
        })
        .await?;
    let campaign = session
        .campaigns()
        .create(CampaignFields {
            name: "new year".to_owned(),
            description: None,
            occasion_type: Occasion::NewYear,
            audience: Audience::everybody(),
            schedule: Schedule::Scheduled {
                at: world.engine.now() + Duration::days(3),
                local_time: true,
            },
            channel: "email".to_owned(),
            time_zone: "Asia/Tashkent".to_owned(),
            template_id: Some(template.id),
            tone: None,
            custom_context: None,
        })
        .await?;
    let worker = world.worker();
    worker.start().await?;
    let start = Instant::now();
    session.campaigns().execute(campaign.id, false).await?;
    worker.run_until_idle().await?;
    let took = start.elapsed();
    proof::counted(&session, Status::PendingApproval, count).await?;
    if prove {
        proof::sound(&session, 2 * count).await?;
    }
    Ok(rate(count, took))
}

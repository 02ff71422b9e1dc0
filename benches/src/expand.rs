//! T1: expanding a campaign. Everyone gets a message of their own at nine in their own morning: plan
//! line, rendered text, message, revision and sealed audit event. The peer inserts message, text and
//! event rows of the same width.

use std::time::Instant;

use chrono::Duration;
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::message::{Format, Occasion, Status};
use crm_core::template::TemplateFields;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::{Outcome, proof, seed};

const CONTENT: &str = "Уважаемый {{name}}! Поздравляем вас с Новым годом и желаем здоровья, радости \
    и успехов во всех начинаниях. Спасибо, что вы с нами. С уважением, команда.";

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(site: &Site, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, copy) = ("expand_base", "expand_run");
    site.create(base).await?;
    {
        let world = site.world(base).await?;
        seed::contacts(&world, count).await?;
        world.worker().run_until_idle().await?;
    }
    site.settle(base).await?;
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        site.copy(base, copy).await?;
        let ours = ours(site, copy, count, run + 1 == runs).await?;
        site.copy(base, copy).await?;
        let mut raw = site.raw(copy).await?;
        let start = Instant::now();
        raw.insert_messages(count).await?;
        let took = start.elapsed();
        raw.close().await?;
        pairs.push((ours, rate(count, took)));
    }
    site.remove(base).await?;
    site.remove(copy).await?;
    let names = Names {
        id: "T1",
        work: "expand a campaign".to_owned(),
        peer_work: "raw insert of message, text and event".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.7))
}

async fn ours(site: &Site, name: &str, count: usize, prove: bool) -> Outcome<f64> {
    let world = site.world(name).await?;
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
            schedule: Schedule::Scheduled {
                at: world.engine.now() + Duration::days(3),
                local_time: true,
            },
            template_id: Some(template.id),
            ..CampaignFields::new("new year", Occasion::NewYear)
        })
        .await?;
    let worker = world.worker();
    worker.start().await?;
    let start = Instant::now();
    session.campaigns().execute(campaign.id, false).await?;
    worker.run_until_idle().await?;
    let took = start.elapsed();
    site.tell(name).await?;
    proof::counted(&session, Status::PendingApproval, count).await?;
    if prove {
        proof::sound(&session, 2 * count).await?;
    }
    Ok(rate(count, took))
}

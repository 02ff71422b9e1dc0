//! `crm approve`: shows what would be approved, and approves exactly that.

use crm_core::Role;
use crm_core::engine::{BulkAction, BulkPreview, Engine};
use crm_core::id::MessageId;
use crm_core::port::store::MessageQuery;

use super::flags::ApproveFlags;
use super::output::{Done, Failure, Output, or_dash, short};
use super::past;
use super::place::Place;
use crate::error::Problem;
use crate::routes::decisions::{self, Filter};

/// Most ids at once, as over HTTP.
const MOST_IDS: usize = 10_000;

/// Shows, or approves.
pub(super) async fn run(
    place: &Place,
    flags: ApproveFlags,
    output: Output,
) -> Result<Done, Failure> {
    let given = |problem: Problem| Failure::Usage(problem.to_string());
    let wanted = decisions::digest("--manifest", flags.manifest.as_deref()).map_err(given)?;
    let yes = flags.yes;
    let query = selection(flags)?;
    let engine = place.engine().await?;
    let session = place.session(&engine);
    let approvals = session.approvals();
    let preview = approvals
        .preview(BulkAction::Approve, query.clone())
        .await?;
    if wanted.is_some_and(|wanted| wanted != preview.manifest) {
        let text = "what would be approved is not what was shown; look at it again";
        return Err(Failure::Failed(text.to_owned()));
    }
    if !yes {
        shown(preview, &engine, output)?;
        return Ok(Done::Well);
    }
    let manifest = Some(preview.manifest);
    let done = approvals
        .bulk(BulkAction::Approve, query, manifest, None)
        .await?;
    let all = done.skipped == 0 && done.failed == 0;
    if output.json {
        output.document(&decisions::BulkResult::from(done))?;
    } else {
        output.line(&format!(
            "{} of {} approved, {} skipped, {} refused",
            done.applied, preview.count, done.skipped, done.failed
        ))?;
        for item in &done.items {
            output.line(&format!("  {} {}: {}", item.id, item.outcome, item.detail))?;
        }
    }
    Ok(if all { Done::Well } else { Done::Partly })
}

fn selection(flags: ApproveFlags) -> Result<MessageQuery, Failure> {
    let filter = flags.filter;
    let filter = Filter {
        status: filter.status,
        occasion_type: filter.occasion,
        contact_id: filter.contact,
        campaign_id: filter.campaign,
        generated_by: filter.generated_by,
        search: filter.search,
        severity: filter.severity,
    };
    let any = filter.status.is_some()
        || filter.occasion_type.is_some()
        || filter.contact_id.is_some()
        || filter.campaign_id.is_some()
        || filter.generated_by.is_some()
        || filter.search.is_some()
        || filter.severity.is_some();
    let mut ids: Vec<MessageId> = flags.ids.into_iter().map(MessageId).collect();
    if ids.is_empty() && !any && !flags.all {
        let text = "say which messages: ids, a filter (--campaign, ...), or --all";
        return Err(Failure::Usage(text.to_owned()));
    }
    if ids.len() > MOST_IDS {
        return Err(Failure::Usage("give at most 10,000 ids".to_owned()));
    }
    let mut query = filter
        .query()
        .map_err(|problem| Failure::Usage(problem.to_string()))?;
    ids.sort_unstable();
    ids.dedup();
    query.ids = ids;
    Ok(query)
}

fn shown(preview: BulkPreview, engine: &Engine, output: Output) -> Result<(), Failure> {
    if output.json {
        return output.document(&decisions::BulkPreview::of(preview, Role::Manager, engine));
    }
    output.line(&format!(
        "{} would be approved, {} of them have blocking findings and would be refused",
        preview.count, preview.blocked
    ))?;
    for found in &preview.findings {
        output.line(&format!(
            "  {} {}: {} messages",
            past::name(&found.severity),
            past::name(&found.rule),
            found.messages
        ))?;
    }
    for message in &preview.sample {
        output.line(&format!(
            "  {}  {} to {}: {} / {}",
            message.id,
            message.channel,
            message.recipient,
            or_dash(
                message
                    .revision
                    .subject
                    .as_deref()
                    .map(|text| short(text, 40))
                    .as_deref()
            ),
            short(&message.revision.content, 60)
        ))?;
    }
    output.line(&format!(
        "nothing is approved; the same with --yes --manifest {} approves exactly these",
        preview.manifest
    ))
}

//! `crm plan`: what a campaign is going to do, or did.

use std::collections::BTreeMap;

use crm_core::campaign::{Campaign, PlanRow};
use crm_core::contact::Contact;
use crm_core::engine::{CostBasis, Session};
use crm_core::id::CampaignId;
use crm_core::message::Message;
use crm_core::port::store::{
    CampaignQuery, ContactQuery, MessageQuery, Page, PageRequest, PlanQuery,
};
use serde::Serialize;
use uuid::Uuid;

use super::flags::PlanFlags;
use super::output::{Done, Failure, Output, or_dash};
use super::place::Place;
use super::table::{Table, fit};
use super::words;
use crate::routes::cost::Cost;
use crate::views::{CampaignView, PlanLine};

/// Lines that are read together.
const PAGE: u32 = 1_000;
/// Where the variant stands, which campaigns with one text do not show.
const VARIANT: usize = 4;

/// The plan.
#[derive(Serialize)]
struct Plan {
    campaign: CampaignView,
    /// Contacts of the audience now.
    audience_count: u64,
    /// Lines of the plan, in all runs: nothing before the first.
    total: u64,
    included: u64,
    excluded: u64,
    /// How many get nothing for each reason.
    reasons: BTreeMap<String, u64>,
    cost: Cost,
    /// The first lines.
    items: Vec<PlanLine>,
}

/// Shows it.
pub(super) async fn run(place: &Place, flags: PlanFlags, output: Output) -> Result<Done, Failure> {
    let engine = place.engine().await?;
    let session = place.session(&engine);
    let campaign = found(&session, &flags.campaign).await?;
    let campaigns = session.campaigns();
    let id = campaign.id;
    let first = page(&session, id, None, None, 1).await?;
    let included = page(&session, id, Some(false), None, 1).await?;
    let (total, included) = (first.total.unwrap_or(0), included.total.unwrap_or(0));
    let rows = match flags.lines {
        0 => Vec::new(),
        lines => page(&session, id, flags.excluded, None, lines).await?.items,
    };
    let people = people(&session, &rows).await?;
    let messages = messages(&session, &rows).await?;
    let free = !campaign.fields.asks_model() || place.config.model_key.is_none();
    let line = |row: &PlanRow| {
        let message = row.message_id.and_then(|id| messages.get(&id.0));
        PlanLine::of(row, people.get(&row.contact_id.0), message, free)
    };
    let cost = campaigns.cost(id).await?;
    let plan = Plan {
        audience_count: campaigns
            .audience_count(campaign.fields.audience.clone())
            .await?,
        total,
        included,
        excluded: total.saturating_sub(included),
        reasons: reasons(&session, id).await?,
        cost: Cost::of(&cost),
        items: rows.iter().map(line).collect(),
        campaign: CampaignView::of(&campaign, campaigns.stats(id).await?, true),
    };
    if output.json {
        output.document(&plan)?;
        return Ok(Done::Well);
    }
    for text in told(&campaign, &plan, cost.basis) {
        output.line(&text)?;
    }
    if !rows.is_empty() {
        output.line("")?;
    }
    for text in table(&campaign, &plan.items, &messages).lines() {
        output.line(&format!("  {text}"))?;
    }
    Ok(Done::Well)
}

/// What it is, how far it is, and the sums.
fn told(campaign: &Campaign, plan: &Plan, basis: CostBasis) -> Vec<String> {
    let fields = &campaign.fields;
    let mut lines = vec![format!(
        "{} ({}): {}",
        fit(&fields.name, 200),
        campaign.id,
        campaign.status.as_str()
    )];
    let mut line = |text: String| lines.push(format!("  {text}"));
    if campaign.test_mode {
        line("test run: nothing of it is sent".to_owned());
    }
    line(format!("audience: {}", fields.audience.to_text()));
    line(format!("audience now: {}", plan.audience_count));
    let channels: Vec<&str> = fields.channels().collect();
    line(format!("channels: {}", channels.join(", then ")));
    let planned = plan.total > 0;
    if planned {
        line(format!(
            "planned: {}, of whom {} get a message and {} do not",
            plan.total, plan.included, plan.excluded
        ));
    }
    for (reason, count) in &plan.reasons {
        line(format!("  {count} {}", words::reason(reason)));
    }
    if let Some(next) = words::next(campaign, planned) {
        line(next);
    }
    let usd =
        |text: Option<&String>| text.map_or("not known".to_owned(), |usd| format!("{usd} USD"));
    line(format!(
        "cost: {} spent, {} expected in all, {} at most ({})",
        usd(Some(&plan.cost.spent_usd)),
        usd(plan.cost.expected_total_usd.as_ref()),
        usd(plan.cost.at_most_usd.as_ref()),
        words::basis(basis)
    ));
    lines
}

/// The first lines of the plan; empty without any.
fn table(campaign: &Campaign, items: &[PlanLine], messages: &BTreeMap<Uuid, Message>) -> Table {
    let arms = campaign
        .fields
        .variants
        .as_ref()
        .map_or(0, |it| it.arms.len());
    let with_variant = arms > 1;
    let row = |mut cells: Vec<String>| {
        if !with_variant {
            cells.remove(VARIANT);
        }
        cells
    };
    let header = [
        "Name",
        "When",
        "Time zone",
        "Channel",
        "Variant",
        "State",
        "Cost",
    ];
    if items.is_empty() {
        return Table::default();
    }
    let mut table = Table::default();
    table.row(row(header.map(str::to_owned).to_vec()));
    for item in items {
        let state = match &item.reason {
            Some(reason) => format!("nothing: {}", words::reason(reason)),
            None => {
                let message = item.message_id.and_then(|id| messages.get(&id));
                words::state(message.map(|message| message.status)).to_owned()
            }
        };
        let name = item.contact_name.as_deref();
        let when = item.local_time.as_deref().map(words::local);
        table.row(row(vec![
            name.map_or_else(|| item.contact_id.to_string(), |name| fit(name, 30)),
            or_dash(when.as_deref()).to_owned(),
            item.time_zone.clone(),
            item.channel.clone(),
            or_dash(item.variant.as_deref()).to_owned(),
            state,
            or_dash(item.estimated_cost.as_deref()).to_owned(),
        ]));
    }
    table
}

/// The campaign of this id, or the only one of this name.
async fn found(session: &Session, text: &str) -> Result<Campaign, Failure> {
    if let Ok(id) = text.parse::<Uuid>() {
        return Ok(session.campaigns().get(CampaignId(id)).await?);
    }
    let mut found: Option<Campaign> = None;
    let mut query = CampaignQuery {
        page: PageRequest {
            limit: PAGE,
            ..PageRequest::default()
        },
        ..CampaignQuery::default()
    };
    loop {
        let page = session.campaigns().list(query.clone()).await?;
        for campaign in page.items {
            if campaign.fields.name == text && found.replace(campaign).is_some() {
                let text = "several campaigns have this name; give the id of one";
                return Err(Failure::Failed(text.to_owned()));
            }
        }
        if page.next.is_none() {
            break;
        }
        query.page.after = page.next;
    }
    found.ok_or_else(|| {
        Failure::Failed("there is no campaign of this id or name in this workspace".to_owned())
    })
}

async fn page(
    session: &Session,
    campaign_id: CampaignId,
    excluded: Option<bool>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<PlanRow>, Failure> {
    let query = PlanQuery {
        campaign_id,
        occurrence: None,
        excluded,
        undrafted: false,
        batch: None,
        page: PageRequest {
            limit,
            after,
            count: limit == 1,
            ..PageRequest::default()
        },
    };
    Ok(session.campaigns().plan(query).await?)
}

/// How many lines have each reason, page by page.
async fn reasons(session: &Session, id: CampaignId) -> Result<BTreeMap<String, u64>, Failure> {
    let mut reasons = BTreeMap::new();
    let mut after = None;
    loop {
        let found = page(session, id, Some(true), after, PAGE).await?;
        for reason in found.items.into_iter().filter_map(|row| row.excluded) {
            *reasons.entry(reason).or_default() += 1;
        }
        after = found.next;
        if after.is_none() {
            return Ok(reasons);
        }
    }
}

async fn people(session: &Session, rows: &[PlanRow]) -> Result<BTreeMap<Uuid, Contact>, Failure> {
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = ContactQuery {
        ids: rows.iter().map(|row| row.contact_id).collect(),
        page: PageRequest {
            limit: PAGE,
            ..PageRequest::default()
        },
        ..ContactQuery::default()
    };
    let found = session.contacts().list(query).await?.items.into_iter();
    Ok(found
        .filter(|contact| !contact.erased)
        .map(|contact| (contact.id.0, contact))
        .collect())
}

async fn messages(session: &Session, rows: &[PlanRow]) -> Result<BTreeMap<Uuid, Message>, Failure> {
    let ids: Vec<_> = rows.iter().filter_map(|row| row.message_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = MessageQuery {
        ids,
        page: PageRequest {
            limit: PAGE,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let found = session.messages().list(query).await?.items.into_iter();
    Ok(found.map(|message| (message.id.0, message)).collect())
}

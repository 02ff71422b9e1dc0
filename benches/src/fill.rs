//! The database that is read and grown in: many messages of 20 campaigns to a tenth as many people.

use crm_core::campaign::CampaignFields;
use crm_core::engine::Session;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{GeneratedBy, Occasion};

use crate::site::Site;
use crate::world::World;
use crate::{Outcome, multiply, seed};

/// Messages written through the store; a database with more gets copies of them (PostgreSQL).
pub const WRITTEN: usize = 100_000;

/// A filled database.
#[derive(Debug)]
pub struct Filled {
    /// An engine over it.
    pub world: World,
    /// Messages, oldest first: all that were written through the store, or some of each part of a larger
    /// database.
    pub ids: Vec<MessageId>,
    /// The campaigns.
    pub campaigns: Vec<CampaignId>,
    /// The people written through the store.
    pub contacts: Vec<ContactId>,
}

/// Writes `count` messages to `count / 10` people.
///
/// # Errors
/// As the store.
pub async fn fill(site: &Site, name: &str, count: usize) -> Outcome<Filled> {
    site.create(name).await?;
    let world = site.world(name).await?;
    let copied = matches!(site, Site::Postgres(..)) && count > 10 * WRITTEN;
    let written = if copied { WRITTEN } else { count };
    let people = (written / 10).max(1);
    seed::contacts(&world, people).await?;
    let contacts = seed::recipients(&world, people).await?;
    let mut campaigns = Vec::new();
    for number in 0..20 {
        campaigns.push(campaign(&world.session(), number).await?);
    }
    let mut ids = seed::messages(&world, &contacts, written, |number| {
        kind(number, &campaigns)
    })
    .await?;
    if let Site::Postgres(server, _) = site
        && copied
    {
        ids = multiply::multiply(&server.url(name), count / written, &ids).await?;
    }
    Ok(Filled {
        world,
        ids,
        campaigns,
        contacts: contacts.iter().map(|contact| contact.id).collect(),
    })
}

async fn campaign(session: &Session, number: usize) -> Outcome<CampaignId> {
    let fields = CampaignFields {
        ..CampaignFields::new(&format!("campaign {number}"), Occasion::Holiday)
    };
    Ok(session.campaigns().create(fields).await?.id)
}

/// Mostly waiting, some approved; rejected never. Birthdays are drafts only, so that "approved
/// birthdays" match nothing although both are common.
fn kind(number: usize, campaigns: &[CampaignId]) -> seed::Kind {
    let occasion = Occasion::ALL
        .get(number % 4)
        .copied()
        .unwrap_or(Occasion::Custom);
    seed::Kind {
        occasion,
        generated_by: if number.is_multiple_of(3) {
            GeneratedBy::Ai
        } else {
            GeneratedBy::Manual
        },
        campaign: campaigns.get(number % 40).copied(),
        submitted: occasion != Occasion::Birthday,
        approved: occasion == Occasion::Promotion,
        octets: 0,
    }
}

//! Campaigns.

use crm_core::Workspace;
use crm_core::campaign::{Campaign, CampaignStatus, Waiting};
use crm_core::id::{CampaignId, ContactId};
use crm_core::port::store::{CampaignQuery, Page};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{NEXT_VERSION, Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::{column, get, json, json_column, named, signed, unsigned};

const COLUMNS: &str = "k.id, k.version, k.fields, k.status, k.test_mode, k.occurrence, \
    k.plan_cursor, k.planned, k.waiting, k.waiting_since, k.next_run_at, k.created_by, k.created_at, \
    k.updated_at";

const TABLE: Table = Table {
    name: "campaigns",
    columns: &[
        ("id", "uuid"),
        ("version", "bigint"),
        ("occasion", "text"),
        ("fields", "jsonb"),
        ("status", "text"),
        ("test_mode", "boolean"),
        ("occurrence", "text"),
        ("plan_cursor", "uuid"),
        ("planned", "boolean"),
        ("waiting", "text"),
        ("waiting_since", "timestamptz"),
        ("next_run_at", "timestamptz"),
        ("created_by", "text"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ],
};

/// Writes new campaigns.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Campaign]) -> Outcome<()> {
    if !rows.is_empty() {
        let sql = TABLE.insert(db);
        write(db, sql, rows).await?;
    }
    Ok(())
}

/// Writes changed campaigns, each at most once; `false` when one of them has not the version before:
/// roll back.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Campaign]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let sql = TABLE.update(db, NEXT_VERSION);
    Ok(all(write(db, sql, rows).await?, rows))
}

/// Binds the rows; how many were written.
async fn write(db: &mut Db<'_>, sql: SqlStr, rows: &[&Campaign]) -> Outcome<u64> {
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(column(rows, |row| row.fields.occasion_type.as_str()))
        .bind(json_column(rows, |row| &row.fields)?)
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.test_mode))
        .bind(column(rows, |row| row.occurrence.clone()))
        .bind(column(rows, |row| row.plan_cursor.map(|id| id.0)))
        .bind(column(rows, |row| row.planned))
        .bind(column(rows, |row| {
            row.waiting.as_ref().map(|waiting| waiting.reason.clone())
        }))
        .bind(column(rows, |row| {
            row.waiting.as_ref().map(|waiting| waiting.since)
        }))
        .bind(column(rows, |row| row.next_run_at))
        .bind(column(rows, |row| row.created_by.clone()))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.updated_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

/// Removes a campaign and its plan; `false` when there is none.
pub(crate) async fn delete(db: &mut Db<'_>, id: CampaignId) -> Outcome<bool> {
    sqlx::query(db.sql("DELETE FROM crm.plan_rows WHERE workspace = $1 AND campaign = $2"))
        .bind(db.key)
        .bind(id.0)
        .execute(&mut *db.connection)
        .await?;
    let done = sqlx::query(db.sql("DELETE FROM crm.campaigns WHERE workspace = $1 AND id = $2"))
        .bind(db.key)
        .bind(id.0)
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Campaign> {
    let reason: Option<String> = get(row, "waiting")?;
    let waiting = reason.zip(get(row, "waiting_since")?);
    Ok(Campaign {
        workspace: workspace.clone(),
        id: CampaignId(get(row, "id")?),
        version: unsigned(row, "version")?,
        fields: json(row, "fields")?,
        status: named(row, "status", CampaignStatus::parse)?,
        test_mode: get(row, "test_mode")?,
        occurrence: get(row, "occurrence")?,
        plan_cursor: get::<Option<_>>(row, "plan_cursor")?.map(ContactId),
        planned: get(row, "planned")?,
        waiting: waiting.map(|(reason, since)| Waiting { reason, since }),
        next_run_at: get(row, "next_run_at")?,
        created_by: get(row, "created_by")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

/// The campaigns with these ids, in any order.
pub(crate) async fn many(db: &mut Db<'_>, ids: &[CampaignId]) -> Outcome<Vec<Campaign>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut filter = Filter::begin("SELECT ");
    filter.raw(COLUMNS).raw(" FROM ").looked_up(
        "crm.campaigns",
        "k",
        db.key,
        ids.iter().map(|id| id.0),
    );
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// Lists campaigns.
pub(crate) async fn list(db: &mut Db<'_>, query: &CampaignQuery) -> Outcome<Page<Campaign>> {
    let conditions = |filter: &mut Filter| {
        let statuses: Vec<&str> = query
            .statuses
            .iter()
            .map(|status| status.as_str())
            .collect();
        let occasion = query.occasion.map(|occasion| occasion.as_str().to_owned());
        filter
            .one_of("k.status", &statuses)
            .given("k.occasion = ", occasion);
        Ok(())
    };
    let list = List {
        columns: COLUMNS,
        from: "crm.campaigns k",
        workspace: "k.workspace",
        key: "k.id",
        ids: query.ids.iter().map(|id| id.0).collect(),
    };
    let id = |campaign: &Campaign| campaign.id.0;
    list.page(db, &query.page, conditions, read, id).await
}

#[cfg(test)]
mod tests {
    use crm_core::audience::Audience;
    use crm_core::campaign::Schedule;
    use crm_core::message::Occasion;
    use crm_core::port::store::{PageRequest, PlanQuery};
    use crm_core::testing::fixtures::{campaign, contact, noon, plan_row};

    use super::*;
    use crate::plan;
    use crate::testing::{Place, done};

    /// Every field is filled.
    fn full(number: u64) -> Campaign {
        let mut row = campaign(number);
        "Navroʻz bilan — Наврўз".clone_into(&mut row.fields.name);
        row.fields.description = Some("Eng yaxshi soʻzlar".to_owned());
        row.fields.occasion_type = Occasion::Birthday;
        row.fields.audience = Audience::custom_field("points", 1e16);
        row.fields.schedule = Schedule::Scheduled {
            at: noon(),
            local_time: true,
        };
        row.fields.template_id = Some(crm_core::id::TemplateId(contact(9).id.0));
        row.fields.tone = Some("тепло".to_owned());
        row.fields.custom_context = Some("gʻoyalar".to_owned());
        row.status = CampaignStatus::Paused;
        (row.test_mode, row.planned) = (true, true);
        row.plan_cursor = Some(contact(7).id);
        row.next_run_at = Some(noon());
        let reason = "http_529".to_owned();
        let since = noon();
        row.waiting = Some(Waiting { reason, since });
        row
    }

    #[tokio::test]
    async fn comes_back_as_written_and_in_pages() {
        let mut place = Place::open("campaigns").await;
        let (mut one, mut two) = (full(1), campaign(2));
        two.occurrence = None;
        done(insert(&mut place.db(), &[&one, &two]).await);
        let all = CampaignQuery::default;
        let found = done(list(&mut place.db(), &all()).await).items;
        assert_eq!(found, [two.clone(), one.clone()]);

        (one.version, two.version) = (2, 2);
        (one.plan_cursor, two.planned) = (None, true);
        two.fields.occasion_type = Occasion::Promotion;
        assert!(done(update(&mut place.db(), &[&one, &two]).await));
        assert!(!done(update(&mut place.db(), &[&one, &two]).await));
        let mut found = done(many(&mut place.db(), &[two.id, one.id]).await);
        found.sort_by_key(|row| row.id);
        assert_eq!(found, [one.clone(), two.clone()]);
        assert_eq!(done(many(&mut place.stranger(), &[one.id]).await), []);

        let first = PageRequest {
            limit: 1,
            oldest_first: true,
            count: true,
            ..PageRequest::default()
        };
        let rest = PageRequest {
            after: Some(one.id.0),
            ..first
        };
        let skipped = PageRequest { skip: 1, ..first };
        let paged = |page| CampaignQuery { page, ..all() };
        let statuses = CampaignQuery {
            statuses: vec![CampaignStatus::Draft, CampaignStatus::Paused],
            ..all()
        };
        let occasion = CampaignQuery {
            occasion: Some(Occasion::Promotion),
            ids: vec![one.id, two.id],
            ..all()
        };
        for (query, wanted, further) in [
            (paged(first), &one, Some(one.id.0)),
            (paged(rest), &two, None),
            (paged(skipped), &two, None),
            (statuses, &one, None),
            (occasion, &two, None),
        ] {
            let found = done(list(&mut place.db(), &query).await);
            assert_eq!(found.items, std::slice::from_ref(wanted), "{query:?}");
            assert_eq!(found.next, further, "{query:?}");
            assert_eq!(found.total, query.page.count.then_some(2));
        }
        place.close().await;
    }

    #[tokio::test]
    async fn goes_with_its_plan() {
        let mut place = Place::open("removed").await;
        let (one, two) = (campaign(1), campaign(2));
        done(insert(&mut place.db(), &[&one, &two]).await);
        let lines = [&one, &two].map(|run| plan_row(run, 1));
        let lines: Vec<_> = lines.iter().collect();
        done(plan::insert(&mut place.db(), &lines).await);
        assert!(!done(delete(&mut place.stranger(), one.id).await));
        assert!(done(delete(&mut place.db(), one.id).await));
        assert!(!done(delete(&mut place.db(), one.id).await));
        for (run, left) in [(&one, 0), (&two, 1)] {
            let query = PlanQuery {
                campaign_id: run.id,
                occurrence: None,
                excluded: None,
                undrafted: false,
                batch: None,
                page: PageRequest::default(),
            };
            let found = done(plan::list(&mut place.db(), &query).await);
            assert_eq!(found.items.len(), left);
        }
        place.close().await;
    }
}

//! Suppressed addresses.

use crm_core::Workspace;
use crm_core::consent::Suppression;
use crm_core::consent::erasure::EVERY_CHANNEL;
use crm_core::port::store::{Page, SuppressionQuery};
use sqlx::postgres::PgRow;

use crate::bulk::Table;
use crate::erasure;
use crate::fault::Outcome;
use crate::query::{Db, Filter, sought};
use crate::rows::{column, get};

const COLUMNS: &str = "s.channel, s.address, s.reason, s.created_by, s.created_at";

const TABLE: Table = Table {
    name: "suppressions",
    columns: &[
        ("channel", "text"),
        ("address", "text"),
        ("reason", "text"),
        ("created_by", "text"),
        ("created_at", "timestamptz"),
    ],
};

/// Suppresses addresses; again, or where one is that of an erased person, changes nothing.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Suppression]) -> Outcome<()> {
    let addresses: Vec<&str> = rows.iter().map(|row| row.address.as_str()).collect();
    let erased = erasure::erased(db, &addresses).await?;
    let rows = rows.iter().zip(erased).filter(|(_, erased)| !erased);
    let rows: Vec<&Suppression> = rows.map(|(row, _)| *row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&Suppression) -> &String| -> Vec<&str> {
        rows.iter().map(|row| of(row).as_str()).collect()
    };
    sqlx::query(TABLE.insert_missing(db))
        .bind(db.key)
        .bind(text(|row| &row.channel))
        .bind(text(|row| &row.address))
        .bind(text(|row| &row.reason))
        .bind(text(|row| &row.created_by))
        .bind(column(&rows, |row| row.created_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// Lifts a suppression, if there is one (of this reason), and that of an erased person who had the address.
pub(crate) async fn delete(
    db: &mut Db<'_>,
    channel: &str,
    address: &str,
    reason: Option<&str>,
) -> Outcome<()> {
    sqlx::query(db.sql(
        "DELETE FROM crm.suppressions WHERE workspace = $1 AND channel = $2 AND address = $3 \
             AND ($4::text IS NULL OR reason = $4)",
    ))
    .bind(db.key)
    .bind(channel)
    .bind(sought(address))
    .bind(reason)
    .execute(&mut *db.connection)
    .await?;
    for mark in erasure::marks(db, &[address]).await? {
        sqlx::query(db.sql(
            "DELETE FROM crm.suppressions WHERE workspace = $1 AND channel = $2 AND address = $3 \
                 AND ($4::text IS NULL OR reason = $4)",
        ))
        .bind(db.key)
        .bind(EVERY_CHANNEL)
        .bind(mark)
        .bind(reason)
        .execute(&mut *db.connection)
        .await?;
    }
    Ok(())
}

/// Whether each address is suppressed on its channel, or is that of an erased person: pairs of channel and address.
pub(crate) async fn suppressed(db: &mut Db<'_>, pairs: &[(&str, &str)]) -> Outcome<Vec<bool>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (channels, addresses): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
    let erased = erasure::erased(db, &addresses).await?;
    // The limit keeps the planner at looking up each, whatever it guesses of the table's size.
    let plain: Vec<bool> = sqlx::query_scalar(db.sql(
        "SELECT s.found IS NOT NULL \
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS n(channel, address, place) \
         LEFT JOIN LATERAL (SELECT true AS found FROM crm.suppressions s \
             WHERE s.workspace = $1 AND s.channel = n.channel AND s.address = n.address LIMIT 1 \
         ) s ON true ORDER BY n.place",
    ))
    .bind(db.key)
    .bind(channels)
    .bind(addresses)
    .fetch_all(&mut *db.connection)
    .await?;
    let either = plain.into_iter().zip(erased);
    Ok(either.map(|(plain, erased)| plain || erased).collect())
}

/// Those of erased people among these addresses, each with the address it was asked for by.
async fn erased(db: &mut Db<'_>, addresses: &[String]) -> Outcome<Vec<Suppression>> {
    let mut asked: Vec<&str> = addresses.iter().map(String::as_str).collect();
    asked.sort_unstable();
    asked.dedup();
    let marks = erasure::marks(db, &asked).await?;
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(db.sql(
        "SELECT n.place, s.channel, s.address, s.reason, s.created_by, s.created_at \
         FROM unnest($3::text[]) WITH ORDINALITY AS n(mark, place) \
         CROSS JOIN LATERAL (SELECT s.channel, s.address, s.reason, s.created_by, s.created_at \
             FROM crm.suppressions s WHERE s.workspace = $1 AND s.channel = $2 \
             AND s.address = n.mark OFFSET 0) AS s ORDER BY n.place",
    ))
    .bind(db.key)
    .bind(EVERY_CHANNEL)
    .bind(marks)
    .fetch_all(&mut *db.connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let place: i64 = get(row, "place")?;
        let place = usize::try_from(place).unwrap_or(0).saturating_sub(1);
        found.push(Suppression {
            address: asked.get(place).copied().unwrap_or_default().to_owned(),
            ..read(db.workspace, row)?
        });
    }
    Ok(found)
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Suppression> {
    let channel: String = get(row, "channel")?;
    let address = if channel == EVERY_CHANNEL {
        String::new()
    } else {
        get(row, "address")?
    };
    Ok(Suppression {
        workspace: workspace.clone(),
        channel,
        address,
        reason: get(row, "reason")?,
        created_by: get(row, "created_by")?,
        created_at: get(row, "created_at")?,
    })
}

/// Lists suppressions by channel and address.
pub(crate) async fn list(db: &mut Db<'_>, query: &SuppressionQuery) -> Outcome<Page<Suppression>> {
    let limit = if query.limit == 0 {
        100
    } else {
        query.limit.min(1_000)
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    // Of those that are asked for by their address, these come first: no channel's name is before theirs.
    let erased = erased(db, &query.addresses).await?;
    let skip_plain = skip.saturating_sub(erased.len());
    let mut items: Vec<Suppression> = erased.into_iter().skip(skip).take(limit).collect();
    let mut filter = match &query.channel {
        Some(channel) if !query.addresses.is_empty() => {
            // Each is looked up, whatever the planner guesses of the table's size.
            let mut addresses: Vec<String> =
                query.addresses.iter().map(|text| sought(text)).collect();
            addresses.sort_unstable();
            addresses.dedup();
            let mut filter = Filter::begin("SELECT s.* FROM unnest(");
            filter
                .bind(addresses)
                .raw("::text[]) AS n(address) CROSS JOIN LATERAL (SELECT ")
                .raw(COLUMNS)
                .raw(" FROM crm.suppressions s WHERE s.workspace = ")
                .bind(db.key)
                .sought("s.channel = ", Some(channel))
                .raw(" AND s.channel <> '*' AND s.address = n.address OFFSET 0) AS s");
            filter
        }
        channel => {
            let addresses: Vec<&str> = query.addresses.iter().map(String::as_str).collect();
            let mut filter = Filter::new(COLUMNS, "crm.suppressions s", "s.workspace", db.key);
            filter
                .sought("s.channel = ", channel.as_deref())
                .one_of("s.address", &addresses);
            if !addresses.is_empty() {
                filter.and("s.channel <> '*'");
            }
            filter
        }
    };
    filter
        .raw(" ORDER BY s.channel, s.address LIMIT ")
        .bind(i64::try_from(limit - items.len()).unwrap_or(0))
        .raw(" OFFSET ")
        .bind(i64::try_from(skip_plain).unwrap_or(i64::MAX));
    for row in filter.fetch(db).await? {
        items.push(read(db.workspace, &row)?);
    }
    Ok(Page {
        items,
        total: None,
        next: None,
    })
}

#[cfg(test)]
mod tests {
    use crm_core::testing::fixtures::suppression;

    use super::*;
    use crate::testing::{Place, done};

    #[tokio::test]
    async fn comes_back_as_written_once() {
        let mut place = Place::open("suppressions").await;
        let (one, two) = (suppression("анна@почта.рф"), suppression("a@example.org"));
        let (mut again, mut sms) = (one.clone(), suppression("+998901234567"));
        "shikoyat: oʻchirildi".clone_into(&mut again.reason);
        "sms".clone_into(&mut sms.channel);
        done(insert(&mut place.db(), &[&one, &two, &sms, &again]).await);
        done(insert(&mut place.db(), &[&again]).await);

        let all = SuppressionQuery::default;
        let paged = |limit, skip| SuppressionQuery {
            limit,
            skip,
            ..all()
        };
        let mail = SuppressionQuery {
            channel: Some("email".to_owned()),
            ..all()
        };
        let addresses = SuppressionQuery {
            addresses: vec![sms.address.clone(), one.address.clone()],
            ..all()
        };
        let cases: [(SuppressionQuery, &[&Suppression]); 6] = [
            (all(), &[&two, &one, &sms]),
            (paged(2, 0), &[&two, &one]),
            (paged(2, 2), &[&sms]),
            (paged(5_000, 3), &[]),
            (mail, &[&two, &one]),
            (addresses, &[&one, &sms]),
        ];
        for (query, wanted) in cases {
            let found = done(list(&mut place.db(), &query).await);
            assert_eq!(found.items.iter().collect::<Vec<_>>(), wanted, "{query:?}");
            assert_eq!((found.total, found.next), (None, None));
            let strange = done(list(&mut place.stranger(), &query).await);
            assert_eq!(strange.items, []);
        }

        let pairs = [
            ("email", one.address.as_str()),
            ("email", sms.address.as_str()),
            ("sms", sms.address.as_str()),
            ("email", "A@example.org"),
            ("email", two.address.as_str()),
            ("sms", sms.address.as_str()),
        ];
        let known = done(suppressed(&mut place.db(), &pairs).await);
        assert_eq!(known, [true, false, true, false, true, true]);
        assert_eq!(
            done(suppressed(&mut place.stranger(), &pairs).await),
            [false; 6]
        );

        done(delete(&mut place.stranger(), "sms", &sms.address, None).await);
        done(delete(&mut place.db(), "email", &sms.address, None).await);
        assert_eq!(done(list(&mut place.db(), &all()).await).items.len(), 3);
        done(delete(&mut place.db(), "sms", &sms.address, Some("dead")).await);
        assert_eq!(done(list(&mut place.db(), &all()).await).items.len(), 3);
        done(delete(&mut place.db(), "sms", &sms.address, Some(&sms.reason)).await);
        let left = done(list(&mut place.db(), &all()).await).items;
        assert_eq!(left, [two, one]);
        place.close().await;
    }
}

//! Operations on audiences that are saved under names.

use crm_core::audience::saved::SavedAudienceFields;
use crm_core::id::SavedAudienceId;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::{Nothing, Written, show};
use crate::query::Id;
use crate::view::{AudienceSample, Person};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    id: SavedAudienceId,
    version: Option<u64>,
    fields: SavedAudienceFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    audience: Written,
    limit: Option<u32>,
}

pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    let session = call.session()?;
    let audiences = session.audiences();
    match operation {
        "save_audience" => show(&audiences.create(read(input)?).await?),
        "get_audience" => {
            let Id { id } = read(input)?;
            show(&audiences.get(id).await?)
        }
        "update_audience" => {
            let wanted: Update = read(input)?;
            let saved = audiences.update(wanted.id, wanted.version, wanted.fields);
            show(&saved.await?)
        }
        "remove_audience" => {
            let Id { id } = read(input)?;
            audiences.remove(id).await?;
            Ok(Value::Null)
        }
        "sample_audience" => {
            let Sample { audience, limit } = read(input)?;
            let found = audiences.sample(audience.0, limit.unwrap_or(10)).await?;
            show(&AudienceSample {
                count: found.count,
                items: found.items.into_iter().map(Person::of).collect(),
            })
        }
        _ => {
            let Nothing {} = read(input)?;
            show(&audiences.list().await?)
        }
    }
}

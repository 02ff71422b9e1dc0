//! Operations on the definitions of custom fields.

use crm_core::contact::definition::DefinitionFields;
use crm_core::engine::SetField;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::{Nothing, show};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// A definition, and the version that was seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    name: String,
    version: Option<u64>,
    fields: DefinitionFields,
}

pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    let session = call.session()?;
    let fields = session.fields();
    match operation {
        "get_field" => {
            let Named { name } = read(input)?;
            show(&fields.get(&name).await?)
        }
        "set_field" => {
            let wanted: Set = read(input)?;
            let wanted = SetField {
                name: wanted.name,
                version: wanted.version,
                fields: wanted.fields,
            };
            show(&fields.set(wanted).await?)
        }
        "remove_field" => {
            let Named { name } = read(input)?;
            fields.remove(&name).await?;
            Ok(Value::Null)
        }
        _ => {
            let Nothing {} = read(input)?;
            show(&fields.list().await?)
        }
    }
}

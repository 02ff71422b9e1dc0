//! A template as somebody would get it.

use crm_core::engine::{ChannelPreview, TemplatePreview};
use crm_core::message::Format;
use crm_core::port::units::{Encoding, Unit, Units};
use crm_core::template::render::{Gap, Problem};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::names::FormatName;

/// What somebody would get. With anything `missing` no message would be made.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplatePreview)]
pub(crate) struct TemplatePreviewView {
    template_id: Uuid,
    template_version: u64,
    /// The language the template is written in.
    language: String,
    /// The language of the person.
    contact_language: String,
    subject: Option<String>,
    /// Where a value is missing, the variable stands in double braces.
    content: String,
    #[schema(value_type = FormatName)]
    format: Format,
    missing: Vec<GapView>,
    /// The channel the template is for, else all that are set up.
    channels: Vec<ChannelPreviewView>,
}

/// A value that a template names and the person does not give.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateGap)]
struct GapView {
    variable: String,
    /// `missing`, `not_a_date` or `not_a_number`.
    #[schema(value_type = String, example = "missing")]
    problem: Problem,
}

/// A text on one channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelPreview)]
struct ChannelPreviewView {
    channel: String,
    /// Whether the person has an address that the channel takes.
    reachable: bool,
    /// Whether the channel delivers the subject.
    subject: bool,
    /// Length of the content in Unicode scalar values.
    characters: usize,
    max_length: Option<usize>,
    /// Whether the text fits, and its format is one that the channel delivers.
    sendable: bool,
    units: UnitsView,
}

/// What a text is in the provider's units.
#[derive(Serialize, ToSchema)]
#[schema(as = TextUnits)]
pub(crate) struct UnitsView {
    count: u32,
    /// `message` or `part` (of a text message).
    #[schema(value_type = String, example = "part")]
    unit: Unit,
    /// `gsm-7` or `ucs-2`.
    #[schema(value_type = Option<String>, example = "ucs-2")]
    encoding: Option<Encoding>,
    /// The first character that rules the cheaper encoding out.
    #[schema(value_type = Option<String>)]
    forced_by: Option<char>,
}

impl From<TemplatePreview> for TemplatePreviewView {
    fn from(seen: TemplatePreview) -> Self {
        Self {
            template_id: seen.template_id.0,
            template_version: seen.template_version,
            language: seen.language,
            contact_language: seen.contact_language,
            subject: seen.subject,
            content: seen.content,
            format: seen.format,
            missing: seen.missing.into_iter().map(GapView::from).collect(),
            channels: seen
                .channels
                .into_iter()
                .map(ChannelPreviewView::from)
                .collect(),
        }
    }
}

impl From<Gap> for GapView {
    fn from(gap: Gap) -> Self {
        Self {
            variable: gap.variable,
            problem: gap.problem,
        }
    }
}

impl From<ChannelPreview> for ChannelPreviewView {
    fn from(seen: ChannelPreview) -> Self {
        Self {
            channel: seen.channel,
            reachable: seen.reachable,
            subject: seen.subject,
            characters: seen.characters,
            max_length: seen.max_length,
            sendable: seen.sendable,
            units: seen.units.into(),
        }
    }
}

impl From<Units> for UnitsView {
    fn from(units: Units) -> Self {
        Self {
            count: units.count,
            unit: units.unit,
            encoding: units.encoding,
            forced_by: units.forced_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_tells_its_limit_and_what_the_provider_counts() {
        let seen = ChannelPreview {
            channel: "sms".to_owned(),
            reachable: true,
            subject: false,
            characters: 71,
            max_length: Some(160),
            sendable: true,
            units: Units {
                count: 2,
                unit: Unit::Part,
                encoding: Some(Encoding::Ucs2),
                forced_by: Some('ж'),
            },
        };
        let shown = serde_json::to_value(ChannelPreviewView::from(seen)).unwrap();
        let expected = serde_json::json!({"channel": "sms", "reachable": true, "subject": false, "characters": 71,
            "max_length": 160, "sendable": true,
            "units": {"count": 2, "unit": "part", "encoding": "ucs-2", "forced_by": "ж"}});
        assert_eq!(shown, expected);
    }
}

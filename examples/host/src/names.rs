//! The engine's closed lists of names, for the API document. The lists are the engine's own.

use std::borrow::Cow;

use crm_core::Role;
use crm_core::budget::{EntryState, Period, UsageGroup};
use crm_core::campaign::dates::{LeapDay, Repeat};
use crm_core::campaign::{CampaignAction, CampaignStatus, Drafting, WhenUnavailable};
use crm_core::contact::PatchMode;
use crm_core::contact::definition::FieldType;
use crm_core::engine::Upserted;
use crm_core::generation::Tone;
use crm_core::guardrail::{Rule, Severity};
use crm_core::message::{Format, GeneratedBy, Occasion, Status};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

fn listed<const N: usize>(names: [&'static str; N]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .into()
}

macro_rules! names {
    ($(#[$doc:meta])* $schema:ident, $name:literal, $names:expr) => {
        $(#[$doc])*
        pub(crate) struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                listed($names)
            }
        }

        impl ToSchema for $schema {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    };
}

names! {
    /// Why a message is written.
    OccasionName, "Occasion", Occasion::ALL.map(Occasion::as_str)
}
names! {
    /// Where a message stands.
    StatusName, "Status", Status::ALL.map(Status::as_str)
}
names! {
    /// Who wrote a text.
    GeneratedByName, "GeneratedBy", [GeneratedBy::Ai, GeneratedBy::Manual].map(GeneratedBy::as_str)
}
names! {
    /// What the values of a custom field are.
    FieldTypeName, "FieldType", FieldType::ALL.map(FieldType::as_str)
}
names! {
    /// How a text is to be read.
    FormatName, "Format", [Format::Text, Format::Html].map(Format::as_str)
}
names! {
    /// What looks at texts.
    RuleName, "Guardrail", Rule::ALL.map(Rule::as_str)
}
names! {
    /// How much a finding weighs; `blocking` keeps a message from being approved.
    SeverityName, "Severity", Severity::ALL.map(Severity::as_str)
}
names! {
    /// How a draft sounds.
    ToneName, "Tone", Tone::ALL.map(Tone::as_str)
}
names! {
    /// What a campaign does while no model writes: have a template or a greeting stand in, or wait.
    WhenUnavailableName, "WhenUnavailable", [WhenUnavailable::Fallback, WhenUnavailable::Wait].map(WhenUnavailable::as_str)
}
names! {
    /// How a model drafts a campaign: at once, or in jobs of the provider, later and for about half the price.
    DraftingName, "Drafting", [Drafting::Now, Drafting::Batch].map(Drafting::as_str)
}
names! {
    /// A day of the week.
    DayName, "Day", ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
}
names! {
    /// What becomes of a message that may not leave at its hour.
    OtherwiseName, "Otherwise", ["hold", "skip"]
}
names! {
    /// How often a date comes.
    DateRepeatName, "DateRepeat", [Repeat::Yearly, Repeat::Once].map(Repeat::as_str)
}
names! {
    /// When somebody born on 29 February is congratulated in a year that has none.
    LeapDayName, "LeapDay", [LeapDay::February28, LeapDay::March1].map(LeapDay::as_str)
}
names! {
    /// Where a campaign stands.
    CampaignStatusName, "CampaignStatus", CampaignStatus::ALL.map(CampaignStatus::as_str)
}
names! {
    /// What people do with a campaign.
    CampaignActionName, "CampaignAction", CampaignAction::ALL.map(CampaignAction::as_str)
}
names! {
    /// What a user may do.
    RoleName, "Role", [Role::Admin, Role::Manager, Role::Viewer].map(Role::as_str)
}
names! {
    /// What a budget limits: all that is ever spent, or each day.
    PeriodName, "Period", [Period::Total, Period::Day].map(Period::as_str)
}
names! {
    /// What usage is summed up by.
    UsageGroupName, "UsageGroup", UsageGroup::ALL.map(UsageGroup::as_str)
}
names! {
    /// What became of a call of a model.
    EntryStateName, "EntryState", EntryState::ALL.map(EntryState::as_str)
}
names! {
    /// What becomes of fields that a row does not name.
    PatchModeName, "PatchMode", PatchMode::ALL.map(PatchMode::as_str)
}
names! {
    /// What became of a row.
    UpsertedName, "Upserted", Upserted::ALL.map(Upserted::as_str)
}

//! What rows look like to clients: one type each, which is also its schema in the API document.

mod campaign;
mod contact;
mod finding;
mod message;
mod sending;
mod template;
mod template_preview;

#[cfg(test)]
pub(crate) use campaign::audience_of;
pub(crate) use campaign::{CampaignView, PlanLine, Times, schedule_of};
pub(crate) use contact::{ConsentBody, ContactView};
pub(crate) use finding::{CountedFinding, FindingView};
pub(crate) use message::{Draft, HistoryLine, MessageView, VariantView, history};
pub(crate) use sending::{SendingTimesView, VariantsView};
pub(crate) use template::TemplateView;
pub(crate) use template_preview::{TemplatePreviewView, UnitsView};

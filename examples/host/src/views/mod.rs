//! What rows look like to clients: one type each, which is also its schema in the API document.

mod campaign;
mod contact;
mod message;
mod template;

#[cfg(test)]
pub(crate) use campaign::audience_of;
pub(crate) use campaign::{CampaignView, PlanLine, Times, schedule_of};
pub(crate) use contact::{ConsentBody, ContactView};
pub(crate) use message::{Draft, HistoryLine, MessageView, history};
pub(crate) use template::TemplateView;

/// US dollars from 10^-12 dollars, exact to the last digit.
pub(crate) fn dollars(picodollars: u64) -> String {
    let (whole, rest) = (
        picodollars / 1_000_000_000_000,
        picodollars % 1_000_000_000_000,
    );
    let text = format!("{whole}.{rest:012}");
    let short = text.trim_end_matches('0');
    let decimals = short.split('.').nth(1).map_or(0, str::len);
    format!("{short}{}", "0".repeat(2_usize.saturating_sub(decimals)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn dollars_are_exact() {
        for (pico, text) in [
            (0, "0.00"),
            (1, "0.000000000001"),
            (1_230_000_000_000, "1.23"),
            (500_000_000_000, "0.50"),
            (10_000_000_000_000, "10.00"),
            (123_450_000, "0.00012345"),
        ] {
            assert_eq!(super::dollars(pico), text);
        }
    }
}

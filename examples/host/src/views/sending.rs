//! When a campaign's messages may leave, and its variants, as clients write and read them.

use crm_core::Error;
use crm_core::campaign::quiet_hours::{
    Day, Otherwise, QuietHours, SendingTimes, WallTime, WorkingDays,
};
use crm_core::campaign::split::{Arm, Variants};
use crm_core::generation::Tone;
use crm_core::id::TemplateId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::names::{DayName, OtherwiseName, ToneName};

/// When messages may leave by the recipient's clock. What is left out limits nothing.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SendingTimes)]
pub(crate) struct SendingTimesView {
    /// The part of each day in which nothing leaves.
    #[serde(default)]
    quiet_hours: Option<QuietHoursView>,
    /// The days of the week on which something may leave: at least one; all unless set.
    #[serde(default = "every_day")]
    #[schema(value_type = Vec<DayName>, min_items = 1, max_items = 7)]
    working_days: Vec<Day>,
    /// Calendars on whose days nothing leaves: `uz`, `ru` or those of the settings; at most ten.
    #[serde(default)]
    #[schema(max_items = 10)]
    holidays: Vec<String>,
    /// What becomes of a message at any other time: it waits, or is not sent; `hold` unless set.
    #[serde(default)]
    #[schema(value_type = OtherwiseName)]
    otherwise: Otherwise,
}

/// From a wall time until another one, which may be that of the next day.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuietHours)]
struct QuietHoursView {
    #[schema(value_type = String, example = "21:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    from: WallTime,
    #[schema(value_type = String, example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    until: WallTime,
}

fn every_day() -> Vec<Day> {
    Day::ALL.to_vec()
}

impl SendingTimesView {
    pub(crate) fn of(times: &SendingTimes) -> Self {
        Self {
            quiet_hours: times.quiet_hours.map(|hours| QuietHoursView {
                from: hours.from(),
                until: hours.until(),
            }),
            working_days: times.working_days.into(),
            holidays: times.holidays.clone(),
            otherwise: times.otherwise,
        }
    }

    /// As the core has it.
    pub(crate) fn read(self) -> Result<SendingTimes, Error> {
        let hours = self.quiet_hours;
        Ok(SendingTimes {
            quiet_hours: hours
                .map(|hours| QuietHours::new(hours.from, hours.until))
                .transpose()?,
            working_days: WorkingDays::try_from(self.working_days)?,
            holidays: self.holidays,
            otherwise: self.otherwise,
        })
    }
}

/// Texts that are tried against each other. Who gets which is drawn for each contact, and stays.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignVariants)]
pub(crate) struct VariantsView {
    /// 1 to 26; the first one is what the others are compared with.
    #[schema(min_items = 1, max_items = 26)]
    arms: Vec<ArmView>,
    /// How many of a thousand contacts get nothing, so that the others can be compared with them; 0 unless set.
    #[serde(default)]
    #[schema(maximum = 999)]
    holdout_permille: u16,
}

/// One of the texts. What it leaves out is as the campaign has it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignVariant)]
struct ArmView {
    /// 1 to 20 characters, of its own.
    #[schema(min_length = 1, max_length = 20)]
    name: String,
    /// Its share among the weights of all, 1 to 1,000; 1 unless set.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000)]
    weight: u16,
    #[serde(default)]
    template_id: Option<Uuid>,
    #[serde(default)]
    #[schema(value_type = Option<ToneName>)]
    tone: Option<Tone>,
    /// What the messages are about.
    #[serde(default)]
    #[schema(max_length = 500)]
    custom_context: Option<String>,
}

const fn one() -> u16 {
    1
}

impl VariantsView {
    pub(crate) fn of(variants: &Variants) -> Self {
        let arms = variants.arms.iter().map(|arm| ArmView {
            name: arm.name.clone(),
            weight: arm.weight,
            template_id: arm.template_id.map(|id| id.0),
            tone: arm.tone.as_deref().and_then(Tone::parse),
            custom_context: arm.custom_context.clone(),
        });
        Self {
            arms: arms.collect(),
            holdout_permille: variants.holdout_permille,
        }
    }

    /// As the core has it.
    pub(crate) fn read(self) -> Variants {
        let arms = self.arms.into_iter().map(|arm| Arm {
            template_id: arm.template_id.map(TemplateId),
            tone: arm.tone.map(|tone| tone.as_str().to_owned()),
            custom_context: arm.custom_context,
            ..Arm::new(&arm.name, arm.weight)
        });
        Variants {
            arms: arms.collect(),
            holdout_permille: self.holdout_permille,
        }
    }
}

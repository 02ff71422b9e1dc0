//! The helpers: `date`, `plural`, `default` and `eq`. Each reads its own arguments and nothing else.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use serde_json::Value;

use super::gaps::{Gaps, Problem};
use super::values::ZONE;
use crate::template::dates::{self, Style};
use crate::template::plural::{self, Forms};
use crate::zone;

/// What all helpers of one template know.
#[derive(Clone)]
struct House {
    language: String,
    gaps: Gaps,
}

/// What a helper writes for its arguments.
type Work = fn(&House, &Helper<'_>, &Context) -> Result<Value, RenderError>;

/// A helper.
struct Small(House, Work);

impl HelperDef for Small {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Self(house, write) = self;
        write(house, helper, context).map(ScopedJson::Derived)
    }
}

/// Makes these the only helpers besides `if` and `unless`.
pub(super) fn register(engine: &mut Handlebars<'static>, language: &str, gaps: &Gaps) {
    for helper in [
        "each", "with", "lookup", "raw", "log", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
        "len",
    ] {
        engine.unregister_helper(helper);
    }
    let house = House {
        language: language.to_owned(),
        gaps: gaps.clone(),
    };
    let mut offer = |name: &str, write: Work| {
        engine.register_helper(name, Box::new(Small(house.clone(), write)))
    };
    offer("date", date);
    offer("plural", plural);
    offer("default", default);
    offer("eq", eq);
    if !gaps.end_it() {
        // Called for a variable without a value.
        offer("helperMissing", |house, helper, _| {
            house.gaps.mark(helper.name(), Problem::Missing)
        });
    }
}

/// An argument. The grammar has counted them already.
fn argument<'a, 'rc>(
    helper: &'a Helper<'rc>,
    index: usize,
) -> Result<&'a PathAndJson<'rc>, RenderError> {
    helper
        .param(index)
        .ok_or_else(|| RenderErrorReason::ParamNotFoundForIndex("helper", index).into())
}

fn variable<'a>(argument: &'a PathAndJson<'_>) -> &'a str {
    argument.relative_path().map_or("", String::as_str)
}

/// `{{date custom.renewal "long"}}`
fn date(house: &House, helper: &Helper<'_>, context: &Context) -> Result<Value, RenderError> {
    let given = argument(helper, 0)?;
    if given.is_value_missing() {
        return house.gaps.mark(variable(given), Problem::Missing);
    }
    let style = helper.param(1).and_then(|style| style.value().as_str());
    let style = style.and_then(Style::parse).unwrap_or(Style::Long);
    let zone = context.data().get(ZONE).and_then(Value::as_str);
    let zone = zone.and_then(|name| zone::parse(name).ok());
    let date = given.value().as_str();
    let date = date.and_then(|date| dates::read(date, zone));
    match date.and_then(|date| dates::write(date, style, &house.language)) {
        Some(written) => Ok(Value::String(written)),
        None => house.gaps.mark(variable(given), Problem::NotADate),
    }
}

/// `{{plural custom.years "год" "года" "лет"}}`
fn plural(house: &House, helper: &Helper<'_>, _: &Context) -> Result<Value, RenderError> {
    let given = argument(helper, 0)?;
    if given.is_value_missing() {
        return house.gaps.mark(variable(given), Problem::Missing);
    }
    let Some(number) = plural::number(given.value()) else {
        return house.gaps.mark(variable(given), Problem::NotANumber);
    };
    let count = helper.params().len().saturating_sub(1);
    let place = Forms::of(&house.language).place(&number, count);
    Ok(argument(helper, place + 1)?.value().clone())
}

/// `{{default company "your company"}}`
fn default(_: &House, helper: &Helper<'_>, _: &Context) -> Result<Value, RenderError> {
    let given = argument(helper, 0)?;
    let shown = if given.is_value_missing() {
        argument(helper, 1)?
    } else {
        given
    };
    Ok(shown.value().clone())
}

/// `(eq segment "VIP")`
fn eq(house: &House, helper: &Helper<'_>, _: &Context) -> Result<Value, RenderError> {
    let (left, right) = (argument(helper, 0)?, argument(helper, 1)?);
    for side in [left, right] {
        if side.is_value_missing() {
            house.gaps.mark(variable(side), Problem::Missing)?;
        }
    }
    Ok(Value::Bool(left.value() == right.value()))
}

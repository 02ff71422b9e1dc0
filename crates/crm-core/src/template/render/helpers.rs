//! The helpers: `date`, `plural`, `default` and `eq`. Each reads its own arguments and nothing else.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use serde_json::Value;

use super::gaps::{Absent, Gaps, Problem};
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
    engine.register_helper("date", Box::new(Date(house.clone())));
    engine.register_helper("plural", Box::new(Plural(house.clone())));
    engine.register_helper("default", Box::new(Default));
    engine.register_helper("eq", Box::new(Eq(house)));
    if !gaps.end_it() {
        engine.register_helper("helperMissing", Box::new(Absent(gaps.clone())));
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

fn text<'rc>(text: impl Into<String>) -> ScopedJson<'rc> {
    ScopedJson::Derived(Value::String(text.into()))
}

/// `{{date custom.renewal "long"}}`
struct Date(House);

impl HelperDef for Date {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let House { language, gaps } = &self.0;
        let given = argument(helper, 0)?;
        if given.is_value_missing() {
            return gaps.mark(variable(given), Problem::Missing).map(text);
        }
        let style = helper.param(1).and_then(|style| style.value().as_str());
        let style = style.and_then(Style::parse).unwrap_or(Style::Long);
        let zone = context.data().get(ZONE).and_then(Value::as_str);
        let zone = zone.and_then(|name| zone::parse(name).ok());
        let date = given.value().as_str();
        let date = date.and_then(|date| dates::read(date, zone));
        match date.and_then(|date| dates::write(date, style, language)) {
            Some(written) => Ok(text(written)),
            None => gaps.mark(variable(given), Problem::NotADate).map(text),
        }
    }
}

/// `{{plural custom.years "год" "года" "лет"}}`
struct Plural(House);

impl HelperDef for Plural {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let House { language, gaps } = &self.0;
        let given = argument(helper, 0)?;
        if given.is_value_missing() {
            return gaps.mark(variable(given), Problem::Missing).map(text);
        }
        let Some(number) = plural::number(given.value()) else {
            return gaps.mark(variable(given), Problem::NotANumber).map(text);
        };
        let count = helper.params().len().saturating_sub(1);
        let place = Forms::of(language).place(&number, count);
        let form = argument(helper, place + 1)?;
        Ok(text(form.value().as_str().unwrap_or_default()))
    }
}

/// `{{default company "your company"}}`
struct Default;

impl HelperDef for Default {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let given = argument(helper, 0)?;
        let shown = if given.is_value_missing() {
            argument(helper, 1)?
        } else {
            given
        };
        Ok(ScopedJson::Derived(shown.value().clone()))
    }
}

/// `(eq segment "VIP")`
struct Eq(House);

impl HelperDef for Eq {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let (left, right) = (argument(helper, 0)?, argument(helper, 1)?);
        for side in [left, right] {
            if side.is_value_missing() {
                self.0.gaps.mark(variable(side), Problem::Missing)?;
            }
        }
        let same = left.value() == right.value();
        Ok(ScopedJson::Derived(Value::Bool(same)))
    }
}

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contact::Birthday;
use crate::contact::normalise::tests::contact;
use crate::id::TemplateId;

fn text(content: &str) -> TemplateFields {
    TemplateFields {
        name: "Текст".to_owned(),
        occasion_type: Occasion::Birthday,
        segment: None,
        channel: None,
        language: "ru".to_owned(),
        subject: None,
        content: content.to_owned(),
        format: Format::Text,
        is_active: true,
    }
}

/// The day the texts are for.
fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 5).unwrap()
}

fn written(content: &str, contact: &Contact) -> Result<String, String> {
    let rendered = render(&text(content), contact, day());
    rendered
        .map(|r| r.content)
        .map_err(|error| error.detail().to_owned())
}

#[test]
fn values_are_put_in_and_conditions_hold() {
    let mut anna = contact("Анна Иванова");
    anna.fields.birthday = Birthday::parse("1990-03-08");
    anna.fields.custom_fields = [("level".to_owned(), json!("gold"))].into();
    let show = |content: &str| written(content, &anna).unwrap();
    assert_eq!(show("{{first_name}}, {{~ name }}!"), "Анна,Анна Иванова!");
    assert_eq!(show("{{birthday}} {{custom.level}}"), "8 марта gold");
    assert_eq!(
        show("a{{#if company}} из {{company}}{{else}}!{{/if}}"),
        "a!"
    );
    assert_eq!(
        show("{{#unless company}}без{{/unless}}{{! note }}{{!-- a }} b --}}"),
        "без"
    );
    let chain =
        "{{#if (eq segment \"VIP\")}}1{{else if (eq custom.level 'gold')}}2{{else}}3{{/if}}";
    assert_eq!(show(chain), "2");
}

#[test]
fn absent_values_are_errors_that_name_the_variable() {
    let anna = contact("Анна");
    assert!(
        written("{{company}}", &anna)
            .unwrap_err()
            .contains("company")
    );
    assert!(
        written("{{custom.level}}", &anna)
            .unwrap_err()
            .contains("custom.level")
    );
    assert!(written("{{#if (eq company \"x\")}}a{{/if}}", &anna).is_err());
    assert!(
        written("{{#if company}}a{{/if}}", &anna)
            .unwrap_err()
            .contains("nothing remains")
    );
}

#[test]
fn what_is_not_offered_is_refused_on_save() {
    for content in [
        "{{email}}",
        "{{{name}}}",
        "{{&name}}",
        "{{> x}}",
        "{{#each tags}}a{{/each}}",
        "{{lookup a b}}",
        "{{#with this}}a{{/with}}",
        "{{log name}}",
        "{{this}}",
        "{{../name}}",
        "{{@root.name}}",
        "{{#*inline \"a\"}}b{{/inline}}",
        "{{{{raw}}}}a{{{{/raw}}}}",
        "{{name",
        "{{/if}}",
        "{{else}}",
        "{{#if name}}a",
        "{{#if}}a{{/if}}",
        "\\{{name}}",
        "{{custom.A}}",
        "{{custom}}",
        "{{}}",
        "",
        " ",
        "{{#if (eq name)}}a{{/if}}",
        "{{#if (eq (eq name name) name)}}a{{/if}}",
        "{{#if a}}{{/unless}}",
        "{{#if name}}a{{else}}b{{else}}c{{/if}}",
        "{{name name}}",
        "a\0",
        "{{name}} {{\"a\"}}",
    ] {
        assert!(check(&text(content)).is_err(), "{content}");
    }
    let unknown = check(&text("{{email}}")).unwrap_err();
    assert!(unknown.detail().contains("no variable email"), "{unknown}");
    assert!(check(&text(&"(".repeat(10_000))).is_ok());
    assert!(check(&text(&"a".repeat(10_001))).is_err());
    assert!(check(&text(&format!("{{{{{}", "(eq ".repeat(2_000)))).is_err());
    let nested = |n| format!("{}a{}", "{{#if name}}".repeat(n), "{{/if}}".repeat(n));
    assert!(check(&text(&nested(32))).is_ok());
    assert!(check(&text(&nested(33))).is_err());
    let named = TemplateFields {
        name: " ".to_owned(),
        ..text("a")
    };
    assert!(check(&named).is_err());
}

#[test]
fn only_html_is_escaped_and_never_the_subject() {
    let mut anna = contact("Анна");
    anna.fields.company = Some("<b>\"R&D\" {{name}}</b>\nX: y".to_owned());
    let mut fields = text("<p>{{company}}</p>");
    fields.subject = Some("{{company}}".to_owned());
    let plain = render(&fields, &anna, day()).unwrap();
    assert_eq!(plain.content, "<p><b>\"R&D\" {{name}}</b>\nX: y</p>");
    fields.format = Format::Html;
    let html = render(&fields, &anna, day()).unwrap();
    assert!(
        html.content.starts_with("<p>&lt;b&gt;&quot;R&amp;D"),
        "{}",
        html.content
    );
    assert_eq!(
        html.subject.as_deref(),
        Some("<b>\"R&D\" {{name}}</b> X: y")
    );
}

#[test]
fn the_output_is_capped() {
    let mut anna = contact("Анна");
    anna.fields.custom_fields = [("a".to_owned(), json!("x".repeat(1_000)))].into();
    assert!(written(&"{{custom.a}}".repeat(65), &anna).is_ok());
    assert!(
        written(&"{{custom.a}}".repeat(66), &anna)
            .unwrap_err()
            .contains("64 KiB")
    );
}

fn of_language(language: &str, content: &str) -> TemplateFields {
    TemplateFields {
        language: language.to_owned(),
        ..text(content)
    }
}

fn with_custom(values: &[(&str, Value)]) -> Contact {
    let mut anna = contact("Иванова Анна Петровна");
    anna.fields.birthday = Birthday::parse("1990-03-08");
    let values = values.iter();
    anna.fields.custom_fields = values
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    anna
}

#[test]
fn helpers_write_in_the_language_of_the_template() {
    let anna = with_custom(&[
        ("renewal", json!("2026-12-05")),
        ("years", json!(3)),
        ("months", json!("11")),
    ]);
    for (language, content, wanted) in [
        (
            "ru",
            "{{greeting}} Договор действует по {{date custom.renewal 'long'}}.",
            "Уважаемая Анна Петровна! Договор действует по 5 декабря 2026 года.",
        ),
        (
            "ru",
            "{{custom.years}} {{plural custom.years \"год\" \"года\" \"лет\"}}, {{custom.months}} \
             {{plural custom.months \"месяц\" \"месяца\" \"месяцев\"}}",
            "3 года, 11 месяцев",
        ),
        (
            "ru",
            "{{polite_name}}, вам {{turns}} {{~plural turns \" год\" \" года\" \" лет\"}}!",
            "Анна Петровна, вам 36 лет!",
        ),
        (
            "en",
            "{{greeting}} {{custom.years}} {{plural custom.years \"year\" \"years\"}} until {{date \
             custom.renewal}}, {{default company \"your company\"}}",
            "Dear Анна, 3 years until 5 December 2026, your company",
        ),
        (
            "uz",
            "{{date custom.renewal \"long\"}}gacha, {{custom.years}} {{plural custom.years \"yil\"}}",
            "2026-yil 5-dekabrgacha, 3 yil",
        ),
        (
            "uz-Cyrl",
            "{{date custom.renewal \"day\"}} санасига қадар, {{age}} {{plural age \"ёш\"}}",
            "5 декабрь санасига қадар, 35 ёш",
        ),
        ("de", "{{date custom.renewal \"short\"}}", "05.12.2026"),
    ] {
        let fields = of_language(language, content);
        let rendered = render(&fields, &anna, day()).unwrap();
        assert_eq!(rendered.content, wanted);
    }
}

#[test]
fn a_value_that_is_none_ends_the_text_and_is_never_repeated() {
    let anna = with_custom(&[("renewal", json!("next spring")), ("flag", json!(true))]);
    for (content, wanted) in [
        (
            "a {{date custom.renewal}}",
            "custom.renewal of the contact is no date",
        ),
        (
            "a {{date custom.flag}}",
            "custom.flag of the contact is no date",
        ),
        ("a {{date custom.none}}", "no value for custom.none"),
        (
            "a {{plural custom.renewal \"1\" \"2\" \"5\"}}",
            "custom.renewal of the contact is no number",
        ),
        (
            "a {{plural custom.none \"1\" \"2\" \"5\"}}",
            "no value for custom.none",
        ),
        ("a {{position}}", "no value for position"),
    ] {
        let error = written(content, &anna).unwrap_err();
        assert!(
            error.contains(wanted) && !error.contains("spring"),
            "{error}"
        );
    }
    let mut young = anna.clone();
    young.fields.birthday = Birthday::parse("--03-08");
    assert!(written("{{age}}", &young).unwrap_err().contains("age"));
    assert!(written("{{turns}}", &young).unwrap_err().contains("turns"));
    assert_eq!(
        written("{{birthday}}{{#if turns}}x{{/if}}", &young).unwrap(),
        "8 марта"
    );
}

#[test]
fn a_helper_that_is_used_wrongly_is_refused_on_save() {
    for (language, tag, wanted) in [
        ("ru", "upper name", "there is no helper upper"),
        ("ru", "date custom.a \"weekday\"", "date is not used as"),
        (
            "ru",
            "date custom.a \"long\" \"day\"",
            "date is not used as",
        ),
        ("ru", "date custom.a long", "date is not used as"),
        ("ru", "date birthday", "date is for custom"),
        ("ru", "date", "no variable date"),
        ("ru", "date email", "no variable email"),
        (
            "ru",
            "plural custom.a \"год\" \"года\"",
            "plural needs 3 forms (one, few, many)",
        ),
        (
            "ru",
            "plural custom.a \"a\" \"b\" \"c\" \"d\" \"e\"",
            "plural needs 3 forms",
        ),
        ("ru", "plural custom.a \"a\" \"\" \"c\"", "is empty"),
        ("ru", "plural name \"a\" \"b\" \"c\"", "plural counts"),
        ("ru", "plural custom.a", "plural needs 3 forms"),
        (
            "en",
            "plural custom.a \"год\" \"года\" \"лет\"",
            "plural needs 2 forms (one, other)",
        ),
        (
            "uz",
            "plural custom.a \"yil\" \"yillar\"",
            "plural needs 1 form",
        ),
        (
            "uz-Cyrl",
            "plural custom.a \"a\" \"b\"",
            "plural needs 1 form",
        ),
        ("ru", "default company", "default is not used as"),
        (
            "ru",
            "default company \"a\" \"b\"",
            "default is not used as",
        ),
        ("ru", "default company \" \"", "default is not used as"),
        ("ru", "default company name", "default is not used as"),
        ("ru", "default company \"a\"\"b\"", "default is not used as"),
        ("ru", "default company \"a", "default is not used as"),
        (
            "ru",
            "default company \"a\\\" b\"",
            "default is not used as",
        ),
        ("ru", "default company a=\"b\"", "default is not used as"),
        (
            "ru",
            "default (eq company name) \"b\"",
            "default is not used as",
        ),
        ("ru", "default company as |x|", "default is not used as"),
        ("de", "greeting", "greeting is offered in"),
    ] {
        for fields in [
            of_language(language, &format!("Text {{{{{tag}}}}}")),
            TemplateFields {
                subject: Some(format!("{{{{{tag}}}}}")),
                ..of_language(language, "Text")
            },
        ] {
            let error = check(&fields).unwrap_err();
            let field = if fields.subject.is_some() {
                "subject"
            } else {
                "content"
            };
            assert_eq!(error.fields()[0].field, field);
            assert!(error.detail().contains(wanted), "{tag}: {error}");
        }
    }
    // Apostrophes are letters in Uzbek.
    let uz = of_language(
        "uz",
        "{{default company \"do'stim (a)\"}}{{default name 'a \"b\"'}}",
    );
    assert!(check(&uz).is_ok());
}

#[test]
fn a_preview_lists_every_gap_once_and_marks_it() {
    let anna = with_custom(&[("renewal", json!("soon")), ("n", json!("x"))]);
    let content = "{{first_name}} {{company}} {{company}} {{date custom.renewal}} \
                   {{plural custom.n 'a' 'b' 'c'}}{{#if position}} {{position}}{{/if}}\
                   {{#if (eq custom.x 'y')}}!{{/if}} {{default custom.z 'z'}}";
    let mut fields = text(content);
    fields.subject = Some("{{company}} {{custom.q}}".to_owned());
    let (rendered, gaps) = preview(&fields, &anna, day()).unwrap();
    assert_eq!(
        rendered.content,
        "Анна {{company}} {{company}} {{custom.renewal}} {{custom.n}} z"
    );
    assert_eq!(
        rendered.subject.as_deref(),
        Some("{{company}} {{custom.q}}")
    );
    let gaps: Vec<_> = gaps
        .iter()
        .map(|gap| (gap.variable.as_str(), gap.problem))
        .collect();
    assert_eq!(
        gaps,
        [
            ("company", Problem::Missing),
            ("custom.renewal", Problem::NotADate),
            ("custom.n", Problem::NotANumber),
            ("custom.x", Problem::Missing),
            ("custom.q", Problem::Missing),
        ]
    );
    assert!(render(&fields, &anna, day()).is_err());
    let whole = text("{{greeting}} {{default company 'нет'}}");
    let (rendered, gaps) = preview(&whole, &anna, day()).unwrap();
    assert_eq!(
        (&rendered, gaps),
        (&render(&whole, &anna, day()).unwrap(), vec![])
    );
}

#[test]
fn helpers_escape_in_html_and_read_no_value_as_a_template() {
    let anna = with_custom(&[("a", json!("<b>{{name}}</b>"))]);
    let mut fields = text("{{default custom.a 'x'}} {{default custom.b 'R&D'}}");
    assert_eq!(
        render(&fields, &anna, day()).unwrap().content,
        "<b>{{name}}</b> R&D"
    );
    fields.format = Format::Html;
    let html = render(&fields, &anna, day()).unwrap().content;
    assert!(
        html.contains("&lt;b&gt;") && html.ends_with("R&amp;D"),
        "{html}"
    );
}

fn stored(change: impl FnOnce(&mut TemplateFields)) -> Template {
    let mut fields = text("a");
    change(&mut fields);
    Template {
        workspace: crate::Workspace::default(),
        id: TemplateId(uuid::Uuid::from_u128(1)),
        version: 1,
        fields,
        created_by: "olga".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn the_closest_template_is_chosen() {
    let mut anna = contact("Анна");
    anna.fields.segment = "VIP".to_owned();
    anna.fields.language = "uz-Cyrl".to_owned();
    let all = [
        stored(|_| ()),
        stored(|t| t.language = "uz".to_owned()),
        stored(|t| {
            t.language = "uz".to_owned();
            t.segment = Some("VIP".to_owned());
        }),
        stored(|t| t.language = "uz-Cyrl".to_owned()),
        stored(|t| {
            t.language = "uz-Cyrl".to_owned();
            t.channel = Some("email".to_owned());
        }),
        stored(|t| {
            t.language = "uz-Cyrl".to_owned();
            t.segment = Some("VIP".to_owned());
            t.is_active = false;
        }),
    ];
    let pick = |all: &[Template], channel| {
        let chosen = choose(all, &anna, Occasion::Birthday, channel);
        chosen.and_then(|chosen| all.iter().position(|one| std::ptr::eq(one, chosen)))
    };
    assert_eq!(pick(&all, "email"), Some(4));
    assert_eq!(pick(&all, "sms"), Some(3));
    assert_eq!(pick(&all[..3], "sms"), Some(2));
    assert_eq!(pick(&all[..2], "sms"), Some(1));
    assert_eq!(pick(&all[..1], "sms"), None);
    assert!(choose(&all, &anna, Occasion::NewYear, "email").is_none());
}

/// Pieces of which the texts of the property tests are made.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{{",
        "}}",
        "#if ",
        "name",
        "/if",
        "else",
        " ",
        "(eq ",
        ")",
        "\"x\"",
        "~",
        "!--",
        "\\",
        "{",
        "'",
        "\"",
        "date ",
        "plural ",
        "default ",
        "custom.a",
        "custom.b",
        "\"long\"",
        "turns",
        "as |x|",
        "a=1",
        "{{#if name}}",
        "{{else}}",
        "{{/if}}",
        "{{name}}",
        "как",
        "{{date custom.a}}",
        "{{greeting}}",
        "{{date custom.a \"day\"}}",
        "{{plural custom.a 'a' 'b' 'c'}}",
        "{{default custom.b \"в'\"}}",
        "{{#if (eq custom.a \"x\")}}",
        "../",
        "@root",
        "[0]",
        "&",
        ">",
        "null",
        "true",
        "-1",
    ])
}

proptest! {
    /// A text that is taken renders, or names a value the contact lacks; a preview of it always renders. None is
    /// longer than the limit.
    #[test]
    fn whatever_is_written_never_panics(
        parts in prop::collection::vec(piece(), 0..14),
        name in "\\PC{1,12}",
        value in prop_oneof!["\\PC{0,12}", "-?[0-9]{1,4}([.,][0-9]{1,3})?", "[0-9]{4}-[0-9]{2}-[0-9]{2}"],
    ) {
        let fields = text(&parts.concat());
        let mut somebody = contact(&name);
        somebody.fields.custom_fields = [("a".to_owned(), json!(value))].into();
        let rendered = render(&fields, &somebody, day());
        let shown = preview(&fields, &somebody, day());
        if check(&fields).is_err() {
            prop_assert!(rendered.is_err() && shown.is_err());
        } else {
            match (&rendered, &shown) {
                (Ok(rendered), Ok((shown, gaps))) => prop_assert!(rendered == shown && gaps.is_empty()),
                (Err(_), Ok((_, gaps))) => prop_assert!(!gaps.is_empty()),
                (Err(error), Err(_)) => prop_assert!(error.detail().contains("nothing remains"), "{error}"),
                (Ok(_), Err(error)) => prop_assert!(false, "{error}"),
            }
            if let Ok((shown, _)) = shown {
                prop_assert!(shown.content.len() <= LONGEST_OUTPUT);
            }
        }
    }

    #[test]
    fn names_come_out_as_they_are(name in "[^\\s\\p{C}]{1,20}") {
        prop_assert_eq!(written("{{name}}", &contact(&name)), Ok(name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The most expensive texts that are taken: as many tags as there may be, over the longest values.
    #[test]
    fn the_most_expensive_texts_keep_to_the_limit(
        tags in prop::collection::vec(prop::sample::select(vec![
            "{{custom.a}}", "{{default custom.a 'x'}}", "{{date custom.d}}", "{{name}}",
            "{{plural turns 'a' 'b' 'c'}}", "{{#if (eq custom.a custom.a)}}{{/if}}", "{{greeting}}",
        ]), 150),
        length in 1..4_000_usize,
    ) {
        let content = tags.concat();
        let mut somebody = with_custom(&[("a", json!("ы".repeat(length))), ("d", json!("2026-12-05"))]);
        somebody.fields.name = "Я".repeat(200);
        match render(&text(&content), &somebody, day()) {
            Ok(rendered) => prop_assert!(rendered.content.len() <= LONGEST_OUTPUT),
            Err(error) => prop_assert!(error.detail().contains("64 KiB"), "{error}"),
        }
    }
}

use proptest::prelude::*;
use serde_json::json;

use super::*;
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

fn written(content: &str, contact: &Contact) -> Result<String, String> {
    let rendered = render(&text(content), contact);
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
    let plain = render(&fields, &anna).unwrap();
    assert_eq!(plain.content, "<p><b>\"R&D\" {{name}}</b>\nX: y</p>");
    fields.format = Format::Html;
    let html = render(&fields, &anna).unwrap();
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

#[test]
fn dates_follow_the_language() {
    let date = Birthday::parse("--12-01").unwrap();
    let shown = ["ru", "en-GB", "uz", "uz-Cyrl", "de"].map(|tag| day_and_month(date, tag));
    assert_eq!(
        shown,
        ["1 декабря", "1 December", "1-dekabr", "1 декабрь", "01.12"]
    );
}

proptest! {
    #[test]
    fn whatever_is_written_never_panics(
        parts in prop::collection::vec(prop_oneof![
            Just("{{"), Just("}}"), Just("#if "), Just("name"), Just("/if"), Just("else"), Just(" "),
            Just("(eq "), Just(")"), Just("\"x\""), Just("~"), Just("!--"), Just("\\"), Just("{"),
            Just("{{#if name}}"), Just("{{else}}"), Just("{{/if}}"), Just("{{name}}"), Just("как"),
        ], 0..12),
        name in "\\PC{1,12}",
    ) {
        let fields = text(&parts.concat());
        let checked = check(&fields).is_ok();
        prop_assert!(checked || render(&fields, &contact(&name)).is_err());
    }

    #[test]
    fn names_come_out_as_they_are(name in "[^\\s\\p{C}]{1,20}") {
        prop_assert_eq!(written("{{name}}", &contact(&name)), Ok(name));
    }
}

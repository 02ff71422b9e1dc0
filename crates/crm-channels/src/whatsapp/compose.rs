//! How an approved text becomes a message: as it stands, or as the template that says exactly this.

use serde_json::{Value, json};

use crate::outcome::wrong;

/// The longest free text in Unicode scalar values.
const LONGEST_TEXT: usize = 4096;
/// The longest body of a template with its parameter.
const LONGEST_TEMPLATE: usize = 1024;
const PLACE: &str = "{{1}}";

/// Which kind of message a channel sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compose {
    /// The approved text as it stands. WhatsApp takes it within 24 hours of the person's last message
    /// ([`News::Inbound`](crm_core::port::callback::News::Inbound)) and refuses it later with 131047, which is
    /// `Rejected`. Give campaigns a channel with a template to fall back to: with
    /// [`window`](super::WhatsAppConfig::window) the others are planned for that.
    FreeText {
        /// Whether the first link is shown with a preview.
        preview_links: bool,
    },
    /// A template, at any time.
    Template(Template),
}

/// An approved template whose body says what people approve here.
///
/// People approve the whole text that a person will read, so the channel has to know the template's own words:
/// a text that is not the template with something in its place is refused (`template_mismatch`), and only
/// what stands in the place travels as the parameter. What arrives is then what was approved, letter for
/// letter, as long as `body` is what Meta approved. Header, footer and buttons, if the template has them, must
/// be fixed; they are not part of the approved text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language as Meta writes it: `ru`, `en_US`, `uz`.
    pub language: String,
    /// Its body, with `{{1}}` in one place or in none.
    pub body: String,
}

impl Compose {
    /// Longest text in Unicode scalar values.
    pub(super) const fn longest(&self) -> usize {
        match self {
            Self::FreeText { .. } => LONGEST_TEXT,
            Self::Template(_) => LONGEST_TEMPLATE,
        }
    }

    /// Checks what can be checked without a connection.
    pub(super) fn check(&self) -> crm_core::Result<()> {
        let Self::Template(template) = self else {
            return Ok(());
        };
        let word = |text: &str| {
            (1..=512).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !word(&template.name) || !word(&template.language) {
            return Err(wrong(
                "a WhatsApp template's name and language are letters, digits and _",
            ));
        }
        let places = template.body.matches("{{").count();
        if template.body.is_empty() || places != template.body.matches(PLACE).count() || places > 1
        {
            return Err(wrong(
                "a WhatsApp template's body must be its whole text with {{1}} in one place or none",
            ));
        }
        Ok(())
    }

    /// The message's `type` and what stands under that name; else the code of what is wrong with the text.
    pub(super) fn content(&self, text: &str) -> Result<(&'static str, Value), &'static str> {
        if text.trim().is_empty() {
            return Err("text_empty");
        }
        if text.chars().count() > self.longest() {
            return Err("text_too_long");
        }
        match self {
            Self::FreeText { preview_links } => Ok((
                "text",
                json!({ "body": text, "preview_url": preview_links }),
            )),
            Self::Template(template) => Ok(("template", template.content(text)?)),
        }
    }
}

impl Template {
    fn content(&self, text: &str) -> Result<Value, &'static str> {
        let mut content = json!({
            "name": self.name,
            "language": { "code": self.language, "policy": "deterministic" },
        });
        let Some(parameter) = self.parameter(text)? else {
            return Ok(content);
        };
        if let Some(fields) = content.as_object_mut() {
            let parameters = json!([{ "type": "text", "text": parameter }]);
            let components = json!([{ "type": "body", "parameters": parameters }]);
            fields.insert("components".to_owned(), components);
        }
        Ok(content)
    }

    /// What stands in the template's place when it says `text`.
    fn parameter<'a>(&self, text: &'a str) -> Result<Option<&'a str>, &'static str> {
        const MISMATCH: &str = "template_mismatch";
        let Some((before, after)) = self.body.split_once(PLACE) else {
            return if text == self.body {
                Ok(None)
            } else {
                Err(MISMATCH)
            };
        };
        let rest = text.strip_prefix(before).ok_or(MISMATCH)?;
        let parameter = rest.strip_suffix(after).ok_or(MISMATCH)?;
        // WhatsApp refuses these in a parameter, each with the same code 100 as any other mistake.
        if parameter.trim().is_empty() {
            Err("parameter_empty")
        } else if parameter.contains(['\n', '\r', '\t']) {
            Err("parameter_line_break")
        } else if parameter.contains("    ") {
            Err("parameter_spaces")
        } else {
            Ok(Some(parameter))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(body: &str) -> Compose {
        Compose::Template(Template {
            name: "greeting".to_owned(),
            language: "uz".to_owned(),
            body: body.to_owned(),
        })
    }

    fn parameter(body: &str, text: &str) -> Result<Option<String>, &'static str> {
        let (kind, content) = template(body).content(text)?;
        assert_eq!(kind, "template");
        let text = content.pointer("/components/0/parameters/0/text");
        Ok(text.map(|text| text.as_str().unwrap().to_owned()))
    }

    #[test]
    fn a_template_says_exactly_the_approved_text() {
        let body = "Salom!\n\n{{1}}\n\nSalon";
        let said = |text| parameter(body, text);
        assert_eq!(
            said("Salom!\n\nTabriklaymiz, Ann.\n\nSalon"),
            Ok(Some("Tabriklaymiz, Ann.".to_owned()))
        );
        for other in [
            "Tabriklaymiz",
            "Salom!\n\nAnn\n\nSalon.",
            " Salom!\n\nAnn\n\nSalon",
            "Salom!\n\nSalon",
        ] {
            assert_eq!(said(other), Err("template_mismatch"), "{other}");
        }
        assert_eq!(said("Salom!\n\n\n\nSalon"), Err("parameter_empty"));
        // The approved text may hold the template's own mark; it travels as a text like any other.
        assert_eq!(
            parameter("a {{1}} b", "a {{1}} b"),
            Ok(Some("{{1}}".to_owned()))
        );
        assert_eq!(parameter("fixed", "fixed"), Ok(None));
        assert_eq!(parameter("fixed", "fixed "), Err("template_mismatch"));
        // Beginning and end may not share characters.
        assert_eq!(parameter("aba{{1}}ba", "aba"), Err("template_mismatch"));
    }

    #[test]
    fn parameters_that_whatsapp_refuses() {
        for (text, code) in [
            ("", "text_empty"),
            ("a\nb", "parameter_line_break"),
            ("a\r\nb", "parameter_line_break"),
            ("a\tb", "parameter_line_break"),
            ("a    b", "parameter_spaces"),
            (&"x".repeat(1025), "text_too_long"),
        ] {
            assert_eq!(parameter("{{1}}", text), Err(code), "{text:.10}");
        }
        let good = "a   b \u{202e}c\0".to_owned();
        assert_eq!(parameter("{{1}}", &good), Ok(Some(good.clone())));
        assert!(parameter("{{1}}", &"ў".repeat(1024)).is_ok());
    }

    #[test]
    fn templates_are_checked() {
        for good in ["{{1}}", "a {{1}} b", "fixed", "a } b { c"] {
            assert!(template(good).check().is_ok(), "{good}");
        }
        for bad in [
            "",
            "{{2}}",
            "{{1}} {{2}}",
            "{{1}} {{1}}",
            "{{name}}",
            "{{ 1 }}",
        ] {
            assert!(template(bad).check().is_err(), "{bad}");
        }
        for (name, language) in [
            ("", "uz"),
            ("a b", "uz"),
            ("a", ""),
            ("a", "uz-Latn"),
            ("a/../b", "uz"),
        ] {
            let template = Template {
                name: name.to_owned(),
                language: language.to_owned(),
                body: "{{1}}".to_owned(),
            };
            assert!(
                Compose::Template(template).check().is_err(),
                "{name} {language}"
            );
        }
    }
}

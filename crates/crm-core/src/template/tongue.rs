//! The languages this crate can write a date or a greeting in.

/// A language, and for Uzbek its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// Russian.
    Ru,
    /// English.
    En,
    /// Uzbek in Latin letters.
    Uz,
    /// Uzbek in Cyrillic letters.
    UzCyrl,
}

impl Tongue {
    /// The language of a BCP 47 tag; `None` when it is another one.
    pub(crate) fn of(tag: &str) -> Option<Self> {
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let is = |wanted: &str| primary.eq_ignore_ascii_case(wanted);
        if is("ru") {
            Some(Self::Ru)
        } else if is("en") {
            Some(Self::En)
        } else if is("uz") {
            let cyrillic = parts.any(|part| part.eq_ignore_ascii_case("cyrl"));
            Some(if cyrillic { Self::UzCyrl } else { Self::Uz })
        } else {
            None
        }
    }

    /// Its tag.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
            Self::Uz => "uz",
            Self::UzCyrl => "uz-Cyrl",
        }
    }
}

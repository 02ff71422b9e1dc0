//! The subscriptions of a settings file: who is told of state changes, as signed webhooks.

use std::collections::BTreeMap;
use std::path::Path;

use crm_channels::SubscriberConfig;
use crm_channels::settings::HttpTable;
use crm_core::port::subscriber::Selection;
use crm_core::subscription::{Start, check_name};
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::channels::ELSEWHERE;
use super::source::{Source, Value};

/// Who is told, and since when.
pub(crate) struct SubscriptionSettings {
    /// File, line and key, for what is found to be wrong later.
    pub(crate) place: String,
    pub(crate) from: Start,
    pub(crate) config: SubscriberConfig,
}

impl SubscriptionSettings {
    /// Says which file it was found in.
    pub(super) fn is_from(&mut self, path: &Path) {
        self.place = format!("{}: {}", path.display(), self.place);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionTable {
    name: String,
    url: SecretString,
    secrets: Vec<SecretString>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    from: Start,
    #[serde(default)]
    allowed: Vec<String>,
    #[serde(default)]
    http: HttpTable,
}

/// All subscriptions of the file, by name.
pub(super) fn read(
    source: &Source<'_>,
    list: Value<'_>,
) -> Result<BTreeMap<String, SubscriptionSettings>, String> {
    let expected = "expected tables: [[subscriptions]]";
    let start = list.span().start;
    let DeValue::Array(list) = list.into_inner() else {
        return Err(source.wrong(start, "subscriptions", expected));
    };
    let mut found = BTreeMap::new();
    for (at, value) in list.into_iter().enumerate() {
        let key = format!("subscriptions[{at}]");
        let start = value.span().start;
        let (name, settings) = one(source, &key, value, expected)?;
        if found.insert(name, settings).is_some() {
            let problem = "another subscription has this name";
            return Err(source.wrong(start, &format!("{key}.name"), problem));
        }
    }
    Ok(found)
}

fn one(
    source: &Source<'_>,
    key: &str,
    value: Value<'_>,
    expected: &str,
) -> Result<(String, SubscriptionSettings), String> {
    let start = value.span().start;
    let DeValue::Table(mut table) = value.into_inner() else {
        return Err(source.wrong(start, key, expected));
    };
    source.fetch_all(key, &mut table)?;
    let places: BTreeMap<String, usize> = table
        .keys()
        .map(|name| (name.get_ref().to_string(), name.span().start))
        .collect();
    let wrong = |field: &str, problem: &str| {
        let at = places.get(field).copied().unwrap_or(start);
        source.wrong(at, &format!("{key}.{field}"), problem)
    };
    let value = Spanned::new(start..start, DeValue::Table(table));
    let read: SubscriptionTable = source.read(key, value).map_err(|problem| {
        let of_keys = ["unknown field", "missing field"];
        if of_keys.iter().any(|words| problem.contains(words)) {
            problem + ELSEWHERE
        } else {
            problem
        }
    })?;
    if check_name(&read.name).is_err() {
        let problem = "use 1 to 64 lower-case letters, digits, - and _";
        return Err(wrong("name", problem));
    }
    let selection = Selection::parse(read.actions.iter().map(String::as_str)).map_err(|_| {
        let problem = "use kinds such as message.sent, or message.* for all of a kind of row";
        wrong("actions", problem)
    })?;
    let mut config = SubscriberConfig::new(read.url, read.secrets);
    config.selection = selection;
    config.allowed = read.allowed;
    config.http = read.http.options();
    let settings = SubscriptionSettings {
        place: source.place(start, key),
        from: read.from,
        config,
    };
    Ok((read.name, settings))
}

#[cfg(test)]
mod tests {
    use crm_core::subscription::Start;
    use secrecy::ExposeSecret as _;

    use crate::config::tests::config;

    fn problem(text: &str) -> String {
        match config(&[], text, &[]) {
            Ok(_) => panic!("accepted: {text}"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_key_and_without_the_value() {
        const GOOD: &str = "[[subscriptions]]\nname = 'crm'\nurl = 'https://hunter2.example'\nsecrets = ['whsec_hunter2']\n";
        for (text, wanted) in [
            (
                "subscriptions = 5",
                "line 1: subscriptions: expected tables",
            ),
            (
                "subscriptions = [5]",
                "line 1: subscriptions[0]: expected tables",
            ),
            (
                "[[subscriptions]]\nname = 'crm'\nsecrets = ['whsec_hunter2']",
                "line 1: subscriptions[0]: missing field `url` (a secret KEY may",
            ),
            (
                &format!("{GOOD}urll = 'hunter2'"),
                "line 5: subscriptions[0].urll: unknown field `urll`",
            ),
            (
                &GOOD.replace("'crm'", "'Hunter2'"),
                "line 2: subscriptions[0].name: use 1 to 64 lower-case",
            ),
            (
                &format!("{GOOD}actions = ['hunter2.sent']"),
                "line 5: subscriptions[0].actions: use kinds such as message.sent",
            ),
            (
                &format!("{GOOD}from = 'hunter2'"),
                "line 5: subscriptions[0].from: expected `now` or `beginning`",
            ),
            (
                &format!("{GOOD}url_env = 'HUNTER2'"),
                "line 5: subscriptions[0].url_env: give only one of",
            ),
            (
                &format!("{GOOD}{GOOD}"),
                "subscriptions[1].name: another subscription has this name",
            ),
        ] {
            let told = problem(text);
            assert!(told.contains(wanted), "{text}: {told}");
            assert!(!told.to_lowercase().contains("hunter2."), "{told}");
        }
    }

    #[test]
    fn settings_are_read_from_where_they_are_kept() {
        let text = "[[subscriptions]]\nname = 'crm'\nurl_env = 'URL'\nsecrets_env = 'SECRETS'\n\
            from = 'beginning'\nactions = ['message.*']\nhttp.timeout = 7\n\
            [[subscriptions]]\nname = 'b'\nurl = 'https://b.example'\nsecrets = ['c']";
        let kept = [("URL", "https://a.example"), ("SECRETS", "a b")];
        let config = config(&[], text, &kept).unwrap();
        let crm = &config.subscriptions["crm"];
        assert_eq!(crm.config.url.expose_secret(), "https://a.example");
        assert_eq!((crm.config.secrets.len(), crm.from), (2, Start::Beginning));
        assert_eq!(crm.config.http.timeout.as_secs(), 7);
        assert_eq!(config.subscriptions["b"].from, Start::Now);
        let shown = config.to_string();
        assert!(
            shown.contains("subscriptions=b,crm") && !shown.contains("example"),
            "{shown}"
        );
    }
}

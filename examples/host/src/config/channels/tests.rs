//! What a file may say of channels, what it is told when it says something else, and that the example says
//! all of it.

use std::collections::BTreeSet;

use super::*;
use crate::config::tests::config;

const EXAMPLE: &str = include_str!("../../../crm-host.example.toml");

fn problem(text: &str) -> String {
    let variables = [("TOKEN", "123456:hunter2"), ("EMPTY", " ")];
    match config(&[], text, &variables) {
        Ok(_) => panic!("accepted: {text}"),
        Err(problem) => problem,
    }
}

#[test]
fn what_is_wrong_is_told_with_line_and_key_and_without_the_value() {
    for (text, wanted) in [
        ("channels = 'hunter2'", "line 1: channels: expected a table"),
        (
            "[channels]\nemail = 5",
            "line 2: channels.email: expected a table, or an address",
        ),
        (
            "\n[channels.E]\ntype = 'smtp'",
            "line 2: channels.E: use lower-case",
        ),
        (
            "\n[channels.sms]\n",
            "line 2: channels.sms.type: missing; say one of eskiz, outbox, smtp,",
        ),
        (
            "[channels.sms]\ntype = 'hunter2'",
            "line 2: channels.sms.type: there is no such type; say one of eskiz,",
        ),
        (
            "[channels.sms]\ntype = 5",
            "line 2: channels.sms.type: expected a string",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntokn = 'hunter2'",
            "line 3: channels.t.tokn: unknown field `tokn`, expected one of `token`, `webhook_secret`",
        ),
        (
            "\n\n[channels.t]\ntype = 'telegram'",
            "line 3: channels.t: missing field `token` (a secret KEY may also be given as KEY_env or KEY_file)",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken = 123",
            "line 3: channels.t.token: expected a string",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken = '1:hunter2'\n[channels.t.http]\nbse = ''",
            "line 5: channels.t.http.bse: unknown field `bse`, expected one of `base`, `connect_timeout`,",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken = '1:hunter2'\nhttp.timeout = 0",
            "line 4: channels.t.http.timeout: expected whole seconds, 1 to 86400",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken = 'a'\ntoken_env = 'TOKEN'",
            "line 4: channels.t.token_env: give only one of token, token_env and token_file",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken_env = 'hunter2'",
            "line 3: channels.t.token_env: the variable that it names is not set",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken_env = 'EMPTY'",
            "line 3: channels.t.token_env: what it names is empty",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken_file = '/no/hunter2'",
            "line 3: channels.t.token_file: the file that it names cannot be read: entity not found",
        ),
        (
            "[channels.t]\ntype = 'telegram'\ntoken_file = 5",
            "line 3: channels.t.token_file: expected a string",
        ),
        (
            "[channels.e]\ntype = 'smtp'\nhost = 'h'\nfrom = 'hunter2'",
            "line 4: channels.e.from: expected a mailbox",
        ),
        (
            "[channels.e]\ntype = 'smtp'\nhost = 'h'\nfrom = 'a@b.example'\ntls = 'hunter2'",
            "line 5: channels.e.tls: expected one of `none`, `starttls`, `implicit`",
        ),
        (
            "[channels.s]\ntype = 'twilio'\naccount_sid = 'x'\nauth_token = 'x'\nfrom = 'hunter2 hunter2'",
            "line 5: channels.s.from: expected a number such as +14155552345",
        ),
        (
            "[channels.s]\ntype = 'twilio'\naccount_sid = 'x'\nauth_token = 'x'\nfrom = 'Salon'\napi_key_sid = 'x'",
            "line 6: channels.s.api_key_sid: give it and api_key_secret together",
        ),
        (
            "[channels.s]\nproviders = []",
            "line 2: channels.s.providers: expected tables",
        ),
        (
            "[channels.s]\nproviders = [5]",
            "line 2: channels.s.providers[0]: expected a table",
        ),
        (
            "[channels.s]\ntype = 'smtp'\n[[channels.s.providers]]\ntype = 'outbox'",
            "line 2: channels.s.type: beside providers there may be rest and most alone",
        ),
        (
            "[[channels.s.providers]]\ntype = 'outbox'\n[[channels.s.providers]]\ntype = 'eskiz'\nemail = 5",
            "line 5: channels.s.providers[1].email: expected a string",
        ),
        (
            "[channels.s]\nrest = 0\ntype = 'outbox'",
            "line 2: channels.s.rest: expected whole seconds",
        ),
        (
            "secret_env = 'hunter2'",
            "line 1: secret_env: the variable that it names is not set",
        ),
        (
            "\npublic_url = 'http://hunter2.example'",
            "public_url must be the https address",
        ),
        ("[channels.t]\ntoken = 'hunter2", "line 2: "),
    ] {
        let said = problem(text);
        assert!(said.contains(wanted), "{text}\n{said}");
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
}

#[test]
fn values_come_from_where_they_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "hook-secret\n").unwrap();
    let text = "secret_env = 'CRM_TEST'\n[channels.t]\ntype = 'telegram'\ntoken_env = 'TOKEN'\n\
        webhook_secret_file = 'secret'\nsilent = true\nrest = 7\n\
        [channels.w]\nproviders = [{ type = 'webhook', name = 'till', url = 'https://x.example', \
        secrets_env = 'BOTH' }]";
    let folder = folder.path().to_str().unwrap();
    let variables = [
        ("TOKEN", "123456:hunter2"),
        ("BOTH", "whsec_a  whsec_b"),
        ("CRM_TEST", "signs"),
        ("FOLDER", folder),
    ];
    let config = config(&[], text, &variables).unwrap();
    assert_eq!(config.secret.as_ref().unwrap().expose_secret(), "signs");
    let table = |name: &str| match &config.channels[name] {
        ChannelSettings::Table(table) => table,
        ChannelSettings::Line(_) => panic!("{name} is no table"),
    };
    let telegram = table("t");
    assert_eq!(telegram.breaker.rest, chrono::Duration::seconds(7));
    assert_eq!(telegram.providers[0].name, "telegram");
    let Provider::Telegram(bot) = &telegram.providers[0].settings else {
        panic!("another provider");
    };
    assert!(bot.silent);
    assert_eq!(bot.token.expose_secret(), "123456:hunter2");
    let hook = bot.webhook_secret.as_ref().unwrap();
    assert_eq!(hook.expose_secret(), "hook-secret");
    assert_eq!(table("w").providers[0].name, "till");
    let Provider::Webhook(webhook) = &table("w").providers[0].settings else {
        panic!("another provider");
    };
    let secrets: Vec<_> = webhook.secrets.iter().map(|s| s.expose_secret()).collect();
    assert_eq!(secrets, ["whsec_a", "whsec_b"]);
}

/// The keys that a table may have, as the refusal of one that it may not have tells.
fn keys(text: &str) -> BTreeSet<String> {
    let said = problem(text);
    let (_, list) = said.split_once(", expected ").unwrap();
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_example_says_everything_there_is_to_say() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let is_said = |key: &str| {
        let forms = [
            format!("{key} = "),
            format!("{key}_env = "),
            format!("{key}_file = "),
            format!("{key}."),
        ];
        let begins = |line: &str| forms.iter().any(|form| line.starts_with(form.as_str()));
        let table = format!(".{key}]");
        lines
            .iter()
            .any(|line| begins(line) || line.ends_with(&table))
    };
    let mut said = keys("zzz = 1");
    assert!(said.len() > 10);
    for kind in TYPES {
        let keys = keys(&format!("[channels.x]\ntype = '{kind}'\nzzz = 1"));
        assert!(keys.len() >= 2, "{kind}");
        said.extend(keys);
        assert!(EXAMPLE.contains(&format!("type = \"{kind}\"")), "{kind}");
    }
    said.extend(keys("[channels.x]\ntype = 'whatsapp'\ntemplate.zzz = 1"));
    said.extend(keys("[channels.x]\ntype = 'telegram'\nhttp.zzz = 1"));
    said.extend(["rest", "most", "name"].map(str::to_owned));
    for key in &said {
        assert!(is_said(key), "{key} is not in the example");
    }
}

#[test]
fn the_readme_shows_a_file_that_is_read() {
    let readme = include_str!("../../../../../README.md");
    let (_, text) = readme.split_once("```toml\n").unwrap();
    let (text, _) = text.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("secrets")).unwrap();
    std::fs::write(folder.path().join("secrets/telegram"), "1:hunter2").unwrap();
    let folder = folder.path().to_str().unwrap();
    let given = ["MAIL_PASSWORD", "ESKIZ_PASSWORD", "TWILIO_TOKEN"].map(|name| (name, "hunter2"));
    let variables = [given.as_slice(), &[("FOLDER", folder)]].concat();
    let config = config(&[], text, &variables).unwrap();
    let said = config.to_string();
    let wanted = " channel.email=smtp channel.sms=eskiz,twilio channel.telegram=telegram ";
    assert!(said.contains(wanted), "{said}");
}

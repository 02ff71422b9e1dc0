//! What a file may say of channels, what it is told when it says something else, and that the example says
//! all of it.

use std::collections::BTreeSet;

use crm_core::contact::AddressKind;

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
            "line 2: channels.s.type: beside providers there may be rest, most, rate and bounces alone",
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
    assert_eq!(telegram.layers.breaker.rest, chrono::Duration::seconds(7));
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

/// The settings of the one provider of channel `x`.
fn settings(text: &str) -> Provider {
    let mut config = config(&[], &format!("[channels.x]\n{text}"), &[]).unwrap();
    match config.channels.remove("x") {
        Some(ChannelSettings::Table(mut table)) => table.providers.remove(0).settings,
        _ => panic!("no table"),
    }
}

fn seconds(http: &crm_channels::HttpOptions) -> [u64; 2] {
    [http.connect.as_secs(), http.timeout.as_secs()]
}

const HTTP: &str = "\nhttp = { base = 'http://127.0.0.1:9', connect_timeout = 1, timeout = 2, extra_roots_pem = 'pem' }";

#[test]
fn every_option_of_mail_and_text_messages_arrives() {
    let Provider::Smtp {
        config,
        unsubscribe,
    } = settings(
        "type = 'smtp'\nhost = 'h'\nport = 7\ntls = 'implicit'\nuser = 'u'\npassword = 'p'\n\
         from = 'S <a@b.example>'\nhello = 'x'\nconnect_timeout = 1\ncommand_timeout = 2\n\
         data_timeout = 3\nmax_connections = 4\nextra_roots_pem = 'pem'\n\
         allow_insecure_auth = true\nunsubscribe = false",
    )
    else {
        panic!("another provider");
    };
    assert_eq!((config.host.as_str(), config.port), ("h", 7));
    assert_eq!(config.tls, crm_channels::smtp::Tls::Implicit);
    assert_eq!(config.user.as_deref(), Some("u"));
    assert_eq!(config.password.as_ref().unwrap().expose_secret(), "p");
    assert_eq!(config.from.address(), "a@b.example");
    assert_eq!(config.hello.as_deref(), Some("x"));
    let times = config.timeouts;
    let times = [times.connect, times.command, times.data];
    assert_eq!(times.map(|time| time.as_secs()), [1, 2, 3]);
    assert_eq!(config.max_connections, 4);
    assert_eq!(config.extra_roots_pem.as_deref(), Some("pem"));
    assert!(config.allow_insecure_auth && !unsubscribe);
    for (tls, port) in [("none", 25), ("starttls", 587), ("implicit", 465)] {
        let text = format!("type = 'smtp'\nhost = 'h'\nfrom = 'a@b.example'\ntls = '{tls}'");
        let Provider::Smtp { config, .. } = settings(&text) else {
            panic!("another provider");
        };
        assert_eq!((config.port, config.tls.default_port()), (port, port));
    }

    let Provider::Twilio(config) = settings(&format!(
        "type = 'twilio'\nkind = 'whatsapp'\naccount_sid = 'AC1'\nauth_token = 't'\n\
         api_key_sid = 'SK1'\napi_key_secret = 's'\nfrom = '+14155552345'\n\
         status_callback = 'https://c.example'\nvalidity = 7\nconcurrency = 3{HTTP}"
    )) else {
        panic!("another provider");
    };
    assert_eq!(config.kind, crm_channels::twilio::Kind::WhatsApp);
    assert_eq!(config.account_sid, "AC1");
    assert_eq!(config.auth_token.expose_secret(), "t");
    let key = config.api_key.as_ref().unwrap();
    assert_eq!((key.sid.as_str(), key.secret.expose_secret()), ("SK1", "s"));
    let from = crm_channels::twilio::Sender::From("+14155552345".to_owned());
    assert_eq!(config.sender, from);
    assert_eq!(config.status_callback.as_deref(), Some("https://c.example"));
    assert_eq!(config.validity.unwrap().as_secs(), 7);
    assert_eq!((config.concurrency, seconds(&config.http)), (3, [1, 2]));
    assert_eq!(config.http.base.as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(config.http.extra_roots_pem.as_deref(), Some("pem"));

    let Provider::Eskiz(config) = settings(&format!(
        "type = 'eskiz'\nemail = 'e'\npassword = 'p'\nfrom = 'Salon'\ncallback_url = 'https://c.example'\n\
         callback_token = 't'\nconcurrency = 3{HTTP}"
    )) else {
        panic!("another provider");
    };
    assert_eq!(
        (config.email.as_str(), config.from.as_str()),
        ("e", "Salon")
    );
    assert_eq!(config.password.expose_secret(), "p");
    let callback = config.callback.as_ref().unwrap();
    let found = (callback.url.as_str(), callback.token.expose_secret());
    assert_eq!(found, ("https://c.example", "t"));
    assert_eq!((config.concurrency, seconds(&config.http)), (3, [1, 2]));
}

#[test]
fn every_option_of_chats_and_of_ones_own_services_arrives() {
    use crm_channels::webhook::Gone;
    use crm_channels::whatsapp::Compose;

    let Provider::Telegram(config) = settings(&format!(
        "type = 'telegram'\ntoken = '1:t'\nwebhook_secret = 's'\nlink_previews = false\nsilent = true{HTTP}"
    )) else {
        panic!("another provider");
    };
    assert_eq!(config.token.expose_secret(), "1:t");
    assert_eq!(config.webhook_secret.as_ref().unwrap().expose_secret(), "s");
    assert!(config.silent && !config.link_previews);
    assert_eq!(seconds(&config.http), [1, 2]);

    let number = "type = 'whatsapp'\nphone_number_id = '7'\naccess_token = 't'\n";
    let Provider::WhatsApp(config) = settings(&format!(
        "{number}app_secret = 's'\nversion = 'v9.1'\n\
         template = {{ name = 'n', language = 'ru', body = 'b {{{{1}}}}' }}{HTTP}"
    )) else {
        panic!("another provider");
    };
    assert_eq!(config.phone_number_id, "7");
    assert_eq!(config.access_token.expose_secret(), "t");
    assert_eq!(config.app_secret.as_ref().unwrap().expose_secret(), "s");
    assert_eq!(
        (config.version.as_str(), seconds(&config.http)),
        ("v9.1", [1, 2])
    );
    let Compose::Template(template) = &config.compose else {
        panic!("no template");
    };
    let found = [&template.name, &template.language, &template.body];
    assert_eq!(found, ["n", "ru", "b {{1}}"]);
    for (text, preview_links) in [("", false), ("preview_links = true", true)] {
        let Provider::WhatsApp(config) = settings(&format!("{number}{text}")) else {
            panic!("another provider");
        };
        assert_eq!(config.compose, Compose::FreeText { preview_links });
    }

    let Provider::Webhook(config) = settings(&format!(
        "type = 'webhook'\nurl = 'https://w.example'\nsecrets = ['a', 'b']\nevent = 'e'\n\
         address = 'phone'\ngone = 'endpoint'\nallowed = ['10.0.0.0/8']{HTTP}"
    )) else {
        panic!("another provider");
    };
    assert_eq!(config.url.expose_secret(), "https://w.example");
    assert_eq!((config.secrets.len(), config.event.as_str()), (2, "e"));
    assert_eq!(
        (config.address, config.gone),
        (AddressKind::Phone, Gone::Endpoint)
    );
    assert_eq!(config.allowed, ["10.0.0.0/8"]);
    assert_eq!(seconds(&config.http), [1, 2]);

    let Provider::Outbox { directory, address } =
        settings("type = 'outbox'\ndirectory = '/d'\naddress = 'whatsapp'")
    else {
        panic!("another provider");
    };
    assert_eq!(
        (directory.unwrap(), address),
        ("/d".into(), AddressKind::Whatsapp)
    );
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
    for kind in Kind::ALL.map(Kind::as_str) {
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

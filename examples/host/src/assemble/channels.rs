//! Makes the channels of the settings.

use std::sync::Arc;

use crm_channels::SmtpConfig;
use crm_channels::settings::{Around, layered};
use crm_channels::smtp::UnsubscribeLinks;
use crm_core::consent::token::TokenKeys;
use crm_core::contact::AddressKind;
use crm_core::port::channel::Channel;
use crm_core::system::SystemClock;
use secrecy::ExposeSecret as _;

use crate::config::{ChannelSettings, ChannelTable, Config};

/// A channel and its name.
type Named = (String, Arc<dyn Channel>);

/// Channels that are there without being set up: they write files.
const USUAL: [(&str, AddressKind); 4] = [
    ("email", AddressKind::Email),
    ("sms", AddressKind::Phone),
    ("telegram", AddressKind::Telegram),
    ("whatsapp", AddressKind::Whatsapp),
];

/// All channels by name; what is set up takes the place of the usual ones.
pub(super) fn all(config: &Config, keys: Option<&TokenKeys>) -> Result<Vec<Named>, String> {
    let around = Around {
        outbox: Some(config.outbox.clone()),
        links: keys.zip(config.public_url.as_deref()).map(links),
    };
    let mut channels: Vec<Named> = Vec::new();
    for (name, address) in USUAL {
        if !config.channels.contains_key(name) {
            let outbox = around.outbox(None, address);
            channels.push((name.to_owned(), outbox.map_err(|error| error.to_string())?));
        }
    }
    for (name, settings) in &config.channels {
        let channel = match settings {
            ChannelSettings::Line(line) => SmtpConfig::parse(line.expose_secret())
                .and_then(|config| around.smtp(config, true))
                .map_err(|problem| format!("channel {name}: {problem}"))?,
            ChannelSettings::Table(table) => of(&around, table)?,
        };
        channels.push((name.clone(), channel));
    }
    Ok(channels)
}

fn links((keys, public): (&TokenKeys, &str)) -> UnsubscribeLinks {
    UnsubscribeLinks {
        base: format!("{public}/u/"),
        keys: keys.clone(),
    }
}

fn of(around: &Around, table: &ChannelTable) -> Result<Arc<dyn Channel>, String> {
    let mut providers = Vec::new();
    for provider in &table.providers {
        let made = around
            .provider(&provider.settings)
            .map_err(|problem| format!("{}: {problem}", provider.place))?;
        providers.push((provider.name.clone(), made));
    }
    layered(providers, &table.layers, Arc::new(SystemClock))
        .map_err(|problem| format!("{}: {problem}", table.place))
}

#[cfg(test)]
mod tests {
    use crm_core::port::channel::ChannelCapabilities;

    use super::*;
    use crate::config::tests::config;

    const EXAMPLE: &str = include_str!("../../crm-host.example.toml");
    const ROOT: &str = include_str!("../../../../crates/crm-channels/tests/data/ca.pem");
    const DKIM: &str = include_str!("../../../../crates/crm-channels/tests/data/dkim_ed25519.pem");

    /// What the example's variables hold.
    const VARIABLES: &[(&str, &str)] = &[
        ("CRM_DATABASE_URL", "sqlite:crm.db"),
        ("CRM_DEMO_USERS", "long enough"),
        ("CLAUDE_KEY", "sk-ant-hunter2"),
        ("MAIL_PASSWORD", "hunter2"),
        ("ESKIZ_PASSWORD", "hunter2"),
        ("ESKIZ_CALLBACK", "hunter2-hunter2-hunter2"),
        ("TWILIO_TOKEN", "hunter2"),
        ("TWILIO_KEY", "hunter2"),
        ("TELEGRAM_TOKEN", "123456:hunter2"),
        ("WHATSAPP_TOKEN", "hunter2"),
        ("WHATSAPP_SECRET", "hunter2"),
        ("WHATSAPP_VERIFY", "hunter2"),
        ("OBSERVER_URL", "https://crm.example/hunter2"),
        ("OBSERVER_SECRETS", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu"),
        ("TILL_URL", "https://till.example/hunter2"),
        (
            "TILL_SECRETS",
            "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu whsec_aHVudGVyM2h1bnRlcjNodW50ZXIzaHVu",
        ),
    ];

    fn made(config: &Config) -> Vec<(String, ChannelCapabilities)> {
        let keys = TokenKeys::new(vec![7; 32], Vec::new()).unwrap();
        let channels = all(config, Some(&keys)).unwrap();
        let named = channels.into_iter();
        named
            .map(|(name, channel)| (name, channel.capabilities()))
            .collect()
    }

    #[test]
    fn the_example_sets_up_every_channel_and_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::create_dir(folder.join("secrets")).unwrap();
        for (name, text) in [
            ("crm", "hunter2 hunter2 hunter2 hunter2"),
            (
                "unsubscribe",
                "hunter2-hunter2-hunter2-hunter2-\nhunter3-hunter2-hunter2-hunter2-\n",
            ),
            ("telegram", "hunter2"),
            ("ca.pem", ROOT),
            ("dkim.pem", DKIM),
        ] {
            std::fs::write(folder.join("secrets").join(name), text).unwrap();
        }
        let shown = folder.display().to_string();
        let text = EXAMPLE.replace("/var/lib/crm", &shown);
        let mut variables = VARIABLES.to_vec();
        variables.push(("FOLDER", &shown));
        let config = config(&[], &text, &variables).unwrap();
        let said = config.to_string();
        assert!(!said.contains("hunter"), "{said}");
        assert!(said.contains(" channel.sms=eskiz,twilio "), "{said}");
        assert_eq!(config.unsubscribe_keys.as_ref().unwrap().len(), 2);

        let made = made(&config);
        let kinds: Vec<_> = made
            .iter()
            .map(|(name, can)| (name.as_str(), can.address, can.concurrency))
            .collect();
        use AddressKind::{Email, ExternalId, Phone, Telegram, Whatsapp};
        assert_eq!(
            kinds,
            [
                ("archive", Email, 16),
                ("email", Email, 4),
                ("news", Email, 4),
                ("sms", Phone, 8),
                ("telegram", Telegram, 8),
                ("till", ExternalId, 8),
                ("whatsapp", Whatsapp, 16),
                ("whatsapp_text", Whatsapp, 16),
            ]
        );
    }

    #[test]
    fn what_is_not_set_up_writes_files() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        let outbox = outbox.to_str().unwrap();
        let text = "[channels.push]\ntype = 'outbox'\naddress = 'external_id'\n";
        let config = config(&["--outbox", outbox], text, &[]).unwrap();
        let made = made(&config);
        let names: Vec<_> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["email", "sms", "telegram", "whatsapp", "push"]);
        assert_eq!(made[4].1.address, AddressKind::ExternalId);
    }

    #[test]
    fn what_an_adapter_refuses_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        let outbox = outbox.to_str().unwrap();
        let twilio =
            "type = 'twilio'\nauth_token = 'hunter2'\nfrom = '+14155552345'\naccount_sid = ";
        for (text, wanted) in [
            (
                format!("\n[channels.sms]\n{twilio}'hunter2'"),
                "line 2: channels.sms: the Twilio account must be AC",
            ),
            (
                format!(
                    "[[channels.sms.providers]]\n{twilio}'AC00000000000000000000000000000001'\n\
                     [[channels.sms.providers]]\n{twilio}'AC00000000000000000000000000000001'\n"
                ),
                "two providers of a channel have the same name",
            ),
            (
                "[[channels.t.providers]]\ntype = 'telegram'\ntoken = '1:abc'\n\n\
                 [[channels.t.providers]]\ntype = 'telegram'\nname = 'b'\ntoken = 'hunter2'"
                    .to_owned(),
                "line 5: channels.t.providers[1]: the Telegram token must be",
            ),
            (
                "[channels.x]\n[[channels.x.providers]]\ntype = 'outbox'\n\
                 [[channels.x.providers]]\ntype = 'outbox'\nname = 'b'\naddress = 'phone'"
                    .to_owned(),
                "line 1: channels.x: providers of one channel use different kinds of addresses",
            ),
            (
                "[channels.email]\ntype = 'smtp'\nhost = 'h'\nfrom = 'a@b.example'\nuser = 'hunter2'".to_owned(),
                "line 1: channels.email: SMTP user and password must be given together",
            ),
            (
                "[channels.t]\ntype = 'telegram'\ntoken = '1:hunter2'\nhttp.base = 'http://hunter2.example'".to_owned(),
                "line 1: channels.t: the address of the provider",
            ),
        ] {
            let config = config(&["--outbox", outbox], &text, &[]).unwrap();
            let Err(said) = all(&config, None) else {
                panic!("accepted: {text}");
            };
            assert!(said.contains(wanted), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

//! `type = "smtp"`: a mail relay.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::http::Seconds;
use super::{Fault, Provider, ProviderTable};
use crate::SmtpConfig;
use crate::smtp::{Dkim, Mailbox, ReturnPath, Tls};

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TlsName {
    None,
    #[default]
    Starttls,
    Implicit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SmtpTable {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: TlsName,
    user: Option<String>,
    password: Option<SecretString>,
    from: String,
    hello: Option<String>,
    connect_timeout: Option<Seconds>,
    command_timeout: Option<Seconds>,
    data_timeout: Option<Seconds>,
    max_connections: Option<usize>,
    concurrency: Option<usize>,
    extra_roots_pem: Option<String>,
    allow_insecure_auth: Option<bool>,
    unsubscribe: Option<bool>,
    return_path: Option<String>,
    html_alternative: Option<bool>,
    dkim: Option<DkimTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DkimTable {
    domain: String,
    selector: String,
    private_key: SecretString,
}

impl ProviderTable for SmtpTable {
    fn provider(self) -> Result<Provider, Fault> {
        let tls = match self.tls {
            TlsName::None => Tls::None,
            TlsName::Starttls => Tls::StartTls,
            TlsName::Implicit => Tls::Implicit,
        };
        let from = Mailbox::parse(&self.from).ok_or(Fault::new(
            "from",
            "expected a mailbox such as news@salon.example or Salon <news@salon.example>",
        ))?;
        let mut config = SmtpConfig::new(self.host, tls, from);
        if let Some(port) = self.port {
            config.port = port;
        }
        config.user = self.user;
        config.password = self.password;
        config.hello = self.hello;
        let times = &mut config.timeouts;
        for (time, set) in [
            (&mut times.connect, self.connect_timeout),
            (&mut times.command, self.command_timeout),
            (&mut times.data, self.data_timeout),
        ] {
            if let Some(Seconds(set)) = set {
                *time = set;
            }
        }
        if let Some(most) = self.max_connections {
            config.max_connections = most;
        }
        config.concurrency = self.concurrency;
        config.extra_roots_pem = self.extra_roots_pem;
        if let Some(address) = &self.return_path {
            let path = ReturnPath::parse(address);
            config.return_path = Some(path.ok_or(Fault::new(
                "return_path",
                "expected a short address such as bounce@salon.example",
            ))?);
        }
        config.html_alternative = self.html_alternative.unwrap_or(false);
        if let Some(dkim) = self.dkim {
            let key = dkim.private_key.expose_secret();
            let signed = Dkim::new(&dkim.domain, &dkim.selector, key);
            config.dkim = Some(signed.map_err(|_| {
                let problem = "expected a domain, a selector and the private key as PEM (RSA of 2,048 bits or \
                     more, or Ed25519)";
                Fault::new("dkim", problem)
            })?);
        }
        config.allow_insecure_auth = self.allow_insecure_auth.unwrap_or(false);
        Ok(Provider::Smtp {
            config: Box::new(config),
            unsubscribe: self.unsubscribe.unwrap_or(true),
        })
    }
}

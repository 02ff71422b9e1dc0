//! Settings in one line:
//! `smtp://user:password@host:port?tls=starttls&from=Salon%20%3Cnews%40salon.example%3E`.
//!
//! Percent-encoding as in RFC 3986; `+` stands for itself. The parameters are `tls` (`none`, `starttls`,
//! `implicit`), `from`, `return_path`, `hello`, `max_connections`, `concurrency`, `connect_timeout`,
//! `command_timeout`, `data_timeout` (whole seconds), `html_alternative` and `allow_insecure_auth` (`true`, `false`). `smtps://`
//! means `tls=implicit`.

use std::time::Duration;

use crm_core::Result;
use secrecy::SecretString;

use super::config::{SmtpConfig, Tls, wrong};
use super::mailbox::Mailbox;
use super::return_path::ReturnPath;

impl SmtpConfig {
    /// Reads the settings from one line; see the module's text for its form. Without `tls` the
    /// connection uses STARTTLS, without a port the usual one.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration); the text names the part that is
    /// wrong and never repeats any of it.
    pub fn parse(line: &str) -> Result<Self> {
        let (rest, mut tls) = if let Some(rest) = line.strip_prefix("smtp://") {
            (rest, Tls::StartTls)
        } else if let Some(rest) = line.strip_prefix("smtps://") {
            (rest, Tls::Implicit)
        } else {
            return Err(wrong("an SMTP setting starts with smtp:// or smtps://"));
        };
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;

        let mut from = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value)
                .ok_or_else(|| wrong("an SMTP parameter is not valid percent-encoded UTF-8"))?;
            match key {
                "tls" => tls = tls_named(&value)?,
                "from" => from = Mailbox::parse(&value),
                _ => rest.push((key, value)),
            }
        }
        let from = from.ok_or_else(|| {
            wrong("the SMTP parameter from must be a mailbox such as news@salon.example")
        })?;
        let mut config = Self::new(host, tls, from);
        config.port = port.unwrap_or_else(|| tls.default_port());
        if let Some(login) = login {
            let (user, password) = login
                .split_once(':')
                .ok_or_else(|| wrong("the SMTP user needs a password: user:password@host"))?;
            let plain = |text| {
                decode(text).ok_or_else(|| {
                    wrong("the SMTP user or password is not valid percent-encoded UTF-8")
                })
            };
            config.user = Some(plain(user)?);
            config.password = Some(SecretString::from(plain(password)?));
        }
        for (key, value) in rest {
            config.apply(key, value)?;
        }
        config.check()?;
        Ok(config)
    }

    fn apply(&mut self, key: &str, value: String) -> Result<()> {
        let seconds = || {
            value
                .parse::<u64>()
                .map(Duration::from_secs)
                .map_err(|_| wrong("the SMTP timeouts are whole seconds"))
        };
        match key {
            "hello" => self.hello = Some(value),
            "return_path" => {
                self.return_path = Some(ReturnPath::parse(&value).ok_or_else(|| {
                    wrong(
                        "the SMTP parameter return_path must be an address such as \
                         bounce@salon.example, with at most 31 characters before the @",
                    )
                })?);
            }
            "html_alternative" => {
                self.html_alternative = value
                    .parse()
                    .map_err(|_| wrong("SMTP html_alternative must be true or false"))?;
            }
            "connect_timeout" => self.timeouts.connect = seconds()?,
            "command_timeout" => self.timeouts.command = seconds()?,
            "data_timeout" => self.timeouts.data = seconds()?,
            "max_connections" => {
                self.max_connections = value
                    .parse()
                    .map_err(|_| wrong("SMTP max_connections must be 1 to 100"))?;
            }
            "concurrency" => {
                let open = value
                    .parse()
                    .map_err(|_| wrong("SMTP concurrency must be max_connections to 1000"))?;
                self.concurrency = Some(open);
            }
            "allow_insecure_auth" => {
                self.allow_insecure_auth = value
                    .parse()
                    .map_err(|_| wrong("SMTP allow_insecure_auth must be true or false"))?;
            }
            _ => {
                return Err(wrong(
                    "an SMTP parameter is unknown; known are tls, from, return_path, hello, \
                     max_connections, concurrency, connect_timeout, command_timeout, data_timeout, \
                     html_alternative, allow_insecure_auth",
                ));
            }
        }
        Ok(())
    }
}

fn tls_named(name: &str) -> Result<Tls> {
    match name {
        "none" => Ok(Tls::None),
        "starttls" => Ok(Tls::StartTls),
        "implicit" => Ok(Tls::Implicit),
        _ => Err(wrong(
            "the SMTP parameter tls must be none, starttls or implicit",
        )),
    }
}

/// Splits `host:port`, `[::1]:port` or a host alone.
fn split_port(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, rest.strip_prefix(':').or(Some("?"))),
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = port
        .map(str::parse)
        .transpose()
        .map_err(|_| wrong("the SMTP port must be 1 to 65535"))?;
    Ok((host.to_owned(), port))
}

/// Undoes percent-encoding; `None` for a broken escape or bytes that are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_full_line_is_read() {
        let config = SmtpConfig::parse(
            "smtp://us%40er:p%3Ass%25@mail.example:2525?tls=implicit&max_connections=7\
             &from=%D0%A1%D0%B0%D0%BB%D0%BE%D0%BD%20%3Cnews+a@salon.example%3E&data_timeout=600\
             &return_path=bounce@salon.example&html_alternative=true&concurrency=300",
        )
        .unwrap();
        assert_eq!((config.host.as_str(), config.port), ("mail.example", 2525));
        assert_eq!(config.tls, Tls::Implicit);
        assert_eq!(config.user.as_deref(), Some("us@er"));
        assert_eq!(config.password.as_ref().unwrap().expose_secret(), "p:ss%");
        assert_eq!(config.from.name(), Some("Салон"));
        assert_eq!(config.from.address(), "news+a@salon.example");
        assert_eq!(config.hello_name(), "salon.example");
        assert_eq!(
            (config.max_connections, config.attempts_at_once()),
            (7, 300)
        );
        assert_eq!(config.timeouts.data.as_secs(), 600);
        assert_eq!(
            config.return_path,
            ReturnPath::parse("bounce@salon.example")
        );
        assert!(config.html_alternative);
        let shown = format!("{config:?}");
        for hidden in ["us@er", "p:ss%", "news"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn defaults_are_safe() {
        let config = SmtpConfig::parse("smtp://mail.example?from=a@b.example").unwrap();
        assert_eq!((config.tls, config.port), (Tls::StartTls, 587));
        assert!(config.return_path.is_none() && !config.html_alternative);
        assert_eq!(config.attempts_at_once(), config.max_connections);
        let config = SmtpConfig::parse("smtps://[::1]/?from=a@b.example").unwrap();
        assert_eq!((config.host.as_str(), config.port), ("::1", 465));
    }

    #[test]
    fn errors_never_repeat_the_line() {
        for line in [
            "http://u:hunter2@h?from=a@b.c",
            "smtp://u:hunter2@h",
            "smtp://u:hunter2@h?from=a",
            "smtp://u:hunter2@h:99999?from=a@b.c",
            "smtp://u:hunter2@[::1]x?from=a@b.c",
            "smtp://u:hunter2%@h?from=a@b.c",
            "smtp://u:hunter2%ff@h?from=a@b.c",
            "smtp://hunter2@h?from=a@b.c",
            "smtp://u:hunter2@h?from=a@b.c&tls=maybe",
            "smtp://u:hunter2@h?from=a@b.c&hunter2=1",
            "smtp://u:hunter2@h?from=a@b.c&max_connections=0",
            "smtp://u:hunter2@h?from=a@b.c&max_connections=7&concurrency=6",
            "smtp://u:hunter2@h?from=a@b.c&concurrency=1001",
            "smtp://u:hunter2@h?from=a@b.c&concurrency=hunter2",
            "smtp://u:hunter2@h?from=a@b.c&data_timeout=0",
            "smtp://u:hunter2@h?from=a@b.c&return_path=hunter2",
            "smtp://u:hunter2@h?from=a@b.c&html_alternative=hunter2",
            "smtp://u:hunter2@h?from=a@b.c&tls=none",
            "smtp://u%0d:hunter2@h?from=a@b.c",
            "smtp://u:hunter2@h/x?from=a@b.c",
            "smtp://u:hunter2@?from=a@b.c",
        ] {
            let error = SmtpConfig::parse(line).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn clear_text_passwords_stay_on_this_machine() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(SmtpConfig::parse(&format!("smtp://u:p@{host}?tls=none&from=a@b.c")).is_ok());
        }
        let line = "smtp://u:p@10.0.0.1?tls=none&from=a@b.c";
        assert!(SmtpConfig::parse(line).is_err());
        assert!(SmtpConfig::parse(&format!("{line}&allow_insecure_auth=true")).is_ok());
        assert!(SmtpConfig::parse("smtp://10.0.0.1?tls=none&from=a@b.c").is_ok());
    }
}

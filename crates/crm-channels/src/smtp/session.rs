//! From nothing to a connection that takes messages: TCP, TLS, greeting, EHLO, AUTH.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use crm_core::port::channel::{Outcome, RetryScope};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::Auth;
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;

use super::classify::{Loss, Stage, classify, lost, retry, stop};
use super::config::{SmtpConfig, Tls};
use super::connection::Connection;
use super::reply::{Offers, Reply};
use super::tls::TlsSettings;

/// Opens a connection. The caller bounds the whole of it.
pub(super) async fn open(config: &SmtpConfig, tls: &TlsSettings) -> Result<Connection, Outcome> {
    let tcp = dial(config).await?;
    let loopback = tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    let mut connection = match config.tls {
        Tls::Implicit => Connection::new(tls.handshake(Stage::Connect, Box::new(tcp)).await?),
        Tls::None | Tls::StartTls => Connection::new(Box::new(tcp)),
    };
    expect(Stage::Connect, 220, connection.read().await)?;
    hello(&mut connection, config).await?;
    if config.tls == Tls::StartTls {
        connection = start_tls(connection, tls).await?;
        // What was offered in clear text counts for nothing (RFC 3207 section 4.2).
        hello(&mut connection, config).await?;
    }
    if config.user.is_some() {
        // The name may say localhost and still lead elsewhere: the peer's address decides.
        if config.tls == Tls::None && !loopback && !config.allow_insecure_auth {
            return Err(stop("auth_clear_text"));
        }
        authenticate(&mut connection, config).await?;
    }
    Ok(connection)
}

async fn dial(config: &SmtpConfig) -> Result<TcpStream, Outcome> {
    let minute = Duration::from_secs(60);
    let unreachable = |reason: &str| retry(RetryScope::Channel, minute, reason);
    let tcp = TcpStream::connect((config.host.as_str(), config.port))
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => unreachable("connection_refused"),
            io::ErrorKind::TimedOut => unreachable("connect_timeout"),
            io::ErrorKind::ConnectionReset => unreachable("connect_closed"),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                unreachable("host_unreachable")
            }
            _ => unreachable("connect_failed"),
        })?;
    // Otherwise the final dot waits about 40 ms for the acknowledgement of the content.
    tcp.set_nodelay(true)
        .map_err(|_| unreachable("connect_failed"))?;
    Ok(tcp)
}

async fn hello(connection: &mut Connection, config: &SmtpConfig) -> Result<(), Outcome> {
    let line = format!("EHLO {}", config.hello_name());
    let reply = expect(Stage::Connect, 250, connection.command(&line).await)?;
    connection.offers = Offers::read(&reply);
    Ok(())
}

async fn start_tls(mut connection: Connection, tls: &TlsSettings) -> Result<Connection, Outcome> {
    if !connection.offers.starttls {
        return Err(stop("starttls_not_offered"));
    }
    expect(Stage::StartTls, 220, connection.command("STARTTLS").await)?;
    let stream = connection
        .into_stream()
        .ok_or_else(|| stop("starttls_injection"))?;
    Ok(Connection::new(
        tls.handshake(Stage::StartTls, stream).await?,
    ))
}

/// PLAIN where offered, else LOGIN.
async fn authenticate(connection: &mut Connection, config: &SmtpConfig) -> Result<(), Outcome> {
    let (Some(user), Some(password)) = (&config.user, &config.password) else {
        return Err(stop("auth_no_credentials"));
    };
    let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
    if connection.offers.plain {
        let line = auth_line(Mechanism::Plain, &credentials, None)?;
        expect(Stage::Auth, 235, connection.command(&line).await)?;
    } else if connection.offers.login {
        // The server asks for the name, then for the password; its words for it vary.
        let start = auth_line(Mechanism::Login, &credentials, None)?;
        let name = auth_line(Mechanism::Login, &credentials, Some("Username:"))?;
        let secret = auth_line(Mechanism::Login, &credentials, Some("Password:"))?;
        expect(Stage::Auth, 334, connection.command(&start).await)?;
        expect(Stage::Auth, 334, connection.command(&name).await)?;
        expect(Stage::Auth, 235, connection.command(&secret).await)?;
    } else {
        return Err(stop("auth_not_offered"));
    }
    Ok(())
}

fn auth_line(
    mechanism: Mechanism,
    credentials: &Credentials,
    challenge: Option<&str>,
) -> Result<String, Outcome> {
    let failed = || stop("auth_mechanism");
    let command = Auth::new(mechanism, credentials.clone(), challenge.map(str::to_owned))
        .map_err(|_| failed())?;
    let mut line = String::new();
    write!(line, "{command}").map_err(|_| failed())?;
    Ok(line.trim_end().to_owned())
}

/// The reply if it has the wanted code, else what its absence means.
pub(super) fn expect(
    stage: Stage,
    wanted: u16,
    reply: Result<Reply, Loss>,
) -> Result<Reply, Outcome> {
    match reply {
        Ok(reply) if reply.code == wanted => Ok(reply),
        Ok(reply) => Err(classify(stage, reply.code, reply.enhanced(), &reply.text())),
        Err(loss) => Err(lost(stage, loss)),
    }
}

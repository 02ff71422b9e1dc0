//! A throw-away server for the time of one terminal: prints its URL and keeps it until its input ends or it
//! is interrupted.
//!
//! `cargo run -p crm-postgres-testing`, then `DATABASE_URL=... cargo test ...` in another terminal, or psql.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let held = crm_postgres_testing::shared().and_then(|url| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "DATABASE_URL={url}")
            .and_then(|()| out.flush())
            .and_then(|()| std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()))
            .map_err(|error| error.to_string())
    });
    match held {
        Ok(_) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

//! A real SMTP server (aiosmtpd), which tells what it took: one JSON value per message.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

pub struct Server {
    child: Child,
    pub lines: Receiver<String>,
    pub port: u16,
}

impl Server {
    pub fn start() -> Self {
        let python = std::env::var_os("CRM_PYTHON")
            .expect("CRM_PYTHON must name a Python with aiosmtpd: run cargo xtask test");
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../crates/crm-channels/tests/smtp_server.py"
        );
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CRM_PYTHON cannot be started: run cargo xtask test");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // Read at once: a full pipe would hold the server back.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let port = lines
            .recv()
            .expect("aiosmtpd is missing or did not start: run cargo xtask test")
            .parse()
            .unwrap();
        Self { child, lines, port }
    }

    /// The next message it takes.
    pub fn next(&self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_secs(60));
        let line = line.unwrap_or_else(|_| panic!("nothing arrived"));
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Starts the built host on a free port and speaks HTTP/1.1 to it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod place;
#[path = "scratch.rs"]
pub mod scratch;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use place::Place;

pub struct Host {
    pub directory: Place,
    child: Child,
    address: String,
}

pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

impl Host {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_in(Place::new(), flags)
    }

    pub fn start_in(directory: Place, flags: &[&str]) -> Self {
        Self::start_with(directory, flags, &[])
    }

    /// By a settings file alone.
    pub fn start_by(directory: Place, file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crm-host"));
        command
            .arg("--config")
            .arg(file)
            .env_remove("ANTHROPIC_API_KEY");
        Self::run(directory, command, &[])
    }

    /// With these variables, and its log in `log` inside the directory.
    pub fn start_with(directory: Place, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = directory.command();
        command.args(flags);
        Self::run(directory, command, variables)
    }

    fn run(directory: Place, mut command: Command, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut child = command
            .env("CRM_DEMO_PASSWORD", "demo-password")
            .env("RUST_LOG", "warn")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        Self {
            directory,
            child,
            address,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn outbox(&self) -> PathBuf {
        self.directory.path().join("outbox")
    }

    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let length = body.len().to_string();
        let headers = [headers, &[("Content-Length", length.as_str())]].concat();
        self.send(method, path, &headers, body)
    }

    /// Sends the body as it is: the headers say how long it is.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address,
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // A server may answer before it has read everything.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        parse(&answer)
    }

    pub fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        self.keyed(token, method, path, body, None)
    }

    pub fn keyed(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Reply {
        let bearer = format!("Bearer {token}");
        let mut headers = Vec::new();
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        if let Some(key) = key {
            headers.push(("Idempotency-Key", key));
        }
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            headers.push(("Content-Type", "application/json"));
            body.to_string().into_bytes()
        };
        self.raw(method, path, &headers, &bytes)
    }

    pub fn get(&self, token: &str, path: &str) -> Reply {
        self.call(token, "GET", path, &Value::Null)
    }

    pub fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        self.call(token, "POST", path, &body)
    }

    pub fn upload(&self, token: &str, file: &[u8]) -> Reply {
        self.upload_as(token, file, "{}")
    }

    /// With what is known of the file, as JSON.
    pub fn upload_as(&self, token: &str, file: &[u8], options: &str) -> Reply {
        self.upload_to(token, "/api/contacts/import", file, &[("options", options)])
    }

    /// A form of these fields and the file.
    pub fn upload_to(
        &self,
        token: &str,
        path: &str,
        file: &[u8],
        fields: &[(&str, &str)],
    ) -> Reply {
        let headers = form_headers(token);
        self.raw("POST", path, &pairs(&headers), &form(file, fields))
    }

    /// As [`upload_to`](Self::upload_to), without saying beforehand how long it is.
    pub fn upload_in_chunks(
        &self,
        token: &str,
        path: &str,
        file: &[u8],
        fields: &[(&str, &str)],
    ) -> Reply {
        let mut headers = form_headers(token);
        headers.push(("Transfer-Encoding", "chunked".to_owned()));
        let mut body = Vec::new();
        for chunk in form(file, fields).chunks(60_000) {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        self.send("POST", path, &pairs(&headers), &body)
    }

    pub fn login(&self, email: &str, password: &str) -> Value {
        self.post(
            "",
            "/api/auth/login",
            json!({"email": email, "password": password}),
        )
        .expect(200)
    }

    /// Registers the first user, an admin, and signs in.
    pub fn admin(&self) -> String {
        let body = json!({"email": "a@salon.example", "full_name": "A", "password": "long enough"});
        let user = self.post("", "/api/auth/register", body).expect(201);
        assert_eq!(user["role"], "admin");
        self.sign_in("a@salon.example")
    }

    pub fn user(&self, admin: &str, email: &str, role: &str) -> String {
        let body =
            json!({"email": email, "full_name": "U", "password": "long enough", "role": role});
        self.post(admin, "/api/auth/register", body).expect(201);
        self.sign_in(email)
    }

    /// Signs in a user that `admin` or `user` registered.
    pub fn sign_in(&self, email: &str) -> String {
        self.login(email, "long enough")["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn contact(&self, token: &str) -> String {
        let body = json!({"name": "Anna", "email": "anna@example.com"});
        let contact = self.post(token, "/api/contacts", body).expect(201);
        contact["id"].as_str().unwrap().to_owned()
    }

    pub fn draft(&self, token: &str) -> Value {
        let contact = self.contact(token);
        let body = json!({"contact_id": contact, "occasion_type": "custom",
            "content": "Дорогая Анна, ждём вас!", "subject": "Привет"});
        self.post(token, "/api/messages", body).expect(201)
    }

    /// Asks until `fine` holds.
    pub fn until(&self, token: &str, path: &str, fine: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let value = self.get(token, path).expect(200);
            if fine(&value) {
                return value;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {value}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the host as a power cut would.
    pub fn kill(mut self) -> Place {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.leave()
    }

    /// The place without its host.
    fn leave(&mut self) -> Place {
        std::mem::replace(&mut self.directory, Place::sqlite())
    }

    /// Stops the host as an operator would.
    #[cfg(unix)]
    pub fn stop(mut self) -> (ExitStatus, Place) {
        // The shell's own `kill`: a bare system has no program of that name.
        let asked = std::process::Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status()
            .unwrap();
        assert!(asked.success());
        let status = self.child.wait().unwrap();
        (status, self.leave())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(answer: &[u8]) -> Reply {
    let split = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("no answer");
    let head = String::from_utf8_lossy(&answer[..split]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = answer[split + 4..].to_vec();
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    Reply { status, head, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

pub fn sample_contacts() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/contacts.csv");
    std::fs::read(path).unwrap()
}

/// A form of these fields and the file.
fn form(file: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!(
            "--line\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    body += "--line\r\nContent-Disposition: form-data; name=\"file\"; \
        filename=\"contacts.csv\"\r\nContent-Type: text/csv\r\n\r\n";
    let mut body = body.into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--line--\r\n");
    body
}

fn form_headers(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("Authorization", format!("Bearer {token}")),
        (
            "Content-Type",
            "multipart/form-data; boundary=line".to_owned(),
        ),
    ]
}

fn pairs<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

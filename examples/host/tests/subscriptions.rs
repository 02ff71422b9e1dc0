//! Who subscribes is told of every state change in order, whatever happens to the receiver and to the host.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::Host;
use common::place::Place;
use serde_json::{Value, json};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
/// The page that tells strangers how to check a signature.
const PAGE: &str = include_str!("../../../docs/observing.md");

/// A request as it came.
#[derive(Debug, Clone)]
struct Request {
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

/// Answers each request with what stands next in its script, and 204 when nothing does.
struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(Request, u16)>>>,
    stop: Arc<AtomicBool>,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    /// At this address, or at a free one. `script` are statuses; 0 closes the connection without an answer.
    fn start(address: Option<SocketAddr>, script: &[u16]) -> Self {
        let begun = Instant::now();
        let listener = loop {
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            match TcpListener::bind(address.unwrap_or(any)) {
                Ok(listener) => break listener,
                // The one before is still closing.
                Err(error) if begun.elapsed() > Duration::from_secs(20) => panic!("{error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (seen, ends) = (Arc::clone(&requests), Arc::clone(&stop));
        let script = Arc::new(Mutex::new(script.to_vec()));
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream, &script, &seen);
            }
        });
        Self {
            address,
            requests,
            stop,
            listening: Some(listening),
        }
    }

    /// Listens no more; everything that came.
    fn end(mut self) -> Vec<(Request, u16)> {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.listening.take().unwrap().join().unwrap();
        self.requests.lock().unwrap().clone()
    }
}

/// One request for each connection: the host is told to close it.
fn serve(stream: TcpStream, script: &Mutex<Vec<u16>>, seen: &Mutex<Vec<(Request, u16)>>) {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line.trim() != "" {
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        line.clear();
    }
    let header = |name: &str| {
        let mut all = headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let Some(length) = header("content-length") else {
        return;
    };
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let request = Request {
        id: header("webhook-id").unwrap(),
        timestamp: header("webhook-timestamp").unwrap(),
        signature: header("webhook-signature").unwrap(),
        body,
    };
    let mut script = script.lock().unwrap();
    let status = if script.is_empty() {
        204
    } else {
        script.remove(0)
    };
    seen.lock().unwrap().push((request, status));
    if status > 0 {
        let wait = if status == 503 {
            "retry-after: 3600\r\n"
        } else {
            ""
        };
        let answer =
            format!("HTTP/1.1 {status} x\r\n{wait}content-length: 0\r\nconnection: close\r\n\r\n");
        let _ = reader.get_mut().write_all(answer.as_bytes());
    }
}

fn settings(place: &Place, receiver: SocketAddr) -> std::path::PathBuf {
    let file = place.path().join("host.toml");
    let text = format!(
        "{}[[subscriptions]]
name = 'crm'
url = 'http://{receiver}/hook?key=hunter2'
secrets_env = 'OBSERVER'
allowed = ['127.0.0.1']
http.timeout = 5
",
        place
            .settings()
            .replace("secret = ", "# ")
            .replace("listen = ", "# ")
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn start(place: Place, file: &std::path::Path) -> Host {
    let flags = ["--config", file.to_str().unwrap()];
    Host::start_with(place, &flags, &[("OBSERVER", SECRET)])
}

/// A contact and a message that is approved and sent.
fn life(host: &Host, admin: &str, number: usize) {
    let body = json!({"name": "Anna", "email": format!("anna{number}@example.com")});
    let contact = host.post(admin, "/api/contacts", body).expect(201);
    let body = json!({"contact_id": contact["id"], "occasion_type": "custom",
        "content": "Дорогая Анна, ждём вас!", "subject": "Привет"});
    let draft = host.post(admin, "/api/messages", body).expect(201);
    let path = format!("/api/messages/{}", draft["id"].as_str().unwrap());
    let approve = json!({"version": draft["version"], "digest": draft["digest"]});
    host.post(admin, &format!("{path}/approve"), approve)
        .expect(200);
    host.until(admin, &path, |message| message["status"] == "sent");
}

fn state(host: &Host, admin: &str) -> Value {
    host.get(admin, "/api/subscriptions").expect(200)["items"][0].clone()
}

fn until(host: &Host, admin: &str, fine: impl Fn(&Value) -> bool) {
    let all = "/api/subscriptions";
    host.until(admin, all, |list| fine(&list["items"][0]));
}

/// Everything that happened stands in the chain and was told. PostgreSQL may seal a moment after the commit, in the
/// order of commits: what is written here is the last.
fn all_told(host: &Host, admin: &str) {
    let last = json!({"name": "Последний", "external_id": "last"});
    let last = host.post(admin, "/api/contacts", last).expect(201)["id"].clone();
    host.until(admin, "/api/audit?limit=10000", |chain| {
        let events = chain["items"].as_array().unwrap();
        events.iter().any(|event| event["subject_id"] == last)
    });
    until(host, admin, |one| {
        one["lag"] == 0 && one["state"] == "active"
    });
}

fn chain(host: &Host, admin: &str) -> Vec<Value> {
    let chain = host.get(admin, "/api/audit?limit=10000").expect(200);
    chain["items"].as_array().unwrap().clone()
}

/// The lines of the page that check a signature, run over a request.
fn believes(request: &Request, secret: &str) -> bool {
    let begin = PAGE.find("```python\n").unwrap() + "```python\n".len();
    let code = &PAGE[begin..begin + PAGE[begin..].find("```").unwrap()];
    let call = "\nimport sys\nid, timestamp, signature, secret = sys.argv[1:]\n\
        headers = {'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature}\n\
        print(is_genuine(secret, headers, sys.stdin.buffer.read()))\n";
    let python = std::env::var("CRM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .args(["-c", &format!("{code}{call}")])
        .args([&request.id, &request.timestamp, &request.signature, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&request.body)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    match String::from_utf8(output.stdout).unwrap().trim() {
        "True" => true,
        "False" => false,
        other => panic!("{other}"),
    }
}

#[test]
fn a_receiver_that_fails_and_is_away_across_a_restart_has_everything_in_order() {
    // It fails in several ways, and one answer is lost after it took the request. 503 is for an hour.
    let first = Receiver::start(None, &[204, 204, 503, 204, 0, 503]);
    let place = Place::new();
    let file = settings(&place, first.address);
    let host = start(place, &file);
    let admin = host.admin();
    let failing = |one: &Value| one["state"] == "failing";
    life(&host, &admin, 1);
    until(&host, &admin, failing);
    let one = state(&host, &admin);
    let told = (&one["last_error"], &one["position"]);
    assert_eq!(told, (&json!("http_503"), &json!(2)));
    let metrics = host.get("", "/metrics");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(
        metrics.contains("crm_subscription_failures{name=\"crm\"} 1\n"),
        "{metrics}"
    );
    let enable = "/api/subscriptions/crm/enable";
    host.post(&admin, enable, json!(null)).expect(204);
    // The lost answer is tried again by itself after five seconds.
    until(&host, &admin, |one| {
        one["last_error"] == "http_503" && one["position"] == 3
    });
    // Away, while the host works on, is killed and started again.
    let address = first.address;
    let mut requests = first.end();
    life(&host, &admin, 2);
    host.post(&admin, enable, json!(null)).expect(204);
    until(&host, &admin, |one| one["last_error"] == "not_connected");
    let host = start(host.kill(), &file);
    let admin = host.sign_in("a@salon.example");
    life(&host, &admin, 3);
    let second = Receiver::start(Some(address), &[503]);
    let begun = Instant::now();
    while state(&host, &admin)["lag"] != 0 {
        // An admin need not wait for the next try.
        host.post(&admin, enable, json!(null)).expect(204);
        assert!(begun.elapsed() < Duration::from_secs(90));
        std::thread::sleep(Duration::from_millis(100));
    }
    all_told(&host, &admin);
    requests.extend(second.end());

    let chain = chain(&host, &admin);
    assert!(chain.len() > 20, "{}", chain.len());
    let mut seen = BTreeSet::new();
    let mut told = requests.iter().map(|(request, _)| request);
    let once: Vec<&Request> = told
        .by_ref()
        .filter(|one| seen.insert(one.id.clone()))
        .collect();
    let ids: Vec<&str> = once.iter().map(|one| one.id.as_str()).collect();
    let wanted: Vec<&str> = chain
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, wanted);
    for (request, event) in once.iter().zip(&chain) {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let kind = format!(
            "{}.{}",
            event["subject"].as_str().unwrap(),
            event["action"].as_str().unwrap()
        );
        assert_eq!(body["type"], json!(kind));
        let keys = [
            "id",
            "position",
            "workspace",
            "at",
            "subject",
            "subject_id",
            "action",
            "status",
            "version",
            "actor",
            "role",
        ];
        for key in keys {
            assert_eq!(body["data"][key], event[key], "{key} of {event}");
        }
        let text = String::from_utf8_lossy(&request.body).into_owned();
        for personal in ["Anna", "example.com", "Дорогая", "Привет"] {
            assert!(!text.contains(personal), "{text}");
        }
    }
    // What was not taken came again under its id, and no later one before it.
    let taken = |status: u16| (200..300).contains(&status);
    for pair in requests.windows(2) {
        if !taken(pair[0].1) {
            assert_eq!(pair[0].0.id, pair[1].0.id);
        }
    }
    assert!(requests.len() > chain.len());
    let last = &requests[requests.len() - 1].0;
    assert!(believes(last, SECRET));
    assert!(!believes(last, "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"));
    let other = Request {
        body: b"{}".to_vec(),
        ..last.clone()
    };
    assert!(!believes(&other, SECRET));
    let old = Request {
        timestamp: "1767225600".to_owned(),
        ..last.clone()
    };
    assert!(!believes(&old, SECRET));
    assert_eq!(
        host.get(&admin, "/api/audit/verify").expect(200)["valid"],
        true
    );
}

#[test]
fn a_receiver_that_is_gone_is_disabled_until_an_admin_enables_it() {
    let receiver = Receiver::start(None, &[204, 410]);
    let place = Place::new();
    let file = settings(&place, receiver.address);
    let host = start(place, &file);
    let admin = host.admin();
    life(&host, &admin, 1);
    // What lags behind is sealed, which on PostgreSQL may come a little later.
    until(&host, &admin, |one| {
        one["state"] == "disabled" && one["lag"].as_u64().unwrap() > 3
    });
    let one = state(&host, &admin);
    assert_eq!(
        (&one["last_error"], &one["position"]),
        (&json!("http_410"), &json!(1))
    );
    assert_eq!(
        (&one["name"], &one["set_up"]),
        (&json!("crm"), &json!(true))
    );
    assert!(one["disabled_at"].is_string());

    let manager = host.user(&admin, "m@salon.example", "manager");
    host.get(&manager, "/api/subscriptions").expect(403);
    let enable = "/api/subscriptions/crm/enable";
    host.post(&manager, enable, json!(null)).expect(403);
    host.post("", enable, json!(null)).expect(401);
    for unknown in ["other", "%ff", "a%2fb", "%00"] {
        let path = format!("/api/subscriptions/{unknown}/enable");
        host.post(&admin, &path, json!(null)).expect(404);
    }
    host.post(&admin, enable, json!(null)).expect(204);
    all_told(&host, &admin);
    let actions: Vec<Value> = chain(&host, &admin)
        .into_iter()
        .filter(|event| event["subject"] == "subscription")
        .map(|event| event["action"].clone())
        .collect();
    assert_eq!(actions, ["subscribed", "disabled", "enabled"]);
}

//! An independent validator (openapi-core) and what it says of requests.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::http::Request;

/// What is said of one request.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The operation it is, if the document knows such a one.
    pub(crate) operation: Option<String>,
    /// What is wrong with it.
    pub(crate) problems: Vec<String>,
}

/// Reads the requests by the document of this name.
pub(crate) fn validate(spec: &str, requests: &[Request]) -> Vec<Verdict> {
    let python = std::env::var_os("CRM_PYTHON")
        .expect("CRM_PYTHON must name a Python with openapi-core: run cargo xtask test");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let mut child = Command::new(python)
        .arg(format!("{folder}/openapi_validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let seen = requests.iter().map(|request| {
        json!({
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "body": STANDARD.encode(&request.body),
        })
    });
    let asked = json!({
        "spec": format!("{folder}/data/specs/{spec}.json"),
        "requests": seen.collect::<Vec<_>>(),
    });
    let mut input = child.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "openapi-core is missing or failed: run cargo xtask test"
    );
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), requests.len());
    let verdict = |answer: Value| Verdict {
        operation: answer["operation"].as_str().map(str::to_owned),
        problems: serde_json::from_value(answer["problems"].clone()).unwrap(),
    };
    answers.into_iter().map(verdict).collect()
}

/// Nothing is wrong with any of these; they are these operations, so often.
pub(crate) fn are_valid(spec: &str, requests: &[Request], operations: &[(&str, usize)]) {
    let verdicts = validate(spec, requests);
    for (request, verdict) in requests.iter().zip(&verdicts) {
        assert!(
            verdict.problems.is_empty(),
            "{spec} {} {}\n{:?}\n{}\n{:#?}",
            request.method,
            request.target,
            request.headers,
            String::from_utf8_lossy(&request.body),
            verdict.problems
        );
    }
    let count = |name: &str| {
        let found = verdicts.iter();
        found
            .filter(|verdict| verdict.operation.as_deref() == Some(name))
            .count()
    };
    for (name, wanted) in operations {
        assert_eq!(count(name), *wanted, "{spec} {name}");
    }
    let sum: usize = operations.iter().map(|(_, count)| count).sum();
    assert_eq!(requests.len(), sum, "{spec}");
}

/// What is wrong with a request, and how it becomes so.
type Change = (&'static str, fn(&mut Request));

/// Each change of a good request is refused.
pub(crate) fn are_refused(spec: &str, good: &Request, changes: &[Change]) {
    let changed = |(_, change): &Change| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let requests: Vec<Request> = changes.iter().map(changed).collect();
    for ((name, _), verdict) in changes.iter().zip(validate(spec, &requests)) {
        assert!(!verdict.problems.is_empty(), "{spec}: {name} passes");
    }
}

/// Puts another text in place of one that stands in the body.
pub(crate) fn put(request: &mut Request, old: &str, new: &str) {
    let text = request.text().replace(old, new);
    assert_ne!(text, request.text(), "{old} does not stand in the body");
    request.body = text.into_bytes();
}

/// Leaves a header out.
pub(crate) fn without(request: &mut Request, header: &str) {
    let count = request.headers.len();
    request
        .headers
        .retain(|(name, _)| !name.eq_ignore_ascii_case(header));
    assert!(
        request.headers.len() < count,
        "{header} does not stand there"
    );
}

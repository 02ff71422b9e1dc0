//! The outbox writes exactly what was approved, once per attempt.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use common::Draft;
use crm_channels::Outbox;
use crm_core::contact::AddressKind;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::units::{Unit, Units};
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_holds_headers_and_the_exact_body() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path().join("new/outbox")).unwrap();
    let body = "Салом, Аня! \r\n.\n..oʻzbek ў\n\n  \n\tend without break";
    let draft = Draft {
        subject: Some("С праздником".to_owned()),
        ..Draft::text(body)
    };
    let outcome = outbox.send(&draft.approved()).await;
    let name = "01900000-0000-7000-8000-000000000001-1.eml";
    assert_eq!(
        outcome,
        Outcome::Accepted {
            provider_id: name.to_owned()
        }
    );
    assert_eq!(names(outbox.directory()), [name]);
    let text = fs::read_to_string(outbox.directory().join(name)).unwrap();
    let (head, found) = text.split_once("\n\n").unwrap();
    assert_eq!(found, body);
    for line in [
        "To: ann@example.org",
        "Subject: С праздником",
        "Message-ID: <01900000-0000-7000-8000-000000000001@outbox.invalid>",
        "X-Crm-Message: 01900000-0000-7000-8000-000000000001",
        "X-Crm-Attempt: 01900000-0000-7000-8000-0000000000aa",
        "X-Crm-Channel: email",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}");
    }
}

#[tokio::test]
async fn an_attempt_is_delivered_once() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path()).unwrap();
    let first = Draft::default();
    let before = outbox.send(&first.approved()).await;
    assert_eq!(outbox.send(&first.approved()).await, before);
    assert_eq!(names(directory.path()).len(), 1);

    // Another attempt under the same number is not passed off as this one.
    let other = Draft {
        attempt: 9,
        content: "other".to_owned(),
        ..first.clone()
    };
    assert_eq!(
        outbox.send(&other.approved()).await.reason(),
        Some("outbox_attempt_conflict")
    );
    let second = Draft {
        number: 2,
        attempt: 9,
        ..first
    };
    assert!(matches!(
        outbox.send(&second.approved()).await,
        Outcome::Accepted { .. }
    ));
    assert_eq!(names(directory.path()).len(), 2);
}

#[tokio::test]
async fn parallel_sends_of_one_attempt_leave_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path()).unwrap();
    let approved = Draft::default().approved();
    let sends = (0..8).map(|_| {
        let (outbox, approved) = (outbox.clone(), approved.clone());
        tokio::spawn(async move { outbox.send(&approved).await })
    });
    for send in sends.collect::<Vec<_>>() {
        assert!(matches!(send.await.unwrap(), Outcome::Accepted { .. }));
    }
    assert_eq!(names(directory.path()).len(), 1);
}

#[tokio::test]
async fn headers_cannot_be_injected() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path()).unwrap();
    for draft in [
        Draft::to("a@b.c\nBcc: x@y"),
        Draft {
            subject: Some("a\r\nBcc: x@y".to_owned()),
            ..Draft::default()
        },
        Draft {
            sender: "a\0".to_owned(),
            ..Draft::default()
        },
    ] {
        assert_eq!(
            outbox.send(&draft.approved()).await,
            Outcome::Rejected {
                reason: "header_control".to_owned()
            }
        );
    }
    let nobody = outbox.send(&Draft::to("").approved()).await;
    assert_eq!(nobody.reason(), Some("recipient_empty"));
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn a_lost_directory_stops_the_channel() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox");
    let outbox = Outbox::new(&path).unwrap();
    fs::remove_dir(&path).unwrap();
    let outcome = outbox.send(&Draft::default().approved()).await;
    assert_eq!(
        outcome,
        Outcome::Stop {
            reason: "outbox_directory_missing".to_owned()
        }
    );
    fs::write(&path, "a file").unwrap();
    let outcome = outbox.send(&Draft::default().approved()).await;
    assert_eq!(outcome.reason(), Some("outbox_not_a_directory"));
    let error = Outbox::new(&path).unwrap_err();
    assert_eq!(error.kind(), crm_core::ErrorKind::Configuration);
}

#[test]
fn capabilities_follow_the_channel_it_stands_in_for() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path()).unwrap();
    assert!(outbox.capabilities().subject && outbox.capabilities().html);
    let sms = outbox.clone().with_address(AddressKind::Phone);
    assert!(!sms.capabilities().subject && !sms.capabilities().html);
    assert_eq!(sms.capabilities().address, AddressKind::Phone);
    let short = ChannelCapabilities {
        max_length: Some(70),
        ..sms.capabilities()
    };
    assert_eq!(sms.with_capabilities(short.clone()).capabilities(), short);
}

struct Harness {
    directory: tempfile::TempDir,
    outbox: Arc<Outbox>,
}

#[async_trait]
impl ChannelHarness for Harness {
    fn channel(&self) -> Arc<dyn Channel> {
        self.outbox.clone()
    }

    async fn delivered(&self) -> Vec<Delivered> {
        let read = |name: String| {
            let text = fs::read_to_string(self.directory.path().join(name)).unwrap();
            let (head, content) = text.split_once("\n\n").unwrap();
            let header = |name: &str| {
                head.lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            Delivered {
                recipient: header("To: ").unwrap_or_default(),
                subject: header("Subject: "),
                content: content.to_owned(),
            }
        };
        if self.directory.path().is_file() {
            return Vec::new();
        }
        names(self.directory.path()).into_iter().map(read).collect()
    }

    /// A folder has no addresses and no credentials; it can only be missing.
    async fn trouble(&self, trouble: Trouble) -> bool {
        if trouble != Trouble::Unreachable {
            return false;
        }
        fs::remove_dir_all(self.directory.path()).unwrap();
        fs::write(self.directory.path(), "in its place").unwrap();
        true
    }
}

#[tokio::test]
async fn the_outbox_keeps_the_contract() {
    let report = channel_suite::run_all(|| async {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Arc::new(Outbox::new(directory.path()).unwrap());
        Arc::new(Harness { directory, outbox }) as Arc<dyn ChannelHarness>
    })
    .await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(
        report.skipped(),
        [
            "an_attempt_is_delivered_once_if_idempotent",
            "reasons_hide_text_and_address",
            "busy_is_safe_to_repeat",
            "silence_after_the_body_is_unknown",
            "no_such_address_is_dead",
            "bad_credentials_stop_the_channel",
        ]
    );
}

#[test]
fn standing_in_for_text_messages_it_counts_their_parts() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(directory.path()).unwrap();
    let long = "я".repeat(71);
    assert_eq!(outbox.units(None, &long), Units::MESSAGE);
    let sms = outbox.with_address(AddressKind::Phone);
    let units = sms.units(None, &long);
    assert_eq!((units.count, units.unit), (2, Unit::Part));
    assert_eq!(units.forced_by, Some('я'));
}

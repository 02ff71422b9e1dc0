//! How much memory answers without end take: the client is a process of its own, so that its peak is its own.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crm_core::port::channel::Channel;

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::http::Act;
use crate::mail::{Worst, server, smtp};
use crate::provider::{ALL, Faulty};
use crate::table::message;

/// Where the client finds its providers.
const BASES: &str = "CRM_HOSTILE_BASES";
/// More than this the answers may not take, in kilobytes.
const MOST: u64 = 20 * 1024;
/// Deliveries at once.
const AT_ONCE: u64 = 8;

/// The peak of this process so far, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

/// Nothing by itself; as the client's process it meets all providers and tells its peak.
#[test]
fn client() {
    let Ok(bases) = std::env::var(BASES) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let before = runtime.block_on(async {
        let mut channels: Vec<(Arc<dyn Channel>, _)> = Vec::new();
        let mut bases = bases.split(' ');
        let mail: SocketAddr = bases.next().unwrap().parse().unwrap();
        for kind in ALL {
            // The first request is answered well: what a channel needs anyway is there by then.
            let base = bases.next().unwrap();
            let channel = (kind.make)(options(base, PATIENT));
            channel.send(&message(&kind, 1)).await;
            channels.push((channel, kind));
        }
        let before = peak();
        // One provider after the other goes mad.
        for (channel, kind) in channels {
            let mut together = Vec::new();
            for number in 2..2 + AT_ONCE {
                let channel = channel.clone();
                together.push(tokio::spawn(async move {
                    for _ in 0..3 {
                        channel.send(&message(&kind, number)).await;
                    }
                }));
            }
            for one in together {
                one.await.unwrap();
            }
        }
        let smtp = Arc::new(smtp(mail));
        let mut together = Vec::new();
        for _ in 0..AT_ONCE {
            let smtp = smtp.clone();
            together.push(tokio::spawn(async move {
                smtp.send(&Draft::default().approved()).await;
            }));
        }
        for one in together {
            one.await.unwrap();
        }
        before
    });
    println!("PEAK {} {}", before, peak());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_end_do_not_fill_the_memory() {
    let mut bases = vec![server("EHLO", Worst::Line, false).await.to_string()];
    let mut kept = Vec::new();
    for kind in ALL {
        let worst = [
            Act::Flood(100 * 1024 * 1024),
            Act::Endless(200),
            Act::EndlessHead,
        ];
        let mut acts = vec![(kind.taken)()];
        for number in 0..3 * usize::try_from(AT_ONCE).unwrap() {
            acts.push(worst[number % worst.len()].clone());
        }
        let faulty = Faulty::start(kind, acts, false).await;
        bases.push(faulty.provider.base());
        kept.push(faulty);
    }
    let bases = bases.join(" ");
    let ran = tokio::task::spawn_blocking(move || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::client", "--nocapture"])
            .env(BASES, bases)
            .output()
            .unwrap()
    });
    let ran = tokio::time::timeout(Duration::from_secs(300), ran).await;
    let ran = ran.unwrap().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{text}");
    // The name of the test stands before it on the line.
    let told = text.lines().find_map(|line| line.split_once("PEAK "));
    let mut figures = told.unwrap().1.split(' ');
    let mut next = || -> u64 { figures.next().unwrap().trim().parse().unwrap() };
    let (before, after) = (next(), next());
    for (faulty, kind) in kept.iter().zip(ALL) {
        assert_eq!(faulty.called(), 25, "{}", kind.name);
    }
    println!("the answers took {} KB", after - before);
    assert!(after - before < MOST, "{before} KB, then {after} KB");
}

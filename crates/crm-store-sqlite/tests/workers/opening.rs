//! A process dies at any write to the disk while it makes the tables in an empty file: the next one makes
//! them whole. The system kills it (SIGXFSZ) at the first byte that it writes beyond a length, and that
//! length grows by less than a page until the opening fits: what it wrote before is there, pages in part, too.

use std::process::Command;
use std::time::{Duration, Instant};

use crm_core::Workspace;
use crm_core::message::Status;
use crm_store_testing::quick_folder;
use crm_store_testing::workers::process::Task;
use crm_store_testing::workers::scene::PATIENCE;
use crm_store_testing::workers::setting;
use crm_store_testing::workers::sink::Sink;

use crate::file::{File, Scene};
use crate::process::{Job, Process};

/// 25 on Linux and elsewhere.
const SIGXFSZ: i32 = 25;

/// Runs what it is given with files of at most so many times 512 bytes, and leaves no picture of its memory.
fn bounded(blocks: usize) -> Command {
    let mut shell = Command::new("sh");
    let bounded = "ulimit -c 0 && ulimit -f \"$0\" && exec \"$@\"";
    shell.args(["-c", bounded]).arg(blocks.to_string());
    shell
}

/// Whether it was killed by its bound; else it has opened the database.
fn dies(job: &Job, blocks: usize) -> bool {
    let mut process = Process::start_within(bounded(blocks), job);
    let begun = Instant::now();
    while !process.has_ended() {
        assert!(begun.elapsed() < PATIENCE, "neither killed nor ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    match process.ended_of() {
        Some(signal) => {
            assert_eq!(signal, SIGXFSZ);
            true
        }
        None => {
            process.ends();
            false
        }
    }
}

#[test]
fn a_process_that_ends_anywhere_in_the_opening_leaves_a_database_to_open() {
    let (template, sink) = (Scene::shared(), Sink::start(0));
    // 3.5 KiB, so that each page of 4 KiB is met; fewer where nobody waits.
    let step = if setting("CRM_FAILPOINT_ROUNDS", 1) > 1 {
        7
    } else {
        77
    };
    let (mut blocks, mut killed, mut partly) = (step, 0, 0);
    loop {
        let folder = quick_folder();
        let file = File::within(folder.path());
        let job = Job {
            place: file.clone(),
            task: Task::Open,
            ..template.job("opener", &sink)
        };
        let was_killed = dies(&job, blocks);
        let log = std::fs::metadata(folder.path().join("crm.db-wal"));
        partly += usize::from(was_killed && log.is_ok_and(|log| log.len() > 0));
        // Whole: everything can be written in it.
        let scene = Scene::open(file);
        let message = scene.approve();
        assert_eq!(scene.status(message.id), Status::Approved);
        let session = scene.session(&Workspace::default());
        let recount = session.analytics();
        assert_eq!(scene.runtime.block_on(recount.recount()).unwrap(), []);
        if !was_killed {
            break;
        }
        killed += 1;
        blocks += step;
    }
    println!("killed {killed} times, {partly} of them with a part of the tables written");
    assert!(partly > 3, "{partly} of {killed}");
}

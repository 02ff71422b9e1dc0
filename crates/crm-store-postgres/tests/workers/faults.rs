//! Four workers are killed at random moments and the server restarted under them: no message is lost,
//! none arrives twice, and whatever nobody can know is listed as uncertain.

use std::time::{Duration, Instant};

use crm_core::Workspace;
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::PgOptions;
use crm_store_testing::workers::{Dice, PLACES, seconds_now, setting};

use crate::process::{Job, Process};
use crate::proof;
use crate::scene::{Address, PATIENCE, Scene};
use crate::sink::Sink;

const WORKERS: usize = 4;
/// A delivery takes up to this many milliseconds, so that kills meet some.
const SLOWEST_MS: u64 = 25;
const WORKSPACES: [&str; 3] = ["salon", "clinic", "school"];

/// What is done to the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    /// The server goes away and comes back; a worker may be killed meanwhile.
    Restart(Mode),
}

/// So many of each, in a random order.
fn blows(kills: usize, restarts: usize, dice: &mut Dice) -> Vec<Blow> {
    let mut blows = vec![Blow::Kill; kills];
    for restart in 0..restarts {
        let mode = [Mode::Immediate, Mode::Fast][restart % 2];
        blows.insert(dice.upto(blows.len()), Blow::Restart(mode));
    }
    blows
}

/// The workers that are alive. Who was killed is replaced at once, under a new name.
struct Crew<'a> {
    job: Job,
    sink: &'a Sink,
    alive: Vec<Process>,
    started: usize,
    killed: Vec<String>,
}

impl Crew<'_> {
    fn fill(&mut self) {
        while self.alive.len() < WORKERS {
            self.started += 1;
            self.alive.push(Process::start(&Job {
                name: format!("worker-{}", self.started),
                ..self.job.clone()
            }));
        }
    }

    fn kill(&mut self, dice: &mut Dice) {
        let victim = self.alive.swap_remove(dice.upto(self.alive.len() - 1));
        self.killed.push(victim.name.clone());
        victim.kill();
    }

    /// Waits for so many deliveries more, and then for a random moment.
    fn later(&self, deliveries: usize, dice: &mut Dice) {
        self.sink.wait_for(self.sink.count() + deliveries);
        std::thread::sleep(Duration::from_millis(dice.upto(15).try_into().unwrap()));
    }

    /// Deals all blows while deliveries go on; `messages` are there in all.
    fn suffer(&mut self, server: &Server, blows: &[Blow], messages: usize, dice: &mut Dice) {
        for (number, blow) in blows.iter().enumerate() {
            // What a killed worker had under way may never arrive: it is in doubt, not ahead of us.
            let doubtful = PLACES * self.killed.len();
            let left = messages.saturating_sub(self.sink.count() + doubtful);
            let share = left / (blows.len() - number + 2);
            assert!(share > 0, "nothing was left to do before blow {number}");
            // Every fifth at once: whoever was just started is opening the database, or claims.
            if number % 5 != 4 {
                self.later(1 + dice.upto(2 * share - 2), dice);
            }
            match *blow {
                Blow::Kill => self.kill(dice),
                Blow::Restart(mode) => {
                    server.stop(mode).unwrap();
                    if dice.upto(1) == 0 {
                        self.kill(dice);
                        self.fill();
                    }
                    server.start_again().unwrap();
                }
            }
            self.fill();
        }
    }
}

#[test]
fn killed_workers_and_a_restarted_server_lose_nothing_and_repeat_nothing() {
    let seed = setting("CRM_FAULT_SEED", seconds_now());
    let messages = setting("CRM_FAULT_MESSAGES", 1_500);
    let kills = setting("CRM_FAULT_KILLS", 8);
    let restarts = setting("CRM_FAULT_RESTARTS", 2);
    // Captured unless the test fails.
    println!(
        "CRM_FAULT_SEED={seed} CRM_FAULT_MESSAGES={messages} CRM_FAULT_KILLS={kills} \
         CRM_FAULT_RESTARTS={restarts}"
    );
    let mut dice = Dice::new(seed);
    let began = Instant::now();
    let server = Server::start(ServerOptions::default()).unwrap();
    let scene = Scene::open(Address::at(&server.url("postgres"), PgOptions::default()));
    let workspaces = WORKSPACES.map(|name| Workspace::new(name).unwrap());
    for (number, workspace) in workspaces.iter().enumerate() {
        let share = messages / 3 + usize::from(number < messages % 3);
        scene.plan(workspace, share);
    }
    let approved = scene.approve_all(&workspaces);
    assert_eq!(approved.len(), messages);
    let prepared = began.elapsed();

    let sink = Sink::start(SLOWEST_MS);
    let mut crew = Crew {
        job: Job {
            concurrency: PLACES,
            ..scene.job("", &sink)
        },
        sink: &sink,
        alive: Vec::new(),
        started: 0,
        killed: Vec::new(),
    };
    crew.fill();
    let blows = blows(kills, restarts, &mut dice);
    crew.suffer(&server, &blows, messages, &mut dice);
    let struck = began.elapsed();
    for workspace in &workspaces {
        let waiting = Instant::now();
        while scene.open_messages(workspace) > 0 {
            assert!(waiting.elapsed() < PATIENCE, "something is stuck");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let quiet = began.elapsed();
    // In good order: what is left to seal is sealed.
    crew.alive.drain(..).for_each(Process::end);

    let figures = proof::all(
        &scene,
        &workspaces,
        &approved,
        &sink,
        &crew.killed,
        restarts,
    );
    println!(
        "\n| | |\n|---|---|\n\
         | workers killed | {} |\n| restarts of the server | {restarts} |\n\
         | approved messages | {messages} |\n{figures}\
         | time: prepared, struck, quiet, proven | {prepared:.1?}, {struck:.1?}, {quiet:.1?}, {:.1?} |",
        crew.killed.len(),
        began.elapsed()
    );
}

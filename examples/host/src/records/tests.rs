//! The same checks on both databases. On PostgreSQL a place is opened by two hosts at once, which take
//! turns; on SQLite one host is all there is.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use crm_core::import::{Duplicates, Options, inspect};
use crm_core::{Role, Workspace};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::{NewRejects, NewSession, Records};
use crate::auth::accounts::{NewAccount, Registered, begin_session, rotate};
use crate::auth::limiter::PER_ACCOUNT;
use crate::config::Database;
use crate::idempotency::{Answer, Known};
use crate::imports::{ImportStatus, ImportView};

/// An empty database, gone at the end.
struct Place {
    database: Database,
    _directory: Option<tempfile::TempDir>,
    postgres: Option<crate::scratch::Scratch>,
}

impl Place {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            database: Database::Sqlite(directory.path().join("crm.db")),
            _directory: Some(directory),
            postgres: None,
        }
    }

    async fn postgres() -> Self {
        let scratch = crate::scratch::Scratch::new().await;
        Self {
            database: Database::Postgres(scratch.url.clone().into()),
            _directory: None,
            postgres: Some(scratch),
        }
    }

    async fn open(&self) -> Arc<dyn Records> {
        super::open(&self.database).await.unwrap()
    }

    /// As many hosts as may work on it at once.
    async fn hosts(&self) -> Vec<Arc<dyn Records>> {
        let mut hosts = vec![self.open().await];
        if matches!(self.database, Database::Postgres(_)) {
            hosts.push(self.open().await);
        }
        hosts
    }
}

/// Both databases, one after the other.
async fn places() -> [Place; 2] {
    [Place::sqlite(), Place::postgres().await]
}

fn anna() -> NewAccount {
    NewAccount {
        workspace: Workspace::default(),
        email: "anna@salon.example".to_owned(),
        full_name: "Anna".to_owned(),
        password_hash: "hash".to_owned(),
        role: Role::Manager,
    }
}

async fn user(records: &dyn Records, email: &str) -> String {
    let new = NewAccount {
        email: email.to_owned(),
        ..anna()
    };
    match records.register(new, false).await.unwrap() {
        Registered::Done(account) => account.id,
        _ => panic!("{email} was not added"),
    }
}

/// Runs `work` twenty times at once, the hosts taking turns.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    hosts: &[Arc<dyn Records>],
    work: impl Fn(Arc<dyn Records>, usize) -> F,
) -> Vec<T> {
    let hosts = hosts.iter().cycle().take(20).enumerate();
    let running: Vec<_> = hosts
        .map(|(number, host)| tokio::spawn(work(host.clone(), number)))
        .collect();
    let mut done = Vec::new();
    for one in running {
        done.push(one.await.unwrap());
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_becomes_the_first_user() {
    for place in places().await {
        let hosts = place.hosts().await;
        let added = at_once(&hosts, |host, number| async move {
            let new = NewAccount {
                email: format!("u{number}@salon.example"),
                ..anna()
            };
            let done = host.register(new, true).await.unwrap();
            matches!(done, Registered::Done(_))
        });
        assert_eq!(added.await.into_iter().filter(|added| *added).count(), 1);
        assert_eq!(hosts[0].users().await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_registered_once_and_found_as_it_was_written() {
    for place in places().await {
        let hosts = place.hosts().await;
        let added = at_once(&hosts, |host, _| async move {
            match host.register(anna(), false).await.unwrap() {
                Registered::Done(account) => Some(account),
                Registered::Duplicate => None,
                Registered::NotFirst => panic!("it need not be the first"),
            }
        });
        let added: Vec<_> = added.await.into_iter().flatten().collect();
        assert_eq!(added.len(), 1);
        let host = hosts.last().unwrap();
        let found = host.by_email(anna().email).await.unwrap();
        let (found, hash) = found.unwrap();
        assert_eq!(hash, "hash");
        assert_eq!(format!("{found:?}"), format!("{:?}", added[0]));
        assert!(found.created_at.ends_with('Z') && found.created_at.len() == 27);
        for nobody in ["b@salon.example", "ANNA@salon.example", "\0", ""] {
            assert!(host.by_email(nobody.into()).await.unwrap().is_none());
        }
        let lines = host.sign_ins(Workspace::default(), 0, 100).await.unwrap();
        let actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
        assert_eq!(actions, ["registered"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_traded_once_and_the_second_time_ends_its_login() {
    for place in places().await {
        let hosts = place.hosts().await;
        let id = user(&*hosts[0], "a@salon.example").await;
        let (session, token) = begin_session(&*hosts[0], id.clone()).await.unwrap();
        let (other, _) = begin_session(&*hosts[0], id.clone()).await.unwrap();
        let traded = at_once(&hosts, |host, _| {
            let token = token.clone();
            async move { rotate(&*host, &token).await.unwrap() }
        });
        let traded: Vec<_> = traded.await.into_iter().flatten().collect();
        assert_eq!(traded.len(), 1);
        assert_eq!(
            (&traded[0].0.id, &traded[0].1),
            (&id, &session),
            "the user and the login"
        );
        let host = hosts.last().unwrap();
        // Somebody else had it: the login has ended, and its newest token with it.
        assert!(rotate(&**host, &traded[0].2).await.unwrap().is_none());
        let of = |session: &String| host.of_session(id.clone(), session.clone());
        assert!(of(&session).await.unwrap().is_none());
        assert!(of(&other).await.unwrap().is_some(), "the other one goes on");
        let lines = host.sign_ins(Workspace::default(), 0, 100).await.unwrap();
        let reused = lines.iter().filter(|line| line.action == "refresh_reused");
        assert_eq!(reused.count(), 19);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_end_one_by_one_or_all_at_once() {
    for place in places().await {
        let hosts = place.hosts().await;
        let host = hosts.last().unwrap();
        let id = user(&**host, "a@salon.example").await;
        let stranger = user(&**host, "b@salon.example").await;
        let mut sessions = Vec::new();
        for user in [&id, &id, &id, &stranger] {
            sessions.push(begin_session(&*hosts[0], user.clone()).await.unwrap());
        }
        let alive = async || {
            let mut alive = Vec::new();
            for ((session, _), user) in sessions.iter().zip([&id, &id, &id, &stranger]) {
                let found = host.of_session(user.clone(), session.clone()).await;
                alive.push(found.unwrap().is_some());
            }
            alive
        };
        let theirs = Some(sessions[3].0.clone());
        host.end_sessions(id.clone(), theirs).await.unwrap();
        let first = Some(sessions[0].0.clone());
        host.end_sessions(id.clone(), first).await.unwrap();
        assert_eq!(alive().await, [false, true, true, true]);
        host.end_sessions(id.clone(), None).await.unwrap();
        assert_eq!(alive().await, [false, false, false, true]);
        assert!(rotate(&**host, &sessions[1].1).await.unwrap().is_none());
        assert!(rotate(&**host, &sessions[3].1).await.unwrap().is_some());
        let nobody = NewSession {
            id: "s".to_owned(),
            user: "nobody".to_owned(),
            token: vec![1],
        };
        assert!(host.begin_session(nobody).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_sign_ins_grows_without_gaps_and_by_workspace() {
    for place in places().await {
        let hosts = place.hosts().await;
        let id = user(&*hosts[0], "a@salon.example").await;
        let stranger = NewAccount {
            workspace: Workspace::new("other").unwrap(),
            email: "b@salon.example".to_owned(),
            ..anna()
        };
        assert!(matches!(
            hosts[0].register(stranger, false).await.unwrap(),
            Registered::Done(_)
        ));
        at_once(&hosts, |host, number| {
            let id = (number % 2 == 0).then(|| id.clone());
            async move { host.failed(id).await.unwrap() }
        })
        .await;
        let host = hosts.last().unwrap();
        let all = host.sign_ins(Workspace::default(), 0, 100).await.unwrap();
        let positions: BTreeSet<_> = all.iter().map(|line| line.position).collect();
        // The stranger's line has the second one.
        assert_eq!(positions, std::iter::once(1).chain(3..=22).collect());
        assert!(all.iter().is_sorted_by_key(|line| line.position));
        let failed = all.iter().filter(|line| line.action == "sign_in_failed");
        assert_eq!(failed.filter(|line| line.user_id.is_none()).count(), 10);
        let page = host.sign_ins(Workspace::default(), 3, 5).await.unwrap();
        let page: Vec<_> = page.iter().map(|line| line.position).collect();
        assert_eq!(page, [4, 5, 6, 7, 8]);
        let names = async |workspace: Workspace| {
            let people = host.colleagues(workspace).await.unwrap();
            people.into_iter().map(|one| one.email).collect::<Vec<_>>()
        };
        assert_eq!(names(Workspace::default()).await, ["a@salon.example"]);
        let other = Workspace::new("other").unwrap();
        assert_eq!(names(other.clone()).await, ["b@salon.example"]);
        assert_eq!(host.sign_ins(other, 0, 100).await.unwrap().len(), 11);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_for_all_hosts_together() {
    for place in places().await {
        let hosts = place.hosts().await;
        let taken = at_once(&hosts, |host, _| async move {
            host.attempt("account a", PER_ACCOUNT).await.is_ok()
        });
        let taken = taken.await.into_iter().filter(|taken| *taken).count();
        assert_eq!(taken, PER_ACCOUNT.failures as usize);
        let host = hosts.last().unwrap();
        let refused = host.attempt("account a", PER_ACCOUNT).await.unwrap_err();
        assert!(refused.to_string().contains("too many"), "{refused}");
        assert!(host.attempt("account b", PER_ACCOUNT).await.is_ok());
        host.take_back("account a").await.unwrap();
        assert!(hosts[0].attempt("account a", PER_ACCOUNT).await.is_ok());
        assert!(host.attempt("account a", PER_ACCOUNT).await.is_err());
        host.forget("account a").await.unwrap();
        assert!(hosts[0].attempt("account a", PER_ACCOUNT).await.is_ok());
        host.take_back("nobody").await.unwrap();
    }
}

fn answer() -> Answer {
    Answer {
        status: 201,
        content_type: Some("application/json".to_owned()),
        body: b"{\"a\":\0}".to_vec(),
    }
}

async fn known(records: &dyn Records, key: &str) -> Known {
    let hash = vec![7];
    let known = records.begin_key("u".to_owned(), key.to_owned(), hash);
    known.await.unwrap()
}

async fn end(records: &dyn Records, key: &str, answer: Option<Answer>) {
    let end = records.end_key("u".to_owned(), key.to_owned(), answer);
    end.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_new_once_and_then_answers_the_same() {
    for place in places().await {
        let hosts = place.hosts().await;
        let news = at_once(&hosts, |host, number| async move {
            let new = matches!(known(&*host, "k").await, Known::New);
            new.then_some(number % 2)
        });
        let news: Vec<usize> = news.await.into_iter().flatten().collect();
        assert_eq!(news.len(), 1);
        let runs = &hosts[news[0] % hosts.len()];
        for host in &hosts {
            assert!(matches!(known(&**host, "k").await, Known::Pending { hash } if hash == [7]));
        }
        end(&**runs, "k", Some(answer())).await;
        for host in &hosts {
            let Known::Answered { hash, answer: kept } = known(&**host, "k").await else {
                panic!("the answer was not kept");
            };
            assert_eq!(
                (hash, kept.status, kept.content_type, kept.body),
                (vec![7], 201, answer().content_type, answer().body)
            );
        }
        // The key of another user is another one; an answer not to keep gives the key back.
        let host = hosts.last().unwrap();
        let theirs = host.begin_key("v".to_owned(), "k".to_owned(), vec![8]);
        assert!(matches!(theirs.await.unwrap(), Known::New));
        assert!(matches!(known(&**host, "l").await, Known::New));
        end(&**host, "l", None).await;
        assert!(matches!(known(&*hosts[0], "l").await, Known::New));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_host_began_is_called_interrupted() {
    for place in places().await {
        let first = place.open().await;
        assert!(matches!(known(&*first, "k").await, Known::New));
        let report = under_way();
        let id = report.import_id;
        let save = first.save_import(Workspace::default(), report, NewRejects::None);
        save.await.unwrap();
        drop(first);
        let next = place.open().await;
        let ended = async || {
            let Known::Answered { answer, .. } = known(&*next, "k").await else {
                return false;
            };
            assert_eq!(answer.status, 409);
            let body = String::from_utf8(answer.body).unwrap();
            assert!(body.contains("idempotency_interrupted"), "{body}");
            true
        };
        // The server may notice a moment later that the connection is gone.
        let noticed = async {
            while !ended().await {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(30);
        tokio::time::timeout(patience, noticed).await.unwrap();
        let report = next
            .load_import(Workspace::default(), id)
            .await
            .unwrap()
            .unwrap();
        assert!(report.status == ImportStatus::Failed);
        assert!(report.detail.unwrap().contains("send the file again"));
        assert!(ended().await, "and stays so");
    }
}

#[tokio::test]
async fn what_another_program_on_the_file_is_at_is_not_interrupted() {
    let place = Place::sqlite();
    let host = place.open().await;
    assert!(matches!(known(&*host, "k").await, Known::New));
    let report = under_way();
    let (id, digest) = (report.import_id, report.digest.clone());
    let save = host.save_import(Workspace::default(), report, NewRejects::None);
    save.await.unwrap();
    for _ in 0..2 {
        let beside = place.open().await;
        assert!(matches!(known(&*beside, "k").await, Known::Pending { .. }));
        let found = beside.load_import(Workspace::default(), id).await;
        assert!(found.unwrap().unwrap().status == ImportStatus::Running);
    }
    let beside = place.open().await;
    drop(host);
    // Nobody can know yet that the host is gone; who comes when nobody is there does.
    let found = beside.load_import(Workspace::default(), id).await;
    assert!(found.unwrap().unwrap().status == ImportStatus::Running);
    drop(beside);
    let next = place.open().await;
    let found = next.load_import(Workspace::default(), id).await;
    assert!(found.unwrap().unwrap().status == ImportStatus::Failed);
    let other = Workspace::new("other").unwrap();
    let unfinished = next.unfinished_import(other, digest.clone()).await;
    assert_eq!(unfinished.unwrap(), None);
    let unfinished = next.unfinished_import(Workspace::default(), digest).await;
    assert_eq!(unfinished.unwrap(), Some(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_is_at_is_not_interrupted() {
    let place = Place::postgres().await;
    let first = place.open().await;
    assert!(matches!(known(&*first, "k").await, Known::New));
    let mut report = under_way();
    let id = report.import_id;
    let save = |report: &ImportView| {
        first.save_import(Workspace::default(), report.clone(), NewRejects::None)
    };
    save(&report).await.unwrap();
    let second = place.open().await;
    let load = async || {
        let found = second.load_import(Workspace::default(), id).await;
        found.unwrap().unwrap().status
    };
    assert!(matches!(known(&*second, "k").await, Known::Pending { .. }));
    assert!(load().await == ImportStatus::Running);
    report.status = ImportStatus::Completed;
    save(&report).await.unwrap();
    // Only who began a request ends it.
    end(&*second, "k", Some(answer())).await;
    assert!(matches!(known(&*second, "k").await, Known::Pending { .. }));
    end(&*first, "k", Some(answer())).await;
    drop(first);
    assert!(load().await == ImportStatus::Completed);
    assert!(matches!(known(&*second, "k").await, Known::Answered { .. }));
}

fn under_way() -> ImportView {
    let file = "name,e'mail ў\nAnna,anna@example.com\n";
    let found = inspect(&mut Cursor::new(file), &Options::default()).unwrap();
    let mut report = ImportView::queued(Uuid::now_v7(), &found, Duplicates::Skip, String::new());
    report.status = ImportStatus::Running;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_kept_with_every_character_and_for_its_workspace_alone() {
    for place in places().await {
        let host = place.open().await;
        let mut report = under_way();
        let id = report.import_id;
        let ours = Workspace::default();
        let other = Workspace::new("other").unwrap();
        let save = |workspace: &Workspace, report: &ImportView, rejects: NewRejects| {
            host.save_import(workspace.clone(), report.clone(), rejects)
        };
        let first = |rows: &str| NewRejects::First(rows.to_owned());
        let more = |rows: &str| NewRejects::More(rows.to_owned());
        save(&ours, &report, first("gone")).await.unwrap();
        save(&ours, &report, more("gone, too")).await.unwrap();
        let head = "name\t,\u{1f600},oʻrtoq\r\n";
        save(&ours, &report, first(head)).await.unwrap();
        save(&ours, &report, NewRejects::None).await.unwrap();
        save(&ours, &report, more("")).await.unwrap();
        report.status = ImportStatus::Completed;
        save(&ours, &report, more("Анна\r\n")).await.unwrap();
        report.status = ImportStatus::Reverted;
        save(&other, &report, first("theirs")).await.unwrap();
        save(&other, &report, more("theirs")).await.unwrap();
        report.status = ImportStatus::Completed;
        let kept = host.load_import(ours.clone(), id).await.unwrap().unwrap();
        let pieces = async |workspace: &Workspace| {
            let mut pieces = Vec::new();
            while let Some(rows) = host
                .import_rejects(workspace.clone(), id, u32::try_from(pieces.len()).unwrap())
                .await
                .unwrap()
            {
                pieces.push(rows);
            }
            pieces
        };
        assert_eq!(pieces(&ours).await, [head, "Анна\r\n"]);
        assert!(pieces(&other).await.is_empty());
        host.forget_people(other.clone()).await.unwrap();
        assert_eq!(pieces(&ours).await.len(), 2);
        host.forget_people(ours.clone()).await.unwrap();
        assert!(pieces(&ours).await.is_empty());
        let json = |report: &ImportView| serde_json::to_value(report).unwrap();
        assert_eq!(json(&kept), json(&report));
        assert!(host.load_import(other, id).await.unwrap().is_none());
        let nobody = host.load_import(Workspace::default(), Uuid::nil()).await;
        assert!(nobody.unwrap().is_none());
        let later = under_way();
        let ours = Workspace::default();
        save(&ours, &later, NewRejects::None).await.unwrap();
        let list = async |before, limit| {
            let ours = Workspace::default();
            host.list_imports(ours, before, limit).await.unwrap()
        };
        assert_eq!(list(None, 5).await, [later.import_id, id]);
        assert_eq!(list(None, 1).await, [later.import_id]);
        assert_eq!(list(Some(later.import_id), 5).await, [id]);
        let other = Workspace::new("other").unwrap();
        assert!(host.list_imports(other, None, 5).await.unwrap().is_empty());
        host.probe().await.unwrap();
        host.probe().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_taken_back_by_one_at_a_time() {
    for place in places().await {
        let hosts = place.hosts().await;
        let id = Uuid::now_v7();
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        at_once(&hosts, |host, _| {
            let inside = inside.clone();
            async move {
                use std::sync::atomic::Ordering::SeqCst;
                let turn = host.import_turn(id).await.unwrap();
                assert_eq!(inside.fetch_add(1, SeqCst), 0, "two at once");
                // Others may run meanwhile, and the database is still at everybody's service.
                host.probe().await.unwrap();
                inside.fetch_sub(1, SeqCst);
                drop(turn);
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_sign_ins_cannot_be_changed() {
    let place = Place::postgres().await;
    let host = place.open().await;
    host.failed(None).await.unwrap();
    let database = place.postgres.as_ref().unwrap();
    for change in [
        "UPDATE crm_host.sign_ins SET action = 'signed_in'",
        "DELETE FROM crm_host.sign_ins",
        "TRUNCATE crm_host.sign_ins",
    ] {
        let refused = database.execute(change).await.unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_host_are_refused() {
    let place = Place::postgres().await;
    place.open().await;
    let database = place.postgres.as_ref().unwrap();
    let newer = "INSERT INTO crm_host.migrations VALUES (99, now())";
    database.execute(newer).await.unwrap();
    let refused = super::open(&place.database).await.map(drop).unwrap_err();
    assert!(refused.contains("version 99"), "{refused}");
    assert!(refused.contains("use a newer host"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    for (address, why) in [
        (
            "postgres://anna:hunter2@127.0.0.1:1/crm",
            "cannot be reached",
        ),
        (
            "postgres://anna:hunter2@localhost/crm?host=/no/such/folder",
            "cannot be reached",
        ),
    ] {
        let database = Database::Postgres(address.into());
        let refused = super::open(&database).await.map(drop).unwrap_err();
        assert!(refused.contains(why), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
    let place = Place::postgres().await;
    let Database::Postgres(url) = &place.database else {
        panic!("it is on PostgreSQL");
    };
    let missing = url.expose_secret().replace("/crm_test_", "/crm_missing_");
    let refused = super::open(&Database::Postgres(missing.into())).await;
    let refused = refused.map(drop).unwrap_err();
    assert!(refused.contains("create it first"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_hosts_that_start_together_make_the_tables_once() {
    let place = Place::postgres().await;
    let starts: Vec<_> = (0..10)
        .map(|_| {
            let database = place.database.clone();
            tokio::spawn(async move { super::open(&database).await.map(drop) })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(place.open().await.users().await.unwrap(), 0);
}

//! Who works the rows off, and what happens when several do.

use super::*;

#[tokio::test]
async fn the_worker_works_off_every_workspace() {
    let world = world();
    let other = Workspace::new("other").unwrap();
    let session = world
        .engine
        .act_as(crm_core::Actor::new(other, "olga", Role::Admin));
    let payload = json!({"external_id": "c-1", "name": "Анна"});
    session
        .intake()
        .put("k", Kind::Contact, payload)
        .await
        .unwrap();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let worker = world.worker();
    assert_eq!(worker.round(&stop).await.unwrap().drained, 1);
    assert!(worker.round(&stop).await.unwrap().is_idle());
    let people = session
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    assert_eq!(people.items.len(), 1);
    let none = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    assert_eq!(none.items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_running_worker_picks_up_what_was_put_in() {
    let world = world();
    let (sender, stop) = tokio::sync::watch::channel(false);
    let worker = Arc::new(world.worker());
    let running = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move { worker.run(stop).await }
    });
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    world.person("c-1", "dilnoza@example.org").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.rows().await[0].state, IntakeState::Applied);
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
}

fn shared_world() -> (Arc<SharedStore>, Arc<World>) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    (store, Arc::new(world))
}

#[tokio::test]
async fn what_others_change_meanwhile_is_decided_anew() {
    let (store, world) = shared_world();
    world.person("c-1", "dilnoza@example.org").await;
    world.drain().await;
    let payload = json!({"external_id": "c-1", "company": "Салон"});
    world.put("k", Kind::Contact, payload).await;
    let meanwhile = Arc::clone(&world);
    store.before_next_commit(move || {
        Box::pin(async move {
            let contact = meanwhile.known("c-1").await;
            let mut fields = contact.fields.clone();
            fields.position = Some("директор".to_owned());
            let manager = meanwhile.manager();
            let edited = manager.contacts().update(contact.id, None, fields).await;
            edited.map(drop).unwrap();
        })
    });
    assert_eq!(world.drain().await, done(1, 0, 0));
    let contact = world.known("c-1").await;
    assert_eq!(contact.company.as_deref(), Some("Салон"));
    assert_eq!(contact.position.as_deref(), Some("директор"));
}

#[tokio::test]
async fn two_workers_do_each_row_once() {
    let (store, world) = shared_world();
    world.person("c-1", "dilnoza@example.org").await;
    world.put("m-1", Kind::Submit, text("c-1", "Раз")).await;
    world.put("m-2", Kind::Submit, text("c-1", "Два")).await;
    world.put("m-2", Kind::Submit, text("c-1", "Два")).await;
    let meanwhile = Arc::clone(&world);
    store.before_next_commit(move || {
        Box::pin(async move { assert_eq!(meanwhile.drain().await, done(3, 1, 0)) })
    });
    assert_eq!(world.drain().await.applied, 0, "the other one did them");
    assert_eq!(world.messages().await.len(), 2);
    let states: Vec<_> = world.rows().await.iter().map(|row| row.state).collect();
    use IntakeState::{Applied, Duplicate};
    assert_eq!(states, [Applied, Applied, Applied, Duplicate]);
}

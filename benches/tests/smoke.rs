//! Every measurement runs on a small scale and proves its results: counts, counters against rows, the
//! chain. Nothing is said about time.
#![allow(clippy::unwrap_used)]

use crm_benches::measure::Figure;
use crm_benches::scale::Scale;
use crm_benches::{approve, deliver, expand, reads};

fn whole(figure: &Figure, size: usize) {
    assert_eq!(figure.size, size);
    assert_eq!(figure.ours.runs.len(), 1);
    assert!(
        figure.ours.median > 0.0 && figure.peer.median > 0.0,
        "{figure:?}"
    );
}

#[tokio::test]
async fn a_campaign_is_expanded() {
    let folder = tempfile::tempdir().unwrap();
    let size = Scale::Smoke.rows();
    whole(
        &expand::measure(folder.path(), size, 1).await.unwrap(),
        size,
    );
}

#[tokio::test]
async fn messages_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let size = Scale::Smoke.deliveries();
    whole(
        &deliver::measure(folder.path(), size, 1).await.unwrap(),
        size,
    );
}

#[tokio::test]
async fn messages_are_approved() {
    let folder = tempfile::tempdir().unwrap();
    let size = Scale::Smoke.approvals();
    whole(
        &approve::measure(folder.path(), size, 1).await.unwrap(),
        size,
    );
}

#[tokio::test]
async fn figures_and_lists_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let size = Scale::Smoke.rows();
    let figures = reads::measure(folder.path(), size, 1, [true, true])
        .await
        .unwrap();
    assert!(figures.iter().any(|figure| figure.id == "T7"));
    assert!(figures.iter().any(|figure| figure.id == "T8"));
    for figure in &figures {
        whole(figure, size);
    }
}

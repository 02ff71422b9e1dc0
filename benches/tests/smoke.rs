//! Every measurement runs on a small scale and proves its results: counts, counters against rows, the
//! chain. Nothing is said about time.
#![allow(clippy::unwrap_used)]

use crm_benches::measure::Figure;
use crm_benches::scale::Scale;
use crm_benches::site::Site;
use crm_benches::{approve, deliver, draft, expand, fill, reads, search, workers};

fn whole(figure: &Figure, size: usize) {
    assert_eq!(figure.size, size);
    assert_eq!(figure.ours.runs.len(), 1);
    assert!(
        figure.ours.median > 0.0 && figure.peer.median > 0.0,
        "{figure:?}"
    );
}

async fn everything(site: &Site) {
    let size = Scale::Smoke.rows();
    whole(&expand::measure(site, size, 1).await.unwrap(), size);
    let size = Scale::Smoke.deliveries();
    whole(&deliver::measure(site, size, 1).await.unwrap(), size);
    let size = Scale::Smoke.approvals();
    whole(&approve::measure(site, size, 1).await.unwrap(), size);
    let size = Scale::Smoke.drafts();
    let takes = std::time::Duration::from_millis(20);
    whole(&draft::measure(site, size, takes).await.unwrap(), size);
    let size = Scale::Smoke.rows();
    for figure in search::measure(site, size).await.unwrap() {
        whole(&figure, size);
    }
    let filled = fill::fill(site, reads::NAME, size).await.unwrap();
    site.settle(reads::NAME).await.unwrap();
    let figures = reads::measure(site, &filled, size, 1, [true, true])
        .await
        .unwrap();
    assert!(figures.iter().any(|figure| figure.id == "T7"));
    assert!(figures.iter().any(|figure| figure.id == "T8"));
    for figure in &figures {
        whole(figure, size);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    everything(&Site::Sqlite(folder.path().to_owned())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::postgres(folder.path(), false).unwrap();
    everything(&site).await;
    if let Site::Postgres(server, _) = &site {
        let size = Scale::Smoke.deliveries();
        let figure = workers::measure(&site, server, size, 1).await.unwrap();
        whole(&figure, size);
    }
}

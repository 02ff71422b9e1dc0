//! Mail through Postfix's programs on a small scale: every message arrives once, whatever the store.
#![allow(clippy::unwrap_used)]

use crm_benches::mail;
use crm_benches::measure::Figure;
use crm_benches::scale::Scale;
use crm_benches::site::Site;

fn whole(figures: &[Figure], ids: &[&str]) {
    let found: Vec<_> = figures.iter().map(|figure| figure.id).collect();
    assert_eq!(found, ids);
    for figure in figures {
        assert_eq!(figure.size, Scale::Smoke.mails());
        assert!(
            figure.ours.median > 0.0 && figure.peer.median > 0.0,
            "{figure:?}"
        );
    }
}

async fn everything(site: &Site, folder: &std::path::Path) {
    let count = Scale::Smoke.mails();
    let figures = mail::into_sink(site, folder, count, 1).await.unwrap();
    // Only Linux tells of memory.
    let ids = if cfg!(target_os = "linux") {
        &["T3", "T16"][..]
    } else {
        &["T3"]
    };
    whole(&figures, ids);
    match mail::into_postfix(site, folder, &[1, 4], count, 1).await {
        Ok(figures) => whole(&figures, &["T4", "T4"]),
        // Only root can start Postfix; anyone else is told.
        Err(error) => assert!(error.to_string().contains("needs root"), "{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::Sqlite(folder.path().to_owned());
    everything(&site, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::postgres(folder.path(), false).unwrap();
    everything(&site, folder.path()).await;
}

//! A small disk that fills up under an open store.

use std::path::Path;

use crm_core::ErrorKind;
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::full;

use super::{ann, count, create, seal, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_the_same_is_written_once_there_is_room() {
    let disk = full::disk("160m");
    let folder = disk.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    open_to_all(&folder);
    // Dropped before the disk.
    let server = Server::start(ServerOptions {
        root: Some(folder),
        settings: vec![
            ("wal_recycle".to_owned(), "off".to_owned()),
            ("wal_init_zero".to_owned(), "on".to_owned()),
            ("max_wal_size".to_owned(), "48MB".to_owned()),
            ("min_wal_size".to_owned(), "32MB".to_owned()),
        ],
        ..ServerOptions::default()
    })
    .unwrap();
    let options = PgOptions {
        listen: false,
        ..PgOptions::default()
    };
    let store = PgStore::connect(&server.url("postgres"), options)
        .await
        .unwrap();
    create(&store, "before").await.unwrap();
    let filling = disk.fill();
    // Nobody can say at which of them a table needs another page.
    let mut written = 1;
    let refused = loop {
        match create(&store, &format!("Дилноза {written}")).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 2_000, "the disk never filled");
    };
    told(Err::<(), _>(refused), ErrorKind::Unavailable, "disk");
    // What was answered is there, what failed is not.
    assert_eq!(count(&store).await, written);
    let ann = ann(&store);
    assert_eq!(ann.analytics().recount().await.unwrap(), []);
    std::fs::remove_file(filling).unwrap();
    create(&store, &format!("Дилноза {written}")).await.unwrap();
    assert_eq!(count(&store).await, written + 1);
    assert_eq!(ann.analytics().recount().await.unwrap(), []);
    while seal(&store).await > 0 {}
    assert!(ann.audit().verify(None).await.unwrap().valid);
    drop(server);
}

/// The server runs as another user when this one is root.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, all).unwrap();
}

//! The way between a store and its server, to be cut at a chosen message of the protocol.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crm_postgres_testing::Server;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

type Cut = Box<dyn Fn() + Send + Sync>;

/// Passes messages on, in both directions, until one is chosen: that one is swallowed and its connection
/// cut. From socket to socket: proving a password for each new connection would take longer than the rest.
pub struct Wire {
    folder: TempDir,
    state: Arc<State>,
}

struct State {
    server: PathBuf,
    seen: AtomicU64,
    /// Which message from now on; 0 for none.
    chosen: AtomicU64,
    /// What else happens then.
    also: Cut,
    /// Whether that has happened, since the last choice.
    ended: watch::Sender<bool>,
}

impl Wire {
    /// A way to the server.
    pub async fn new(server: &Server, also: impl Fn() + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = server.socket();
        let socket = folder.path().join(name.file_name().unwrap());
        let listener = UnixListener::bind(socket).unwrap();
        let state = Arc::new(State {
            server: name,
            seen: AtomicU64::new(0),
            chosen: AtomicU64::new(0),
            also: Box::new(also),
            ended: watch::Sender::new(false),
        });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, shared.clone()));
            }
        });
        Self { folder, state }
    }

    /// The server's URL, by this way.
    pub fn url(&self, direct: &str) -> String {
        let path = |folder: &Path| folder.to_str().unwrap().replace('/', "%2F");
        let url = direct.replace(
            &path(self.state.server.parent().unwrap()),
            &path(self.folder.path()),
        );
        assert_ne!(url, direct);
        url + "&sslmode=disable"
    }

    /// Chooses the `nth` message from now on, from 1.
    pub fn cut_at(&self, nth: u64) {
        self.state.ended.send_replace(false);
        self.state.seen.store(0, Ordering::SeqCst);
        self.state.chosen.store(nth, Ordering::SeqCst);
    }

    /// Whether the chosen message came; then what else happened with it has ended, too. None is chosen
    /// any more.
    pub async fn was_cut(&self) -> bool {
        let chosen = self.state.chosen.swap(0, Ordering::SeqCst);
        let cut = self.state.seen.load(Ordering::SeqCst) >= chosen;
        if cut {
            let mut ended = self.state.ended.subscribe();
            ended.wait_for(|ended| *ended).await.unwrap();
        }
        cut
    }
}

impl State {
    fn is_chosen(&self) -> bool {
        let chosen = self.chosen.load(Ordering::SeqCst);
        chosen > 0 && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == chosen
    }
}

async fn connect(client: UnixStream, state: Arc<State>) {
    let Ok(server) = UnixStream::connect(&state.server).await else {
        return;
    };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    // Either end takes the other with it.
    tokio::select! {
        _ = pass(client_reads, server_writes, true, &state) => {}
        _ = pass(server_reads, client_writes, false, &state) => {}
    }
}

/// Passes messages on: a type (but for the client's first), four bytes of length, the rest.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut untyped: bool,
    state: &State,
) -> std::io::Result<()> {
    loop {
        let mut message = vec![0; if untyped { 4 } else { 5 }];
        untyped = false;
        from.read_exact(&mut message).await?;
        let head = message.len();
        let length = u32::from_be_bytes(message[head - 4..].try_into().unwrap());
        message.resize(head + length as usize - 4, 0);
        from.read_exact(&mut message[head..]).await?;
        if state.is_chosen() {
            tokio::task::block_in_place(|| (state.also)());
            state.ended.send_replace(true);
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

//! The way between a store and its server, to be cut at a chosen message of the protocol.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

type Cut = Box<dyn Fn() + Send + Sync>;

/// Passes messages on, in both directions, until one is chosen: that one is swallowed and its connection
/// cut.
pub struct Wire {
    port: u16,
    state: Arc<State>,
}

struct State {
    server: u16,
    seen: AtomicU64,
    /// Which message from now on; 0 for none.
    chosen: AtomicU64,
    /// What else happens then.
    also: Cut,
    /// Whether that has happened, since the last choice.
    ended: watch::Sender<bool>,
}

impl Wire {
    /// A way to the server's `port`.
    pub async fn new(server: u16, also: impl Fn() + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            server,
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
        Self { port, state }
    }

    /// The URL by this way.
    pub fn url(&self, direct: &str) -> String {
        let url = direct.replace(
            &format!(":{}/", self.state.server),
            &format!(":{}/", self.port),
        );
        assert_ne!(url, direct);
        url + "?sslmode=disable"
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

async fn connect(client: TcpStream, state: Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", state.server)).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
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

//! One connection: commands out, replies in. It knows no time limits; its callers put every step under
//! one and drop the connection when it runs out, so a late reply can never answer a later command.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::time::timeout;

use super::classify::Loss;
use super::reply::{LINE, LINES, Offers, Reply, parse_line};

/// A TCP or TLS stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection to the relay.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    /// What the server offered in its last EHLO reply.
    pub(super) offers: Offers,
    /// Messages begun on it.
    pub(super) used: u32,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream: BufReader::new(stream),
            offers: Offers::default(),
            used: 0,
        }
    }

    /// The bare stream for a TLS handshake; `None` when the server already said more than it was asked,
    /// which under STARTTLS would be clear text posing as protected (RFC 3207 section 4.2).
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.stream
            .buffer()
            .is_empty()
            .then(|| self.stream.into_inner())
    }

    /// Hands `bytes` to the socket.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Loss> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await.map_err(|e| loss(&e))?;
        stream.flush().await.map_err(|e| loss(&e))
    }

    /// Hands `bytes` to the socket and counts in `handed` those it took, also when it is dropped or fails.
    pub(super) async fn write_counted(
        &mut self,
        bytes: &[u8],
        handed: &mut usize,
    ) -> Result<(), Loss> {
        let stream = self.stream.get_mut();
        while let Some(rest) = bytes.get(*handed..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest).await {
                Ok(0) => return Err(Loss::Closed),
                Ok(count) => *handed = handed.saturating_add(count),
                Err(error) => return Err(loss(&error)),
            }
        }
        stream.flush().await.map_err(|e| loss(&e))
    }

    /// Sends one line and reads its reply; or several lines with their line breaks, and reads the reply to the
    /// first.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Loss> {
        let mut bytes = Vec::with_capacity(line.len().saturating_add(2));
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        self.write(&bytes).await?;
        self.read().await
    }

    /// Reads one reply of any number of lines.
    pub(super) async fn read(&mut self) -> Result<Reply, Loss> {
        let mut lines = Vec::new();
        let mut first = None;
        while lines.len() < LINES {
            let mut line = Vec::new();
            let limit = u64::try_from(LINE).unwrap_or(u64::MAX);
            let read = (&mut self.stream)
                .take(limit)
                .read_until(b'\n', &mut line)
                .await
                .map_err(|e| loss(&e))?;
            if read < LINE && !line.ends_with(b"\n") {
                return Err(Loss::Closed);
            }
            let (code, last, text) = parse_line(&line).ok_or(Loss::Malformed)?;
            if *first.get_or_insert(code) != code {
                return Err(Loss::Malformed);
            }
            lines.push(text);
            if last {
                return Ok(Reply { code, lines });
            }
        }
        Err(Loss::Malformed)
    }

    /// Whether a parked connection is still silent and open: anything to read is a farewell or an end.
    pub(super) async fn is_quiet(&mut self) -> bool {
        timeout(Duration::ZERO, self.stream.fill_buf())
            .await
            .is_err()
    }

    /// Says goodbye, briefly and without caring for the answer.
    pub(super) async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(1), self.command("QUIT")).await;
    }
}

fn loss(error: &io::Error) -> Loss {
    match error.kind() {
        io::ErrorKind::TimedOut => Loss::Timeout,
        _ => Loss::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_handed_over_is_counted_even_when_the_rest_never_is() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut connection = Connection::new(Box::new(ours));
        let mut handed = 0;
        let writing = connection.write_counted(&[b'a'; 16], &mut handed);
        assert!(timeout(Duration::from_millis(10), writing).await.is_err());
        assert_eq!(handed, 10);
    }
}

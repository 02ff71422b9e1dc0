//! As much of PostgreSQL's protocol as the tests speak: version 3, simple queries.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection; what goes wrong is an `io::Error`.
pub struct Connection<S> {
    stream: S,
}

impl Connection<UnixStream> {
    /// Opens a connection as `crm`, and expects to be let in without a password.
    pub fn open(socket: &Path, database: &str) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        // A server that should be gone and is not makes the test fail, not hang.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let (kind, body, mut connection) = Self::greet(stream, database)?;
        if (kind, body.as_slice()) != (b'R', &[0, 0, 0, 0]) {
            return Err(io::Error::other(format!(
                "not let in: {}",
                char::from(kind)
            )));
        }
        connection.until_ready()?;
        Ok(connection)
    }
}

impl<S: Read + Write> Connection<S> {
    /// Sends the first message and returns the first answer.
    pub fn greet(stream: S, database: &str) -> io::Result<(u8, Vec<u8>, Self)> {
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for word in ["user", "crm", "database", database, ""] {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
        let mut connection = Self { stream };
        connection.send(None, &body)?;
        let (kind, body) = connection.receive()?;
        Ok((kind, body, connection))
    }

    /// Runs one statement and returns the first column of its rows; NULL is empty.
    pub fn query(&mut self, sql: &str) -> io::Result<Vec<String>> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body)?;
        self.until_ready()
    }

    /// Waits until the server closes the connection.
    pub fn wait_for_end(&mut self) {
        while self.receive().is_ok() {}
    }

    fn until_ready(&mut self) -> io::Result<Vec<String>> {
        let mut rows = Vec::new();
        let mut problem = None;
        loop {
            match self.receive()? {
                (b'Z', _) => break,
                (b'E', body) => problem = Some(String::from_utf8_lossy(&body).into_owned()),
                (b'D', body) => {
                    let length = i32::from_be_bytes(body[2..6].try_into().unwrap());
                    let length = usize::try_from(length).unwrap_or(0);
                    rows.push(String::from_utf8(body[6..6 + length].to_vec()).unwrap());
                }
                _ => {}
            }
        }
        problem.map_or(Ok(rows), |problem| Err(io::Error::other(problem)))
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
        let mut message: Vec<u8> = kind.into_iter().collect();
        let length = u32::try_from(body.len() + 4).unwrap();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message)
    }

    fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

//! An answer as lines, as they arrive; a line that is too long takes no room.

use crm_core::port::llm::{LlmError, LlmFailure};
use reqwest::Response;

use super::path;
use crate::client::Claude;
use crate::errors::transport;

/// Longest line that is kept. A draft is a few kilobytes; the longest answer of any model is below.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// One line, or that it was too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Line(Vec<u8>),
    TooLong,
}

/// The lines of the results of one batch, without their meaning.
pub(super) struct Split {
    answer: Response,
    buffer: Buffer,
}

impl Split {
    pub(super) async fn open(claude: &Claude, id: &str) -> Result<Self, LlmError> {
        // Built from the base address: the key must not follow `results_url`.
        let path = format!("{}/results", path(id)?);
        let request = claude.http.get(&path, &[]);
        let answer = claude.open(request.timeout(claude.config.batch_timeout));
        Ok(Self {
            answer: answer.await?,
            buffer: Buffer::default(),
        })
    }

    /// The next line that is not blank.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, LlmFailure> {
        loop {
            if let Some(piece) = self.buffer.cut() {
                return Ok(Some(piece));
            }
            if self.buffer.ended {
                return Ok(None);
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) => self.buffer.kept.extend_from_slice(&chunk),
                Ok(None) => self.buffer.ended = true,
                Err(error) => return Err(transport(&error)),
            }
        }
    }
}

/// What has arrived and was not handed on.
#[derive(Default)]
struct Buffer {
    kept: Vec<u8>,
    /// How much of `kept` is known to hold no end of a line.
    searched: usize,
    /// Inside a line that is too long already.
    skipping: bool,
    /// Nothing more arrives.
    ended: bool,
}

impl Buffer {
    /// Takes a line out.
    fn cut(&mut self) -> Option<Piece> {
        loop {
            let rest = self.kept.get(self.searched..).unwrap_or_default();
            let end = match rest.iter().position(|b| *b == b'\n') {
                Some(at) => self.searched + at + 1,
                // The last line may lack its end.
                None if self.ended && !self.kept.is_empty() => self.kept.len(),
                None => return self.wait(),
            };
            let line: Vec<u8> = self.kept.drain(..end).collect();
            self.searched = 0;
            if std::mem::take(&mut self.skipping) || line.len() > LONGEST_LINE {
                return Some(Piece::TooLong);
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Piece::Line(line));
            }
        }
    }

    /// There is no whole line: keeps the part of one unless it is too long already.
    fn wait(&mut self) -> Option<Piece> {
        self.searched = self.kept.len();
        if self.kept.len() > LONGEST_LINE {
            self.skipping = true;
            self.kept = Vec::new();
            self.searched = 0;
        }
        let last = self.ended && std::mem::take(&mut self.skipping);
        last.then_some(Piece::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pieces of these chunks, and the most that was kept after one of them was worked off.
    fn pieces(chunks: &[&[u8]]) -> (Vec<Piece>, usize) {
        let (mut buffer, mut all, mut most) = (Buffer::default(), Vec::new(), 0);
        for chunk in chunks {
            buffer.kept.extend_from_slice(chunk);
            all.extend(std::iter::from_fn(|| buffer.cut()));
            most = most.max(buffer.kept.len());
        }
        buffer.ended = true;
        all.extend(std::iter::from_fn(|| buffer.cut()));
        (all, most)
    }

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (all, _) = pieces(chunks);
        let text = |piece| match piece {
            Piece::Line(line) => String::from_utf8(line).expect("text").trim().to_owned(),
            Piece::TooLong => "too long".to_owned(),
        };
        all.into_iter().map(text).collect()
    }

    #[test]
    fn lines_are_whole_wherever_the_chunks_end() {
        let text = "{\"a\":\"Анна\"}\r\n\n  \n{\"b\":2}\nlast".as_bytes();
        let wanted = ["{\"a\":\"Анна\"}", "{\"b\":2}", "last"];
        for at in 0..=text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(lines(&[left, right]), wanted, "cut at {at}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&single), wanted);
        assert_eq!(lines(&[b"", b"\n\n"]), [""; 0]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_room_than_the_longest() {
        let part = vec![b'x'; 1 << 20];
        let mut chunks: Vec<&[u8]> = vec![&part; 40];
        let (all, most) = pieces(&chunks);
        assert_eq!(all, [Piece::TooLong]);
        assert!(most <= LONGEST_LINE, "{most} bytes were kept");
        chunks.push(b"\nnext\n");
        assert_eq!(lines(&chunks), ["too long", "next"]);
        // One that is just short enough comes whole.
        let longest = vec![b'y'; LONGEST_LINE - 1];
        let (all, _) = pieces(&[&longest, b"\n"]);
        assert!(matches!(&all[..], [Piece::Line(line)] if line.len() == LONGEST_LINE));
    }
}

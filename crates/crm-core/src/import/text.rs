//! The text of a file, decoded piece by piece, with a window on it that a reader may go back in.

use std::io::Read;

use super::encoding::{Encoding, decode};
use crate::error::{Error, ErrorKind, Result};

/// How many bytes are read at once.
const PIECE: usize = 64 * 1024;

/// A text that is read from its beginning to its end.
pub(super) struct Text<R> {
    file: R,
    decoder: encoding_rs::Decoder,
    /// What was decoded and is still wanted.
    window: String,
    /// Where the wanted part begins in `window`.
    from: usize,
    ended: bool,
}

impl<R: Read> Text<R> {
    pub(super) fn new(file: R, encoding: Encoding) -> Self {
        Self {
            file,
            decoder: encoding.decoder(),
            window: String::new(),
            from: 0,
            ended: false,
        }
    }

    /// What is there and was not left behind.
    pub(super) fn rest(&self) -> &str {
        self.window.get(self.from..).unwrap_or_default()
    }

    /// Whether nothing comes behind [`rest`](Self::rest).
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Leaves this many bytes of the rest behind; they end with a whole character.
    pub(super) fn leave(&mut self, bytes: usize) {
        self.from = self.window.len().min(self.from + bytes);
        // Moving the rest to the front costs its length: only when most of the window is behind it.
        if self.from > PIECE && self.from > self.window.len() / 2 {
            self.window.drain(..self.from);
            self.from = 0;
        }
    }

    /// Puts something before the rest, to be read next.
    pub(super) fn put_back(&mut self, text: &str) {
        self.window.replace_range(..self.from, text);
        self.from = 0;
    }

    /// Reads on; false at the end.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub(super) fn more(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let mut piece = vec![0; PIECE];
        let read = loop {
            match self.file.read(&mut piece) {
                Ok(read) => break read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    let what = "the file cannot be read to its end; send it again";
                    return Err(Error::new(ErrorKind::Unavailable, what));
                }
            }
        };
        self.ended = read == 0;
        let bytes = piece.get(..read).unwrap_or_default();
        // What is no text in this encoding becomes U+FFFD, which no row with it survives.
        decode(&mut self.decoder, bytes, &mut self.window, self.ended);
        Ok(true)
    }

    /// Reads on until this much is there, or the end.
    pub(super) fn at_least(&mut self, bytes: usize) -> Result<()> {
        while self.rest().len() < bytes && self.more()? {}
        Ok(())
    }
}

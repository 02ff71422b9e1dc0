//! Files that come with a form: kept on the disk while they are worked on, in a file without a name that is gone with its
//! last reader or with this program. However large one is, it takes no more memory than a small one.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};

use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use sha2::{Digest as _, Sha256};

use crate::auth::hex;
use crate::error::Problem;

/// How much of a file is in memory before it is written. In bytes.
const PART: usize = 1024 * 1024;

/// A file that has come as a whole.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    /// At its beginning.
    pub(crate) file: File,
    /// SHA-256 in hexadecimal digits.
    pub(crate) digest: String,
}

impl UploadedFile {
    /// Takes in a field of a form, of at most `most` bytes.
    pub(crate) async fn receive(mut field: Field<'_>, most: u64) -> Result<Self, Problem> {
        let mut writer = blocking(Writer::new).await?;
        let mut part = Vec::new();
        let mut length = 0_u64;
        while let Some(bytes) = field.chunk().await.map_err(refused)? {
            length += bytes.len() as u64;
            if length > most {
                return Err(Problem::too_large());
            }
            part.extend_from_slice(&bytes);
            if part.len() >= PART {
                (writer, part) = blocking(move || writer.write(part)).await?;
            }
        }
        blocking(move || writer.write(part)?.0.end()).await
    }
}

/// A field of a form that is no file.
pub(crate) async fn small(mut field: Field<'_>, most: usize) -> Result<Vec<u8>, Problem> {
    let mut text = Vec::new();
    while let Some(bytes) = field.chunk().await.map_err(refused)? {
        if text.len() + bytes.len() > most {
            return Err(Problem::too_large());
        }
        text.extend_from_slice(&bytes);
    }
    Ok(text)
}

/// Why a form cannot be read.
pub(crate) fn refused(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large()
    } else {
        Problem::malformed("the form cannot be read")
    }
}

struct Writer {
    file: File,
    hash: Sha256,
}

impl Writer {
    fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            hash: Sha256::new(),
        })
    }

    /// Gives the room back, empty.
    fn write(mut self, mut part: Vec<u8>) -> io::Result<(Self, Vec<u8>)> {
        self.hash.update(&part);
        self.file.write_all(&part)?;
        part.clear();
        Ok((self, part))
    }

    fn end(mut self) -> io::Result<UploadedFile> {
        self.file.rewind()?;
        Ok(UploadedFile {
            file: self.file,
            digest: hex(&self.hash.finalize()),
        })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| {
        tracing::error!(kind = %error.kind(), "a file that came with a form cannot be kept");
        Problem::unavailable("the file cannot be kept here; is the disk for temporary files full?")
    })
}

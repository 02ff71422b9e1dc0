//! The file of an import. It is read more than once: what it is, its digest, its rows. So what comes from a pipe is kept
//! on the disk first, and of a file that grows meanwhile only what was there at first is seen.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal as _, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::output::Failure;
use crate::auth::hex;

/// A file as it was when it was opened.
pub(super) struct Input {
    pub(super) file: Bounded,
    /// How it is called in what is said.
    pub(super) name: String,
    /// SHA-256 in hexadecimal digits.
    pub(super) digest: String,
    seen: Option<Seen>,
}

/// What tells that a file was changed.
struct Seen {
    path: PathBuf,
    length: u64,
    written: Option<SystemTime>,
}

impl Input {
    /// Opens a file, or standard input for `-` or nothing.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.filter(|path| *path != Path::new("-"));
        let Some(path) = path else {
            let input = io::stdin();
            if input.is_terminal() {
                return Err(Failure::Usage(
                    "give a file, or have another program write to standard input".to_owned(),
                ));
            }
            return Self::spooled("standard input".to_owned(), input.lock());
        };
        let name = path.display().to_string();
        let unread = |error: io::Error| Failure::Usage(format!("{name}: {}", why(&error)));
        let file = File::open(path).map_err(unread)?;
        let about = file.metadata().map_err(unread)?;
        if about.is_dir() {
            return Err(Failure::Usage(format!(
                "{name}: it is a folder; give a file"
            )));
        }
        if !about.is_file() {
            // A pipe: it cannot be read twice.
            return Self::spooled(name.clone(), file);
        }
        Self::new(file, name.clone(), Some(Seen::of(path, &about)))
    }

    /// Keeps what is read in a file without a name, which is gone with this program.
    fn spooled(name: String, mut from: impl Read) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::Failed(format!("{name} cannot be kept: {}", error.kind()));
        let mut file = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut from, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Self::new(file, name, None)
    }

    fn new(file: File, name: String, seen: Option<Seen>) -> Result<Self, Failure> {
        let unread = |error: io::Error| Failure::Usage(format!("{name}: {}", why(&error)));
        let length = match &seen {
            Some(seen) => seen.length,
            None => file.metadata().map_err(unread)?.len(),
        };
        let mut file = Bounded {
            file,
            length,
            at: 0,
        };
        let mut hash = Sha256::new();
        let mut part = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut part).map_err(unread)?;
            match part.get(..read) {
                None | Some([]) => break,
                Some(bytes) => hash.update(bytes),
            }
        }
        file.rewind().map_err(unread)?;
        Ok(Self {
            file,
            digest: hex(&hash.finalize()),
            name,
            seen,
        })
    }

    /// Whether the file is another one than it was.
    pub(super) fn has_changed(&self) -> bool {
        self.seen.as_ref().is_some_and(Seen::is_over)
    }
}

impl Seen {
    fn of(path: &Path, about: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            length: about.len(),
            written: about.modified().ok(),
        }
    }

    fn is_over(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |now| {
            now.len() != self.length || now.modified().ok() != self.written
        })
    }
}

/// Why a file cannot be read, for whoever gave it.
fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read; check its rights".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder; give a file".to_owned(),
        kind => format!("it cannot be read: {kind}"),
    }
}

/// The beginning of a file, as if it were the whole.
#[derive(Debug)]
pub(super) struct Bounded {
    file: File,
    length: u64,
    at: u64,
}

impl Read for Bounded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = self.length.saturating_sub(self.at);
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(out.len());
        let read = match out.get_mut(..most) {
            Some(out) => self.file.read(out)?,
            None => 0,
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let to = to.ok_or(io::ErrorKind::InvalidInput)?;
        self.at = self.file.seek(SeekFrom::Start(to))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_added_meanwhile_is_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "name\nAnna\n").unwrap();
        let mut input = Input::open(Some(&path)).unwrap();
        assert!(!input.has_changed());
        let mut more = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        more.write_all(b"Zoya\n").unwrap();
        let mut text = String::new();
        input.file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "name\nAnna\n");
        assert_eq!(input.file.seek(SeekFrom::End(-5)).unwrap(), 5);
        text.clear();
        input.file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "Anna\n");
        assert_eq!(input.file.seek(SeekFrom::Current(-2)).unwrap(), 8);
        assert!(input.file.seek(SeekFrom::Current(-20)).is_err());
        assert!(input.has_changed());
        let digest = hex(&Sha256::digest("name\nAnna\n"));
        assert_eq!(input.digest, digest);
        let piped = Input::spooled("pipe".to_owned(), &b"name\nAnna\n"[..]).unwrap();
        assert_eq!(piped.digest, digest);
        assert!(!piped.has_changed());
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| Input::open(Some(path)).err().unwrap();
        let told = |path: &Path| told(path).text().unwrap_or_default().to_owned();
        assert!(told(folder.path()).ends_with(": it is a folder; give a file"));
        let missing = told(&folder.path().join("x.csv"));
        assert!(
            missing.ends_with("x.csv: there is no such file"),
            "{missing}"
        );
    }
}

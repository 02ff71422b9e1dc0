//! A mailbox as a folder (Maildir), from which a host takes bounces: each mail stays in `new` until the host
//! says that it took it, so a crash hands it out again and loses none.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind::NotFound, Read as _};
use std::path::{Path, PathBuf};

use crm_core::{Error, ErrorKind, Result};
use tokio::task::spawn_blocking;

use super::bounce::LARGEST;

/// A Maildir with its folders `new` and `cur`, read by one process at a time. Mail programs may use it
/// meanwhile: what they have moved is theirs. Its names hold a colon, which Windows does not allow.
///
/// # Example
/// ```
/// use crm_channels::smtp::{Maildir, ReturnPath, bounce};
/// # use crm_core::port::callback::News;
/// # async fn record(_: Vec<News>) {}
///
/// # async fn one_round(path: &std::path::Path, return_path: &ReturnPath) -> crm_core::Result<()> {
/// let maildir = Maildir::open(path).await?;
/// for mail in maildir.next(100).await? {
///     match bounce::read(mail.raw(), Some(return_path)) {
///         Ok(news) => {
///             record(news).await;
///             maildir.taken(&mail).await?;
///         }
///         Err(_) => maildir.set_aside(&mail).await?,
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Maildir {
    new: PathBuf,
    cur: PathBuf,
}

impl fmt::Debug for Maildir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maildir").finish_non_exhaustive()
    }
}

/// A mail from a [`Maildir`]. `Debug` tells its size only.
pub struct Mail {
    name: OsString,
    raw: Vec<u8>,
}

impl Mail {
    /// Its octets, the first mebibyte of them.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({} bytes)", self.raw.len())
    }
}

impl Maildir {
    /// The Maildir at `path`.
    ///
    /// # Errors
    /// `Configuration` when `new` or `cur` is missing there.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let found = Self {
            new: path.join("new"),
            cur: path.join("cur"),
        };
        let (new, cur) = (found.new.clone(), found.cur.clone());
        if blocking(move || Ok(new.is_dir() && cur.is_dir())).await? {
            Ok(found)
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                "a Maildir has the folders new and cur",
            ))
        }
    }

    /// Up to `most` mails that were not taken yet, the oldest first by their names. A file that cannot be read
    /// is [set aside](Self::set_aside) and not among them.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be read or changed.
    pub async fn next(&self, most: usize) -> Result<Vec<Mail>> {
        let maildir = self.clone();
        blocking(move || {
            let mut mails = Vec::new();
            for name in oldest(&maildir.new, most)? {
                match read(&maildir.new.join(&name)) {
                    Ok(raw) => mails.push(Mail { name, raw }),
                    Err(error) if error.kind() == NotFound => {}
                    Err(_) => maildir.keep_aside(&name)?,
                }
            }
            Ok(mails)
        })
        .await
    }

    /// Marks a mail as done: it goes to `cur` with the flag `S` (seen). To be called once everything that
    /// came of it is stored. A mail that is no longer there was moved by somebody else, which is fine.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be changed; the mail is handed out again then.
    pub async fn taken(&self, mail: &Mail) -> Result<()> {
        let (maildir, name) = (self.clone(), mail.name.clone());
        blocking(move || maildir.settle(&name, "", 'S')).await
    }

    /// Keeps a mail that cannot be understood for a person to look at: it goes to `cur` with `.unreadable` in
    /// its name and the flag `F` (flagged), and is not handed out again.
    ///
    /// # Errors
    /// As for [`Self::taken`].
    pub async fn set_aside(&self, mail: &Mail) -> Result<()> {
        let (maildir, name) = (self.clone(), mail.name.clone());
        blocking(move || maildir.keep_aside(&name)).await
    }

    fn keep_aside(&self, name: &OsStr) -> io::Result<()> {
        self.settle(name, ".unreadable", 'F')
    }

    /// Moves a mail from `new` to `cur`, which happens wholly or not at all. Nothing is flushed: after a
    /// power cut the mail may be in `new` again, and is handed out once more.
    fn settle(&self, name: &OsStr, mark: &str, flag: char) -> io::Result<()> {
        match fs::rename(self.new.join(name), self.free(name, mark, flag)) {
            Err(error) if error.kind() != NotFound => Err(error),
            Err(error) if !self.cur.is_dir() => Err(error),
            _ => Ok(()),
        }
    }

    /// A name in `cur` that nothing has yet. Names of a Maildir are unique, but a second mail of one name
    /// must not replace the first.
    fn free(&self, name: &OsStr, mark: &str, flag: char) -> PathBuf {
        let mut number = 0_u32;
        loop {
            let again = match number {
                0 => String::new(),
                number => format!(".{number}"),
            };
            let mut free = stem(name);
            free.push(format!("{mark}{again}:2,{flag}"));
            let path = self.cur.join(free);
            number = number.saturating_add(1);
            if fs::symlink_metadata(&path).is_err() {
                return path;
            }
        }
    }
}

/// The name without flags, which a mail in `new` seldom has.
fn stem(name: &OsStr) -> OsString {
    let text = name.to_str().and_then(|text| text.split_once(":2,"));
    text.map_or_else(|| name.to_owned(), |(stem, _)| OsString::from(stem))
}

/// The first names in order. Only files count, and none that begins with a dot.
fn oldest(new: &Path, most: usize) -> io::Result<BTreeSet<OsString>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(new)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || !entry.file_type()?.is_file() {
            continue;
        }
        names.insert(name);
        if names.len() > most {
            names.pop_last();
        }
    }
    Ok(names)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    fs::File::open(path)?.take(limit).read_to_end(&mut raw)?;
    Ok(raw)
}

/// Where the work may wait for a disk. The error names no file.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let failed = |what: String| Error::new(ErrorKind::Unavailable, what);
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| failed(format!("the Maildir cannot be used: {}", e.kind()))),
        Err(_) => Err(failed("the Maildir was not read to its end".to_owned())),
    }
}

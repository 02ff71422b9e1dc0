//! Who works on the file: every program that does holds a lock beside it. The system frees it when the program ends,
//! however that is, so that whoever finds nobody there knows that what is under way is under way no more.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// This program is there until this is dropped.
pub(super) struct Presence {
    file: File,
    alone: bool,
}

impl Presence {
    /// Comes in. Whoever comes while somebody looks after what was left waits until that is done.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                file.lock_shared()?;
                false
            }
            Err(TryLockError::Error(error)) => return Err(error),
        };
        Ok(Self { file, alone })
    }

    /// Whether nobody else is there.
    pub(super) const fn is_alone(&self) -> bool {
        self.alone
    }

    /// Lets others in.
    pub(super) fn share(&mut self) -> io::Result<()> {
        if self.alone {
            self.file.unlock()?;
            self.file.lock_shared()?;
            self.alone = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_one_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut first = Presence::begin(&path).unwrap();
        assert!(first.is_alone());
        first.share().unwrap();
        let mut second = Presence::begin(&path).unwrap();
        assert!(!second.is_alone());
        second.share().unwrap();
        drop(first);
        assert!(!Presence::begin(&path).unwrap().is_alone());
        drop(second);
        assert!(Presence::begin(&path).unwrap().is_alone());
    }
}

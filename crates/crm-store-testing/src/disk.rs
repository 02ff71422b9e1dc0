//! A small disk that fills up.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in a process that has a namespace of its own to mount in.
const NAMESPACE: &str = "CRM_TEST_NAMESPACE";

/// Names a folder on a small file system that the tests may fill, for users who may mount none.
const SMALL_DISK: &str = "CRM_SMALL_DISK";

/// What a disk may hold at most and still be called small.
const SMALL: u64 = 1 << 30;

/// A file system in memory, unmounted in the end; or a folder on one that somebody made.
#[derive(Debug)]
pub struct Disk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// A disk of that size, such as `8m`, or a folder where `CRM_SMALL_DISK` says; `None` where it says nothing and
    /// this user may mount nothing.
    ///
    /// # Panics
    /// There is no folder to mount at, or none can be made where the variable says.
    #[must_use]
    pub fn mount(size: &str) -> Option<Self> {
        if let Some(place) = std::env::var_os(SMALL_DISK) {
            return Some(Self {
                folder: tempfile::tempdir_in(place).unwrap(),
                mounted: false,
            });
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        let options = format!("size={size},mode=755");
        command.args(["-t", "tmpfs", "-o", &options, "crm-test"]);
        let done = command.arg(folder.path()).output();
        done.is_ok_and(|done| done.status.success())
            .then_some(Self {
                folder,
                mounted: true,
            })
    }

    /// Runs `test` on such a disk; where this user may mount nothing, in a namespace of its own. `me` is the
    /// name of the test that calls this and nothing else.
    ///
    /// # Panics
    /// The test did; or the system allows neither.
    pub fn with(me: &str, size: &str, test: impl FnOnce(Self)) {
        if let Some(disk) = Self::mount(size) {
            return test(disk);
        }
        assert!(
            std::env::var_os(NAMESPACE).is_none(),
            "a namespace of its own lets this user mount nothing"
        );
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", me, "--nocapture"])
            .env(NAMESPACE, "1")
            .output()
            .unwrap();
        let (said, told) = (&output.stdout, &output.stderr);
        let said = String::from_utf8_lossy(said) + String::from_utf8_lossy(told);
        println!("{said}");
        assert!(
            output.status.success(),
            "it failed; where it says that unshare may not: run the tests as root, or allow user namespaces"
        );
    }

    /// Fills all that is left; removing the file makes room again.
    ///
    /// # Panics
    /// It fails for another reason than a full disk.
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        let path = self.path().join("filling");
        let mut file = File::create(&path).unwrap();
        let mut block = vec![b'x'; 1 << 16];
        let mut written = 0;
        while !block.is_empty() {
            match file.write_all(&block) {
                Ok(()) => {
                    written += block.len() as u64;
                    assert!(written < SMALL, "what {SMALL_DISK} names is no small disk");
                }
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
                    block.truncate(block.len() / 2);
                }
            }
        }
        path
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.mounted {
            return;
        }
        // Lazily, should a process of a server still be ending.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

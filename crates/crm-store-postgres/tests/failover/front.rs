//! The one address that programs know, whichever server stands behind it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crm_postgres_testing::Server;
use tempfile::TempDir;

/// A folder with a link to a server's socket, which moves as a cluster's address does.
pub(crate) struct Front {
    folder: TempDir,
}

impl Front {
    /// An address with nothing behind it.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// New connections lead to this server from now on.
    pub(crate) fn lead_to(&self, server: &Server) {
        let next = self.folder.path().join("next");
        symlink(server.socket(), &next).unwrap();
        std::fs::rename(next, self.socket(server)).unwrap();
    }

    fn socket(&self, server: &Server) -> PathBuf {
        self.folder
            .path()
            .join(server.socket().file_name().unwrap())
    }

    /// The URL of the database `postgres` there.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().display().to_string();
        assert!(!folder.contains([' ', '%', '&']), "{folder}");
        format!(
            "postgres://crm@localhost:5432/postgres?host={}",
            folder.replace('/', "%2F")
        )
    }
}

//! Private folders with names nobody could have taken before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A socket's path has 103 bytes on macOS and 107 on Linux; the file is called `.s.PGSQL.65535`.
const LONGEST: usize = 103 - "/.s.PGSQL.65535".len();

/// Makes a folder that only its owner may enter.
pub(crate) fn private(parent: &Path) -> Result<PathBuf, String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    loop {
        let folder = parent.join(format!("crm-pg-{}", secret()));
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{}: {error}", folder.display())),
        }
    }
}

/// Where a socket may lie: the system's folder for temporary files, or /tmp where a name in the former is
/// too long for a socket or `reachable` says no.
pub(crate) fn for_sockets(reachable: impl Fn(&Path) -> bool) -> Result<PathBuf, String> {
    let own_name = "/crm-pg-0123456789abcdef".len();
    [std::env::temp_dir(), PathBuf::from("/tmp")]
        .into_iter()
        .find(|parent| {
            let length = parent.as_os_str().as_bytes().len() + own_name;
            length <= LONGEST && parent.is_absolute() && listable(parent) && reachable(parent)
        })
        .ok_or_else(|| {
            "no folder for the server's socket: TMPDIR has to be short, absolute and open to the \
             user that runs the server"
                .to_owned()
        })
}

/// Whether the server's list of socket folders can name it.
fn listable(folder: &Path) -> bool {
    let special = |c: char| c == ',' || c == '"' || c.is_control();
    folder.to_str().is_some_and(|name| !name.contains(special))
}

/// 64 random bits in hexadecimal, from the keys the system gave to this process's hash tables.
pub(crate) fn secret() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_folder_is_new_private_and_short_enough_for_a_socket() {
        let parent = for_sockets(|_| true).unwrap();
        let (one, two) = (private(&parent).unwrap(), private(&parent).unwrap());
        assert_ne!(one, two);
        for folder in [one, two] {
            assert_eq!(
                folder.metadata().unwrap().permissions().mode() & 0o777,
                0o700
            );
            assert!(folder.as_os_str().as_bytes().len() <= LONGEST);
            std::fs::remove_dir(folder).unwrap();
        }
    }

    #[test]
    fn a_folder_the_server_cannot_reach_is_not_taken() {
        assert!(for_sockets(|_| false).unwrap_err().contains("TMPDIR"));
        assert!(listable(Path::new("/a b")) && !listable(Path::new("/a,b")));
        let missing = private(Path::new("/no/such/folder")).unwrap_err();
        assert!(missing.contains("/no/such/folder"), "{missing}");
    }
}

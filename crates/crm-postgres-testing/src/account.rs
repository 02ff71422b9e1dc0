//! Who runs the server: PostgreSQL refuses to be root.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// `postgres`, else `nobody`, which every system has.
///
/// # Errors
///
/// Neither is in /etc/passwd.
pub(crate) fn unprivileged() -> Result<Account, String> {
    let passwd =
        std::fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| entry(&passwd, name))
        .ok_or_else(|| {
            "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor \
             `nobody`: run the tests as another user"
                .to_owned()
        })
}

fn entry(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        // An account with root's number would be no less refused.
        (uid != 0).then(|| Account {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

/// Whether every user may pass through `path` and all folders above it.
pub(crate) fn open_to_all(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    path.ancestors().all(|folder| {
        let mode = folder.metadata().map(|found| found.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o001 != 0)
    })
}

/// Whether the owner of what this process just made is root.
pub(crate) fn owned_by_root(path: &Path) -> Result<bool, String> {
    let found = path
        .metadata()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(found.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        postgres-old:x:7:7::/:/bin/sh\n\
        nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n\
        broken:x\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let nobody = entry(PASSWD, "nobody").unwrap();
        assert_eq!((nobody.uid, nobody.gid), (65534, 65533));
        for missing in ["postgres", "broken", "root", ""] {
            assert_eq!(entry(PASSWD, missing), None, "{missing}");
        }
    }

    #[test]
    fn a_private_folder_closes_what_is_below_it() {
        let top = std::env::temp_dir().join(format!("crm-pg-open-{}", std::process::id()));
        let below = top.join("below");
        std::fs::create_dir_all(&below).unwrap();
        for (mode, open) in [(0o755, true), (0o750, false)] {
            std::fs::set_permissions(&top, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                open_to_all(&below),
                open && open_to_all(&std::env::temp_dir())
            );
        }
        std::fs::remove_dir_all(&top).unwrap();
        assert!(!open_to_all(&top));
    }
}

//! Connection URLs.

use std::path::Path;

/// A URL over the Unix socket in `folder`, as sqlx and libpq read it.
///
/// Both take the folder from `host` and the socket's number from the port; without a port they would ask the
/// environment.
pub(crate) fn socket(user: &str, folder: &Path, port: u16, database: &str) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    format!(
        "postgres://{user}@localhost:{port}/{}?host={}",
        encoded(database.as_bytes()),
        encoded(folder.as_os_str().as_bytes())
    )
}

/// A URL over TCP on this machine.
pub(crate) fn tcp(user: &str, password: &str, port: u16, database: &str) -> String {
    format!(
        "postgres://{user}:{}@127.0.0.1:{port}/{}",
        encoded(password.as_bytes()),
        encoded(database.as_bytes())
    )
}

/// The same as [`socket`] in libpq's words, as one server reaches another, with the name it gives itself.
pub(crate) fn words(user: &str, folder: &Path, port: u16, name: &str) -> String {
    let folder = folder.display().to_string();
    format!(
        "host={} port={port} user={user} application_name={}",
        quoted(&folder),
        quoted(name)
    )
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_taken_for_a_part_of_the_url() {
        assert_eq!(
            socket("crm", Path::new("/t/a b&c"), 5432, "x?y"),
            "postgres://crm@localhost:5432/x%3Fy?host=%2Ft%2Fa%20b%26c"
        );
        assert_eq!(
            tcp("crm", "p@/:ў", 7, "db_1"),
            "postgres://crm:p%40%2F%3A%D1%9E@127.0.0.1:7/db_1"
        );
    }
    #[test]
    fn nothing_in_a_name_is_taken_for_another_word() {
        assert_eq!(
            words("crm", Path::new("/t/a b"), 5432, "it's"),
            "host='/t/a b' port=5432 user=crm application_name='it\\'s'"
        );
    }
}

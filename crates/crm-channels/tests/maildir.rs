//! Mail is handed out until it was taken: at least once, in order, and none is lost.

// The names in a Maildir are none on Windows.
#![cfg(unix)]
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use std::fs;
use std::path::{Path, PathBuf};

use crm_channels::smtp::{Mail, Maildir, bounce};
use crm_core::ErrorKind;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, raw: &str) {
        fs::write(self.path(name), raw).unwrap();
    }

    /// A second reader, as after a crash.
    async fn open(&self) -> Maildir {
        Maildir::open(self.0.path()).await.unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn texts(mails: &[Mail]) -> Vec<&str> {
    let text = |mail| std::str::from_utf8(Mail::raw(mail)).unwrap();
    mails.iter().map(text).collect()
}

#[tokio::test]
async fn a_mail_comes_again_until_it_was_taken() {
    let folder = Folder::make();
    folder.put("new/2.b.host", "second");
    folder.put("new/1.a.host", "first");
    folder.put("new/3.c.host", "third");
    for _ in 0..2 {
        let mails = folder.open().await.next(2).await.unwrap();
        assert_eq!(texts(&mails), ["first", "second"]);
    }
    let maildir = folder.open().await;
    let mails = maildir.next(10).await.unwrap();
    assert_eq!(texts(&mails), ["first", "second", "third"]);
    maildir.taken(&mails[1]).await.unwrap();
    // The process ends here, and another one begins.
    let maildir = folder.open().await;
    let mails = maildir.next(10).await.unwrap();
    assert_eq!(texts(&mails), ["first", "third"]);
    for mail in &mails {
        maildir.taken(mail).await.unwrap();
        // Saying it twice changes nothing.
        maildir.taken(mail).await.unwrap();
    }
    assert!(maildir.next(10).await.unwrap().is_empty());
    assert!(folder.names("new").is_empty());
    assert_eq!(
        folder.names("cur"),
        ["1.a.host:2,S", "2.b.host:2,S", "3.c.host:2,S"]
    );
    assert_eq!(
        fs::read_to_string(folder.path("cur/2.b.host:2,S")).unwrap(),
        "second"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_kept_and_does_not_come_again() {
    let folder = Folder::make();
    folder.put("new/1", "");
    folder.put("new/2", "From: a@b.example\r\n\r\nhello\r\n");
    let maildir = folder.open().await;
    for mail in maildir.next(10).await.unwrap() {
        match bounce::read(mail.raw(), None) {
            Ok(news) => {
                assert!(news.is_empty());
                maildir.taken(&mail).await.unwrap();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Invalid);
                maildir.set_aside(&mail).await.unwrap();
            }
        }
    }
    assert_eq!(folder.names("cur"), ["1.unreadable:2,F", "2:2,S"]);
    assert!(maildir.next(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_mail_of_the_same_name_is_not_replaced() {
    let folder = Folder::make();
    let maildir = folder.open().await;
    for text in ["a", "b", "c"] {
        folder.put("new/1:2,", text);
        let mails = maildir.next(1).await.unwrap();
        assert_eq!(texts(&mails), [text]);
        maildir.taken(&mails[0]).await.unwrap();
    }
    assert_eq!(folder.names("cur"), ["1.1:2,S", "1.2:2,S", "1:2,S"]);
    let kept = folder.names("cur");
    let all: Vec<String> = kept
        .iter()
        .map(|name| fs::read_to_string(folder.path("cur").join(name)).unwrap())
        .collect();
    assert_eq!(all, ["b", "c", "a"]);
}

#[tokio::test]
async fn only_mail_is_mail() {
    let folder = Folder::make();
    folder.put("new/.hidden", "no");
    folder.put("outside", "no");
    folder.put("cur/0:2,S", "old");
    folder.put("tmp/0", "half");
    fs::create_dir(folder.path("new/folder")).unwrap();
    std::os::unix::fs::symlink(folder.path("outside"), folder.path("new/link")).unwrap();
    folder.put("new/1", "yes");
    let mails = folder.open().await.next(10).await.unwrap();
    assert_eq!(texts(&mails), ["yes"]);
    assert_eq!(format!("{:?}", mails[0]), "Mail(3 bytes)");
    assert_eq!(folder.names("new"), [".hidden", "1", "folder", "link"]);
}

#[tokio::test]
async fn a_huge_mail_is_cut_in_memory_alone() {
    let folder = Folder::make();
    folder.put("new/1", &"x".repeat(bounce::LARGEST + 1));
    let maildir = folder.open().await;
    let mails = maildir.next(1).await.unwrap();
    assert_eq!(mails[0].raw().len(), bounce::LARGEST);
    maildir.taken(&mails[0]).await.unwrap();
    let kept = fs::metadata(folder.path("cur/1:2,S")).unwrap();
    assert_eq!(kept.len(), 1024 * 1024 + 1);
}

#[tokio::test]
async fn somebody_else_may_move_a_mail() {
    let folder = Folder::make();
    folder.put("new/1", "a");
    folder.put("new/2", "b");
    let maildir = folder.open().await;
    let mails = maildir.next(10).await.unwrap();
    fs::rename(folder.path("new/1"), folder.path("cur/1:2,RS")).unwrap();
    fs::remove_file(folder.path("new/2")).unwrap();
    maildir.taken(&mails[0]).await.unwrap();
    maildir.set_aside(&mails[1]).await.unwrap();
    assert_eq!(folder.names("cur"), ["1:2,RS"]);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = Maildir::open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);

    let folder = Folder::make();
    folder.put("new/1", "a");
    let maildir = folder.open().await;
    let mails = maildir.next(1).await.unwrap();
    fs::remove_dir(folder.path("cur")).unwrap();
    let error = maildir.taken(&mails[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(folder.names("new"), ["1"]);
    fs::remove_dir_all(folder.path("new")).unwrap();
    let error = maildir.next(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let shown = format!("{error} {maildir:?}");
    assert!(
        !shown.contains(folder.0.path().to_str().unwrap()),
        "{shown}"
    );
}

//! The plans the server wrote down, and what they read.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use crm_postgres_testing::Server;
use serde_json::Value;

/// Pages of the index that lead to one row, and of the table: its depth at a million rows, and two spare.
const PAGES_PER_ROW: u64 = 8;

/// The server's log, read on from where the last call ended.
pub(crate) struct Log {
    path: PathBuf,
    at: u64,
    seen: usize,
}

impl Log {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            path: server.socket().with_file_name("log"),
            at: 0,
            seen: 0,
        }
    }

    /// How many plans were looked at.
    pub(crate) const fn seen(&self) -> usize {
        self.seen
    }

    /// What was written since.
    pub(crate) fn rest(&mut self) -> String {
        let mut file = File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.at)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        self.at += bytes.len() as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The plans of the call that ended, as far as one read a table from end to end, or more than `rows`.
    pub(crate) fn judge(&mut self, call: &str, rows: u64) -> Vec<String> {
        let text = self.rest();
        let mut wrong = Vec::new();
        for plan in plans(&text) {
            self.seen += 1;
            let root = &plan["Plan"];
            let mut read = Rows::default();
            read.add(root);
            let pages = number(root, "Shared Hit Blocks") + number(root, "Shared Read Blocks");
            let whole = !read.whole.is_empty();
            if whole || read.rows > rows || pages > rows * PAGES_PER_ROW {
                wrong.push(format!(
                    "{call}\n  {} rows and {pages} pages read, {rows} rows allowed; from end to end: {:?}\n{}\n{}",
                    read.rows,
                    read.whole,
                    plan["Query Text"].as_str().unwrap_or_default(),
                    serde_json::to_string_pretty(root).unwrap(),
                ));
            }
        }
        wrong
    }
}

/// The plans in a piece of the log: JSON, each line behind a tab.
fn plans(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.ends_with(" plan:") {
            continue;
        }
        let mut json = String::new();
        for line in lines.by_ref() {
            json.push_str(line);
            if line == "\t}" {
                break;
            }
        }
        found.push(serde_json::from_str(&json).unwrap());
    }
    found
}

#[derive(Default)]
struct Rows {
    rows: u64,
    /// Tables read from end to end.
    whole: Vec<String>,
}

impl Rows {
    fn add(&mut self, node: &Value) {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        if let Some(table) = node["Relation Name"].as_str() {
            let each = number(node, "Actual Rows")
                + number(node, "Rows Removed by Filter")
                + number(node, "Rows Removed by Index Recheck");
            let read = each * number(node, "Actual Loops");
            // What nobody reads again is written: counted where it is read.
            if kind != "ModifyTable" {
                self.rows += read;
            }
            // A few rows fill one page, and reading that is the shortest way.
            if kind == "Seq Scan" && read > 0 && table != "workspaces" {
                self.whole.push(table.to_owned());
            }
        }
        for part in node["Plans"].as_array().into_iter().flatten() {
            self.add(part);
        }
    }
}

fn number(node: &Value, name: &str) -> u64 {
    node[name].as_u64().unwrap_or(0)
}

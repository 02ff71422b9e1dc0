//! Looks whether the page is there before it is embedded, and again when it was built anew.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_WEB").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").is_file() {
        println!("cargo::error=the page is not built: run `cargo xtask web` first");
    }
}

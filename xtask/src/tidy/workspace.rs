//! The checkout as tidy sees it: every text file, and the Rust ones as token trees and syntax.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use walkdir::{DirEntry, WalkDir};

use crate::failure::Failure;

/// Folders that are built or downloaded, never written by us.
const FOLDERS_SKIPPED: &[&str] =
    &[".git", ".lambent", ".pytest_cache", "__pycache__", "node_modules", "target"];

/// A file of text, with its path relative to the root, `/` between the parts.
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A Rust source file.
pub(crate) struct RustFile {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Every token, also those inside macro calls; comments are gone, doc comments are attributes.
    pub(crate) tokens: TokenStream,
    /// `None` when it does not parse, which is a violation of its own.
    pub(crate) syntax: Option<syn::File>,
}

impl RustFile {
    /// Takes the text of a file apart.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).ok();
        let tokens = text.parse().unwrap_or_default();
        Self { path: path.to_owned(), text: text.to_owned(), tokens, syntax }
    }

    /// Generated files are long by nature and are not read from top to bottom.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.split('/').any(|part| part == "generated" || part == "generated.rs")
    }
}

/// All files of the checkout, sorted by path.
pub(crate) struct Workspace {
    pub(crate) rust: Vec<RustFile>,
    pub(crate) texts: Vec<TextFile>,
}

impl Workspace {
    /// Reads everything below `root` that is UTF-8 text.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let mut workspace = Self { rust: Vec::new(), texts: Vec::new() };
        let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_ours);
        for entry in entries {
            let entry = entry.map_err(|e| Failure::during("cannot walk the checkout", e))?;
            if !entry.file_type().is_file() {
                continue;
            }
            let bytes = fs::read(entry.path()).map_err(|e| Failure::during(entry.path().display(), e))?;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let path = relative(root, entry.path());
            if path.ends_with(".rs") {
                workspace.rust.push(RustFile::parse(&path, &text));
            }
            workspace.texts.push(TextFile { path, text });
        }
        Ok(workspace)
    }

    /// The text of one file, if there is such a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

fn is_ours(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(entry.file_type().is_dir() && FOLDERS_SKIPPED.contains(&name.as_ref()))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

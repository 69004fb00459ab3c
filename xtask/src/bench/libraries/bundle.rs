//! AWS's SDK for JavaScript in one script with the function, as esbuild makes it and CDK and SAM deploy it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::package;
use super::super::runtimes::{self, Subject};
use crate::failure::Failure;
use crate::shell;

const WANTED: [&str; 2] = ["@aws-sdk/client-s3@3.1175.0", "esbuild@0.28.2"];
const NAME: &str = "node, AWS's SDK in a bundle";
/// What is bundled.
const SOURCE: &str = "const { S3Client, ListBucketsCommand } = require('@aws-sdk/client-s3');
const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
const client = new S3Client({ region: 'us-east-1', credentials });
exports.handler = async (event) => event;
exports.list = () => client.send(new ListBucketsCommand({}));
";

/// A function that brings the client of S3, minified.
///
/// # Errors
/// When npm has none of it.
pub(super) fn subject(node: &Subject, folder: &Path) -> Result<Subject, Failure> {
    let task = folder.join("node-bundle");
    let bundle = task.join("app.js");
    if !bundle.is_file() {
        let sources = folder.join("node-bundle-sources");
        let entry = sources.join("entry.js");
        let install = ["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
        shell::succeed("bench-npm", Command::new("npm").args(install).arg(&sources).args(WANTED))?;
        fs::write(&entry, SOURCE).map_err(|e| Failure::during(entry.display(), e))?;
        let mut esbuild = Command::new(sources.join("node_modules/.bin/esbuild"));
        esbuild.arg(&entry).args([
            "--bundle",
            "--minify",
            "--platform=node",
            "--format=cjs",
            "--log-level=error",
        ]);
        shell::succeed("bench-esbuild", esbuild.arg(format!("--outfile={}", bundle.display())))?;
    }
    let code = fs::read(&bundle).map_err(|e| Failure::during(bundle.display(), e))?;
    let package = package::zip(&[("app.js", &code)]);
    Ok(Subject { name: NAME, package, variables: runtimes::variables(&task), ..node.clone() })
}

//! G15: the first invocation of a function with much code beside one with little; both read as many bytes of theirs.

use std::thread;

use super::super::Effort;
use super::super::http::About;
use super::super::lambent::Lambent;
use super::super::load::{self, Kind, Latencies, Target};
use super::super::package;
use super::super::report::Row;
use super::super::runtimes::Subject;
use super::super::starts::PAUSE;
use crate::failure::Failure;

/// Unpacked, a little less than a function may have (262,144,000).
const LARGE: usize = 245;
const SMALL: usize = 1;
/// Files of so many bytes.
const FILE_BYTES: usize = 1 << 20;
/// Reads 20 MB of its files, of which there are `FILES`: again and again those that there are. It lists none: how long that takes is no
/// property of the platform.
const READS: &str = "import os
folder = os.path.dirname(__file__)
for number in range(20):
    with open(f'{folder}/part-{number % FILES:03}', 'rb') as file:
        file.read()
def handler(event, context):
    return event
";
const BUCKET: &str = "/bench-packages";

pub(super) fn rows(server: &Lambent, python: &Subject, effort: &Effort) -> Result<Vec<Row>, Failure> {
    server.put(BUCKET, b"", About::S3)?;
    for (name, files) in [("large", LARGE), ("small", SMALL)] {
        server.put(&format!("{BUCKET}/{name}.zip"), &package_of(files), About::S3)?;
    }
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for number in 0..effort.cold_starts {
        for (name, into) in [("large", &mut large), ("small", &mut small)] {
            let code = serde_json::json!({"S3Bucket": "bench-packages", "S3Key": format!("{name}.zip")});
            let function = format!("package-{name}-{number}");
            let path = server.deploy_code(python, &function, &code)?;
            thread::sleep(PAUSE);
            let mut connection = server.connect()?;
            let target = Target { address: &server.address, path: &path, body: b"1", kind: Kind::Answer };
            into.push(load::one(&mut connection, &target).map_err(|e| Failure::during(&path, e))?);
        }
    }
    let sum = |micros: &[u64]| std::time::Duration::from_micros(micros.iter().sum());
    let (elapsed, floor_elapsed) = (sum(&large), sum(&small));
    Ok(vec![Row {
        name: format!("cold python, {LARGE} MB : {SMALL} MB"),
        lambent: Latencies::new(large, elapsed),
        floor: Latencies::new(small, floor_elapsed),
    }])
}

/// Files that differ from each other.
fn package_of(files: usize) -> Vec<u8> {
    let parts: Vec<(String, Vec<u8>)> =
        (0..files).map(|number| (format!("part-{number:03}"), vec![number as u8; FILE_BYTES])).collect();
    let named = parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let reads = format!("FILES = {files}\n{READS}");
    package::zip(&[("app.py", reads.as_bytes())].into_iter().chain(named).collect::<Vec<_>>())
}

//! What an export does ("DynamoDB table export output format").
//!
//! ```text
//!  one state of the tables ──► lines, compressed, in files of so many ──► data/*.json.gz
//!                                                     their names ──────► manifest-files.json, .md5
//!                                                     the whole ────────► manifest-summary.json, .md5
//! ```

use std::{collections::HashMap, io::Write, ops::ControlFlow, sync::Arc};

use aws_api::{generated::dynamodb::types, hex, timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use lambda_model::ports::Clock;
use md5::{Digest, Md5};
use serde_json::json;
use store::{TableKey, TableView};
use tokio::sync::mpsc;

use super::{
    super::{
        DynamoDb,
        error::table_not_found,
        history,
        point_in_time::{milliseconds, unavailable},
        record::{TableRecord, found_in},
        value::{self, Item},
        writes,
    },
    COMPLETED, FAILED, Failure, Job, asker, named, seconds,
};
use crate::{
    change::{ChangeError, failed},
    s3::{S3, S3Context},
};

/// Bytes of a file before they are compressed, about.
const FILE_BYTES: usize = 32 * 1_024 * 1_024;

/// A file of lines, compressed.
struct File {
    bytes: Bytes,
    lines: i64,
}

/// Where an export goes.
struct Place<'a> {
    s3: &'a S3,
    context: S3Context,
    bucket: String,
    /// Such as `prefix/AWSDynamoDB/01693685827463-2d8752fd`.
    folder: String,
}

impl Place<'_> {
    /// Puts a file; its key.
    async fn put(&self, name: &str, content_type: &str, bytes: Bytes) -> Result<String, Failure> {
        let key = format!("{}/{name}", self.folder);
        self.s3.put(self.context.clone(), &self.bucket, key.clone(), (content_type, bytes)).await?;
        Ok(key)
    }

    /// Puts a manifest with its checksum beside it; its key.
    async fn put_manifest(&self, name: &str, json: String) -> Result<String, Failure> {
        let sum = BASE64_STANDARD.encode(Md5::digest(&json));
        self.put(&format!("{name}.md5"), "text/plain", sum.into()).await?;
        self.put(&format!("{name}.json"), "application/json", json.into()).await
    }
}

impl DynamoDb {
    /// Does an export, and keeps what became of it.
    pub(super) async fn carry_out_export(
        &self,
        s3: &S3,
        clock: &Arc<dyn Clock>,
        (arn, mut export): (&str, types::ExportDescription),
    ) -> Result<(), ChangeError> {
        let ended = match named(arn, "/export/") {
            Some((key, id)) => self.export_files(s3, clock, (&key, id), &mut export).await,
            None => Ok(()),
        };
        export.end_time.get_or_insert(seconds(clock.now_ms()));
        export.export_status = Some(if ended.is_ok() { COMPLETED } else { FAILED }.to_owned());
        if let Err(Failure { code, message }) = ended {
            (export.failure_code, export.failure_message) = (Some(code), Some(message));
        }
        self.keep_job(arn, Job::Export(export)).await
    }

    async fn export_files(
        &self,
        s3: &S3,
        clock: &Arc<dyn Clock>,
        (key, id): (&TableKey, &str),
        export: &mut types::ExportDescription,
    ) -> Result<(), Failure> {
        let prefix = export.s3_prefix.as_deref().filter(|prefix| !prefix.is_empty());
        let place = Place {
            s3,
            context: asker(key, clock.now_ms()),
            bucket: export.s3_bucket.clone().unwrap_or_default(),
            folder: prefix.map_or_else(String::new, |prefix| format!("{prefix}/")) + "AWSDynamoDB/" + id,
        };
        // What AWS puts first, to see whether it may.
        place.put("_started", "application/octet-stream", Bytes::new()).await?;
        let (sender, mut files) = mpsc::channel(1);
        let (table, asked, now_ms) = (key.clone(), export.clone(), clock.now_ms());
        let tables = self.tables.clone();
        let read = move |view: &TableView<'_>| lines(view, (&table, &asked), now_ms, sender);
        let reading = tokio::spawn(async move { tables.read(read).await });
        let (mut manifest, mut bytes, mut items) = (String::new(), 0, 0);
        let mut nth = 0;
        while let Some(File { bytes: file, lines }) = files.recv().await {
            // The same in an export that is begun anew: what was written before is written over.
            let name = format!("data/{}-{nth:05}.json.gz", id.rsplit('-').next().unwrap_or_default());
            let sum = Md5::digest(&file);
            let length = i64::try_from(file.len()).unwrap_or(i64::MAX);
            let key = place.put(&name, "application/octet-stream", file).await?;
            let entry = json!({
                "itemCount": lines,
                "md5Checksum": BASE64_STANDARD.encode(sum),
                "etag": hex::encode(&sum),
                "dataFileS3Key": key,
            });
            manifest += &format!("{entry}\n");
            (bytes, items, nth) = (bytes + length, items + lines, nth + 1);
        }
        reading.await.map_err(|error| ChangeError::from(failed(format!("an export: {error}"))))??;
        let files = place.put_manifest("manifest-files", manifest).await?;
        export.item_count = Some(items);
        export.billed_size_bytes = Some(if items == 0 { 0 } else { bytes });
        export.end_time = Some(seconds(clock.now_ms()));
        let summary = summary(export, &files).to_string();
        export.export_manifest = Some(place.put_manifest("manifest-summary", summary).await?);
        Ok(())
    }
}

/// Reads what is asked for and sends it in files, of which there is one at least.
fn lines(
    view: &TableView<'_>,
    (key, asked): (&TableKey, &types::ExportDescription),
    now_ms: i64,
    files: mpsc::Sender<File>,
) -> Result<(), ChangeError> {
    // Another table of the same name is not the one that was asked for.
    let table = found_in(view, key)?.filter(|table| Some(&table.id) == asked.table_id.as_ref());
    let table = table.ok_or_else(|| table_not_found(&key.name))?;
    let mut out = Out::new(files);
    match &asked.incremental_export_specification {
        None => all_at(view, (key, &table), asked.export_time.map_or(now_ms, milliseconds), &mut out)?,
        Some(span) => increments(view, (key, &table), span, &mut out)?,
    }
    out.end()
}

/// Every item as it was at a point in time.
fn all_at(
    view: &TableView<'_>,
    (key, table): (&TableKey, &TableRecord),
    at_ms: i64,
    out: &mut Out,
) -> Result<(), ChangeError> {
    let history = table.history.as_ref().ok_or_else(|| unavailable(&key.name))?;
    let changed = history::changed(view, table, (history, at_ms, i64::MAX / 2_000))?;
    let changed =
        changed.into_iter().map(|changed| ((changed.place.partition, changed.place.sort), changed.old));
    let mut changed: HashMap<_, _> = changed.collect();
    view.in_space(table.space, None, |row| {
        let item = match changed.remove(&(row.partition, row.sort)) {
            Some(old) => old,
            None => Some(writes::decode(&row.item)?),
        };
        item.into_iter().try_for_each(|item| out.line(&json!({"Item": value::shown(item)})))?;
        Ok::<_, ChangeError>(ControlFlow::Continue(()))
    })?;
    // What was there then, and is not now.
    let gone = changed.into_values().flatten();
    gone.into_iter().try_for_each(|item| out.line(&json!({"Item": value::shown(item)})))
}

/// Every item that was changed between two points in time, once.
fn increments(
    view: &TableView<'_>,
    (key, table): (&TableKey, &TableRecord),
    span: &types::IncrementalExportSpecification,
    out: &mut Out,
) -> Result<(), ChangeError> {
    let history = table.history.as_ref().ok_or_else(|| unavailable(&key.name))?;
    let at = |seconds: Option<f64>| milliseconds(seconds.unwrap_or_default());
    let (from_ms, until_ms) = (at(span.export_from_time), at(span.export_to_time));
    let has_old = span.export_view_type.as_deref() != Some("NEW_IMAGE");
    for changed in history::changed(view, table, (history, from_ms, until_ms))? {
        let new = changed.new.flatten();
        // What came and went in between was never there.
        let Some(whole) = new.as_ref().or(changed.old.as_ref()) else { continue };
        let shown = |item: &Item| json!(value::shown(item.clone()));
        let mut line = json!({
            "Metadata": {"WriteTimestampMicros": {"N": (changed.at_ms * 1_000).to_string()}},
            "Keys": value::shown(table.key.of(whole)),
        });
        if let Some(old) = changed.old.as_ref().filter(|_| has_old) {
            line["OldImage"] = shown(old);
        }
        if let Some(new) = &new {
            line["NewImage"] = shown(new);
        }
        out.line(&line)?;
    }
    Ok(())
}

/// Lines on their way into files.
struct Out {
    files: mpsc::Sender<File>,
    encoder: GzEncoder<Vec<u8>>,
    bytes: usize,
    lines: i64,
    has_sent: bool,
}

impl Out {
    fn new(files: mpsc::Sender<File>) -> Self {
        Self { files, encoder: encoder(), bytes: 0, lines: 0, has_sent: false }
    }

    fn line(&mut self, line: &serde_json::Value) -> Result<(), ChangeError> {
        let line = format!("{line}\n");
        self.encoder
            .write_all(line.as_bytes())
            .map_err(|error| failed(format!("a file of an export: {error}")))?;
        self.bytes += line.len();
        self.lines += 1;
        if self.bytes >= FILE_BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), ChangeError> {
        let encoder = std::mem::replace(&mut self.encoder, encoder());
        let bytes = encoder.finish().map_err(|error| failed(format!("a file of an export: {error}")))?;
        let lines = std::mem::take(&mut self.lines);
        (self.bytes, self.has_sent) = (0, true);
        let sent = self.files.blocking_send(File { bytes: bytes.into(), lines });
        Ok(sent.map_err(|_| failed("nobody takes the files of an export any more"))?)
    }

    fn end(mut self) -> Result<(), ChangeError> {
        if self.lines > 0 || !self.has_sent { self.send() } else { Ok(()) }
    }
}

fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

/// What the manifest tells of the whole.
fn summary(export: &types::ExportDescription, files: &str) -> serde_json::Value {
    let shown =
        |seconds: Option<f64>| seconds.map(|seconds| timestamp::iso_milliseconds(milliseconds(seconds)));
    let mut summary = json!({
        "version": "2023-08-01",
        "exportArn": export.export_arn,
        "startTime": shown(export.start_time),
        "endTime": shown(export.end_time),
        "tableArn": export.table_arn,
        "tableId": export.table_id,
        "s3Bucket": export.s3_bucket,
        "s3Prefix": export.s3_prefix,
        "s3SseAlgorithm": export.s3_sse_algorithm,
        "s3SseKmsKeyId": null,
        "manifestFilesS3Key": files,
        "billedSizeBytes": export.billed_size_bytes,
        "itemCount": export.item_count,
        "outputFormat": export.export_format,
        "exportType": export.export_type,
    });
    match &export.incremental_export_specification {
        None => summary["exportTime"] = json!(shown(export.export_time)),
        Some(span) => {
            summary["exportFromTime"] = json!(shown(span.export_from_time));
            summary["exportToTime"] = json!(shown(span.export_to_time));
            summary["outputView"] = json!(span.export_view_type);
        }
    }
    summary
}

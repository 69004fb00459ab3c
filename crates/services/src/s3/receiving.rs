//! From a body to a synced file, with its digests, at most a few pieces in memory.

use std::error::Error;

use aws_api::{hex, sigv4::SignatureError};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::dto::StreamingBlob;
use store::s3::{Checksum, NewObjectFile, ObjectFiles, Segment};

use super::{
    checksums::{Algorithm, Announced, Digester, Digests},
    context::Trailers,
    error::{Refusal, lost_task, refuse},
};

/// Written at once, bytes: what is handed to a thread that may block.
const PIECE_BYTES: usize = 256 * 1024;
/// Largest object that is put, or part that is uploaded, at once (AWS: 5 GiB).
pub(super) const UPLOAD_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// A body and what its sender says of it.
pub(super) struct Upload {
    pub body: Option<StreamingBlob>,
    pub length: Option<i64>,
    /// Base64.
    pub md5: Option<String>,
    pub checksum: Announced,
    pub trailers: Trailers,
}

/// A body that is in a file, bytes and name durable.
pub(super) struct Received {
    pub file: NewObjectFile,
    pub etag: String,
    pub checksum: Checksum,
}

impl Received {
    /// The one segment of an object that was put whole.
    pub(super) fn segment(&self) -> Segment {
        Segment {
            file: self.file.name().to_owned(),
            size_bytes: self.file.size_bytes(),
            part_number: 1,
            checksum: None,
        }
    }
}

/// Receives a body whole, or refuses it.
pub(super) async fn receive(files: ObjectFiles, upload: Upload) -> Result<Received, Refusal> {
    let length = upload.length.and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length > UPLOAD_BYTES_MAX) {
        return Err(too_large());
    }
    let expected_md5 = upload.md5.as_deref().map(md5_of_header).transpose()?;
    let algorithm = upload.checksum.algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let mut sink = Sink::create(files, algorithm).await?;
    if let Some(body) = upload.body {
        sink = drain(body, sink).await?;
    }
    let (file, digests) = sink.finish(length).await?;
    check_digests(&digests, expected_md5.as_deref(), &upload.checksum, &upload.trailers, algorithm)?;
    Ok(Received { file, etag: hex::encode(&digests.md5), checksum: digests.checksum })
}

async fn drain(mut body: StreamingBlob, mut sink: Sink) -> Result<Sink, Refusal> {
    let mut pieces = Vec::new();
    let mut waiting = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| broken(error.as_ref()))?;
        waiting += piece.len();
        pieces.push(piece);
        if waiting >= PIECE_BYTES {
            sink = sink.write(std::mem::take(&mut pieces)).await?;
            waiting = 0;
        }
    }
    if pieces.is_empty() { Ok(sink) } else { sink.write(pieces).await }
}

/// A file that grows, and what is known of its bytes.
pub(super) struct Sink {
    file: NewObjectFile,
    digester: Digester,
}

impl Sink {
    pub(super) async fn create(files: ObjectFiles, algorithm: Algorithm) -> Result<Self, Refusal> {
        let created = blocking(move || files.create()).await?;
        Ok(Self { file: created?, digester: Digester::new(algorithm) })
    }

    pub(super) async fn write(mut self, pieces: Vec<Bytes>) -> Result<Self, Refusal> {
        blocking(move || {
            for piece in &pieces {
                self.digester.update(piece);
                self.file.write(piece)?;
            }
            if self.file.size_bytes() > UPLOAD_BYTES_MAX {
                return Err(too_large());
            }
            Ok(self)
        })
        .await?
    }

    /// Makes the file durable.
    pub(super) async fn finish(self, length: Option<u64>) -> Result<(NewObjectFile, Digests), Refusal> {
        if length.is_some_and(|length| length != self.file.size_bytes()) {
            return Err(incomplete_body());
        }
        blocking(move || {
            self.file.sync()?;
            Ok((self.file, self.digester.finish()))
        })
        .await?
    }
}

/// Runs on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| lost_task())
}

fn check_digests(
    digests: &Digests,
    expected_md5: Option<&[u8]>,
    announced: &Announced,
    trailers: &Trailers,
    algorithm: Algorithm,
) -> Result<(), Refusal> {
    if expected_md5.is_some_and(|expected| expected != digests.md5) {
        return Err(refuse("BadDigest", "The Content-MD5 you specified did not match what we received."));
    }
    let expected = announced.value.clone().or_else(|| trailers.get(&algorithm.header()));
    if expected.is_some_and(|expected| expected != digests.checksum.value) {
        let name = algorithm.name();
        let message = format!("The {name} you specified did not match the calculated checksum.");
        return Err(refuse("BadDigest", message));
    }
    Ok(())
}

fn md5_of_header(header: &str) -> Result<Vec<u8>, Refusal> {
    let decoded = BASE64_STANDARD.decode(header).ok().filter(|bytes| bytes.len() == 16);
    decoded.ok_or_else(|| refuse("InvalidDigest", "The Content-MD5 you specified was invalid."))
}

/// A body that ended with an error: because it was not what was signed, or too early.
fn broken(error: &(dyn Error + Send + Sync + 'static)) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(wrong) = error.downcast_ref::<SignatureError>() {
            return refuse(wrong.s3_code(), wrong.to_string());
        }
        // An error of input and output keeps its reason where `source` does not show it.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    incomplete_body()
}

fn incomplete_body() -> Refusal {
    refuse(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

fn too_large() -> Refusal {
    refuse("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
}

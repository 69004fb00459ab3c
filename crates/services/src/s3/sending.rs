//! From files to a body, and from one file to another.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::stream;
use s3s::dto::StreamingBlob;
use store::{
    StoreError,
    s3::{FileLease, ObjectContent, ObjectFiles, Segment},
};

use super::{
    checksums::Algorithm,
    error::{Refusal, refuse},
    receiving::{Sink, blocking},
};

/// Read at once, bytes.
const PIECE_BYTES: u64 = 256 * 1024;

/// An object whose file was gone when it was to be read. It was deleted or overwritten since it was looked up: a file goes after the
/// commit that takes its name away. Where it is named still, it is lost.
#[derive(Default)]
pub(super) struct Missed(Option<String>);

impl Missed {
    /// Notes it, for the object to be looked up again.
    pub(super) fn look_again(&mut self, content: &ObjectContent) -> Result<(), Refusal> {
        let file = content.segments.first().map(|segment| segment.file.clone());
        if self.0 == file {
            tracing::error!(?file, "a file of an object is lost");
            return Err(unreadable());
        }
        self.0 = file;
        Ok(())
    }
}

/// Bytes of an object on their way, whose files stay until it ends.
pub(super) struct Reading {
    lease: Arc<FileLease>,
    /// What is still to come, in order: files, and where in them.
    pieces: std::vec::IntoIter<(Segment, Range<u64>)>,
    open: Option<(File, u64)>,
}

impl Reading {
    /// Begins to read `range` of an object. `None` when its files are gone since its record was read.
    pub(super) async fn begin(
        files: ObjectFiles,
        content: &ObjectContent,
        range: Range<u64>,
    ) -> Result<Option<Self>, Refusal> {
        let pieces = pieces(&content.segments, &range);
        let segments: Vec<Segment> = pieces.iter().map(|(segment, _)| segment.clone()).collect();
        let lease = blocking(move || files.lease(&segments)).await?;
        Ok(lease.map(|lease| Self { lease: Arc::new(lease), pieces: pieces.into_iter(), open: None }))
    }

    /// The next bytes; `None` at the end. Blocks.
    fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            if let Some((file, left)) = &mut self.open {
                if *left > 0 {
                    return read_piece(file, left).map(Some);
                }
                self.open = None;
            }
            let Some((segment, range)) = self.pieces.next() else { return Ok(None) };
            let mut file = self.lease.open(&segment)?;
            file.seek(SeekFrom::Start(range.start)).map_err(torn)?;
            self.open = Some((file, range.end - range.start));
        }
    }

    async fn step(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        let step = blocking(move || self.next().map(|bytes| bytes.map(|bytes| (bytes, self)))).await;
        step.ok().and_then(Result::ok).ok_or_else(|| std::io::Error::other("the object could not be read"))
    }

    /// As bytes in memory. Blocks.
    pub(super) fn into_bytes(mut self) -> Result<Bytes, Refusal> {
        let mut all = bytes::BytesMut::new();
        while let Some(bytes) = self.next()? {
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// As a body.
    pub(super) fn into_body(self) -> StreamingBlob {
        // Streams of this library must be Sync; the future of a step is not, so that it is polled behind a lock nobody contends.
        StreamingBlob::wrap(SyncStream(std::sync::Mutex::new(Box::pin(stream::try_unfold(self, Self::step)))))
    }

    /// As a file of its own, with the digests of its bytes.
    pub(super) async fn copy_into(self, mut sink: Sink) -> Result<Sink, Refusal> {
        let mut reading = self;
        while let Some((bytes, rest)) = reading.step().await.map_err(|_| unreadable())? {
            sink = sink.write(vec![bytes]).await?;
            reading = rest;
        }
        Ok(sink)
    }
}

fn unreadable() -> Refusal {
    refuse("InternalError", "We encountered an internal error. Please try again.")
}

fn read_piece(file: &mut File, left: &mut u64) -> Result<Bytes, StoreError> {
    let mut bytes = vec![0; usize::try_from((*left).min(PIECE_BYTES)).unwrap_or(0)];
    file.read_exact(&mut bytes).map_err(torn)?;
    *left -= bytes.len() as u64;
    Ok(bytes.into())
}

fn torn(source: std::io::Error) -> StoreError {
    StoreError::File { path: "an object of S3".into(), source }
}

/// The parts of the segments that make up `range` of the whole.
fn pieces(segments: &[Segment], range: &Range<u64>) -> Vec<(Segment, Range<u64>)> {
    let mut at = 0;
    let mut pieces = Vec::new();
    for segment in segments {
        let end = at + segment.size_bytes;
        let (from, to) = (range.start.max(at), range.end.min(end));
        if from < to {
            pieces.push((segment.clone(), from - at..to - at));
        }
        at = end;
    }
    pieces
}

/// Begins a copy of `range` of an object.
pub(super) async fn copy(
    files: ObjectFiles,
    content: &ObjectContent,
    range: Range<u64>,
    algorithm: Algorithm,
) -> Result<Option<Sink>, Refusal> {
    let Some(reading) = Reading::begin(files.clone(), content, range).await? else { return Ok(None) };
    Ok(Some(reading.copy_into(Sink::create(files, algorithm).await?).await?))
}

type Steps = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

struct SyncStream(std::sync::Mutex<Steps>);

impl futures_util::Stream for SyncStream {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let steps = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        steps.as_mut().poll_next(context)
    }
}

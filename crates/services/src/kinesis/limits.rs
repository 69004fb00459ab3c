//! Numbers of Kinesis (developer guide, "Quotas and limits"; DescribeLimits).

/// Open shards of an account in a Region.
pub(super) const SHARDS_MAX: i64 = 6_000;
/// Streams on demand of an account in a Region.
pub(super) const ON_DEMAND_STREAMS_MAX: i64 = 50;
/// Shards that a stream on demand begins with.
pub(super) const ON_DEMAND_SHARDS: u32 = 4;
/// Hours that records are kept where nobody says otherwise, and at least.
pub(super) const RETENTION_HOURS_MIN: i64 = 24;
/// The same at most.
pub(super) const RETENTION_HOURS_MAX: i64 = 8_760;
/// KiB of a record where nobody says otherwise.
pub(super) const RECORD_KIB_DEFAULT: i64 = 1_024;
/// Bytes of one request to put records: those of the records and of their keys.
pub(super) const REQUEST_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Records of an answer at most.
pub(super) const RECORDS_MAX: usize = 10_000;
/// Bytes of an answer at most, nearly.
pub(super) const ANSWER_BYTES_MAX: usize = 10 * 1024 * 1024;
/// How long an iterator can be used, milliseconds.
pub(super) const ITERATOR_MS: i64 = 5 * 60 * 1_000;
/// Consumers of a stream.
pub(super) const CONSUMERS_MAX: usize = 20;
/// Tags of a stream or a consumer.
pub(super) const TAGS_MAX: usize = 50;
/// Elements of a page where nobody says otherwise.
pub(super) const PAGE: i64 = 100;
/// Shards of a page of ListShards.
pub(super) const SHARDS_PAGE: i64 = 1_000;

//! The records: plain data, kept as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a bucket keeps what is overwritten and deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did.
    #[default]
    Never,
    /// It does.
    Enabled,
    /// It did; what is written now has the version `null`.
    Suspended,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketRecord {
    /// Its name, unique on the server.
    pub name: String,
    /// Who owns it.
    pub account_id: String,
    /// Where it was made.
    pub region: String,
    /// When, milliseconds since 1970.
    pub created_ms: i64,
    /// Whether it keeps versions.
    #[serde(default)]
    pub versioning: Versioning,
    /// Its other settings by name, such as `cors`, each as S3's own structure in JSON.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Its key.
    #[serde(skip)]
    pub key: String,
    /// `null`, or an id that no other version of the key has.
    #[serde(skip)]
    pub version_id: String,
    /// Whether it is the newest of its key.
    #[serde(skip)]
    pub is_current: bool,
    /// When it was written, milliseconds since 1970.
    pub last_modified_ms: i64,
    /// Of a delete marker there is none.
    pub content: Option<ObjectContent>,
}

/// What a version of an object holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectContent {
    /// Length, bytes.
    pub size_bytes: u64,
    /// Entity tag, without quotes.
    pub etag: String,
    /// The files that hold it, in order; one per part.
    pub segments: Vec<Segment>,
    /// Whether it was uploaded in parts.
    #[serde(default)]
    pub is_multipart: bool,
    /// The upload that it came from: completing that once more is answered as before.
    #[serde(default)]
    pub upload_id: Option<String>,
    /// The checksum that it was uploaded with.
    #[serde(default)]
    pub checksum: Option<Checksum>,
    /// What is answered with it.
    #[serde(default)]
    pub headers: ObjectHeaders,
    /// Tags in the order that they were given.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// What keeps it from being deleted.
    #[serde(default)]
    pub lock: ObjectLock,
    /// Until when an archived object can be read, milliseconds since 1970.
    #[serde(default)]
    pub restored_until_ms: Option<i64>,
}

/// What keeps a version from being deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// Until a time.
    pub retention: Option<Retention>,
    /// Until it is said otherwise; `None` where nothing was ever said.
    pub legal_hold: Option<bool>,
}

/// How long a version is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// Milliseconds since 1970.
    pub until_ms: i64,
}

/// A piece of an object: one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Names the file.
    pub file: String,
    /// Length, bytes.
    pub size_bytes: u64,
    /// Which part it was uploaded as; 1 for an object that was put whole.
    pub part_number: u32,
    /// The part's own checksum, base64, of the object's algorithm.
    #[serde(default)]
    pub checksum: Option<String>,
}

/// A checksum as S3 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1` or `SHA256`.
    pub algorithm: String,
    /// Base64; of a composite one with `-` and the number of parts.
    pub value: String,
    /// Whether it is of the parts' checksums instead of the bytes.
    pub is_composite: bool,
}

/// What a client stores beside the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectHeaders {
    /// Content-Type.
    pub content_type: Option<String>,
    /// Cache-Control.
    pub cache_control: Option<String>,
    /// Content-Disposition.
    pub content_disposition: Option<String>,
    /// Content-Encoding.
    pub content_encoding: Option<String>,
    /// Content-Language.
    pub content_language: Option<String>,
    /// Expires, as it was given.
    pub expires: Option<String>,
    /// x-amz-website-redirect-location.
    pub website_redirect_location: Option<String>,
    /// Storage class; `STANDARD` when absent.
    pub storage_class: Option<String>,
    /// x-amz-server-side-encryption, as it was asked for.
    pub server_side_encryption: Option<String>,
    /// The KMS key that was asked for.
    pub kms_key_id: Option<String>,
    /// Whether a bucket key was asked for.
    pub bucket_key_enabled: Option<bool>,
    /// x-amz-meta-*.
    pub metadata: BTreeMap<String, String>,
}

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The object's key.
    #[serde(skip)]
    pub key: String,
    /// Names the upload.
    #[serde(skip)]
    pub upload_id: String,
    /// When it was begun, milliseconds since 1970.
    pub initiated_ms: i64,
    /// The checksum algorithm that its parts shall have.
    pub checksum_algorithm: Option<String>,
    /// Whether the object's checksum will be of the parts' checksums.
    #[serde(default)]
    pub is_checksum_composite: bool,
    /// What the object will have.
    pub headers: ObjectHeaders,
    /// What the object will have.
    pub tags: Vec<(String, String)>,
    /// What the object will have.
    #[serde(default)]
    pub lock: ObjectLock,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// 1 to 10,000.
    #[serde(skip)]
    pub number: u32,
    /// Length, bytes.
    pub size_bytes: u64,
    /// Entity tag, without quotes.
    pub etag: String,
    /// Its one file.
    pub file: String,
    /// When it was uploaded, milliseconds since 1970.
    pub last_modified_ms: i64,
    /// The checksum that it was uploaded with.
    pub checksum: Option<Checksum>,
}

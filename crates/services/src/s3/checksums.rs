//! Checksums: which one a request asks for, how it is taken, how a multipart object's comes about.

use aws_api::hex;
use base64::{Engine, prelude::BASE64_STANDARD};
use s3s::{
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256},
    dto,
};
use store::s3::Checksum;

use super::error::{Refusal, refuse};

/// The algorithms, by S3's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    /// What S3 takes when nobody asks for one.
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    fn length_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// What a request says about the checksum of its body.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    pub algorithm: Option<Algorithm>,
    /// Base64, if it comes before the body.
    pub value: Option<String>,
}

impl Announced {
    /// From the headers of an upload: a value, a trailer that will have one, or the mere wish for an algorithm.
    pub(super) fn new(
        values: &dto::Checksum,
        trailer: Option<&str>,
        wish: Option<&str>,
    ) -> Result<Self, Refusal> {
        let mut given = Algorithm::ALL.into_iter().filter_map(|a| Some((a, value_of(values, a)?)));
        let first = given.next();
        if given.next().is_some() {
            return Err(refuse(
                "InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        if let Some((algorithm, value)) = first {
            let decoded = BASE64_STANDARD.decode(&value).ok();
            if decoded.is_none_or(|bytes| bytes.len() != algorithm.length_bytes()) {
                return Err(refuse(
                    "InvalidRequest",
                    format!("Value for {} header is invalid.", algorithm.header()),
                ));
            }
            return Ok(Self { algorithm: Some(algorithm), value: Some(value) });
        }
        let of_trailer = trailer.and_then(|name| {
            Algorithm::ALL.into_iter().find(|algorithm| name.trim().eq_ignore_ascii_case(&algorithm.header()))
        });
        let algorithm = match (of_trailer, wish) {
            (Some(algorithm), _) => Some(algorithm),
            (None, Some(name)) => Some(Algorithm::of_name(name).ok_or_else(unknown_algorithm)?),
            (None, None) => None,
        };
        Ok(Self { algorithm, value: None })
    }
}

/// What an upload says about its checksum: the inputs are different types with the same fields.
macro_rules! announced {
    ($input:ident, $trailer:expr) => {{
        let wish = $input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
        let values = s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32,
            checksum_crc32c: $input.checksum_crc32c,
            checksum_crc64nvme: $input.checksum_crc64nvme,
            checksum_sha1: $input.checksum_sha1,
            checksum_sha256: $input.checksum_sha256,
            checksum_type: None,
        };
        $crate::s3::checksums::Announced::new(&values, $trailer, wish)
    }};
}
pub(super) use announced;

pub(super) fn unknown_algorithm() -> Refusal {
    refuse(
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    )
}

fn value_of(values: &dto::Checksum, algorithm: Algorithm) -> Option<String> {
    match algorithm {
        Algorithm::Crc32 => values.checksum_crc32.clone(),
        Algorithm::Crc32c => values.checksum_crc32c.clone(),
        Algorithm::Crc64Nvme => values.checksum_crc64nvme.clone(),
        Algorithm::Sha1 => values.checksum_sha1.clone(),
        Algorithm::Sha256 => values.checksum_sha256.clone(),
    }
}

/// A checksum in the form of answers, one field of which is set.
pub(super) fn to_dto(checksum: Option<&Checksum>) -> dto::Checksum {
    let Some(checksum) = checksum else { return dto::Checksum::default() };
    let kind =
        if checksum.is_composite { dto::ChecksumType::COMPOSITE } else { dto::ChecksumType::FULL_OBJECT };
    let checksum_type = Some(dto::ChecksumType::from_static(kind));
    dto::Checksum { checksum_type, ..value_to_dto(&checksum.algorithm, Some(&checksum.value)) }
}

/// A value of an algorithm in the form of answers.
pub(super) fn value_to_dto(algorithm: &str, value: Option<&str>) -> dto::Checksum {
    let mut answer = dto::Checksum::default();
    let value = value.map(str::to_owned);
    match Algorithm::of_name(algorithm) {
        Some(Algorithm::Crc32) => answer.checksum_crc32 = value,
        Some(Algorithm::Crc32c) => answer.checksum_crc32c = value,
        Some(Algorithm::Crc64Nvme) => answer.checksum_crc64nvme = value,
        Some(Algorithm::Sha1) => answer.checksum_sha1 = value,
        Some(Algorithm::Sha256) => answer.checksum_sha256 = value,
        None => {}
    }
    answer
}

/// Takes the entity tag and one checksum as the bytes go by.
pub(super) struct Digester {
    md5: Md5,
    hasher: ChecksumHasher,
    algorithm: Algorithm,
}

/// What a body was found to be.
#[derive(Debug, Clone)]
pub(super) struct Digests {
    /// MD5, raw.
    pub md5: Vec<u8>,
    pub checksum: Checksum,
}

impl Digester {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let mut hasher = ChecksumHasher::default();
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        Self { md5: Md5::new(), hasher, algorithm }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.hasher.update(bytes);
    }

    pub(super) fn finish(self) -> Digests {
        let value = value_of(&self.hasher.finalize(), self.algorithm).unwrap_or_default();
        let algorithm = self.algorithm.name().to_owned();
        let md5: &[u8] = &self.md5.finalize();
        Digests { md5: md5.to_vec(), checksum: Checksum { algorithm, value, is_composite: false } }
    }
}

/// The composite checksum of parts: the algorithm over their raw checksums, and how many they are.
pub(super) fn composite(algorithm: Algorithm, parts: &[String]) -> Option<Checksum> {
    let mut digester = Digester::new(algorithm);
    for part in parts {
        digester.update(&BASE64_STANDARD.decode(part).ok()?);
    }
    let whole = digester.finish().checksum;
    let value = format!("{}-{}", whole.value, parts.len());
    Some(Checksum { value, is_composite: true, ..whole })
}

/// The entity tag of a multipart object: MD5 over the parts' MD5s, and how many they are.
pub(super) fn multipart_etag(parts: &[String]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(part).unwrap_or_default());
    }
    let digest: &[u8] = &md5.finalize();
    format!("{}-{}", hex::encode(digest), parts.len())
}

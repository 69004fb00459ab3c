//! A zip archive with stored entries: the simplest package that Lambda accepts.

use flate2::Crc;

/// Builds an archive of files that are executable by everyone.
pub(super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in files {
        let offset = length(&archive);
        let common = common(name, bytes);
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&common);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(bytes);
        // Made on Unix, so that the upper half of the external attributes is the mode.
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(0o100_755_u32 << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (start, size) = (length(&archive), length(&directory));
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX).to_le_bytes();
    archive.append(&mut directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&size.to_le_bytes());
    archive.extend_from_slice(&start.to_le_bytes());
    archive.extend_from_slice(&[0; 2]);
    archive
}

/// What local and central headers share: version, flags, method, time, checksum, sizes, lengths.
fn common(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut header = Vec::from(*b"\x14\0\0\0\0\0\0\0\x21\x58");
    header.extend_from_slice(&crc.sum().to_le_bytes());
    header.extend_from_slice(&length(bytes).to_le_bytes());
    header.extend_from_slice(&length(bytes).to_le_bytes());
    header.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    header.extend_from_slice(&[0; 2]);
    header
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    #[test]
    fn another_program_can_read_it() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&zip(&[("a.txt", b"hello"), ("b/c", b"")])).expect("written");
        let listed = Command::new("python3").args(["-m", "zipfile", "-t"]).arg(file.path()).output();
        let Ok(listed) = listed else {
            println!("skipped: no python3 to read the archive with");
            return;
        };
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stdout));
        assert!(!String::from_utf8_lossy(&listed.stdout).contains("corrupted"));
    }
}

//! Archives, good ones and those that nobody should make.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter, path::EntryPath};

/// An entry: its name byte for byte, its Unix mode, its content.
pub type Entry<'a> = (&'a [u8], u32, &'a [u8]);

pub const FILE: u32 = 0o100_644;
pub const LINK: u32 = 0o120_777;

pub fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = ZipArchiveWriter::new(Vec::new());
    for (name, mode, content) in entries {
        let file = writer.new_file(EntryPath::verbatim(*name)).unix_permissions(*mode);
        let (mut entry, config) =
            file.compression_method(CompressionMethod::DEFLATE).start().expect("an entry");
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
        data.write_all(content).expect("data");
        let (encoder, end) = data.finish().expect("an end");
        encoder.finish().expect("an end");
        entry.finish(end).expect("an entry");
    }
    writer.finish().expect("an archive")
}

/// Files by their names, nothing odd about them.
pub fn folder(files: &[(&str, &str)]) -> Vec<u8> {
    let entries: Vec<Entry<'_>> =
        files.iter().map(|(name, content)| (name.as_bytes(), FILE, content.as_bytes())).collect();
    zip(&entries)
}

/// Like one file, many times: entries of the directory that all name the same bytes.
pub fn overlapping(name: &str, content: &[u8], times: u16) -> Vec<u8> {
    let one = zip(&[(name.as_bytes(), FILE, content)]);
    let end = one.len() - 22;
    let start = u32::from_le_bytes(one[end + 16..end + 20].try_into().expect("four bytes")) as usize;
    let record = &one[start..end];
    let mut many = one[..start].to_vec();
    for i in 0..times {
        let mut record = record.to_vec();
        // The last letter of the name tells them apart.
        record[46 + name.len() - 1] = b'a' + u8::try_from(i % 26).expect("a letter");
        many.extend(record);
    }
    let size = u32::try_from(record.len() * usize::from(times)).expect("a size");
    let mut tail = one[end..].to_vec();
    tail[8..10].copy_from_slice(&times.to_le_bytes());
    tail[10..12].copy_from_slice(&times.to_le_bytes());
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    many.extend(tail);
    many
}

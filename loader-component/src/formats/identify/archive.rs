//! Archives, and files of other trades.
use super::seen::Seen;

/// What an archive begins with, what it is called, and what unpacks it.
static ARCHIVES: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "a gzip file", "gunzip"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "zstd -d"),
    (b"\xfd7zXZ\0", "an xz file", "xz -d"),
    (b"BZh", "a bzip2 file", "bunzip2"),
    (b"\x04\x22\x4d\x18", "an LZ4 file", "lz4 -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    (b"Rar!\x1a\x07", "a RAR archive", "unrar x"),
];

static OTHERS: &[(&[u8], &str)] = &[
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program for Linux"),
    (b"MZ", "a program for Windows"),
    (b"\xcf\xfa\xed\xfe", "a program for macOS"),
    (b"\0asm", "a WebAssembly module"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file, which holds a data set"),
    (b"ARROW1", "an Arrow file, which holds a data set"),
];

/// Where a tar file has its magic number.
const TAR: usize = 257;

pub(super) fn archive(seen: &Seen<'_>) -> Option<String> {
    let known = ARCHIVES.iter().find(|(magic, ..)| seen.begins(magic)).map(|(_, what, with)| (*what, *with));
    let tar = seen.has(TAR, b"ustar").then_some(("a tar archive", "tar -xf"));
    known.or(tar).map(|(what, with)| {
        format!("This is {what}, not a model; unpack it (`{with}`) and give the model's file that was in it.")
    })
}

pub(super) fn other(seen: &Seen<'_>) -> Option<String> {
    let (_, what) = OTHERS.iter().find(|(magic, _)| seen.begins(magic))?;
    Some(format!("This is {what}, not a model; give the model's file."))
}

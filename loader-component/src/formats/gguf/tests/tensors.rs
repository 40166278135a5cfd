//! Tensor infos and where the tensors lie.
use super::super::build::GgufBuilder;
use super::*;

fn one(name: &[u8], code: u32, shape: &[u64], offset: u64) -> GgufBuilder {
    GgufBuilder::new().tensor_at(name, code, shape, offset).data_len(4_096)
}

#[test]
fn names() {
    refused(&one(b"", 0, &[1], 0), Cause::Malformed, "tensor_infos[0].name.length");
    refused(&one(&[b'n'; 256], 0, &[1], 0), Cause::Malformed, "tensor_infos[0].name.length");
    // As gguf-py writes and reads them: files of diffusion models have 73, 77 and 127 bytes.
    for length in [1, 63, 64, 65, 73, 77, 127, 255] {
        let header = loads(&one(&vec![b'n'; length], 0, &[1], 0));
        assert_eq!(header.tensors.get(0).map(|tensor| tensor.name.len()), Some(length));
    }
    for bad in [&b"a\0"[..], b"../x", b"\x1b[2J", "a\u{202e}".as_bytes(), b"\xff"] {
        refused(&one(bad, 0, &[1], 0), Cause::Malformed, "tensor_infos[0].name");
    }
    let twice = one(b"x", 0, &[1], 0).tensor_at(b"y", 0, &[1], 32).tensor_at(b"x", 0, &[1], 64);
    assert_eq!(refused(&twice, Cause::Malformed, "tensor_infos[2].name").tensor, Some(2));
}

#[test]
fn dimensions() {
    // As video models have them, and as gguf-py reads them.
    let five = loads(&one(b"x", 0, &[3, 1, 2, 2, 5], 0).tensor_at(b"y", 0, &[1; 8], 256));
    assert_eq!(five.tensors.get(0).map(|tensor| (tensor.shape, tensor.bytes)), Some((&[3, 1, 2, 2, 5][..], 240)));
    assert_eq!(five.tensors.get(1).map(|tensor| tensor.shape.len()), Some(8));
    refused(&one(b"x", 0, &[1; 9], 0), Cause::Malformed, "tensor_infos[0].n_dims");
    let mut huge = one(b"x", 0, &[1], 0).build();
    huge[24 + 9..24 + 13].fill(0xff);
    assert_eq!(parse(&huge).unwrap_err().field.as_deref(), Some("tensor_infos[0].n_dims"));
    // A scalar, as ggml reads it.
    assert_eq!(loads(&one(b"x", 0, &[], 0)).tensors.get(0).unwrap().bytes, 4);
    assert_eq!(loads(&one(b"x", 0, &[0, 3], 0)).tensors.get(0).unwrap().bytes, 0);
    for bad in [1 << 63, u64::MAX] {
        refused(&one(b"x", 0, &[1, bad], 0), Cause::Malformed, "tensor_infos[0].dims[1]");
    }
    refused(&one(b"x", 24, &[1 << 32, 1 << 32], 0), Cause::Malformed, "tensor_infos[0].dims");
    refused(&one(b"x", 0, &[i64::MAX as u64, 2], 0), Cause::Malformed, "tensor_infos[0].dims");
    refused(&one(b"x", 24, &[i64::MAX as u64, 2], 0), Cause::Malformed, "tensor_infos[0].offset");
    refused(&one(b"x", 8, &[1_152, (1 << 42) + 1], 0), Cause::Malformed, "tensor_infos[0].offset");
    refused(&one(b"x", 2, &[33], 0), Cause::Malformed, "tensor_infos[0].dims[0]");
    refused(&one(b"x", 14, &[128, 2], 0), Cause::Malformed, "tensor_infos[0].dims[0]");
}

#[test]
fn types() {
    for code in [4, 5, 31, 32, 33, 36, 37, 38, 43, 1 << 31] {
        let header = loads(&one(b"x", code, &[256], 0));
        let tensor = header.tensors.get(0).unwrap();
        assert!(tensor.dtype.contains(&code.to_string()), "{tensor:?}");
    }
    assert_eq!(loads(&one(b"x", 40, &[64], 0)).tensors.get(0).unwrap().dtype, "NVFP4");
}

#[test]
fn offsets() {
    for offset in [1, 31, u64::MAX] {
        refused(&one(b"x", 0, &[1], offset), Cause::Malformed, "tensor_infos[0].offset");
    }
    let error = refused(&one(b"x", 0, &[1], u64::MAX - 31), Cause::Malformed, "tensor_infos[0].offset");
    // Its eight bytes are the header's last.
    assert_eq!(error.offset, Some(one(b"x", 0, &[1], 0).header().len() as u64 - 8));
    for beyond in [1u64, 4_096, 1 << 40] {
        refused(&one(b"x", 24, &[4_096 + beyond], 0), Cause::EndOfSource, "tensor_infos[0].offset");
    }
    assert!(parse(&one(b"x", 24, &[4_096], 0).build()).is_ok());
}

#[test]
fn layout() {
    let two = |first: u64, second: u64| one(b"x", 24, &[64], first).tensor_at(b"y", 24, &[40], second);
    for (first, second) in [(0, 64), (64, 0), (1_024, 0), (0, 2_048)] {
        assert_eq!(loads(&two(first, second)).tensors.len(), 2);
    }
    for (first, second) in [(0, 0), (0, 32), (32, 0), (64, 96)] {
        assert_eq!(refused(&two(first, second), Cause::Malformed, "tensor_infos[1].offset").tensor, Some(1));
    }
    // A tensor without bytes may lie anywhere, even where another begins; the last one needs no padding.
    assert!(parse(&one(b"x", 0, &[0], 0).tensor_at(b"y", 0, &[1], 0).build()).is_ok());
    assert!(parse(&GgufBuilder::new().tensor("x", 24, &[33], &[0; 33]).build()).is_ok());
    // Nor does a tensor without bytes need any of what would be behind it.
    let unpadded = GgufBuilder::new().tensor("x", 24, &[33], &[0; 33]).tensor_at(b"y", 24, &[0], 64);
    let bytes = unpadded.build();
    let header = parse(&bytes[..unpadded.header().len().next_multiple_of(32) + 33]).unwrap();
    let tensor = header.tensors.get(1).unwrap();
    assert!(tensor.bytes == 0 && tensor.offset > header.size, "{tensor:?}");
    refused(&one(b"x", 24, &[0], u64::MAX - 31), Cause::Malformed, "tensor_infos[0].offset");
    // Three of them, where the first reaches over the second into the third.
    let over = one(b"x", 24, &[200], 0).tensor_at(b"y", 24, &[0], 32).tensor_at(b"z", 24, &[32], 160);
    refused(&over, Cause::Malformed, "tensor_infos[2].offset");
}

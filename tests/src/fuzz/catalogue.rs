//! The files of one model, nearly right together.
use super::generate;
use super::header::parse;
use arbitrary::Unstructured;
use weighbridge_loader::formats::{Catalogue, Header};

/// Puts the headers of several files together: what the catalogue says of itself holds, and what it says is missing is plain
/// names.
pub fn catalogue(input: &[u8]) {
    let files = generate::model(&mut Unstructured::new(input));
    let headers: Vec<(String, Header)> = files
        .iter()
        .filter_map(|file| Some((file.name.clone(), parse(&file.name, &file.bytes, 1 << 20).ok()?)))
        .collect();
    let views: Vec<(String, &Header)> = headers.iter().map(|(name, header)| (name.clone(), header)).collect();
    let missing = Catalogue::missing(&views);
    for name in missing.iter().flatten() {
        assert!(!name.contains(['/', '\\', '\0']) && name != ".." && name != ".", "{name:?} is a path");
        assert!(headers.iter().all(|(there, _)| there != name), "{name:?} is missing, and there");
    }
    let tensors: usize = headers.iter().map(|(_, header)| header.tensors.len()).sum();
    let indexed = headers.iter().any(|(_, header)| header.index().is_some());
    let entries: usize = headers.iter().map(|(_, header)| header.metadata.len()).sum();
    let built = Catalogue::build(headers, u32::MAX);
    assert!(missing.is_ok() || built.is_err(), "files that do not agree became a model");
    let Ok(catalogue) = built else { return };
    // What a shard has and the index does not name is not of the model.
    assert!(catalogue.len() as usize <= tensors, "tensors from nowhere");
    assert!(indexed || catalogue.len() as usize == tensors, "tensors are left out");
    assert_eq!(catalogue.metadata_len() as usize, entries);
    for (number, tensor) in (0u32..).zip(catalogue.iter()) {
        assert_eq!(catalogue.tensor(number), Some(tensor));
        assert_eq!(catalogue.find(tensor.tensor.name), Some(number), "a name finds its tensor");
        assert!((tensor.source as usize) < catalogue.files().len());
    }
    assert_eq!(catalogue.tensor(catalogue.len()), None);
    for entry in 0..catalogue.metadata_len() {
        let (source, local) = catalogue.metadata(entry).expect("an entry below the number of entries");
        assert!(local < catalogue.files()[source as usize].1.metadata.len());
    }
    assert_eq!(catalogue.metadata(catalogue.metadata_len()), None);
    let summary = catalogue.summary();
    assert_eq!((summary.tensors, summary.sources as usize), (catalogue.len(), catalogue.files().len()));
}

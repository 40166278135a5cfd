//! A guest that reads eight header bytes of its file, and loads one tensor by a buffer; files that are bytes.
use crate::{
    Bare, Called, Control, Engine, Fill, Grant, Host, Media, ReplayError, ReplayReport, Session, SessionOptions, Span,
    Usage,
    desk::{Controls, DeskHost, FileRef, HostFacts, Link, Update},
    recording::Recording,
    session::{Granted, Held, View},
    trace::{Answer, Call},
    types::*,
};
use std::{
    collections::HashMap,
    io::{self, Cursor, Write},
    sync::{Arc, Mutex},
};

/// Files and memory that are vectors.
pub(super) struct Bytes;

impl Media for Bytes {
    type Source = Vec<u8>;
    type Mapping = ();
    type Buffer = Vec<u8>;

    fn now() -> u64 {
        0
    }

    fn auto(&self) -> &[Strategy] {
        &[Strategy::ReadCopy]
    }

    fn map_granularity(&self) -> u64 {
        4096
    }

    fn size(&self, source: &Vec<u8>) -> u64 {
        source.len() as u64
    }

    fn stat(&mut self, source: &Vec<u8>) -> Result<SourceStat, StorageError> {
        Ok(SourceStat { size: source.len() as u64, fingerprint: (0, 0) })
    }

    fn read(&mut self, source: &Vec<u8>, span: Span) -> Result<Vec<u8>, StorageError> {
        Ok(source[span.offset() as usize..span.end() as usize].to_vec())
    }

    fn read_into(&mut self, source: &Vec<u8>, span: Span, to: &mut [u8]) -> Result<(), StorageError> {
        to.copy_from_slice(&source[span.offset() as usize..span.end() as usize]);
        Ok(())
    }

    fn map(&mut self, _: &Vec<u8>, _: Span) -> Result<(), StorageError> {
        Err(StorageError::Unsupported)
    }

    fn advise(&mut self, _: &Vec<u8>, (): &(), _: u64, _: Span, _: Advice) -> Result<AdviceEffect, StorageError> {
        Ok(AdviceEffect::Ignored)
    }

    fn allocate(&mut self, len: u64) -> Result<Vec<u8>, StorageError> {
        Ok(vec![0; len as usize])
    }

    fn buffer_len(buffer: &Vec<u8>) -> u64 {
        buffer.len() as u64
    }

    fn fill(&mut self, fills: Vec<Fill<'_, Self>>, _: &Control, _: &Usage) -> Result<(), BatchError> {
        for fill in fills {
            for piece in fill.pieces {
                let from = &piece.source[piece.from.offset() as usize..piece.from.end() as usize];
                fill.buffer[piece.to.offset() as usize..piece.to.end() as usize].copy_from_slice(from);
            }
        }
        Ok(())
    }
}

/// One tensor, `t`, of the second eight bytes of the file.
pub(super) struct Guest {
    host: Host<Bytes>,
    target: Option<u64>,
}

fn answered<T>(answer: Answer, take: impl FnOnce(Answer) -> Option<T>) -> Result<T, Error> {
    if let Answer::Failed(StorageError::EndOfSource) = answer {
        let mut error = Error::new(Phase::Transfer, Cause::EndOfSource, "the file ends early");
        (error.source, error.offset) = (Some(0), Some(8));
        return Err(error);
    }
    take(answer).ok_or_else(|| Error::new(Phase::Transfer, Cause::Io, "another answer was expected"))
}

impl Engine for Guest {
    type Media = Bytes;

    fn host<R>(&mut self, use_it: impl FnOnce(&mut Host<Bytes>) -> R) -> R {
        use_it(&mut self.host)
    }

    fn formats(&mut self) -> Called<Vec<FormatInfo>> {
        Ok(Vec::new())
    }

    fn layout(&mut self, _: u32) -> Called<Option<TensorLayout>> {
        Ok(None)
    }

    fn rewrite(&mut self, _: u32, _: &[MetadataEdit], _: u64) -> Called<Result<Vec<FilePart>, Error>> {
        Ok(Ok(Vec::new()))
    }

    fn findings(&mut self) -> Called<Vec<Finding>> {
        let (rule, message) = ("odd".to_owned(), "the tensor is odd".to_owned());
        let severity = Severity::Warning;
        Ok(vec![Finding { rule, severity, message, source: Some(0), tensor: Some(0), offset: Some(8) }])
    }

    fn describe(&mut self) -> Called<Vec<MachineTable>> {
        Ok(Vec::new())
    }

    fn open(&mut self, _: &[Grant], _: GuestOptions) -> Called<Result<(), Error>> {
        let answer = self.host.perform(Call::Read { source: 0, offset: 0, len: 8 })?;
        let bytes = answered(answer, |answer| if let Answer::Bytes(bytes) = answer { Some(bytes) } else { None });
        Ok(bytes.and_then(|bytes| {
            let mut error = Error::new(Phase::Parse, Cause::Malformed, format!("{} header bytes", bytes.len()));
            (error.source, error.offset) = (Some(0), Some(bytes.len() as u64));
            if **bytes == *b"HEADERED" { Ok(()) } else { Err(error) }
        }))
    }

    fn missing(&mut self) -> Called<Vec<String>> {
        Ok(Vec::new())
    }

    fn provide(&mut self, _: &[Grant]) -> Called<Result<(), Error>> {
        Ok(Ok(()))
    }

    fn summary(&mut self) -> Called<ModelSummary> {
        Ok(ModelSummary {
            format: "fake".into(),
            version: 1,
            architecture: None,
            sources: 1,
            tensors: 1,
            metadata_entries: 0,
            tensor_bytes: 8,
            alignment: 1,
        })
    }

    fn tensors(&mut self, _: u32, _: u32) -> Called<Vec<TensorInfo>> {
        let (name, dtype) = ("t".to_owned(), "U8".to_owned());
        Ok(vec![TensorInfo { name, dtype, shape: vec![8], source: 0, offset: 8, bytes: 8 }])
    }

    fn metadata(&mut self, _: u32, _: u32, _: u32) -> Called<Result<Vec<MetadataEntry>, Error>> {
        Ok(Ok(Vec::new()))
    }

    fn load(&mut self, _: &Selection, options: &LoadOptions) -> Called<Result<LoadReport, Error>> {
        if options.policy == StrategyPolicy::Only(Strategy::MappedFile) {
            let message = "nothing can be mapped here";
            return Ok(Err(Error::new(Phase::Request, Cause::StrategyUnavailable, message)));
        }
        let answer = match options.policy {
            StrategyPolicy::Only(Strategy::ExternalBuffer) => Call::Registered { tensors: vec!["t".into()] },
            _ => Call::Allocate { len: 8 },
        };
        let target = answered(self.host.perform(answer)?, |answer| match answer {
            Answer::Target { id, .. } => Some(id),
            Answer::Targets(targets) => targets.first().copied().flatten().map(|(id, _)| id),
            _ => None,
        });
        let Ok(target) = target else { return Ok(target.map(|_| unreachable!())) };
        let batch = vec![CopySpan { source: 0, offset: 8, target: 0, target_offset: 0, len: 8 }];
        let moved = self.host.perform(Call::ReadInto { sources: vec![0], targets: vec![target], batch })?;
        self.target = (moved == Answer::Done).then_some(target);
        Ok(Ok(LoadReport {
            used: Some(Strategy::ReadCopy),
            refused: Vec::new(),
            tensors: 1,
            bytes: 8,
            moved: 8,
            mapped: 0,
            extents: 0,
            slots_peak: 0,
        }))
    }

    fn release(&mut self, _: &Selection) -> Called<Result<u32, Error>> {
        Ok(Ok(0))
    }

    fn evict(&mut self, _: &Selection) -> Called<Result<u32, Error>> {
        let Some(target) = self.target else { return Ok(Ok(0)) };
        if self.host.perform(Call::Free { target })? != Answer::Done {
            return Ok(Err(Error::new(Phase::Request, Cause::Busy, "a view of it is out")));
        }
        self.target = None;
        Ok(Ok(1))
    }

    fn advise(&mut self, _: u32, _: Advice) -> Called<Result<AdviceEffect, Error>> {
        Ok(Ok(AdviceEffect::Ignored))
    }

    fn states(&mut self, _: u32, _: u32) -> Called<Vec<TensorState>> {
        let location = self.target.map(|id| Location { place: Place::Target(id), offset: 0, bytes: 8 });
        let lifecycle = if location.is_some() { Lifecycle::Resident } else { Lifecycle::Unbound };
        Ok(vec![TensorState { lifecycle, strategy: None, slot: None, location }])
    }

    fn slots(&mut self) -> Called<Vec<SlotState>> {
        Ok(Vec::new())
    }

    fn buffers(&mut self, _: u32, _: u32) -> Called<Vec<BufferState>> {
        let status = BufferStatus::Owned;
        let buffer = |target| BufferState { status, generation: 1, target, bytes: 8, tensors: 1, external: false };
        Ok(self.target.map(buffer).into_iter().collect())
    }

    fn machines(&mut self) -> Called<Vec<MachineStatus>> {
        Ok(Vec::new())
    }

    fn observe(&mut self, _: Level) -> Called<()> {
        Ok(())
    }

    fn close(&mut self) -> Called<Result<(), Error>> {
        Ok(Ok(()))
    }
}

/// Keeps what is sent.
#[derive(Default)]
pub(super) struct Sent(pub(super) Mutex<Vec<Update>>);

impl Link for Sent {
    fn send(&self, update: Update) {
        self.0.lock().unwrap().push(update);
    }

    fn hold(&self, controls: &Controls) {
        assert!(!controls.is_held(), "nobody would let it go");
    }
}

/// A system of which the files are in a map.
#[derive(Default)]
pub(super) struct System(pub(super) HashMap<String, Vec<u8>>);

impl DeskHost for System {
    type Engine = Guest;
    type Model = Session<Guest>;
    type View = View<Bytes>;
    type File = Cursor<Vec<u8>>;
    type Link = Sent;

    fn facts(&mut self) -> HostFacts {
        let mut bare = Bare::new(Guest { host: Host::new(Bytes, &SessionOptions::default()), target: None });
        HostFacts { component_id: "c".into(), tables: bare.describe().unwrap(), ..HostFacts::default() }
    }

    fn open(&mut self, files: &[FileRef], options: SessionOptions) -> Result<Session<Guest>, Error> {
        let guest = Guest { host: Host::new(Bytes, &options), target: None };
        let granted =
            |file: &FileRef| Granted { name: file.name.clone(), source: self.0.get(&file.token).unwrap().clone() };
        Session::open(guest, files.iter().map(granted).collect(), &options, |_| {
            Err(Error::new(Phase::Request, Cause::NotFound, "there is no other file"))
        })
    }

    fn session(model: &mut Session<Guest>) -> &mut Session<Guest> {
        model
    }

    fn view(&mut self, model: &mut Session<Guest>, tensor: u32) -> Result<View<Bytes>, Error> {
        model.view_at(tensor)
    }

    fn copy(&mut self, view: &View<Bytes>, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        let Held::Copied(buffer) = &view.held else { panic!("nothing is mapped here") };
        let from = (view.span.offset() + offset) as usize;
        to.copy_from_slice(&buffer.memory()[from..from + to.len()]);
        Ok(())
    }

    fn open_file(&mut self, file: &FileRef) -> io::Result<Cursor<Vec<u8>>> {
        self.0.get(&file.token).cloned().map(Cursor::new).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write_file(&mut self, file: &FileRef, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        self.0.insert(file.token.clone(), bytes);
        Ok(())
    }

    fn replay(&mut self, recording: &Recording) -> Result<ReplayReport, ReplayError> {
        crate::replay(recording, None, "c", |host| Ok(Guest { host, target: None }))
    }
}

pub(super) fn link() -> Arc<Sent> {
    Arc::default()
}

//! A host in memory: every call is recorded, every handle counted, every span checked, any call can be made to fail.
use crate::faults::{Faults, Instead, Kind};
use crate::files::File;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use weighbridge_loader::api::{Location, Place};
use weighbridge_loader::storage::{BatchError, Capabilities, CopySpan, SourceStat, Storage, StorageError};
use weighbridge_loader::types::{Advice, AdviceEffect, Strategy};

/// What registered memory is filled with.
pub const CANARY: u8 = 0xee;

/// One call, for comparing runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which function.
    pub kind: Kind,
    /// Its numbers: source or id, offset, length, …
    pub numbers: Vec<u64>,
    /// Whether it was done.
    pub ok: bool,
}

/// What is still held, and what the guest did that it may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaks {
    /// Mappings made and not ended.
    pub mappings: i64,
    /// Buffers allocated and not freed.
    pub buffers: i64,
    /// Registered targets that the guest holds.
    pub registered: i64,
    /// Calls that no guest should make.
    pub violations: Vec<String>,
}

#[derive(Debug)]
struct Held {
    bytes: Rc<Vec<u8>>,
    views: u32,
    gone: bool,
    registered: Option<String>,
}

#[derive(Debug)]
struct Stored {
    name: String,
    bytes: Rc<Vec<u8>>,
    changed: bool,
    open: i64,
}

#[derive(Debug)]
struct World {
    host: Capabilities,
    files: Vec<Stored>,
    mappings: BTreeMap<u64, Held>,
    targets: BTreeMap<u64, Held>,
    registered: BTreeMap<String, Option<Vec<u8>>>,
    effect: AdviceEffect,
    next: u64,
    calls: Vec<Call>,
    maps: u64,
    unmaps: u64,
    violations: Vec<String>,
}

/// The host. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Double {
    world: Rc<RefCell<World>>,
    faults: Arc<Faults>,
}

/// A granted file.
#[derive(Debug)]
pub struct Source {
    number: u32,
    world: Rc<RefCell<World>>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.world.borrow_mut().files[self.number as usize].open -= 1;
    }
}

/// A mapping's handle.
#[derive(Debug)]
pub struct Mapping {
    id: u64,
    world: Rc<RefCell<World>>,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.world.borrow_mut().end_mapping(self.id);
    }
}

/// A target's handle.
#[derive(Debug)]
pub struct Target {
    id: u64,
    world: Rc<RefCell<World>>,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.world.borrow_mut().end_target(self.id);
    }
}

impl World {
    fn name(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn note(&mut self, kind: Kind, numbers: Vec<u64>, ok: bool) {
        self.calls.push(Call { kind, numbers, ok });
    }

    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    fn end_mapping(&mut self, id: u64) {
        if let Some(held) = self.mappings.get_mut(&id).filter(|held| !held.gone) {
            held.gone = true;
            self.unmaps += 1;
        }
        self.sweep();
    }

    fn end_target(&mut self, id: u64) {
        if let Some(held) = self.targets.get_mut(&id).filter(|held| !held.gone) {
            held.gone = true;
            if let Some(name) = &held.registered {
                self.registered.insert(name.clone(), Some(held.bytes.to_vec()));
            }
        }
        self.sweep();
    }

    fn sweep(&mut self) {
        self.mappings.retain(|_, held| !held.gone || held.views > 0);
        self.targets.retain(|_, held| !held.gone || held.views > 0);
    }

    fn held(&mut self, place: Place) -> Option<&mut Held> {
        match place {
            Place::Mapping(id) => self.mappings.get_mut(&id),
            Place::Target(id) => self.targets.get_mut(&id),
        }
    }
}

impl Double {
    /// A host with these files and these capabilities.
    #[must_use]
    pub fn new(files: &[File], host: Capabilities) -> Self {
        let stored = |file: &File| Stored {
            name: file.name.clone(),
            bytes: Rc::new(file.bytes.clone()),
            changed: false,
            open: 0,
        };
        let world = World {
            host,
            files: files.iter().map(stored).collect(),
            mappings: BTreeMap::new(),
            targets: BTreeMap::new(),
            registered: BTreeMap::new(),
            effect: AdviceEffect::Applied,
            next: 0,
            calls: Vec::new(),
            maps: 0,
            unmaps: 0,
            violations: Vec::new(),
        };
        Self { world: Rc::new(RefCell::new(world)), faults: Arc::default() }
    }

    /// What a host of today offers.
    #[must_use]
    pub fn capabilities() -> Capabilities {
        let auto = vec![Strategy::MappedFile, Strategy::StagedRead, Strategy::ReadCopy];
        Capabilities { mmap: true, advise: true, map_granularity: 4096, max_read: 1 << 20, max_batch: 1 << 16, auto }
    }

    /// The faults to arm.
    #[must_use]
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Opens and grants a file.
    #[must_use]
    pub fn grant(&self, number: usize) -> (String, Source) {
        let mut world = self.world.borrow_mut();
        world.files[number].open += 1;
        let name = world.files[number].name.clone();
        (name, Source { number: u32::try_from(number).unwrap(), world: self.world.clone() })
    }

    /// Registers memory for a tensor.
    pub fn register(&self, tensor: &str, len: usize) {
        self.world.borrow_mut().registered.insert(tensor.to_owned(), Some(vec![CANARY; len]));
    }

    /// The file gets other bytes, and every later call notices.
    pub fn change(&self, number: usize, bytes: Vec<u8>) {
        let file = &mut self.world.borrow_mut().files[number];
        file.bytes = Rc::new(bytes);
        file.changed = true;
    }

    /// The file loses its end, and the host does not notice by itself.
    pub fn shrink(&self, number: usize, len: usize) {
        let file = &mut self.world.borrow_mut().files[number];
        file.bytes = Rc::new(file.bytes[..len].to_vec());
    }

    /// What advice does from now on.
    pub fn answer_advice(&self, effect: AdviceEffect) {
        self.world.borrow_mut().effect = effect;
    }

    /// The bytes at a place; none where it leaves what is there.
    #[must_use]
    pub fn bytes(&self, location: &Location) -> Option<Vec<u8>> {
        let mut world = self.world.borrow_mut();
        let bytes = world.held(location.place)?.bytes.clone();
        let from = usize::try_from(location.offset).ok()?;
        let end = from.checked_add(usize::try_from(location.bytes).ok()?)?;
        bytes.get(from..end).map(<[u8]>::to_vec)
    }

    /// A view of a place: what it lies in is busy until [`Self::unview`].
    pub fn view(&self, place: Place) {
        self.world.borrow_mut().held(place).expect("a view of what is there").views += 1;
    }

    /// The view is gone.
    pub fn unview(&self, place: Place) {
        let mut world = self.world.borrow_mut();
        world.held(place).expect("a view of what is there").views -= 1;
        world.sweep();
    }

    /// What is still held.
    #[must_use]
    pub fn leaks(&self) -> Leaks {
        let world = self.world.borrow();
        let registered = |held: &&Held| held.registered.is_some();
        let live = |held: &&Held| !held.gone;
        let signed = |count: usize| i64::try_from(count).unwrap();
        Leaks {
            mappings: i64::try_from(world.maps).unwrap() - i64::try_from(world.unmaps).unwrap(),
            buffers: signed(world.targets.values().filter(live).filter(|held| !registered(held)).count()),
            registered: signed(world.targets.values().filter(live).filter(registered).count()),
            violations: world.violations.clone(),
        }
    }

    /// Handles of sources that are out.
    #[must_use]
    pub fn open_sources(&self) -> i64 {
        self.world.borrow().files.iter().map(|file| file.open).sum()
    }

    /// Every call so far, those that failed included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.world.borrow().calls.clone()
    }

    /// Mappings that were ever made, and ended.
    #[must_use]
    pub fn maps_and_unmaps(&self) -> (u64, u64) {
        let world = self.world.borrow();
        (world.maps, world.unmaps)
    }

    fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// Does the deed unless a fault strikes, and records it.
    fn call<T>(
        &self,
        kind: Kind,
        numbers: &[u64],
        deed: impl FnOnce(&mut World, Option<u32>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let instead = self.faults.next(kind);
        let mut world = self.world();
        let result = match instead {
            Some(Instead::Error(error, _)) => Err(error),
            Some(Instead::Short(len)) => deed(&mut world, Some(len)),
            None => deed(&mut world, None),
        };
        world.note(kind, numbers.to_vec(), result.is_ok());
        result
    }
}

impl Storage for Double {
    type Source = Source;
    type Mapping = Mapping;
    type Target = Target;

    fn capabilities(&mut self) -> Capabilities {
        self.world().host.clone()
    }

    fn stat(&mut self, source: &Source) -> Result<SourceStat, StorageError> {
        self.call(Kind::Stat, &[u64::from(source.number)], |world, _| {
            let file = &world.files[source.number as usize];
            if file.changed {
                return Err(StorageError::Changed);
            }
            Ok(SourceStat { size: file.bytes.len() as u64, fingerprint: (u64::from(source.number), 1) })
        })
    }

    fn read(&mut self, source: &Source, offset: u64, len: u32) -> Result<Vec<u8>, StorageError> {
        self.call(Kind::Read, &[u64::from(source.number), offset, u64::from(len)], |world, short| {
            if len > world.host.max_read {
                world.violation(format!("a read of {len} bytes"));
                return Err(StorageError::Exhausted);
            }
            let file = &world.files[source.number as usize];
            if file.changed {
                return Err(StorageError::Changed);
            }
            let size = file.bytes.len();
            let from = usize::try_from(offset).unwrap().min(size);
            let end = size.min(from + short.unwrap_or(len).min(len) as usize);
            Ok(file.bytes[from..end].to_vec())
        })
    }

    fn map_range(&mut self, source: &Source, offset: u64, len: u64) -> Result<Mapping, StorageError> {
        let id = self.call(Kind::MapRange, &[u64::from(source.number), offset, len], |world, _| {
            if !world.host.mmap {
                world.violation("a map on a host without mmap".into());
                return Err(StorageError::Unsupported);
            }
            if !offset.is_multiple_of(world.host.map_granularity) || len == 0 {
                world.violation(format!("a map of {len} bytes at {offset}"));
                return Err(StorageError::OutOfBounds);
            }
            let file = &world.files[source.number as usize];
            if file.changed {
                return Err(StorageError::Changed);
            }
            let (from, end) = (usize::try_from(offset).unwrap(), usize::try_from(offset + len).unwrap());
            let bytes = Rc::new(file.bytes.get(from..end).ok_or(StorageError::OutOfBounds)?.to_vec());
            let id = world.name();
            world.mappings.insert(id, Held { bytes, views: 0, gone: false, registered: None });
            world.maps += 1;
            Ok(id)
        })?;
        Ok(Mapping { id, world: self.world.clone() })
    }

    fn mapping_id(&mut self, mapping: &Mapping) -> u64 {
        mapping.id
    }

    fn advise(
        &mut self,
        mapping: &Mapping,
        offset: u64,
        len: u64,
        advice: Advice,
    ) -> Result<AdviceEffect, StorageError> {
        self.call(Kind::Advise, &[mapping.id, offset, len, advice as u64], |world, _| {
            let inside = world
                .mappings
                .get(&mapping.id)
                .is_some_and(|held| offset.checked_add(len).is_some_and(|end| end <= held.bytes.len() as u64));
            if !inside {
                world.violation(format!("advice for {len} bytes at {offset}"));
                return Err(StorageError::OutOfBounds);
            }
            Ok(world.effect)
        })
    }

    fn unmap(&mut self, mapping: &Mapping) -> Result<(), StorageError> {
        self.call(Kind::Unmap, &[mapping.id], |world, _| match world.mappings.get(&mapping.id) {
            Some(held) if held.views > 0 => Err(StorageError::Busy),
            Some(held) if !held.gone => {
                world.end_mapping(mapping.id);
                Ok(())
            }
            _ => {
                world.violation(format!("mapping {} unmapped twice", mapping.id));
                Err(StorageError::OutOfBounds)
            }
        })
    }

    fn allocate(&mut self, len: u64) -> Result<Target, StorageError> {
        let id = self.call(Kind::Allocate, &[len], |world, short| {
            let len = short.map_or(len, u64::from);
            if len > 1 << 32 {
                return Err(StorageError::Exhausted);
            }
            let id = world.name();
            let bytes = Rc::new(vec![0; usize::try_from(len).unwrap()]);
            world.targets.insert(id, Held { bytes, views: 0, gone: false, registered: None });
            Ok(id)
        })?;
        Ok(Target { id, world: self.world.clone() })
    }

    fn target_id(&mut self, target: &Target) -> u64 {
        target.id
    }

    fn target_len(&mut self, target: &Target) -> u64 {
        self.world().targets.get(&target.id).map_or(0, |held| held.bytes.len() as u64)
    }

    fn free(&mut self, target: &Target) -> Result<(), StorageError> {
        self.call(Kind::Free, &[target.id], |world, _| match world.targets.get(&target.id) {
            Some(held) if held.views > 0 => Err(StorageError::Busy),
            Some(held) if !held.gone => {
                world.end_target(target.id);
                Ok(())
            }
            _ => {
                world.violation(format!("target {} freed twice", target.id));
                Err(StorageError::OutOfBounds)
            }
        })
    }

    fn registered(&mut self, tensors: &[String]) -> Result<Vec<Option<Target>>, StorageError> {
        let ids = self.call(Kind::Registered, &[tensors.len() as u64], |world, short| {
            if tensors.iter().any(|name| matches!(world.registered.get(name), Some(None))) {
                return Err(StorageError::Busy);
            }
            let mut ids = Vec::new();
            for name in tensors.iter().take(short.map_or(usize::MAX, |count| count as usize)) {
                let memory = world.registered.get_mut(name).and_then(Option::take);
                ids.push(memory.map(|bytes| {
                    let id = world.name();
                    let registered = Some(name.clone());
                    let bytes = Rc::new(bytes);
                    world.targets.insert(id, Held { bytes, views: 0, gone: false, registered });
                    id
                }));
            }
            Ok(ids)
        })?;
        let target = |id: u64| Target { id, world: self.world.clone() };
        Ok(ids.into_iter().map(|id| id.map(target)).collect())
    }

    fn read_into(&mut self, sources: &[&Source], targets: &[&Target], batch: &[CopySpan]) -> Result<(), BatchError> {
        let instead = self.faults.next(Kind::ReadInto);
        let mut world = self.world();
        let result = match instead {
            Some(Instead::Error(error, span)) => Err(BatchError { span, error }),
            _ => read_into(&mut world, sources, targets, batch),
        };
        let bytes = batch.iter().map(|span| span.len).sum();
        world.note(Kind::ReadInto, vec![batch.len() as u64, bytes], result.is_ok());
        result
    }
}

/// All spans or none.
fn read_into(
    world: &mut World,
    sources: &[&Source],
    targets: &[&Target],
    batch: &[CopySpan],
) -> Result<(), BatchError> {
    if batch.is_empty() || batch.len() > world.host.max_batch as usize {
        world.violation(format!("a batch of {} spans", batch.len()));
    }
    let mut written: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for (index, span) in (0u32..).zip(batch) {
        let fail = |error| Err(BatchError { span: index, error });
        let (Some(source), Some(target)) = (sources.get(span.source as usize), targets.get(span.target as usize))
        else {
            world.violation(format!("span {index} of nothing"));
            return fail(StorageError::OutOfBounds);
        };
        let file = &world.files[source.number as usize];
        if file.changed {
            return fail(StorageError::Changed);
        }
        if span.offset.checked_add(span.len).is_none_or(|end| end > file.bytes.len() as u64) {
            return fail(StorageError::EndOfSource);
        }
        let held = &world.targets[&target.id];
        // Registered memory that was given back while a view shows it is not written to either.
        let shown = |other: &Held| other.views > 0 && other.registered.is_some() && other.registered == held.registered;
        if held.views > 0 || world.targets.values().any(shown) {
            return fail(StorageError::Busy);
        }
        let end = span.target_offset.checked_add(span.len);
        if span.len == 0 || end.is_none_or(|end| end > held.bytes.len() as u64) {
            world.violation(format!("span {index} leaves its target"));
            return fail(StorageError::OutOfBounds);
        }
        written.entry(target.id).or_default().push((span.target_offset, span.target_offset + span.len));
    }
    for spans in written.values_mut() {
        spans.sort_unstable();
        if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            world.violation("a batch that writes bytes twice".into());
            return Err(BatchError { span: 0, error: StorageError::OutOfBounds });
        }
    }
    for span in batch {
        let at = |offset: u64| usize::try_from(offset).unwrap();
        let file = world.files[sources[span.source as usize].number as usize].bytes.clone();
        let held = world.targets.get_mut(&targets[span.target as usize].id).unwrap();
        let bytes = Rc::make_mut(&mut held.bytes);
        bytes[at(span.target_offset)..at(span.target_offset + span.len)]
            .copy_from_slice(&file[at(span.offset)..at(span.offset + span.len)]);
    }
    Ok(())
}

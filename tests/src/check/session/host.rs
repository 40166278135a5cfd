//! A host whose answers are chosen, and who keeps strict accounts: what is mapped, what is allocated, which bytes are where,
//! which handles the guest still has, and what the guest should not have asked.
use super::oracle::{Answer, Call, Oracle, Rules, error};
use std::cell::RefCell;
use std::rc::Rc;
use weighbridge_loader::storage::{BatchError, Capabilities, CopySpan, SourceStat, Storage, StorageError};
use weighbridge_loader::types::{Advice, AdviceEffect};

/// Extents begin at multiples of this many bytes.
pub const GRANULARITY: u64 = 16;

/// A mapping.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The host's name for it.
    pub id: u64,
    /// First byte in the source.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// It was not ended yet.
    pub live: bool,
    /// The host would not end it when it was first asked.
    was_busy: bool,
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host's name for it.
    pub id: u64,
    /// For each byte, one more than the byte of the source that it is; 0 for none.
    pub bytes: Vec<u32>,
    /// The embedder's own.
    pub registered: bool,
    /// It was not freed yet.
    pub live: bool,
}

/// Ways in which a host may be broken, which a check has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// None.
    None,
    /// A mapping that was busy once is never ended, whatever is answered.
    LeaksWhatWasBusy,
    /// A failed unmap ends the mapping all the same.
    EndsWhatIsBusy,
    /// A freed target stays.
    NeverFrees,
    /// Bytes of the second span of a batch are not moved.
    SkipsASpan,
}

/// The host's accounts.
#[derive(Clone, Debug)]
pub struct World {
    /// Bytes of the header, and of the file.
    file: Rc<(Vec<u8>, u64)>,
    /// The guest's mappings: a handle that it dropped is gone from here.
    pub mappings: Vec<Mapped>,
    /// The guest's targets, likewise.
    pub targets: Vec<Target>,
    /// Mappings made and ended since the beginning.
    pub maps: u64,
    /// See `maps`.
    pub unmaps: u64,
    next: u64,
    /// Most targets of its own that it gives out.
    pub quota: usize,
    /// How it is broken.
    pub flaw: Flaw,
    /// The first thing that a guest should not have asked.
    pub protest: Option<String>,
    /// Who answers.
    pub oracle: Oracle,
    /// What was asked and answered.
    pub log: Vec<(Call, Answer)>,
    muted: bool,
}

impl World {
    /// A host with one file.
    #[must_use]
    pub fn new(file: Vec<u8>, quota: usize, flaw: Flaw) -> Self {
        let len = file.len() as u64;
        Self {
            file: Rc::new((file, len)),
            mappings: Vec::new(),
            targets: Vec::new(),
            maps: 0,
            unmaps: 0,
            next: 0,
            quota,
            flaw,
            protest: None,
            oracle: Oracle::new(Rules { every_error: false, failures: 0 }, Vec::new()),
            log: Vec::new(),
            muted: false,
        }
    }

    /// A mapping by the host's name.
    #[must_use]
    pub fn mapping(&self, id: u64) -> Option<&Mapped> {
        self.mappings.iter().find(|mapping| mapping.id == id)
    }

    /// A target by the host's name.
    #[must_use]
    pub fn target(&self, id: u64) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    fn protest(&mut self, what: impl FnOnce() -> String) {
        if self.protest.is_none() {
            self.protest = Some(what());
        }
    }

    fn answer(&mut self, call: Call) -> Answer {
        let answer = self.oracle.choose(call);
        self.log.push((call, answer));
        answer
    }

    fn name(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn give(&mut self, len: u64, registered: bool) -> u64 {
        let id = self.name();
        let bytes = vec![0; usize::try_from(len).unwrap()];
        self.targets.push(Target { id, bytes, registered, live: true });
        id
    }
}

/// The host as the driver sees it. Copies share one world, whose content the checker swaps.
#[derive(Clone, Debug)]
pub struct Host {
    /// The accounts.
    pub world: Rc<RefCell<World>>,
    /// What it can do.
    pub can: Capabilities,
    /// Bytes of each registered target.
    pub registered: u64,
}

/// A host that can do everything.
pub const CAN: Capabilities = Capabilities {
    mmap: true,
    advise: true,
    map_granularity: GRANULARITY,
    max_read: 4096,
    max_batch: 2,
    auto: Vec::new(),
};

impl Host {
    /// A host over a world.
    #[must_use]
    pub fn new(world: World, can: Capabilities) -> Self {
        Self { world: Rc::new(RefCell::new(world)), can, registered: 64 }
    }

    /// Puts a world in place of the one that is there.
    pub fn install(&self, world: World) -> World {
        self.world.replace(world)
    }

    /// From now on nobody minds what is dropped: the branch is over.
    pub fn mute(&self) {
        self.world.borrow_mut().muted = true;
    }
}

/// A handle of a mapping or a target. A copy belongs to a copy of the world.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The host's name.
    pub id: u64,
    what: What,
    world: Rc<RefCell<World>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Mapping,
    Target,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let world = &mut *self.world.borrow_mut();
        if world.muted {
            return;
        }
        let id = self.id;
        let leaked = match self.what {
            What::Mapping => {
                world.mappings.retain(|mapping| mapping.id != id || mapping.live);
                world.mapping(id).is_some()
            }
            What::Target => {
                world.targets.retain(|target| target.id != id || (target.live && !target.registered));
                world.target(id).is_some()
            }
        };
        if leaked && world.flaw == Flaw::None {
            world.protest(|| format!("handle {id} was dropped before what it stands for was ended"));
        }
    }
}

impl Storage for Host {
    type Source = ();
    type Mapping = Handle;
    type Target = Handle;

    fn capabilities(&mut self) -> Capabilities {
        self.can.clone()
    }

    fn stat(&mut self, (): &()) -> Result<SourceStat, StorageError> {
        Ok(SourceStat { size: self.world.borrow().file.1, fingerprint: (1, 1) })
    }

    fn read(&mut self, (): &(), offset: u64, len: u32) -> Result<Vec<u8>, StorageError> {
        let world = self.world.borrow();
        let from = usize::try_from(offset).unwrap();
        Ok(world.file.0.iter().skip(from).take(len as usize).copied().collect())
    }

    fn map_range(&mut self, (): &(), offset: u64, len: u64) -> Result<Handle, StorageError> {
        let world = &mut *self.world.borrow_mut();
        if !offset.is_multiple_of(GRANULARITY) || len == 0 || offset + len > world.file.1 || !self.can.mmap {
            world.protest(|| format!("a mapping of {len} bytes from {offset} was asked for"));
        }
        if let Answer::Fails(number) = world.answer(Call::Map) {
            return Err(error(number));
        }
        let id = world.name();
        world.mappings.push(Mapped { id, offset, len, live: true, was_busy: false });
        world.maps += 1;
        Ok(Handle { id, what: What::Mapping, world: Rc::clone(&self.world) })
    }

    fn mapping_id(&mut self, mapping: &Handle) -> u64 {
        mapping.id
    }

    fn advise(&mut self, mapping: &Handle, offset: u64, len: u64, _: Advice) -> Result<AdviceEffect, StorageError> {
        let world = &mut *self.world.borrow_mut();
        let inside = world.mapping(mapping.id).is_some_and(|mapped| mapped.live && offset + len <= mapped.len);
        if !inside {
            world.protest(|| format!("advice for {len} bytes from {offset} of mapping {}", mapping.id));
        }
        match world.answer(Call::Advise) {
            Answer::Effect(effect) => Ok(effect),
            Answer::Fails(number) => Err(error(number)),
            other => unreachable!("{other:?}"),
        }
    }

    fn unmap(&mut self, mapping: &Handle) -> Result<(), StorageError> {
        let world = &mut *self.world.borrow_mut();
        let id = mapping.id;
        if !world.mapping(id).is_some_and(|mapped| mapped.live) {
            world.protest(|| format!("mapping {id} was to be ended and is not live"));
        }
        let answer = world.answer(Call::Unmap);
        let flaw = world.flaw;
        let mut ended = answer == Answer::Ok;
        if let Some(mapped) = world.mappings.iter_mut().find(|mapped| mapped.id == id) {
            ended &= !(flaw == Flaw::LeaksWhatWasBusy && mapped.was_busy);
            ended |= flaw == Flaw::EndsWhatIsBusy;
            mapped.was_busy |= answer != Answer::Ok;
            mapped.live = !ended;
        }
        world.unmaps += u64::from(ended);
        match answer {
            Answer::Fails(number) => Err(error(number)),
            _ => Ok(()),
        }
    }

    fn allocate(&mut self, len: u64) -> Result<Handle, StorageError> {
        let world = &mut *self.world.borrow_mut();
        if len == 0 {
            world.protest(|| "a target of no bytes was asked for".into());
        }
        let own = world.targets.iter().filter(|target| !target.registered && target.live).count();
        let call = if own < world.quota { Call::Allocate } else { Call::AllocateTooMuch };
        let len = match world.answer(call) {
            Answer::Fails(number) => return Err(error(number)),
            Answer::Short => len - 1,
            _ => len,
        };
        let id = world.give(len, false);
        Ok(Handle { id, what: What::Target, world: Rc::clone(&self.world) })
    }

    fn target_id(&mut self, target: &Handle) -> u64 {
        target.id
    }

    fn target_len(&mut self, target: &Handle) -> u64 {
        self.world.borrow().target(target.id).map_or(0, |target| target.bytes.len() as u64)
    }

    fn free(&mut self, target: &Handle) -> Result<(), StorageError> {
        let world = &mut *self.world.borrow_mut();
        let id = target.id;
        if !world.target(id).is_some_and(|target| target.live && !target.registered) {
            world.protest(|| format!("target {id} was to be freed and is not the guest's"));
        }
        match world.answer(Call::Free) {
            Answer::Fails(number) => Err(error(number)),
            _ => {
                let frees = world.flaw != Flaw::NeverFrees;
                if let Some(target) = world.targets.iter_mut().find(|target| target.id == id) {
                    target.live = !frees;
                }
                Ok(())
            }
        }
    }

    fn registered(&mut self, tensors: &[String]) -> Result<Vec<Option<Handle>>, StorageError> {
        let world = &mut *self.world.borrow_mut();
        let answer = world.answer(Call::Registered(u8::try_from(tensors.len()).unwrap()));
        let wanted = match answer {
            Answer::Fails(number) => return Err(error(number)),
            Answer::TooFew => tensors.len() - 1,
            Answer::TooMany => tensors.len() + 1,
            _ => tensors.len(),
        };
        let mut targets = Vec::new();
        for number in 0..wanted {
            let at = u8::try_from(number).unwrap();
            let len = if answer == Answer::Small(at) { 1 } else { self.registered };
            let id = (answer != Answer::Missing(at)).then(|| world.give(len, true));
            targets.push(id.map(|id| Handle { id, what: What::Target, world: Rc::clone(&self.world) }));
        }
        Ok(targets)
    }

    fn read_into(&mut self, sources: &[&()], targets: &[&Handle], batch: &[CopySpan]) -> Result<(), BatchError> {
        let world = &mut *self.world.borrow_mut();
        let spans = u8::try_from(batch.len()).unwrap();
        if batch.is_empty() || batch.len() > self.can.max_batch as usize {
            world.protest(|| format!("a batch of {spans} spans"));
            return Ok(());
        }
        if let Answer::FailsAt(span, number) = world.answer(Call::ReadInto(spans)) {
            return Err(BatchError { span: u32::from(span), error: error(number) });
        }
        for (number, span) in batch.iter().enumerate() {
            let size = world.file.1;
            let target = targets.get(span.target as usize).map(|target| target.id);
            let fits = sources.get(span.source as usize).is_some() && span.len > 0 && span.offset + span.len <= size;
            let skip = world.flaw == Flaw::SkipsASpan && number == 1;
            let place = world.targets.iter_mut().find(|place| Some(place.id) == target && place.live);
            let from = usize::try_from(span.target_offset).unwrap();
            let len = usize::try_from(span.len).unwrap();
            match place.and_then(|place| place.bytes.get_mut(from..from + len)).filter(|_| fits) {
                Some(_) if skip => {}
                Some(bytes) => {
                    for (byte, at) in bytes.iter_mut().zip(span.offset..) {
                        *byte = u32::try_from(at).unwrap() + 1;
                    }
                }
                None => world.protest(|| format!("a read that does not fit: {span:?}")),
            }
        }
        Ok(())
    }
}

//! What has to hold after each request.
use super::Node;
use super::host::{Host, World};
use super::oracle::{Answer, Call};
use super::requests::{BYTES, Outcome, Policy, Request, Set, TENSORS};
use std::collections::BTreeSet;
use weighbridge_loader::actors::Fault;
use weighbridge_loader::actors::io_buffer;
use weighbridge_loader::actors::io_mmap::{Abandon, Advise, Event, Handle, Outcome as Mapping, Release, Retain};
use weighbridge_loader::actors::model_tensor::Hold;
use weighbridge_loader::api::{BufferStatus, SlotStatus};
use weighbridge_loader::driver::Insides;
use weighbridge_loader::observe::Watch;
use weighbridge_loader::types::{Advice, Cause, ExtentPolicy, Level, Lifecycle, Strategy};

/// Says what is wrong unless it is so.
macro_rules! must {
    ($so:expr, $($what:tt)+) => {
        if !$so {
            return Err(format!($($what)+));
        }
    };
}

/// What has to hold in every state, between requests.
pub(super) fn state(node: &Node) -> Result<(), String> {
    if let Some(protest) = &node.world.protest {
        return Err(format!("the host was asked what it should not have been: {protest}"));
    }
    let insides = node.session.insides();
    let stands = insides.loader.state();
    let wanted = if node.is_closed() { "closed" } else { "bound" };
    must!(stands == wanted, "model/loader stands in {stands} between requests, not in {wanted}");
    let io = [&insides.io.state(), &insides.mmap.state(), &insides.buffers.state()];
    must!(io.iter().all(|state| *state == "ready"), "the machines of io stand in {io:?} between requests");
    let io = [insides.read.state(), insides.staged.state()];
    must!(io.iter().all(|state| state == "ready"), "the machines of io stand in {io:?} between requests");
    slots(node, &insides)?;
    tensors(node, &insides)?;
    buffers(node, &insides)?;
    if node.is_closed() {
        must!(node.world.mappings.is_empty(), "closed, and a mapping is live");
        must!(node.world.targets.is_empty(), "closed, and a target is the guest's");
    }
    Ok(())
}

fn slots(node: &Node, insides: &Insides<'_, Host>) -> Result<(), String> {
    let context = insides.mmap.context();
    let status = |wanted: SlotStatus| context.slots().iter().filter(move |slot| slot.status == wanted).count();
    let free: BTreeSet<u32> = context.free().iter().copied().collect();
    must!(free.len() == context.free().len(), "a slot is twice on the free stack: {:?}", context.free());
    must!(status(SlotStatus::Reserved) == 0, "a slot is reserved between requests");
    for (slot, number) in context.slots().iter().zip(0u32..) {
        let is_free = slot.status == SlotStatus::Free;
        must!(free.contains(&number) == is_free, "slot {number} is {:?}; free are {free:?}", slot.status);
        must!(!slot.leased, "slot {number} is leased between requests");
        must!(slot.is_live() || slot.tensors == 0, "slot {number} is {:?} and counts tensors", slot.status);
        let held = insides.mappings.get(number as usize).and_then(Option::as_ref);
        must!(held.is_some() == slot.is_live(), "slot {number} is {:?}; its mapping: {}", slot.status, held.is_some());
        if let Some(held) = held {
            let mapped = node.world.mapping(held.id).filter(|mapped| mapped.live);
            let Some(mapped) = mapped else { return Err(format!("slot {number} holds a mapping that has ended")) };
            let same = (mapped.id, mapped.offset, mapped.len) == (slot.mapping, slot.offset, slot.len);
            must!(same, "slot {number} is not as its mapping");
            let idle = slot.status == SlotStatus::Owned && slot.tensors == 0;
            must!(!idle, "slot {number} is owned by no tensor, and nobody asked to end it");
        }
    }
    let live = node.world.mappings.iter().filter(|mapped| mapped.live).count();
    let owned = context.slots().iter().filter(|slot| slot.is_live()).count();
    let (maps, unmaps) = (node.world.maps, node.world.unmaps);
    must!(
        live == owned && maps - unmaps == live as u64,
        "{maps} maps and {unmaps} unmaps, {live} mappings are live, {owned} slots hold one"
    );
    must!(context.peak() as usize >= owned, "the peak is less than what is owned");
    Ok(())
}

fn tensors(node: &Node, insides: &Insides<'_, Host>) -> Result<(), String> {
    let mut in_slot = vec![0; insides.mappings.len()];
    let mut in_buffer = vec![0; insides.buffers.context().buffers().len()];
    for index in 0..TENSORS {
        let Some(tensor) = insides.tensors.get(index) else { return Err(format!("t{index} is gone")) };
        let (offset, bytes) = node.place(index);
        let lifecycle = insides.tensors.lifecycle(index);
        let stands = insides.tensors.state(index).unwrap_or_default();
        must!(stands != "evicting" && stands != "releasing", "t{index} is {stands} between requests");
        match (lifecycle, tensor.hold) {
            (Some(Lifecycle::Unbound | Lifecycle::Evicted), Hold::Nothing) => {}
            (Some(Lifecycle::Resident), Hold::NoBytes) if bytes == 0 => {}
            (Some(Lifecycle::MmapResident), Hold::Mapped { handle, mapping, offset: within }) => {
                let slot = insides.mmap.context().slot(handle);
                let Some(slot) = slot else { return Err(format!("t{index} is mapped in a slot that is not owned")) };
                must!(slot.mapping == mapping, "t{index} names another mapping than its slot");
                must!(
                    slot.offset + within == offset && within + bytes <= slot.len,
                    "t{index} is not where its mapping is"
                );
                must!(tensor.strategy == Some(Strategy::MappedFile), "t{index} is mapped by {:?}", tensor.strategy);
                in_slot[handle.slot as usize] += 1;
            }
            (Some(Lifecycle::Resident), Hold::Copied { buffer, target, offset: within }) => {
                let kept = insides.buffers.context().buffer(buffer);
                let Some(kept) = kept else { return Err(format!("t{index} is in a buffer that is gone")) };
                must!(kept.memory.target == target, "t{index} names another target than its buffer");
                must!(
                    content(&node.world, target, within, offset, bytes),
                    "t{index} is resident and its bytes are not there"
                );
                let external = tensor.strategy == Some(Strategy::ExternalBuffer);
                must!(
                    external == kept.external,
                    "t{index} came by {:?} into a target of another kind",
                    tensor.strategy
                );
                in_buffer[buffer.buffer as usize] += 1;
            }
            (lifecycle, hold) => return Err(format!("t{index} is {lifecycle:?} and holds {hold:?}")),
        }
    }
    for (slot, number) in insides.mmap.context().slots().iter().zip(0usize..) {
        must!(slot.tensors == in_slot[number], "slot {number} counts {} tensors of {}", slot.tensors, in_slot[number]);
    }
    for (buffer, number) in insides.buffers.context().buffers().iter().zip(0usize..) {
        let (counted, tensors) = (buffer.tensors, in_buffer[number]);
        must!(counted == tensors, "buffer {number} counts {counted} tensors of {tensors}");
    }
    Ok(())
}

fn content(world: &World, target: u64, within: u64, offset: u64, bytes: u64) -> bool {
    let range = usize::try_from(within).unwrap()..usize::try_from(within + bytes).unwrap();
    let found = world.target(target).filter(|target| target.live).and_then(|target| target.bytes.get(range));
    found.is_some_and(|found| found.iter().zip(offset..).all(|(byte, at)| u64::from(*byte) == at + 1))
}

fn buffers(node: &Node, insides: &Insides<'_, Host>) -> Result<(), String> {
    let context = insides.buffers.context();
    let free: BTreeSet<u32> = context.free().iter().copied().collect();
    must!(free.len() == context.free().len(), "a number is free twice: {:?}", context.free());
    let mut targets = 0;
    for (buffer, number) in context.buffers().iter().zip(0u32..) {
        let is_free = buffer.status == BufferStatus::Free;
        must!(free.contains(&number) == is_free, "buffer {number} is {:?}; free are {free:?}", buffer.status);
        must!(is_free || buffer.is_live(), "buffer {number} is {:?} between requests", buffer.status);
        must!(!buffer.leased, "buffer {number} is leased between requests");
        must!(buffer.is_live() || buffer.tensors == 0, "buffer {number} is free and counts tensors");
        let kept = insides.targets.get(number as usize).and_then(Option::as_ref);
        must!(
            kept.is_some() == buffer.is_live(),
            "buffer {number} is {:?}; its target: {}",
            buffer.status,
            kept.is_some()
        );
        let Some(kept) = kept else { continue };
        targets += 1;
        must!(kept.id == buffer.memory.target, "buffer {number} names another target than it holds");
        let found = node.world.target(kept.id).filter(|target| target.live);
        let Some(found) = found else { return Err(format!("buffer {number} holds a target that is gone")) };
        must!(found.bytes.len() as u64 == buffer.memory.len, "buffer {number} is not as long as its target");
        must!(found.registered == buffer.external, "buffer {number} and its target do not agree on whose it is");
        must!(!buffer.external || buffer.tensors > 0, "buffer {number} is the embedder's, and no tensor is in it");
        let idle = buffer.status == BufferStatus::Owned && buffer.tensors == 0;
        must!(!idle, "buffer {number} is owned by no tensor, and nobody asked to end it");
    }
    let held = node.world.targets.len();
    must!(held == targets, "the guest has {held} targets and knows of {targets}");
    Ok(())
}

/// A handle of another use of its slot is refused, and nothing changes.
pub(super) fn stale_handles(node: &Node) -> Result<(), String> {
    let insides = node.session.insides();
    let watch = Watch::new(Level::Off, Box::new(()));
    for (slot, number) in insides.mmap.context().slots().iter().zip(0u32..) {
        for generation in [slot.generation.wrapping_sub(1), slot.generation.wrapping_add(1)] {
            let handle = Handle { slot: number, generation };
            let events: [Event; 4] = [
                Retain { handle, tensors: 1 }.into(),
                Release { handle, tensors: 0 }.into(),
                Abandon { handle }.into(),
                Advise { handle, offset: 0, len: 1, advice: Advice::Normal }.into(),
            ];
            for event in events {
                let mut mmap = insides.mmap.clone();
                let output = mmap.dispatch(event, &watch);
                let refused = output.outcome == Some(Mapping::Refused(Fault::new(Cause::StaleHandle)));
                must!(refused && mmap == *insides.mmap, "a stale handle of slot {number} was not refused: {event:?}");
            }
        }
    }
    for (buffer, number) in insides.buffers.context().buffers().iter().zip(0u32..) {
        for generation in [buffer.generation.wrapping_sub(1), buffer.generation.wrapping_add(1)] {
            let handle = io_buffer::Handle { buffer: number, generation };
            let events: [io_buffer::Event; 3] = [
                io_buffer::Retain { handle, tensors: 1 }.into(),
                io_buffer::Release { handle, tensors: 0 }.into(),
                io_buffer::Abandon { handle }.into(),
            ];
            for event in events {
                let mut buffers = insides.buffers.clone();
                let output = buffers.dispatch(event, &watch);
                let stale = Some(io_buffer::Outcome::Refused(Fault::new(Cause::StaleHandle)));
                must!(
                    output.outcome == stale && buffers == *insides.buffers,
                    "a stale handle of buffer {number} was not refused: {event:?}"
                );
            }
        }
    }
    Ok(())
}

/// What has to hold of a request and its outcome.
pub(super) fn step(before: &Node, request: &Request, outcome: &Outcome, after: &Node) -> Result<(), String> {
    state(after)?;
    for (was, is) in
        before.session.insides().mmap.context().slots().iter().zip(after.session.insides().mmap.context().slots())
    {
        must!(was.status != SlotStatus::Retired || is == was, "a retired slot came back");
        must!(is.generation >= was.generation, "a generation came back");
    }
    let log = &after.world.log;
    match (request, outcome) {
        (Request::Load { set, policy, extent, undone }, Outcome::Loaded(report)) => {
            must!(!undone, "the check failed and the load did not");
            let new = Set::of(|tensor| set.has(tensor) && is_waiting(before, tensor));
            for tensor in 0..TENSORS {
                if new.has(tensor) {
                    must!(!is_waiting(after, tensor), "t{tensor} was loaded and is not resident");
                } else {
                    unchanged(before, after, tensor)?;
                }
            }
            let bytes: u64 = (0..TENSORS).filter(|tensor| new.has(*tensor)).map(|tensor| after.place(tensor).1).sum();
            must!(
                report.tensors == new.len() && report.bytes == bytes,
                "reported {} tensors of {}",
                report.tensors,
                new.len()
            );
            let is_mapped = |tensor: &u32| lifecycle(after, *tensor) == Some(Lifecycle::MmapResident);
            let mapped: u64 = (0..TENSORS)
                .filter(|tensor| new.has(*tensor) && is_mapped(tensor))
                .map(|tensor| after.place(tensor).1)
                .sum();
            let moved = bytes - mapped;
            let part = *extent == ExtentPolicy::Auto && mapped > 0 && moved > 0;
            must!(part || mapped == 0 || moved == 0, "a part was mapped, and nobody asked for it");
            let by_copy = report.used.is_some_and(|used| used != Strategy::MappedFile);
            must!(by_copy == (moved > 0), "{moved} bytes were copied by {:?}", report.used);
            must!(report.mapped == mapped, "{} bytes were reported as mapped, and {mapped} are", report.mapped);
            must!(report.moved == moved, "{} bytes were reported as moved, and {moved} were", report.moved);
            must!(report.used.is_some() == (bytes > 0), "{bytes} bytes by {:?}", report.used);
            if let Some(used) = report.used {
                // The strategy that was used had to cut its extents anew.
                let again = report.refused.last().is_some_and(|last| last.strategy == used);
                must!(!again || *extent == ExtentPolicy::Auto, "{used:?} was refused and used");
                let refused: Policy = &policy[..report.refused.len() - usize::from(again)];
                must!(policy.get(refused.len()) == Some(&used), "{used:?} was used after {refused:?} were refused");
                must!(report.refused.iter().zip(refused).all(|(is, was)| is.strategy == *was), "others were refused");
            }
        }
        // Whatever went wrong, and whatever goes wrong on the way back, residency is what it was.
        (Request::Load { .. }, Outcome::Failed(_)) => all_unchanged(before, after)?,
        (Request::Release(set) | Request::Evict(set), outcome) => {
            let mut ended = 0;
            for tensor in 0..TENSORS {
                let gone = lifecycle(after, tensor) == Some(Lifecycle::Evicted) && !is_waiting(before, tensor);
                if !gone {
                    unchanged(before, after, tensor)?;
                }
                must!(!gone || set.has(tensor), "t{tensor} went, and nobody asked");
                ended += u32::from(gone);
            }
            let failed = log.iter().any(|(call, answer)| ends(*call) && *answer != Answer::Ok);
            match outcome {
                Outcome::Ended(tensors) => {
                    must!(
                        *tensors == ended && ended == set.len() && !failed,
                        "{ended} tensors ended, answered {tensors}"
                    );
                }
                Outcome::Failed(error) => {
                    must!(failed && ended < set.len(), "{error:?}, and every tensor went");
                    must!(
                        error.tensor.is_some_and(|tensor| !is_waiting(after, tensor)),
                        "the error names a tensor that went"
                    );
                }
                other => return Err(format!("answered {other}")),
            }
        }
        (Request::Advise(_), Outcome::Advised(effect)) => {
            must!(
                log.last().map(|(_, answer)| *answer) == Some(Answer::Effect(*effect)),
                "another effect was answered"
            );
            all_unchanged(before, after)?;
        }
        (Request::Advise(_), Outcome::Failed(_)) => all_unchanged(before, after)?,
        (Request::Bad(_), Outcome::Failed(_)) => {
            must!(log.is_empty(), "a wrong request reached the host");
            all_unchanged(before, after)?;
        }
        (Request::Close, Outcome::Closed) => {
            must!(after.is_closed(), "close was answered, and the session is open");
        }
        (Request::Close, Outcome::Failed(_)) => {
            let failed = log.iter().any(|(call, answer)| ends(*call) && *answer != Answer::Ok);
            must!(failed && !after.is_closed(), "nothing was busy, and close failed");
        }
        (_, outcome) => return Err(format!("answered {outcome}")),
    }
    Ok(())
}

const fn ends(call: Call) -> bool {
    matches!(call, Call::Unmap | Call::Free)
}

fn lifecycle(node: &Node, tensor: u32) -> Option<Lifecycle> {
    node.session.insides().tensors.lifecycle(tensor)
}

/// Whether a load would bring it in.
pub(super) fn is_waiting(node: &Node, tensor: u32) -> bool {
    matches!(lifecycle(node, tensor), Some(Lifecycle::Unbound | Lifecycle::Evicted))
}

fn unchanged(before: &Node, after: &Node, tensor: u32) -> Result<(), String> {
    let look = |node: &Node| {
        let insides = node.session.insides();
        let found = insides.tensors.get(tensor).map(|found| (found.hold, found.strategy));
        (insides.tensors.lifecycle(tensor), found)
    };
    must!(look(before) == look(after), "t{tensor} was {:?} and is {:?}", look(before), look(after));
    Ok(())
}

fn all_unchanged(before: &Node, after: &Node) -> Result<(), String> {
    (0..TENSORS).try_for_each(|tensor| unchanged(before, after, tensor))
}

/// Bytes of a tensor of the model that is checked.
pub(super) const fn bytes(tensor: u32, last_is_empty: bool) -> u64 {
    if last_is_empty && tensor + 1 == TENSORS { 0 } else { BYTES }
}

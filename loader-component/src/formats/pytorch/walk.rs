//! The tensors of a pickle by name: dictionaries, lists and tuples are gone through, and what leads to a tensor is its name,
//! with dots. Nothing here recurses: what contains itself ends where it meets itself, and what is shared without a tensor
//! in it is gone through once.
use super::super::Limits;
use super::super::escape::{escape, name_fault};
use super::super::fault::{fault, over_limit};
use super::super::pickle::{Chain, Object, Pickle, Ref, Value};
use super::super::table::Unreadable;
use super::known::Known;
use super::storages::Storages;
use super::tensors::{Meaning, Place, Source, View};
use crate::types::{Cause, Error};
use std::sync::Arc;

/// Containers inside one another; the deepest real ones, modules of TorchScript, have some twenty.
const MOST_DEPTH: usize = 128;
/// How often each place may be gone through, on average: what several names lead to is gone through for each.
const MOST_VISITS: usize = 8;
/// Bytes of a key that cost no more than a visit.
const SHORT_KEY: usize = 64;
/// Pairs of a dictionary in which those of an optimizer's state are looked for.
const MOST_KEYS: u32 = 32;
/// Reasons that are kept why tensors cannot be read, and how many of the last of them are looked at for one that is known.
const MOST_REASONS: usize = 4_096;
const RECENT_REASONS: usize = 64;
/// The name of a tensor that is alone in its file.
const ALONE: &str = "tensor";

/// A tensor with its name.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: String,
    /// Where it is made.
    pub(super) at: u64,
    /// What it is a view of, where that is known.
    pub(super) view: Option<View>,
    /// Why it cannot be read, where it cannot.
    pub(super) unreadable: Option<Arc<Unreadable>>,
    pub(super) optimizer: bool,
}

/// How the values of a chain are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// By their place.
    Numbered,
    /// By the keys before them.
    Keyed,
    /// Each is a pair of key and value.
    Pairs,
    /// As what they are in.
    Unnamed,
}

/// A container on the way.
#[derive(Clone, Debug)]
struct Frame {
    value: Ref,
    /// What is still to be gone through, the last first.
    parts: Vec<(Shape, Chain)>,
    index: u32,
    /// Bytes of the name of the container itself.
    name: usize,
    unnameable: bool,
    foreign: Option<u32>,
    optimizer: bool,
    fruitful: bool,
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Unseen,
    Within,
    Barren,
    Fruitful,
}

pub(super) struct Walk<'p> {
    source: Source<'p>,
    label: &'static str,
    limits: Limits,
    /// Classes of TorchScript are what modules are made of, and no import.
    script: bool,
    frames: Vec<Frame>,
    marks: Vec<Mark>,
    name: String,
    visits: usize,
    most_visits: usize,
    found: Vec<Found>,
    /// Why tensors cannot be read: each reason once.
    reasons: Vec<Arc<Unreadable>>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(
        pickle: &'p Pickle,
        storages: &'p mut Storages,
        label: &'static str,
        script: bool,
        limits: Limits,
    ) -> Self {
        let places = pickle.values.places();
        let keys = usize::try_from(pickle.end.saturating_sub(pickle.start)).unwrap_or(usize::MAX).div_euclid(SHORT_KEY);
        Self {
            source: Source { pickle, storages },
            label,
            limits,
            script,
            frames: Vec::new(),
            marks: vec![Mark::Unseen; pickle.values.len()],
            name: String::new(),
            visits: 0,
            most_visits: places.saturating_add(keys).saturating_mul(MOST_VISITS).saturating_add(1_024),
            found: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// All tensors below the pickle's value, their names beginning with `prefix`.
    pub(super) fn run(mut self, prefix: &str) -> Result<Vec<Found>, Error> {
        self.name.push_str(prefix);
        let pickle = self.source.pickle;
        let outermost = Frame {
            value: pickle.root,
            parts: Vec::new(),
            index: 0,
            name: self.name.len(),
            unnameable: false,
            foreign: None,
            optimizer: false,
            fruitful: false,
        };
        self.enter(pickle.root, &outermost)?;
        while let Some(mut frame) = self.frames.pop() {
            self.name.truncate(frame.name);
            let Some((segment, value, unnameable)) = self.next(&mut frame) else {
                self.leave(&frame);
                continue;
            };
            if let Some(segment) = segment {
                // A long key that is in many places costs as much in each.
                self.visits = self.visits.saturating_add(segment.len().div_euclid(SHORT_KEY));
                if !self.name.is_empty() {
                    self.name.push('.');
                }
                self.name.push_str(&segment);
            }
            let child = Frame {
                name: self.name.len(),
                unnameable: frame.unnameable || unnameable,
                parts: Vec::new(),
                index: 0,
                ..frame
            };
            self.frames.push(frame);
            self.enter(value, &child)?;
        }
        Ok(self.found)
    }

    /// The next value in a container, and what its name gains by that.
    fn next(&self, frame: &mut Frame) -> Option<(Option<String>, Ref, bool)> {
        let values = &self.source.pickle.values;
        loop {
            let (shape, chain) = frame.parts.last_mut()?;
            let shape = *shape;
            let Some(first) = values.pop_front(chain) else {
                frame.parts.pop();
                frame.index = 0;
                continue;
            };
            let keyed = |key: Ref, value: Ref| {
                let segment = match values.get(key) {
                    Value::Int(number) => Some(number.to_string()),
                    _ => values.text(key).map(str::to_owned),
                };
                let unnameable = segment.is_none();
                Some((segment.or(Some("?".to_owned())), value, unnameable))
            };
            let number = frame.index;
            frame.index = frame.index.saturating_add(1);
            return match shape {
                Shape::Unnamed => Some((None, first, false)),
                Shape::Numbered => Some((Some(number.to_string()), first, false)),
                Shape::Keyed => {
                    let value = values.pop_front(chain)?;
                    keyed(first, value)
                }
                Shape::Pairs => match (values.get(first), values.get(first)) {
                    (Value::List(pair) | Value::Tuple(pair), _) if pair.len() == 2 => {
                        let mut pair = pair;
                        let key = values.pop_front(&mut pair)?;
                        let value = values.pop_front(&mut pair)?;
                        keyed(key, value)
                    }
                    _ => Some((Some(number.to_string()), first, true)),
                },
            };
        }
    }

    fn leave(&mut self, frame: &Frame) {
        if let Some(mark) = self.marks.get_mut(frame.value.number() as usize) {
            *mark = if frame.fruitful { Mark::Fruitful } else { Mark::Barren };
        }
        if let Some(outer) = self.frames.last_mut() {
            outer.fruitful |= frame.fruitful;
        }
    }

    /// Looks at a value: a tensor is taken, a container is gone into. `as_in` says what holds for what is in here.
    fn enter(&mut self, value: Ref, as_in: &Frame) -> Result<(), Error> {
        let pickle = self.source.pickle;
        let values = &pickle.values;
        self.visits = self.visits.saturating_add(1);
        if self.visits > self.most_visits {
            let message =
                "The containers of this pickle share one another so often that they would unfold into too many names.";
            return Err(over_limit(pickle.start, format!("{}.names", self.label), message));
        }
        let mark = self.marks.get(value.number() as usize).copied().unwrap_or(Mark::Barren);
        let mut frame = Frame { value, fruitful: false, ..as_in.clone() };
        match values.get(value) {
            _ if matches!(mark, Mark::Within | Mark::Barren) => return Ok(()),
            Value::List(chain) | Value::Tuple(chain) => frame.parts.push((Shape::Numbered, chain)),
            Value::Set(chain) => {
                frame.unnameable = true;
                frame.parts.push((Shape::Numbered, chain));
            }
            Value::Dict(chain) => {
                frame.optimizer |= self.is_optimizer(chain);
                frame.parts.push((Shape::Keyed, chain));
            }
            Value::Object(number) => match values.object(number) {
                Some(object) => match self.source.meaning(&object) {
                    Meaning::Tensor => return self.tensor(&object, as_in),
                    Meaning::Known(known) => self.known(known, &object, &mut frame),
                    Meaning::Foreign(global) => self.foreign(global, &object, &mut frame),
                },
                None => return Ok(()),
            },
            Value::Persistent(id) => {
                let at = pickle.start;
                self.source.storages.of(pickle, id, at, &format!("{}.persistent_id", self.label))?;
                return Ok(());
            }
            _ => return Ok(()),
        }
        if self.frames.len() >= MOST_DEPTH {
            let message = format!("Containers are inside one another more than {MOST_DEPTH} deep.");
            return Err(over_limit(pickle.start, format!("{}.depth", self.label), message));
        }
        if let Some(mark) = self.marks.get_mut(value.number() as usize) {
            *mark = Mark::Within;
        }
        self.frames.push(frame);
        Ok(())
    }

    fn known(&self, known: Known, object: &Object, frame: &mut Frame) {
        let values = &self.source.pickle.values;
        let arguments = values.tuple(object.arguments).unwrap_or_default();
        match (known, arguments.first().map(|first| values.get(*first))) {
            (Known::OrderedDict, first) => {
                frame.optimizer |= self.is_optimizer(object.pairs);
                // Set later, so taken later; a name that is there twice is refused anyway.
                frame.parts.push((Shape::Keyed, object.pairs));
                match first {
                    Some(Value::List(pairs) | Value::Tuple(pairs)) => frame.parts.push((Shape::Pairs, pairs)),
                    Some(Value::Dict(pairs)) => frame.parts.push((Shape::Keyed, pairs)),
                    _ => {}
                }
            }
            (Known::Transparent, Some(_)) => {
                if let Value::Tuple(mut chain) = values.get(object.arguments)
                    && let Some(Value::List(inner)) = values.pop_front(&mut chain).map(|first| values.get(first))
                {
                    frame.parts.push((Shape::Numbered, inner));
                } else if let Value::Tuple(chain) = values.get(object.arguments) {
                    frame.parts.push((Shape::Unnamed, chain));
                }
            }
            _ => {}
        }
    }

    /// Something that Python alone could make: what is in it depends on it, but for modules of TorchScript, which are their
    /// attributes.
    fn foreign(&self, global: Option<u32>, object: &Object, frame: &mut Frame) {
        let values = &self.source.pickle.values;
        let named = global.and_then(|number| self.source.pickle.globals.get(number as usize));
        let module = self.script && named.is_some_and(|global| global.module.starts_with("__torch__."));
        if module {
            frame.parts.push((Shape::Unnamed, object.states));
            return;
        }
        frame.foreign = frame.foreign.or(global).or(Some(u32::MAX));
        frame.parts.push((Shape::Unnamed, object.states));
        frame.parts.push((Shape::Keyed, object.pairs));
        frame.parts.push((Shape::Numbered, object.items));
        if let Value::Tuple(arguments) = values.get(object.arguments) {
            frame.parts.push((Shape::Numbered, arguments));
        }
    }

    /// Whether a dictionary is the state of an optimizer, as `Optimizer.state_dict` makes it.
    fn is_optimizer(&self, mut chain: Chain) -> bool {
        let values = &self.source.pickle.values;
        let (mut state, mut groups) = (false, false);
        for _ in 0..MOST_KEYS {
            let Some(key) = values.pop_front(&mut chain) else { break };
            values.pop_front(&mut chain);
            state |= values.text(key) == Some("state");
            groups |= values.text(key) == Some("param_groups");
        }
        state && groups
    }

    fn tensor(&mut self, object: &Object, as_in: &Frame) -> Result<(), Error> {
        let name = if self.name.is_empty() { ALONE } else { self.name.as_str() };
        let place = Place { at: object.at, name };
        if self.found.len() as u64 >= u64::from(self.limits.tensors) {
            let message = format!("The file has more than {} tensors, the limit of this session.", self.limits.tensors);
            return Err(over_limit(object.at, place.field(""), message));
        }
        if name.len() as u64 > u64::from(self.limits.name_bytes) {
            let message = format!("A name has {} bytes; the limit is {}.", name.len(), self.limits.name_bytes);
            return Err(over_limit(object.at, place.field(""), message));
        }
        if as_in.unnameable {
            return Err(
                place.malformed("", "is under a key that is neither a text nor a number, so that it has no name")
            );
        }
        if let Some(why) = name_fault(name) {
            let message = format!("The tensor's name \"{}\" {why}.", escape(name));
            return Err(fault(Cause::Malformed, object.at, place.field(""), message));
        }
        let foreign = match as_in.foreign {
            None => None,
            Some(number) => match self.source.pickle.globals.get(number as usize) {
                Some(global) => Some(self.source.foreign(global, place)),
                None => return Err(place.malformed("", "depends on an object that no known function makes")),
            },
        };
        let name = name.to_owned();
        // What another tensor could not be loaded for is not what this file is refused for: it is listed, as far as it is known.
        let (view, unreadable) = match (self.source.tensor(object, &name), foreign) {
            (Ok(view), None) => (Some(view), None),
            (view, Some(error)) => (view.ok(), Some(self.reason(&name, error)?)),
            (Err(error), None) if matches!(error.cause, Cause::UnsupportedFormat | Cause::UnsupportedDtype) => {
                self.source.note_storage(object);
                (None, Some(self.reason(&name, error)?))
            }
            (Err(error), None) => return Err(error),
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.fruitful = true;
        }
        self.found.push(Found { name, at: object.at, view, unreadable, optimizer: as_in.optimizer });
        Ok(())
    }

    /// The reason in an error about a tensor; one for all that have it. Of more reasons than are kept the error stands.
    fn reason(&mut self, name: &str, error: Error) -> Result<Arc<Unreadable>, Error> {
        let said = error.message.trim_end_matches('.');
        let why = match said.strip_prefix(&format!("Tensor \"{}\" ", escape(name))) {
            Some(why) => why.to_owned(),
            None => format!("cannot be read: {said}"),
        };
        let offset = error.offset.unwrap_or(0);
        let known = self.reasons.iter().rev().take(RECENT_REASONS).find(|known| known.why == why);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        if self.reasons.len() >= MOST_REASONS {
            return Err(error);
        }
        let reason = Arc::new(Unreadable { cause: error.cause, offset, why });
        self.reasons.push(reason.clone());
        Ok(reason)
    }
}

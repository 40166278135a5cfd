//! A guest that is called: each export between its two records.
use crate::{
    engine::{Called, Engine, Grant},
    media::Media,
    recording::{TEXT_BYTES, bounded},
    trace::{Export, Outcome, What},
    types::{
        Advice, AdviceEffect, BufferState, Cause, Error, FilePart, Finding, FormatInfo, GuestOptions, Level,
        LoadOptions, LoadReport, MachineStatus, MachineTable, MetadataEdit, MetadataEntry, ModelSummary, Phase,
        Selection, SlotState, TensorInfo, TensorLayout, TensorState,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

/// A guest with whoever runs it.
pub(crate) struct Guest<E: Engine> {
    pub(crate) engine: E,
    open: bool,
    /// Why nothing can be asked any more.
    dead: Option<Error>,
}

fn as_json<T: Serialize>(value: &T) -> Value {
    json!(value)
}

/// Clamp: the texts of an error, which are the guest's and are quoted, kept and replayed.
fn cut(mut error: Error) -> Error {
    let short = |text: &mut String| text.truncate(text.floor_char_boundary(TEXT_BYTES));
    short(&mut error.message);
    if let Some(field) = &mut error.field {
        short(field);
    }
    error
}

impl<E: Engine> Guest<E> {
    pub(crate) const fn new(engine: E) -> Self {
        Self { engine, open: false, dead: None }
    }

    /// Whether the guest was ended.
    pub(crate) const fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Calls an export, untraced. A guest that was ended is not called again.
    fn call<T>(&mut self, phase: Phase, call: impl FnOnce(&mut E) -> Called<T>) -> Result<T, Error> {
        if let Some(dead) = &self.dead {
            return Err(dead.clone());
        }
        if !self.open && !matches!(phase, Phase::Parse) {
            let message = "no model is open in this session; open one first";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        call(&mut self.engine).map_err(|error| {
            let error = cut(Error { phase, ..error });
            self.dead = Some(error.clone());
            error
        })
    }

    /// Calls an export between its two records.
    fn traced<T>(
        &mut self,
        phase: Phase,
        export: impl FnOnce() -> Export,
        call: impl FnOnce(&mut E) -> Called<Result<T, Error>>,
        value: impl FnOnce(&T) -> Value,
    ) -> Result<T, Error> {
        let traced = self.dead.is_none() && self.engine.host(|host| host.log.on());
        if traced {
            let export = What::Enter(Box::new(export()));
            self.engine.host(|host| host.log.record(export));
        }
        let result = self.call(phase, call).map(|answer| answer.map_err(cut));
        if traced {
            let outcome = match &result {
                Ok(Ok(answer)) => Outcome::Ok(bounded(value(answer))),
                Ok(Err(error)) => Outcome::Failed(error.clone()),
                Err(error) => Outcome::Trapped(error.message.clone()),
            };
            self.engine.host(|host| host.log.record(What::Leave(Box::new(outcome))));
        }
        result.and_then(|answer| answer)
    }

    pub(crate) fn formats(&mut self) -> Result<Vec<FormatInfo>, Error> {
        self.engine.formats()
    }

    pub(crate) fn describe(&mut self) -> Result<Vec<MachineTable>, Error> {
        self.engine.describe()
    }

    pub(crate) fn open(&mut self, sources: &[Grant], options: GuestOptions) -> Result<(), Error> {
        let names = || sources.iter().map(|source| source.name.clone()).collect();
        let opened = self.traced(
            Phase::Parse,
            || Export::Open { sources: names(), options },
            |engine| engine.open(sources, options),
            |()| Value::Null,
        );
        self.open |= opened.is_ok();
        opened
    }

    pub(crate) fn missing(&mut self) -> Result<Vec<String>, Error> {
        self.traced(Phase::Parse, || Export::Missing, |engine| engine.missing().map(Ok), as_json)
    }

    pub(crate) fn provide(&mut self, sources: &[Grant]) -> Result<(), Error> {
        let names = || sources.iter().map(|source| source.name.clone()).collect();
        let export = || Export::Provide { sources: names() };
        self.traced(Phase::Parse, export, |engine| engine.provide(sources), |()| Value::Null)
    }

    pub(crate) fn summary(&mut self) -> Result<ModelSummary, Error> {
        self.traced(Phase::Request, || Export::Summary, |engine| engine.summary().map(Ok), as_json)
    }

    pub(crate) fn tensors(&mut self, start: u32, count: u32) -> Result<Vec<TensorInfo>, Error> {
        let export = || Export::Tensors { start, count };
        self.traced(Phase::Request, export, |engine| engine.tensors(start, count).map(Ok), |list| json!(list.len()))
    }

    pub(crate) fn metadata(&mut self, start: u32, count: u32, head: u32) -> Result<Vec<MetadataEntry>, Error> {
        let export = || Export::Metadata { start, count, head };
        self.traced(Phase::Request, export, |engine| engine.metadata(start, count, head), |list| json!(list.len()))
    }

    pub(crate) fn layout(&mut self, tensor: u32) -> Result<Option<TensorLayout>, Error> {
        self.call(Phase::Request, |engine| engine.layout(tensor))
    }

    pub(crate) fn rewrite(&mut self, source: u32, edits: &[MetadataEdit], block: u64) -> Result<Vec<FilePart>, Error> {
        self.call(Phase::Request, |engine| engine.rewrite(source, edits, block))?.map_err(cut)
    }

    pub(crate) fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        self.call(Phase::Request, E::findings)
    }

    pub(crate) fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let began = E::Media::now();
        let export = || Export::Load { selection: selection.clone(), options: options.clone() };
        let done = self.traced(Phase::Transfer, export, |engine| engine.load(selection, options), as_json);
        self.engine.host(|host| host.timings.load = E::Media::now().saturating_sub(began));
        done
    }

    pub(crate) fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        let export = || Export::Release { selection: selection.clone() };
        self.traced(Phase::Release, export, |engine| engine.release(selection), as_json)
    }

    pub(crate) fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        let export = || Export::Evict { selection: selection.clone() };
        self.traced(Phase::Evict, export, |engine| engine.evict(selection), as_json)
    }

    pub(crate) fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        let export = || Export::Advise { tensor, advice };
        self.traced(Phase::Advise, export, |engine| engine.advise(tensor, advice), as_json)
    }

    pub(crate) fn states(&mut self, start: u32, count: u32) -> Result<Vec<TensorState>, Error> {
        self.call(Phase::Request, |engine| engine.states(start, count))
    }

    pub(crate) fn slots(&mut self) -> Result<Vec<SlotState>, Error> {
        self.call(Phase::Request, E::slots)
    }

    pub(crate) fn buffers(&mut self, start: u32, count: u32) -> Result<Vec<BufferState>, Error> {
        self.call(Phase::Request, |engine| engine.buffers(start, count))
    }

    pub(crate) fn machines(&mut self) -> Result<Vec<MachineStatus>, Error> {
        self.call(Phase::Request, E::machines)
    }

    pub(crate) fn observe(&mut self, level: Level) -> Result<(), Error> {
        let export = || Export::Observe { level };
        self.traced(Phase::Request, export, |engine| engine.observe(level).map(Ok), |()| Value::Null)
    }

    /// Closes the session in the guest. What is busy stays, and close can be asked again.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.traced(Phase::Close, || Export::Close, E::close, |()| Value::Null)
    }

    /// Calls the export that a record says was called. Files get the numbers from `sources` on.
    pub(crate) fn perform(&mut self, export: &Export, sources: &mut u32) -> Outcome {
        let mut grant = |names: &[String]| -> Vec<Grant> {
            let first = *sources;
            *sources = first.saturating_add(u32::try_from(names.len()).unwrap_or(u32::MAX));
            names.iter().zip(first..).map(|(name, number)| Grant { name: name.clone(), number }).collect()
        };
        let done: Result<Value, Error> = match export {
            Export::Open { sources, options } => self.open(&grant(sources), *options).map(|()| Value::Null),
            Export::Missing => self.missing().map(|names| json!(names)),
            Export::Provide { sources } => self.provide(&grant(sources)).map(|()| Value::Null),
            Export::Summary => self.summary().map(|summary| json!(summary)),
            Export::Tensors { start, count } => self.tensors(*start, *count).map(|tensors| json!(tensors.len())),
            Export::Metadata { start, count, head } => {
                self.metadata(*start, *count, *head).map(|entries| json!(entries.len()))
            }
            Export::Load { selection, options } => self.load(selection, options).map(|report| json!(report)),
            Export::Release { selection } => self.release(selection).map(|count| json!(count)),
            Export::Evict { selection } => self.evict(selection).map(|count| json!(count)),
            Export::Advise { tensor, advice } => self.advise(*tensor, *advice).map(|effect| json!(effect)),
            Export::Observe { level } => self.observe(*level).map(|()| Value::Null),
            Export::Close => self.close().map(|()| Value::Null),
        };
        match done {
            Ok(value) => Outcome::Ok(value),
            Err(error) if self.is_dead() => Outcome::Trapped(error.message),
            Err(error) => Outcome::Failed(error),
        }
    }
}

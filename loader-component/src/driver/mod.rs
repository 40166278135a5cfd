//! The driver: takes requests, dispatches events, performs the commands that the actors leave through [`Storage`], and
//! brings the answers back. It decides nothing that a table could decide.
mod answers;
mod branch;
mod buffers;
mod explain;
mod mapping;
mod open;
mod plan;
mod requests;
mod residency;
mod transfer;

use crate::actors::io_buffer::IoBuffer;
use crate::actors::io_loader::IoLoader;
use crate::actors::io_mmap::{Context as Slots, IoMmap};
use crate::actors::io_read::IoRead;
use crate::actors::io_staged_read::IoStagedRead;
use crate::actors::model_loader::{self, Command, ModelLoader};
use crate::actors::model_tensor::ModelTensor;
use crate::actors::{Answered, Fault, Finding, Noted, Ticket};
use crate::api::{LoadReport, SessionOptions};
use crate::formats::{Catalogue, Header, Limits, Parser};
use crate::observe::{Observer, Watch};
use crate::storage::{Capabilities, Storage};
use crate::types::{AdviceEffect, Cause, Error, Level, Phase};
pub use branch::Insides;
use plan::Plan;
use requests::Request;
use transfer::Held;

/// Slots of a session that names none.
const SLOTS: u32 = 256;
/// Most slots of a session; each costs memory at once.
const SLOTS_AT_MOST: u32 = 65_536;
/// Bytes between two points of progress, for a load that names none.
const STAGING_BYTES: u64 = 4 << 20;

/// Errors of a request of which the host's own words are kept: it ends with the first, or with those of the strategies that
/// it tried.
const MOST_NOTED: usize = 64;

/// One granted file.
#[derive(Clone)]
struct Source<S> {
    name: String,
    handle: S,
    size: u64,
}

/// A header that is being read.
struct Reading {
    parser: Parser,
    /// The bytes that the parser waits for.
    wanted: Option<(u64, u32)>,
}

/// One model: the actors, the host's handles, and what the headers say.
pub struct Session<S: Storage> {
    storage: S,
    host: Capabilities,
    limits: Limits,
    watch: Watch,
    sources: Vec<Source<S::Source>>,
    headers: Vec<(String, Header)>,
    reading: Option<Reading>,
    missing: Vec<String>,
    /// Whether the host has given what it has of a model that may stay partial.
    provided: bool,
    catalogue: Option<Catalogue>,
    loader: ModelLoader,
    tensors: ModelTensor,
    io: IoLoader,
    mmap: IoMmap,
    buffers: IoBuffer,
    read: IoRead,
    staged: IoStagedRead,
    /// Whether the caller left the number of slots open.
    slots_by_default: bool,
    mappings: Vec<Option<S::Mapping>>,
    targets: Vec<Option<S::Target>>,
    request: Request,
    plan: Plan,
    held: Vec<Held>,
    /// Counts loads, releases and evictions, so that a tensor knows the answer to its own.
    ticket: Ticket,
    report: LoadReport,
    ended: u32,
    effect: AdviceEffect,
    /// The part of the work that is under way.
    phase: Phase,
    /// Errors of this request in full: the faults that travel through the machines have their numbers.
    errors: Vec<Error>,
    /// What the load under way holds, until it is known whether it is undone.
    leases: Vec<Held>,
}

impl<S: Storage> Session<S> {
    /// A session that has not read anything yet.
    pub(crate) fn new(mut storage: S, options: &SessionOptions, observer: Box<dyn Observer>) -> Self {
        let host = storage.capabilities();
        let slots = if options.slots == 0 { SLOTS } else { options.slots.min(SLOTS_AT_MOST) };
        let mmap = IoMmap::new(Slots::new(slots, &host));
        Self {
            storage,
            host,
            limits: Limits { partial: options.partial, ..Limits::from(&options.limits) },
            watch: Watch::new(options.observe, observer),
            sources: Vec::new(),
            headers: Vec::new(),
            reading: None,
            missing: Vec::new(),
            provided: false,
            catalogue: None,
            loader: ModelLoader::default(),
            tensors: ModelTensor::default(),
            io: IoLoader::default(),
            mmap,
            buffers: IoBuffer::default(),
            read: IoRead::default(),
            staged: IoStagedRead::default(),
            slots_by_default: options.slots == 0,
            mappings: (0..slots).map(|_| None).collect(),
            targets: Vec::new(),
            request: Request::default(),
            plan: Plan::default(),
            held: Vec::new(),
            ticket: Ticket::default(),
            report: requests::empty_report(),
            ended: 0,
            effect: AdviceEffect::Unsupported,
            phase: Phase::Request,
            errors: Vec::new(),
            leases: Vec::new(),
        }
    }

    /// Changes what the observer gets.
    pub fn observe(&mut self, level: Level) {
        self.watch.set_level(level);
    }

    /// The storage, for tests that look at their double.
    pub const fn storage(&mut self) -> &mut S {
        &mut self.storage
    }

    /// A request begins: what was found of the one before is forgotten.
    fn begin(&mut self, phase: Phase) {
        self.errors.clear();
        self.phase = phase;
    }

    /// Runs one request of model/loader, which has begun, to its outcome.
    fn run(
        &mut self,
        request: &'static str,
        event: impl Into<model_loader::Event>,
    ) -> Result<model_loader::Outcome, Error> {
        let mut output = self.loader.dispatch(event, &self.watch);
        while let Some(command) = output.command {
            self.watch.command(ModelLoader::NAME, None, command.name());
            self.phase = phase_of(command);
            output = self.perform(command);
        }
        let at = self.phase;
        self.end_leases();
        let outcome = output.outcome.unwrap_or(model_loader::Outcome::Refused(Fault::new(Cause::Internal)));
        let ok = !matches!(outcome, model_loader::Outcome::Refused(_));
        self.watch.outcome(ModelLoader::NAME, None, request, ok);
        self.watch.flush();
        match outcome {
            model_loader::Outcome::Refused(fault) => Err(self.explain(at, fault)),
            outcome => Ok(outcome),
        }
    }

    /// Performs one command of model/loader and brings its answer.
    fn perform(&mut self, command: Command) -> model_loader::Output {
        let (ticket, result) = match command {
            Command::ReadHeader(ticket) => return self.read_header(ticket),
            Command::Bind(ticket) => (ticket, self.bind()),
            Command::Plan(ticket) => (ticket, self.make_plan()),
            Command::Transfer(ticket) => (ticket, self.transfer()),
            Command::Apply(ticket) => (ticket, self.apply()),
            Command::FailPlan(ticket) => (ticket, self.fail_plan()),
            Command::MapLayers(ticket) => (ticket, self.check(Phase::MapLayers, crate::validate::layers)),
            Command::CheckStructure(ticket) => (ticket, self.check(Phase::Structure, crate::validate::structure)),
            Command::CheckArchitecture(ticket) => {
                (ticket, self.check(Phase::Architecture, crate::validate::architecture))
            }
            Command::Undo(ticket) => (ticket, self.undo()),
            Command::Release(ticket) => (ticket, self.release_selected()),
            Command::Evict(ticket) => (ticket, self.evict_selected()),
            Command::Advise(ticket) => (ticket, self.advise_tensor()),
            Command::Close(ticket) => (ticket, self.close_all()),
        };
        let fault = result.err();
        self.watch.answer(ModelLoader::NAME, None, command.name(), fault.is_none());
        self.loader.dispatch(Answered { ticket, fault }, &self.watch)
    }

    fn check(&mut self, phase: Phase, check: fn(&Catalogue) -> Result<(), Error>) -> Result<(), Fault> {
        let result = self.catalogue.as_ref().map_or(Ok(()), check);
        result.map_err(|error| self.note(Error { phase, ..error }))
    }

    /// Keeps an error for the end of the request, and gives its number to the machines, which decide whether it is the one
    /// that the request ends with.
    fn note(&mut self, error: Error) -> Fault {
        let (cause, os_code, item) = (error.cause, error.os_code, error.tensor);
        Fault { os_code, noted: Some(self.keep(error)), item, ..Fault::new(cause) }
    }

    /// Keeps the words for something that was found of a request. The row that refuses it gives the cause.
    fn finding(&mut self, error: Error) -> Finding {
        Finding { item: error.tensor, noted: self.keep(error) }
    }

    fn keep(&mut self, error: Error) -> Noted {
        self.errors.push(error);
        Noted(u32::try_from(self.errors.len() - 1).unwrap_or(u32::MAX))
    }
}

const fn phase_of(command: Command) -> Phase {
    match command {
        Command::ReadHeader(_) => Phase::Parse,
        Command::Bind(_) => Phase::Bind,
        Command::Plan(_) => Phase::Plan,
        Command::Transfer(_) | Command::FailPlan(_) => Phase::Transfer,
        Command::Apply(_) | Command::Undo(_) => Phase::Apply,
        Command::MapLayers(_) => Phase::MapLayers,
        Command::CheckStructure(_) => Phase::Structure,
        Command::CheckArchitecture(_) => Phase::Architecture,
        Command::Release(_) => Phase::Release,
        Command::Evict(_) => Phase::Evict,
        Command::Advise(_) => Phase::Advise,
        Command::Close(_) => Phase::Close,
    }
}

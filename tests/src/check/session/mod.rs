//! The composed system: the real driver over every actor, and a host whose every answer is chosen.
//!
//! A step is one request with one sequence of answers; between requests every machine stands in `ready` (which is checked),
//! so that these are the states worth telling apart. Within a request all sequences of answers are run, by replaying it
//! from a copy of the state.
//!
//! What is abstracted, and why no behaviour is lost:
//! - Tickets, the host's names, and generations are only ever compared for equality with the present one: their values are
//!   left out of the key. That what a tensor holds is the present use of its slot is checked in each state. Where slots
//!   retire, generations do count, and a configuration with early retirement keeps them in the key.
//! - Buffers by another number are the same buffers: nothing asks for a number but who has been given it. Whether a free
//!   has failed before (`free-pending`) is shown and never asked. Numbers that retire are in io/buffer's own check.
//! - `strategy` of a tensor, and what io/* and the driver keep of the load before, is reported and never asked. That no
//!   request behaves differently for it is tried, in every so many states: `audit`.
//! - A tensor that was evicted loads as one that never was does. The two are kept apart in the key where `exact` is set;
//!   model/tensor's own check has the rest.
mod audit;
pub mod host;
pub mod oracle;
pub mod requests;
mod rules;

use super::search::{self, Visit};
use host::{Flaw, Host, World};
use oracle::{Answer, Oracle, Rules, error};
use requests::{Outcome, Request, Set, TENSORS};
use weighbridge_loader::actors::io_buffer::Handle;
use weighbridge_loader::actors::model_tensor::Hold;
use weighbridge_loader::api::SessionOptions;
use weighbridge_loader::driver::Session;
use weighbridge_loader::formats::build::SafetensorsBuilder;
use weighbridge_loader::storage::Capabilities;
use weighbridge_loader::types::{Level, Lifecycle};

/// What is checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the host can do.
    pub can: Capabilities,
    /// Slots.
    pub slots: u32,
    /// The generation after which a slot retires, where it is to be seen.
    pub retires_after: Option<u32>,
    /// Most targets that the host gives out.
    pub quota: usize,
    /// The last tensor has no bytes.
    pub last_is_empty: bool,
    /// Unbound and evicted are told apart.
    pub exact: bool,
    /// Most calls of one request that fail.
    pub failures: u8,
    /// Every error of the host is tried in states so many requests from the start.
    pub every_error_until: usize,
    /// How the host is broken.
    pub flaw: Flaw,
    /// Whether a request is made.
    pub asks: fn(&Request) -> bool,
    /// Of so many new states one is compared with others of its key.
    pub audits: Option<usize>,
    /// What else has to hold.
    pub also: fn(&Session<Host>) -> Result<(), String>,
}

impl Config {
    /// Two slots, three tensors, everything asked.
    pub const FULL: Self = Self {
        can: host::CAN,
        slots: 2,
        retires_after: None,
        quota: 3,
        last_is_empty: false,
        exact: false,
        failures: 2,
        every_error_until: 2,
        flaw: Flaw::None,
        asks: |_| true,
        audits: Some(16),
        also: |_| Ok(()),
    };
}

/// A session and its host, between two requests.
pub struct Node {
    session: Session<Host>,
    world: World,
    config: Config,
    /// Where each tensor lies in the file, and its bytes.
    places: [(u64, u64); TENSORS as usize],
    closed: bool,
}

impl Node {
    const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where a tensor lies in the file, and its bytes.
    const fn place(&self, tensor: u32) -> (u64, u64) {
        self.places[tensor as usize]
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.session.storage().mute();
    }
}

/// One request, and the answers that it met.
#[derive(Clone, Debug)]
pub struct Step {
    request: Request,
    choices: Vec<u8>,
    rules: Rules,
    failures: u8,
}

/// The model that is searched.
pub struct Model {
    config: Config,
    host: Host,
    /// The world as it was.
    fresh: World,
    /// Runs whose further failures the bound on failures kept out.
    pub cut: u64,
    /// States that were compared with others of their key.
    pub audited: usize,
    arrived: usize,
}

impl Model {
    /// A model of a configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut file = SafetensorsBuilder::new();
        for tensor in 0..TENSORS {
            let bytes = rules::bytes(tensor, config.last_is_empty);
            file = file.tensor(&format!("t{tensor}"), "U8", &[bytes], &vec![1; usize::try_from(bytes).unwrap()]);
        }
        let world = World::new(file.build(), config.quota, config.flaw);
        let host = Host::new(world.clone(), config.can.clone());
        Self { host, config, fresh: world, cut: 0, audited: 0, arrived: 0 }
    }

    /// Runs one request with these answers, and the first of those that come after them.
    fn run(&self, from: &Node, request: &Request, rules: Rules, prefix: Vec<u8>) -> (Outcome, Node) {
        let mut world = from.world.clone();
        world.oracle = Oracle::new(rules, prefix);
        world.log.clear();
        self.host.install(world);
        let mut session = from.session.fork();
        let outcome = request.perform(&mut session);
        let world = self.host.world.borrow().clone();
        let closed = matches!(outcome, Outcome::Closed);
        (outcome, Node { session, world, config: self.config.clone(), places: from.places, closed })
    }

    fn requests(&self, from: &Node) -> Vec<Request> {
        if from.is_closed() {
            return Vec::new();
        }
        let insides = from.session.insides();
        let is = |wanted: Lifecycle| Set::of(|tensor| insides.tensors.lifecycle(tensor) == Some(wanted));
        let waiting = Set::of(|tensor| rules::is_waiting(from, tensor));
        let mut all = requests::requests(waiting, is(Lifecycle::MmapResident), is(Lifecycle::Resident));
        all.retain(self.config.asks);
        all
    }
}

impl search::Model for Model {
    type State = Node;
    type Key = Vec<u8>;
    type Step = Step;

    fn start(&mut self) -> Result<Node, String> {
        self.host.install(self.fresh.clone());
        let options = SessionOptions {
            slots: self.config.slots,
            limits: weighbridge_loader::api::Limits {
                header_bytes: 0,
                tensors: 0,
                metadata_entries: 0,
                name_bytes: 0,
                nesting: 0,
            },
            observe: Level::Off,
            partial: false,
        };
        let sources = vec![("model.safetensors".to_owned(), ())];
        let session = Session::open(self.host.clone(), sources, &options, Box::new(()));
        let mut session = session.map_err(|error| error.message)?;
        let mut places = [(0, 0); TENSORS as usize];
        for (place, info) in places.iter_mut().zip(session.tensors(0, TENSORS)) {
            *place = (info.offset, info.bytes);
        }
        if let Some(generation) = self.config.retires_after {
            session = session.retiring_after(generation);
        }
        let node = Node {
            session,
            world: self.host.world.borrow().clone(),
            config: self.config.clone(),
            places,
            closed: false,
        };
        rules::state(&node).map(|()| node)
    }

    fn key(node: &Node) -> Vec<u8> {
        let insides = node.session.insides();
        let mut key = vec![u8::from(node.is_closed())];
        let mut buffers: Vec<Handle> = Vec::new();
        for index in 0..TENSORS {
            let lifecycle = insides.tensors.lifecycle(index).unwrap_or(Lifecycle::Unbound);
            key.push(match lifecycle {
                Lifecycle::Evicted if !node.config.exact => Lifecycle::Unbound as u8,
                other => other as u8,
            });
            match insides.tensors.get(index).map(|tensor| tensor.hold) {
                Some(Hold::Mapped { handle, .. }) => key.push(small(handle.slot) + 1),
                Some(Hold::Copied { buffer, .. }) => {
                    let at = buffers.iter().position(|known| *known == buffer).unwrap_or(buffers.len());
                    if at == buffers.len() {
                        buffers.push(buffer);
                    }
                    let external = insides.buffers.context().buffer(buffer).is_some_and(|found| found.external);
                    key.push(2 * u8::try_from(at).unwrap() + u8::from(external));
                }
                _ => key.push(0),
            }
        }
        let idle = insides.buffers.context().idle().count();
        key.push(u8::try_from(idle).unwrap());
        for slot in insides.mmap.context().slots() {
            key.extend([
                slot.status as u8,
                small(u32::try_from(slot.offset).unwrap()),
                small(u32::try_from(slot.len).unwrap()),
            ]);
            if node.config.retires_after.is_some() {
                key.push(small(slot.generation));
            }
        }
        key.extend(insides.mmap.context().free().iter().map(|slot| small(*slot)));
        key
    }

    fn steps(&mut self, from: &Node, depth: usize, visit: &mut Visit<'_, Self>) {
        let rules = Rules { every_error: depth < self.config.every_error_until, failures: self.config.failures };
        for request in self.requests(from) {
            let mut prefix = Some(Vec::new());
            while let Some(choices) = prefix {
                let (outcome, node) = self.run(from, &request, rules, choices);
                let oracle = &node.world.oracle;
                self.cut += u64::from(oracle.cut);
                prefix = oracle.next();
                let step = Step { request, choices: oracle.choices(), rules, failures: oracle.failures() };
                let right =
                    rules::step(from, &request, &outcome, &node).and_then(|()| (self.config.also)(&node.session));
                visit(step, right.map(|()| node));
            }
        }
    }

    fn arrive(&mut self, node: &Node) -> Result<(), String> {
        rules::stale_handles(node)?;
        self.arrived += 1;
        match self.config.audits {
            Some(every) if self.arrived.is_multiple_of(every) => self.audit(node),
            _ => Ok(()),
        }
    }

    fn weight(step: &Step) -> usize {
        usize::from(step.failures) * 1000 + step.choices.len()
    }

    fn tell(&mut self, way: &[Step]) -> Vec<String> {
        let Ok(mut at) = self.start() else { return Vec::new() };
        let mut told = Vec::new();
        for step in way {
            let (outcome, node) = self.run(&at, &step.request, step.rules, step.choices.clone());
            let mut text = format!("{}: {outcome}", step.request);
            for (call, answer) in &node.world.log {
                let answer = match answer {
                    Answer::Ok => "ok".to_owned(),
                    Answer::Fails(number) => requests::word(&error(*number)),
                    Answer::FailsAt(span, number) => format!("{} at span {span}", requests::word(&error(*number))),
                    other => format!("{other:?}"),
                };
                text.push_str(&format!("\n     host: {call:?}: {answer}"));
            }
            told.push(text);
            at = node;
        }
        told
    }
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap()
}

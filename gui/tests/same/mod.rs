//! The native desk, asked as the page's is; and updates without what differs from host to host.
use std::time::{Duration, Instant};
use weighbridge_core::trace::{Answer, Record, What};
use weighbridge_core::types::Capabilities;
use weighbridge_inspector::backend::{Backend as _, FileRef, HostFacts, Request, Sandbox, Update};
use weighbridge_inspector::native::NativeBackend;

/// The desk of the desktop program.
pub(crate) struct Native(NativeBackend);

/// A file that cannot be written: that it was not says that all is answered that was asked before.
const NOWHERE: &str = "no such folder/end";

impl Native {
    pub(crate) fn start() -> Self {
        Self(NativeBackend::new(&egui::Context::default()).unwrap())
    }

    /// What is told of the host before anything is asked.
    pub(crate) fn started(&mut self) -> Vec<Update> {
        let mut updates = self.answers();
        updates.retain(|update| matches!(update, Update::Host(_)));
        updates
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Vec<Update> {
        self.0.send(request.clone());
        self.answers()
    }

    /// Everything that is answered. Whoever is held goes on at once.
    fn answers(&mut self) -> Vec<Update> {
        let nowhere = FileRef { name: NOWHERE.to_owned(), token: NOWHERE.to_owned() };
        self.0.send(Request::WriteFile(nowhere, Vec::new()));
        let mut updates = Vec::new();
        loop {
            match self.next() {
                Update::Problem(why) if why.starts_with(NOWHERE) => break,
                Update::Held(why) => {
                    self.0.send(Request::Continue);
                    updates.push(Update::Held(why));
                }
                update => updates.push(update),
            }
        }
        assert_eq!(updates.pop(), Some(Update::Busy("Writing".to_owned())));
        assert_eq!(self.next(), Update::Idle);
        updates
    }

    fn next(&mut self) -> Update {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            match self.0.poll() {
                Some(update) => return update,
                None => assert!(Instant::now() < until, "nothing is answered any more"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Updates without times, without what a host may do in its own way, and with records together that came one after the
/// other.
pub(crate) fn plain(updates: Vec<Update>) -> Vec<Update> {
    let mut all: Vec<Update> = Vec::new();
    for mut update in updates {
        match &mut update {
            Update::Records(records) => {
                let records: Vec<Record> = std::mem::take(records).into_iter().filter_map(record).collect();
                match all.last_mut() {
                    Some(Update::Records(before)) => before.extend(records),
                    _ if records.is_empty() => {}
                    _ => all.push(Update::Records(records)),
                }
                continue;
            }
            Update::Host(facts) => {
                let HostFacts { component_bytes, code, ready_ns, .. } = &mut **facts;
                (*component_bytes, *code, *ready_ns) = (0, String::new(), 0);
            }
            Update::Opened(opened) => opened.capabilities.iter_mut().for_each(capabilities),
            Update::Sandbox(numbers) => {
                // The memory of a guest is what its engine gave it; bounds are the host's own.
                **numbers = Sandbox {
                    guest_memory: 0,
                    guest_limit: 0,
                    mapped_limit: 0,
                    buffer_limit: 0,
                    ..(**numbers).clone()
                };
            }
            // `…; 1.20 ms then, 1.30 ms now`
            Update::Notice(text) if text.starts_with("Re-executed") => {
                text.truncate(text.find(';').unwrap_or(text.len()));
            }
            _ => {}
        }
        all.push(update);
    }
    all
}

/// A record without its time; none for what the host did by itself.
fn record(mut record: Record) -> Option<Record> {
    (record.seq, record.at) = (0, 0);
    match &mut record.what {
        What::Host { .. } => return None,
        What::Return { answer, ns } => {
            *ns = 0;
            match &mut **answer {
                Answer::Stat(stat) => stat.fingerprint = (0, 0),
                Answer::Capabilities(offered) => capabilities(offered),
                _ => {}
            }
        }
        _ => {}
    }
    Some(record)
}

fn capabilities(offered: &mut Capabilities) {
    (offered.advise, offered.map_granularity) = (false, 0);
    offered.auto.clear();
}

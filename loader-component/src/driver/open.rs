//! Open and provide: headers are read in windows, checked, and their tensors bound.
use super::{Reading, SLOTS_AT_MOST, Session, Source, explain};
use crate::actors::io_mmap::{Context as Slots, IoMmap};
use crate::actors::model_loader::{self, Files, Open, Outcome, Parsed, Provide};
use crate::actors::model_tensor::ModelTensor;
use crate::actors::{Fault, Ticket};
use crate::api::{Finding, SessionOptions};
use crate::formats::{Catalogue, Header, Parser, Step, Window, escape};
use crate::observe::Observer;
use crate::storage::Storage;
use crate::types::{Cause, Error, Phase};
use std::collections::HashSet;

impl<S: Storage> Session<S> {
    /// Reads the headers, checks them, binds the tensors. Moves no tensor bytes.
    ///
    /// # Errors
    /// As `session.open` of `wit/loader.wit`.
    pub fn open(
        storage: S,
        sources: Vec<(String, S::Source)>,
        options: &SessionOptions,
        observer: Box<dyn Observer>,
    ) -> Result<Self, Error> {
        let mut session = Self::new(storage, options, observer);
        session.begin(Phase::Request);
        let files = session.files(&sources);
        session.take(sources);
        session.run("open", Open { files })?;
        Ok(session)
    }

    /// Names of the files that the model also consists of; empty when it is complete.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Gives further files. On an error none of them was taken.
    ///
    /// # Errors
    /// As `session.provide` of `wit/loader.wit`.
    pub fn provide(&mut self, sources: Vec<(String, S::Source)>) -> Result<(), Error> {
        let (had_sources, had_headers, had_missing) = (self.sources.len(), self.headers.clone(), self.missing.clone());
        self.begin(Phase::Request);
        let mut files = self.files(&sources);
        self.take(sources);
        self.provided = true;
        if self.limits.partial {
            files.none = None;
        }
        let result = self.run("provide", Provide { files });
        if result.is_err() {
            self.sources.truncate(had_sources);
            self.missing = had_missing;
        }
        if result.is_err() && self.catalogue.is_none() {
            self.headers = had_headers;
            self.reading = None;
        }
        result.map(|_: Outcome| ())
    }

    fn files(&mut self, sources: &[(String, S::Source)]) -> Files {
        let invalid = |message: String| Error::new(Phase::Request, Cause::InvalidRequest, message).at_field("sources");
        let none = sources.is_empty().then(|| self.finding(invalid("No file was given.".into())));
        let mut names: HashSet<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let repeated = sources.iter().find(|(name, _)| !names.insert(name)).map(|(name, _)| escape(name));
        let repeated = repeated.map(|name| self.finding(invalid(format!("The file \"{name}\" was given twice."))));
        Files { none, repeated }
    }

    fn take(&mut self, sources: Vec<(String, S::Source)>) {
        self.sources.extend(sources.into_iter().map(|(name, handle)| Source { name, handle, size: 0 }));
    }

    /// One window of one header: what the parser waits for is read, and the parser goes on.
    pub(super) fn read_header(&mut self, ticket: Ticket) -> model_loader::Output {
        let result = self.next_window();
        let missing = match &result {
            Ok(false) => self.find_missing(),
            _ => Ok(false),
        };
        let (fault, more, missing) = match (result, missing) {
            (Ok(more), Ok(missing)) => (None, more, missing),
            (Err(error), _) | (_, Err(error)) => {
                self.reading = None;
                (Some(self.note(error)), false, false)
            }
        };
        self.watch.answer("model/loader", None, "read-header", fault.is_none());
        self.loader.dispatch(Parsed { ticket, fault, more, missing }, &self.watch)
    }

    /// Whether there is more to read after it.
    fn next_window(&mut self) -> Result<bool, Error> {
        let at = self.headers.len();
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let Some(source) = self.sources.get_mut(at) else {
            if self.limits.partial && at > 0 {
                return Ok(false);
            }
            return Err(Error::new(Phase::Parse, Cause::Internal, "There is no further file to read."));
        };
        self.watch.flush();
        let name = escape(&source.name);
        let named = |error: Error| Error { message: format!("\"{name}\": {}", error.message), ..error };
        let host = |error| named(explain::host_error(Phase::Parse, &error).in_source(number));
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                source.size = self.storage.stat(&source.handle).map_err(host)?.size;
                let parser = Parser::new(&source.name, source.size, self.host.max_read, self.limits);
                none.insert(Reading { parser, wanted: None })
            }
        };
        let window = match reading.wanted.take() {
            Some((offset, len)) => {
                Some(Window { offset, bytes: self.storage.read(&source.handle, offset, len).map_err(host)? })
            }
            None => None,
        };
        // The parser counts the tensors of its file, the session those of the model: the files before it come first.
        let in_model = |error: Error| {
            let before = self.headers.iter().fold(0usize, |sum, (_, header)| sum.saturating_add(header.tensors.len()));
            let tensor = error.tensor.and_then(|tensor| u32::try_from(before).ok()?.checked_add(tensor));
            named(Error { tensor, ..error.in_source(number) })
        };
        match reading.parser.step(window).map_err(in_model)? {
            Step::Read { offset, len } => {
                reading.wanted = Some((offset, len));
                Ok(true)
            }
            Step::Done(header) => {
                let name = source.name.clone();
                self.reading = None;
                self.headers.push((name, header));
                Ok(self.headers.len() < self.sources.len())
            }
        }
    }

    fn find_missing(&mut self) -> Result<bool, Error> {
        let headers: Vec<(String, &Header)> =
            self.headers.iter().map(|(name, header)| (name.clone(), header)).collect();
        self.missing = match Catalogue::missing(&headers) {
            // What is wrong with a model that may be partial is said where it is put together.
            Err(_) if self.limits.partial => Vec::new(),
            missing => missing?,
        };
        Ok(!(self.missing.is_empty() || self.limits.partial && self.provided))
    }

    /// Puts the catalogue together and binds every tensor.
    pub(super) fn bind(&mut self) -> Result<(), Fault> {
        // A model of one file, which most are, does not come back here: only a failed `provide` needs its headers again.
        let headers = if self.headers.len() > 1 { self.headers.clone() } else { std::mem::take(&mut self.headers) };
        self.room_for_files();
        let catalogue = Catalogue::of(headers, &self.limits).map_err(|error| self.note(error))?;
        self.tensors = ModelTensor::bound(catalogue.len());
        self.catalogue = Some(catalogue);
        self.headers = Vec::new();
        Ok(())
    }

    /// Gives a session that named no number of slots one for each file, now that all files are known. None is in use yet.
    fn room_for_files(&mut self) {
        let files = u32::try_from(self.sources.len()).unwrap_or(u32::MAX).min(SLOTS_AT_MOST);
        if self.slots_by_default && self.mappings.len() < files as usize {
            self.mmap = IoMmap::new(Slots::new(files, &self.host));
            self.mappings = (0..files).map(|_| None).collect();
        }
    }

    /// What was noticed of the model; nothing as long as files are missing.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.catalogue.as_ref().map(|catalogue| catalogue.findings().to_vec()).unwrap_or_default()
    }

    /// The catalogue of a session that is open.
    pub(super) fn catalogue(&self) -> Result<&Catalogue, Fault> {
        self.catalogue.as_ref().ok_or(Fault::new(Cause::InvalidRequest))
    }
}

//! From files to a model whose headers were read.
use super::{FileInfo, Session, found::Found};
use crate::{
    engine::{Engine, Grant, SourceOf},
    guest::Guest,
    media::Media,
    names::Names,
    options::SessionOptions,
    types::escape,
    types::{Cause, Error, Finding, ModelSummary, Phase, Severity},
};
use std::{
    collections::HashSet,
    sync::{Mutex, OnceLock},
};

/// How often a model may name further files. An index names all of them at once; a file of a split as well.
const ROUNDS: usize = 4;
/// Files that the guest may name in one round; those of the largest model that any host opens, and one to see that there are
/// more.
const NAMED: usize = 4097;

/// A file that the embedder grants, with the name that it is known by to people.
#[derive(Debug)]
pub struct Granted<S> {
    /// Its file name, not a path.
    pub name: String,
    /// The file.
    pub source: S,
}

/// Opens a further file of the model by its name.
type Find<'a, E> = dyn FnMut(&str) -> Result<SourceOf<E>, Error> + 'a;

impl<E: Engine> Session<E> {
    /// Opens a model over its files. `find` opens the further files that the model names, by their names: plain file names,
    /// which come from a stranger.
    ///
    /// # Errors
    /// The files are no model that can be read, or a further one cannot be found.
    pub fn open(
        engine: E,
        files: Vec<Granted<SourceOf<E>>>,
        options: &SessionOptions,
        mut find: impl FnMut(&str) -> Result<SourceOf<E>, Error>,
    ) -> Result<Self, Error> {
        let began = E::Media::now();
        let mut guest = Guest::new(engine);
        guest.engine.host(|host| host.admitted())?;
        let look = guest.engine.host(|host| host.table().map(|table| (table.usage(), table.capabilities())));
        let (usage, capabilities) = look.ok_or_else(no_files)?;
        let mut session = Self {
            guest: Mutex::new(guest),
            names: Names::new(options.names_in_trace),
            usage,
            capabilities,
            summary: ModelSummary {
                format: String::new(),
                version: 0,
                architecture: None,
                sources: 0,
                tensors: 0,
                metadata_entries: 0,
                tensor_bytes: 0,
                alignment: 1,
            },
            files: Vec::new(),
            listing: OnceLock::new(),
            states: OnceLock::new(),
            listing_bytes: options.limits.listing_bytes,
            noticed: Vec::new(),
            open_ns: 0,
            closed: false,
        };
        session.open_guest(files, options, &mut find).map_err(|error| session.names.shown(error))?;
        session.open_ns = E::Media::now().saturating_sub(began);
        Ok(session)
    }

    fn open_guest(
        &mut self,
        files: Vec<Granted<SourceOf<E>>>,
        options: &SessionOptions,
        find: &mut Find<'_, E>,
    ) -> Result<(), Error> {
        if files.is_empty() {
            let message = "no file was given; give the file of a model";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
        }
        room_for(files.len(), options.limits.files)?;
        let known = self.names.opened(files.iter().map(|file| file.name.as_str()));
        let mut grants = Vec::with_capacity(files.len());
        let mut seen = HashSet::new();
        for (file, known) in files.into_iter().zip(known) {
            if !seen.insert(file.name.clone()) {
                let message = format!("two of the files are called {}; give each file once", escape(&file.name));
                return Err(Error::new(Phase::Request, Cause::InvalidRequest, message));
            }
            grants.push(self.grant(known, file)?);
        }
        self.guest().open(&grants, options.guest)?;
        if options.guest.partial {
            self.provide_found(options.limits.files, find)?;
        } else {
            self.provide_missing(options.limits.files, find)?;
        }
        self.summary = self.guest().summary()?;
        Ok(())
    }

    /// Takes a file into the table; the guest will know it by `known`.
    fn grant(&mut self, known: String, file: Granted<SourceOf<E>>) -> Result<Grant, Error> {
        let granted = self.guest().engine.host(|host| {
            host.table().map(|table| {
                let size = table.media().size(&file.source);
                (size, table.add(file.source))
            })
        });
        let (size, number) = granted.ok_or_else(no_files)?;
        self.files.push(FileInfo { name: file.name, size });
        Ok(Grant { name: known, number })
    }

    /// Gives the guest the further files of the model. Clamp: as many as a model may have, each once, in a few rounds.
    fn provide_missing(&mut self, max_files: u32, find: &mut Find<'_, E>) -> Result<(), Error> {
        let mut have: HashSet<String> = self.files.iter().map(|file| file.name.clone()).collect();
        for _ in 0..ROUNDS {
            let missing = self.guest().missing()?;
            if missing.is_empty() {
                return Ok(());
            }
            room_for(self.files.len().saturating_add(missing.len().min(NAMED)), max_files)?;
            let mut grants = Vec::with_capacity(missing.len());
            let mut found = Found::default();
            for known in missing {
                let name = self.names.asked(&known);
                if !have.insert(name.clone()) {
                    let message = format!("the component asks again for {}, which it has", escape(&name));
                    return Err(Error::new(Phase::Parse, Cause::Internal, message));
                }
                if let Some(source) = found.or_absent(&name, find(&name))? {
                    grants.push(self.grant(known, Granted { name, source })?);
                }
            }
            found.all_there()?;
            self.guest().provide(&grants)?;
        }
        match self.guest().missing()?.first() {
            None => Ok(()),
            Some(known) => {
                let name = escape(&self.names.asked(known));
                let message = format!("the model names one more file after another, lastly {name}; it is not followed");
                Err(Error::new(Phase::Parse, Cause::Malformed, message))
            }
        }
    }
}

/// Files of a partial model that the guest may refuse one by one, each of which makes it read the headers of the others again.
const REFUSED: usize = 16;

impl<E: Engine> Session<E> {
    /// Gives the guest of a partial session those further files that can be found and read, and notes why others cannot. The
    /// guest says itself which are missing.
    fn provide_found(&mut self, max_files: u32, find: &mut Find<'_, E>) -> Result<(), Error> {
        let missing = self.guest().missing()?;
        if missing.is_empty() {
            return Ok(());
        }
        room_for(self.files.len().saturating_add(missing.len().min(NAMED)), max_files)?;
        let given = self.files.len();
        let mut grants = Vec::new();
        for known in missing {
            let name = self.names.asked(&known);
            match find(&name) {
                Ok(source) => grants.push(self.grant(known, Granted { name, source })?),
                Err(error) if error.cause == Cause::NotFound && error.field.is_none() => {}
                Err(error) => self.left_out(&error),
            }
        }
        let all = grants.len();
        while let Err(error) = self.guest().provide(&grants) {
            let at = error.source.and_then(|source| usize::try_from(source).ok()?.checked_sub(given));
            let Some(at) = at.filter(|at| *at < grants.len()) else {
                // Files were left out, so that the numbers of others say nothing any more.
                return Err(if grants.len() == all { error } else { Error { source: None, ..error } });
            };
            self.left_out(&error);
            if all - grants.len() < REFUSED {
                grants.remove(at);
                self.files.remove(given + at);
            } else {
                grants.clear();
                self.files.truncate(given);
            }
        }
        Ok(())
    }

    /// A file that is there and was left out.
    fn left_out(&mut self, error: &Error) {
        let rule = match error.cause {
            Cause::NotAModel => "not-a-model",
            Cause::EndOfSource => "cut-off",
            Cause::NotFound => "dangling-link",
            _ => "unreadable-file",
        };
        self.notice(Finding::new(rule, Severity::Error, self.names.translated(&error.message)));
    }
}

fn no_files() -> Error {
    let message = "this session has no files of its own; open the model itself";
    Error::new(Phase::Request, Cause::InvalidRequest, message)
}

fn room_for(files: usize, max: u32) -> Result<(), Error> {
    if files <= max as usize {
        return Ok(());
    }
    let message = format!("the model has more than the {max} files that the host opens; raise `files` if you trust it");
    Err(Error::new(Phase::Request, Cause::LimitExceeded, message))
}

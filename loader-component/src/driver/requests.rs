//! Load, release, evict, advise and close: each request is checked in full before any work, then handed to model/loader.
use super::{STAGING_BYTES, Session};
use crate::actors::io_loader::Policy;
use crate::actors::model_loader::{Advise, Close, Evict, Load, Release};
use crate::api::{LoadOptions, LoadReport, Selection};
use crate::formats::escape;
use crate::storage::Storage;
use crate::types::{Advice, AdviceEffect, Cause, Error, ExtentPolicy, Lifecycle, Phase, Strategy, StrategyPolicy};

/// The request under way, checked.
#[derive(Clone, Default)]
pub(super) struct Request {
    /// Indices, ascending and each once.
    pub(super) tensors: Vec<u32>,
    pub(super) policy: Policy,
    pub(super) extent: Option<ExtentPolicy>,
    pub(super) staging_bytes: u64,
    pub(super) advice: Option<Advice>,
}

pub(super) const fn empty_report() -> LoadReport {
    LoadReport { used: None, refused: Vec::new(), tensors: 0, bytes: 0, moved: 0, extents: 0, slots_peak: 0 }
}

/// Whether a selection names tensors one by one, so that each has to fit, or a set of which those that fit are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    Each,
    ThoseThatFit,
}

impl<S: Storage> Session<S> {
    /// Makes tensors resident.
    ///
    /// # Errors
    /// As `session.load` of `wit/loader.wit`.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let checked = self.check_load(selection, options);
        let (bad, error) = self.adopt(checked);
        self.report = empty_report();
        let event = Load { bad, structure: options.validate.structure, architecture: options.validate.architecture };
        self.run("load", Phase::Request, event).map_err(|found| error.unwrap_or(found))?;
        let mut report = std::mem::replace(&mut self.report, empty_report());
        report.slots_peak = self.mmap.context().peak();
        Ok(report)
    }

    /// Ends mapped residency, and answers of how many tensors.
    ///
    /// # Errors
    /// As `session.release` of `wit/loader.wit`.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        let checked = self.check_end(selection, Phase::Release, Lifecycle::MmapResident, Cause::NotMapped);
        let (bad, error) = self.adopt(checked);
        self.ended = 0;
        self.run("release", Phase::Request, Release { bad }).map_err(|found| error.unwrap_or(found))?;
        Ok(self.ended)
    }

    /// Ends resident (copied) residency, and answers of how many tensors.
    ///
    /// # Errors
    /// As `session.evict` of `wit/loader.wit`.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        let checked = self.check_end(selection, Phase::Evict, Lifecycle::Resident, Cause::NotResident);
        let (bad, error) = self.adopt(checked);
        self.ended = 0;
        self.run("evict", Phase::Request, Evict { bad }).map_err(|found| error.unwrap_or(found))?;
        Ok(self.ended)
    }

    /// Advice for the bytes of one mapped tensor.
    ///
    /// # Errors
    /// As `session.advise` of `wit/loader.wit`.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        let selection = Selection::Tensors(vec![tensor]);
        let checked = self.check_end(&selection, Phase::Advise, Lifecycle::MmapResident, Cause::NotMapped);
        let checked = checked.map(|request| Request { advice: Some(advice), ..request });
        let (bad, error) = self.adopt(checked);
        self.run("advise", Phase::Request, Advise { bad }).map_err(|found| error.unwrap_or(found))?;
        Ok(self.effect)
    }

    /// Releases everything; what is busy is reported and stays, and close can be asked again.
    ///
    /// # Errors
    /// As `session.close` of `wit/loader.wit`.
    pub fn close(&mut self) -> Result<(), Error> {
        self.run("close", Phase::Close, Close)?;
        Ok(())
    }

    fn adopt(&mut self, checked: Result<Request, Error>) -> (Option<crate::actors::Fault>, Option<Error>) {
        match checked {
            Ok(request) => {
                self.request = request;
                (None, None)
            }
            Err(error) => {
                let (fault, error) = self.refuse(error);
                (Some(fault), Some(error))
            }
        }
    }

    fn check_load(&self, selection: &Selection, options: &LoadOptions) -> Result<Request, Error> {
        let (tensors, _) = self.select(selection)?;
        let policy = policy(&options.policy, &self.host.auto)?;
        if options.extent == ExtentPolicy::Window(0) {
            let message =
                "An extent of 0 bytes holds nothing. Give a size of at least one page, or whole-file or per-tensor.";
            return Err(Error::new(Phase::Request, Cause::InvalidRequest, message).at_field("extent"));
        }
        let staging_bytes = if options.staging_bytes == 0 { STAGING_BYTES } else { options.staging_bytes };
        Ok(Request { tensors, policy, extent: Some(options.extent), staging_bytes, advice: None })
    }

    /// Tensors whose residency is to be ended, or advised.
    fn check_end(
        &self,
        selection: &Selection,
        phase: Phase,
        wanted: Lifecycle,
        otherwise: Cause,
    ) -> Result<Request, Error> {
        let (tensors, meant) = self.select(selection)?;
        let fits = |tensor: &u32| self.tensors.lifecycle(*tensor) == Some(wanted);
        let fitting: Vec<u32> = tensors.iter().copied().filter(fits).collect();
        let misfit = tensors.iter().find(|tensor| !fits(tensor)).filter(|_| meant == Meant::Each);
        if let Some(&misfit) = misfit {
            return Err(self.misfit(misfit, phase, otherwise));
        }
        Ok(Request { tensors: fitting, ..Request::default() })
    }

    fn misfit(&self, tensor: u32, phase: Phase, otherwise: Cause) -> Error {
        let found = self.catalogue.as_ref().and_then(|catalogue| catalogue.tensor(tensor));
        let name = found.map(|found| escape(found.tensor.name)).unwrap_or_default();
        let lifecycle = self.tensors.lifecycle(tensor);
        let (cause, advice) = match (phase, lifecycle) {
            (Phase::Evict, Some(Lifecycle::MmapResident)) => {
                (Cause::InvalidRequest, "It is mapped: release it instead.")
            }
            (Phase::Release, Some(Lifecycle::Resident)) => (otherwise, "It is a copy: evict it instead."),
            (_, Some(Lifecycle::Unbound)) => (otherwise, "It was never loaded."),
            (_, Some(Lifecycle::Evicted)) => (otherwise, "It is no longer loaded."),
            _ => (otherwise, "Load it by mapped-file first."),
        };
        let verb = match phase {
            Phase::Release => "released",
            Phase::Evict => "evicted",
            _ => "advised",
        };
        Error::new(phase, cause, format!("Tensor {name} cannot be {verb}. {advice}")).at_tensor(tensor)
    }

    fn select(&self, selection: &Selection) -> Result<(Vec<u32>, Meant), Error> {
        let Some(catalogue) = &self.catalogue else {
            // The machine refuses what comes before the model is whole, and says so better.
            return Ok((Vec::new(), Meant::ThoseThatFit));
        };
        match selection {
            Selection::All => Ok(((0..catalogue.len()).collect(), Meant::ThoseThatFit)),
            Selection::Tensors(indices) => {
                if let Some(index) = indices.iter().find(|index| **index >= catalogue.len()) {
                    let message = format!("There is no tensor {index}; the model has {}.", catalogue.len());
                    return Err(Error::new(Phase::Request, Cause::NotFound, message).at_field("tensors"));
                }
                let mut indices = indices.clone();
                indices.sort_unstable();
                indices.dedup();
                Ok((indices, Meant::Each))
            }
            Selection::Matching(pattern) => {
                let matcher = crate::glob::matcher(pattern)?;
                let matching = (0..).zip(catalogue.iter()).filter(|(_, found)| matcher.matches(found.tensor.name));
                let matching: Vec<u32> = matching.map(|(index, _)| index).collect();
                if matching.is_empty() {
                    let message = format!(
                        "No tensor's name matches {}. The model has {} tensors; list them with inspect.",
                        escape(pattern),
                        catalogue.len()
                    );
                    return Err(Error::new(Phase::Request, Cause::NotFound, message).at_field("select"));
                }
                Ok((matching, Meant::ThoseThatFit))
            }
        }
    }
}

fn policy(given: &StrategyPolicy, auto: &[Strategy]) -> Result<Policy, Error> {
    let strategies = match given {
        StrategyPolicy::Only(strategy) => std::slice::from_ref(strategy),
        StrategyPolicy::FirstAvailable(strategies) => strategies,
        StrategyPolicy::Auto => auto,
    };
    let invalid = |message: &str| Err(Error::new(Phase::Request, Cause::InvalidRequest, message).at_field("policy"));
    if strategies.is_empty() {
        return invalid("The policy names no strategy. Name at least one.");
    }
    let mut policy = Policy::default();
    for (at, strategy) in strategies.iter().enumerate() {
        let twice = strategies.iter().take(at).any(|earlier| earlier == strategy);
        match policy.get_mut(at).filter(|_| !twice) {
            Some(place) => *place = Some(*strategy),
            None => return invalid("The policy names a strategy twice. Name each once."),
        }
    }
    Ok(policy)
}

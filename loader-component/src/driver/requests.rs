//! Load, release, evict, advise and close: what can be found of a request before any work is found here, and
//! model/loader decides what of it is refused.
use super::{STAGING_BYTES, Session};
use crate::actors::Finding;
use crate::actors::io_loader::Policy;
use crate::actors::model_loader::{Advise, Close, Evict, Load, Release, Selected};
use crate::api::{LoadOptions, LoadReport, Selection, Validation};
use crate::formats::escape;
use crate::storage::Storage;
use crate::types::{Advice, AdviceEffect, Cause, Error, ExtentPolicy, Lifecycle, Phase, Strategy, StrategyPolicy};

/// The request under way, checked.
#[derive(Clone, Default)]
pub(super) struct Request {
    /// Indices, ascending and each once.
    pub(super) tensors: Vec<u32>,
    /// Whether that is every tensor of the model.
    pub(super) whole: bool,
    pub(super) policy: Policy,
    pub(super) extent: Option<ExtentPolicy>,
    pub(super) staging_bytes: u64,
    pub(super) advice: Option<Advice>,
}

pub(super) const fn empty_report() -> LoadReport {
    LoadReport { used: None, refused: Vec::new(), tensors: 0, bytes: 0, moved: 0, mapped: 0, extents: 0, slots_peak: 0 }
}

/// Whether a selection names tensors one by one, so that each has to fit, or a set of which those that fit are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    Each,
    ThoseThatFit,
}

/// A selection, looked up.
struct Chosen {
    /// Indices, ascending and each once; none where something was found.
    tensors: Vec<u32>,
    meant: Meant,
    found: Selected,
}

/// Why a selection cannot be looked up.
enum Wrong {
    Malformed(Error),
    Unknown(Error),
    Unmatched(Error),
}

impl<S: Storage> Session<S> {
    /// Makes tensors resident.
    ///
    /// # Errors
    /// As `session.load` of `wit/loader.wit`.
    pub fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        self.begin(Phase::Request);
        let Chosen { tensors, found: selected, .. } = self.select(selection);
        let strided = self.first_strided(&tensors);
        let invalid =
            |message: &str, field: &str| Error::new(Phase::Request, Cause::InvalidRequest, message).at_field(field);
        let strategies = match &options.policy {
            StrategyPolicy::Only(strategy) => vec![*strategy],
            StrategyPolicy::FirstAvailable(strategies) => strategies.clone(),
            StrategyPolicy::Auto => self.host.auto.clone(),
        };
        let none = "The policy names no strategy. Name at least one.";
        let no_strategy = strategies.is_empty().then(|| self.finding(invalid(none, "policy")));
        let policy = policy(&strategies);
        let twice = "The policy names a strategy twice. Name each once.";
        let strategy_repeated = policy.is_none().then(|| self.finding(invalid(twice, "policy")));
        let empty =
            "An extent of 0 bytes holds nothing. Give a size of at least one page, or whole-file or per-tensor.";
        let is_empty = options.extent == ExtentPolicy::Window(0);
        let extent_empty = is_empty.then(|| self.finding(invalid(empty, "extent")));
        let staging_bytes = if options.staging_bytes == 0 { STAGING_BYTES } else { options.staging_bytes };
        let (policy, extent) = (policy.unwrap_or_default(), Some(options.extent));
        let whole = *selection == Selection::All;
        self.request = Request { tensors, whole, policy, extent, staging_bytes, advice: None };
        self.report = empty_report();
        let Validation { structure, architecture } = options.validate;
        let event = Load { selected, strided, no_strategy, strategy_repeated, extent_empty, structure, architecture };
        self.run("load", event)?;
        let mut report = std::mem::replace(&mut self.report, empty_report());
        report.slots_peak = self.mmap.context().peak();
        Ok(report)
    }

    /// Ends mapped residency, and returns of how many tensors.
    ///
    /// # Errors
    /// As `session.release` of `wit/loader.wit`.
    pub fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.begin(Phase::Request);
        let chosen = self.select(selection);
        let not_mapped = self.first_unfit(&chosen, Lifecycle::MmapResident);
        let not_mapped = not_mapped.map(|tensor| self.unfit(tensor, Phase::Release, Cause::NotMapped));
        let event = Release { selected: chosen.found, not_mapped };
        self.request = self.fitting(&chosen, Lifecycle::MmapResident);
        self.ended = 0;
        self.run("release", event)?;
        Ok(self.ended)
    }

    /// Ends resident (copied) residency, and returns of how many tensors.
    ///
    /// # Errors
    /// As `session.evict` of `wit/loader.wit`.
    pub fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.begin(Phase::Request);
        let chosen = self.select(selection);
        let unfit = self.first_unfit(&chosen, Lifecycle::Resident);
        let is_mapped = |tensor: &u32| self.tensors.lifecycle(*tensor) == Some(Lifecycle::MmapResident);
        let (mapped, absent) = (unfit.filter(is_mapped), unfit.filter(|tensor| !is_mapped(tensor)));
        let event = Evict {
            selected: chosen.found,
            mapped: mapped.map(|tensor| self.unfit(tensor, Phase::Evict, Cause::InvalidRequest)),
            not_resident: absent.map(|tensor| self.unfit(tensor, Phase::Evict, Cause::NotResident)),
        };
        self.request = self.fitting(&chosen, Lifecycle::Resident);
        self.ended = 0;
        self.run("evict", event)?;
        Ok(self.ended)
    }

    /// Advice for the bytes of one mapped tensor.
    ///
    /// # Errors
    /// As `session.advise` of `wit/loader.wit`.
    pub fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.begin(Phase::Request);
        let chosen = self.select(&Selection::Tensors(vec![tensor]));
        let not_mapped = self.first_unfit(&chosen, Lifecycle::MmapResident);
        let not_mapped = not_mapped.map(|tensor| self.unfit(tensor, Phase::Advise, Cause::NotMapped));
        let event = Advise { unknown: chosen.found.unknown, not_mapped };
        self.request = Request { advice: Some(advice), ..self.fitting(&chosen, Lifecycle::MmapResident) };
        self.run("advise", event)?;
        Ok(self.effect)
    }

    /// Releases everything; what is busy is reported and stays, and close can be asked again.
    ///
    /// # Errors
    /// As `session.close` of `wit/loader.wit`.
    pub fn close(&mut self) -> Result<(), Error> {
        self.begin(Phase::Close);
        self.run("close", Close)?;
        Ok(())
    }

    /// The first of these tensors that cannot be shown as one span, since the contract has no strides.
    fn first_strided(&mut self, tensors: &[u32]) -> Option<Finding> {
        let catalogue = self.catalogue.as_ref()?;
        let (tensor, strides) = catalogue.first_strided(tensors)?;
        let found = catalogue.tensor(tensor)?;
        let message = format!(
            "Tensor {} has the strides {strides:?} for the shape {:?}: its elements do not lie one after the other in the \
             file, so it cannot be loaded as it is. Convert the model, which brings them into order, save it again with \
             .contiguous(), or select the other tensors.",
            escape(found.tensor.name),
            found.tensor.shape
        );
        let source = found.source;
        let error = Error::new(Phase::Request, Cause::UnsupportedFormat, message).at_field("strides");
        Some(self.finding(error.at_tensor(tensor).in_source(source)))
    }

    /// The first tensor that was named and has another lifecycle.
    fn first_unfit(&self, chosen: &Chosen, wanted: Lifecycle) -> Option<u32> {
        let unfit = |tensor: &&u32| self.tensors.lifecycle(**tensor) != Some(wanted);
        chosen.tensors.iter().find(unfit).filter(|_| chosen.meant == Meant::Each).copied()
    }

    /// The request for those of the tensors that have this lifecycle.
    fn fitting(&self, chosen: &Chosen, wanted: Lifecycle) -> Request {
        let fits = |tensor: &u32| self.tensors.lifecycle(*tensor) == Some(wanted);
        Request { tensors: chosen.tensors.iter().copied().filter(fits).collect(), ..Request::default() }
    }

    /// What to do about a tensor that is not as the request needs it.
    fn unfit(&mut self, tensor: u32, phase: Phase, cause: Cause) -> Finding {
        let found = self.catalogue.as_ref().and_then(|catalogue| catalogue.tensor(tensor));
        let name = found.map(|found| escape(found.tensor.name)).unwrap_or_default();
        let lifecycle = self.tensors.lifecycle(tensor);
        let advice = match (phase, lifecycle) {
            (Phase::Evict, Some(Lifecycle::MmapResident)) => "It is mapped: release it instead.",
            (Phase::Release, Some(Lifecycle::Resident)) => "It is a copy: evict it instead.",
            (_, Some(Lifecycle::Unbound)) => "It was never loaded.",
            (_, Some(Lifecycle::Evicted)) => "It is no longer loaded.",
            _ => "Load it by mapped-file first.",
        };
        let verb = match phase {
            Phase::Release => "released",
            Phase::Evict => "evicted",
            _ => "advised",
        };
        let message = format!("Tensor {name} cannot be {verb}. {advice}");
        self.finding(Error::new(phase, cause, message).at_tensor(tensor))
    }

    fn select(&mut self, selection: &Selection) -> Chosen {
        match self.choose(selection) {
            Ok((tensors, meant)) => Chosen { tensors, meant, found: Selected::default() },
            Err(wrong) => {
                let mut found = Selected::default();
                let (place, error) = match wrong {
                    Wrong::Malformed(error) => (&mut found.malformed, error),
                    Wrong::Unknown(error) => (&mut found.unknown, error),
                    Wrong::Unmatched(error) => (&mut found.unmatched, error),
                };
                *place = Some(self.finding(error));
                Chosen { tensors: Vec::new(), meant: Meant::ThoseThatFit, found }
            }
        }
    }

    fn choose(&self, selection: &Selection) -> Result<(Vec<u32>, Meant), Wrong> {
        let Some(catalogue) = &self.catalogue else {
            // The machine refuses what comes before the model is whole, and says so better.
            return Ok((Vec::new(), Meant::ThoseThatFit));
        };
        match selection {
            Selection::All => Ok(((0..catalogue.len()).collect(), Meant::ThoseThatFit)),
            Selection::Tensors(indices) => {
                if let Some(index) = indices.iter().find(|index| **index >= catalogue.len()) {
                    let message = format!("There is no tensor {index}; the model has {}.", catalogue.len());
                    let error = Error::new(Phase::Request, Cause::NotFound, message).at_field("tensors");
                    return Err(Wrong::Unknown(error));
                }
                let mut indices = indices.clone();
                indices.sort_unstable();
                indices.dedup();
                Ok((indices, Meant::Each))
            }
            Selection::Matching(pattern) => {
                let matcher = crate::glob::matcher(pattern).map_err(Wrong::Malformed)?;
                let matching = (0..).zip(catalogue.iter()).filter(|(_, found)| matcher.matches(found.tensor.name));
                let matching: Vec<u32> = matching.map(|(index, _)| index).collect();
                if matching.is_empty() {
                    let message = format!(
                        "No tensor's name matches {}. The model has {} tensors; list them with inspect.",
                        escape(pattern),
                        catalogue.len()
                    );
                    let error = Error::new(Phase::Request, Cause::NotFound, message).at_field("select");
                    return Err(Wrong::Unmatched(error));
                }
                Ok((matching, Meant::ThoseThatFit))
            }
        }
    }
}

/// The strategies in their order, if none is there twice.
fn policy(strategies: &[Strategy]) -> Option<Policy> {
    let mut policy = Policy::default();
    for (at, strategy) in strategies.iter().enumerate() {
        let twice = strategies.iter().take(at).any(|earlier| earlier == strategy);
        *policy.get_mut(at).filter(|_| !twice)? = Some(*strategy);
    }
    Some(policy)
}

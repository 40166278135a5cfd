//! What a checkpoint holds, and what it would have PyTorch do.
use super::super::dtype::Dtype;
use super::super::escape;
use super::super::fault::{fault, over_limit};
use super::super::names::{Names, Refused};
use super::super::pickle::{Global, OpcodeUse, Pickle};
use super::allowed::{WeightsOnly, weights_only};
use super::storages::{Storage, Storages};
use super::walk::Found;
use crate::types::{Cause, Error};
use std::ops::Range;

/// The form of a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A ZIP archive, as since 1.6.
    #[default]
    Archive,
    /// A ZIP archive with a TorchScript program.
    TorchScript,
    /// Five pickles and the storages behind them, as before 1.6.
    Stream,
}

/// One tensor: a view of a storage.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// What leads to it, with dots.
    pub name: String,
    /// The element type.
    pub(crate) dtype: Dtype,
    /// Elements per dimension.
    pub shape: Vec<u64>,
    /// Elements from one to the next, per dimension.
    pub strides: Vec<u64>,
    /// The storage, by its number in [`Checkpoint::storages`]. Tensors of one storage share its bytes; tied weights are of
    /// one storage, one offset, one shape.
    pub storage: u32,
    /// Byte offset in the file of the first element.
    pub offset: u64,
    /// Bytes from there to the end of the last element in memory.
    pub bytes: u64,
    /// Whether these bytes are the elements in their order and nothing else, so that the tensor needs no strides.
    pub contiguous: bool,
    /// Whether it belongs to the state of an optimizer.
    pub optimizer: bool,
    /// Where in the file the tensor is made.
    pub(super) made_at: u64,
}

impl Tensor {
    /// The name of the element type, as in safetensors.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        self.dtype.name()
    }
}

/// A name that a pickle would have Python import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name, and where it is.
    pub global: Global,
    /// What `torch.load(weights_only=True)` would do with it.
    pub weights_only: WeightsOnly,
    /// Whether `torch.load` without that would import something whose code nobody knows.
    pub could_run_code: bool,
}

/// What one pickle of the checkpoint would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickleUse {
    /// Which pickle, as in the fields of errors.
    pub label: &'static str,
    /// What it would have imported.
    pub findings: Vec<Finding>,
    /// The opcodes that name, call or change something.
    pub opcodes: Vec<OpcodeUse>,
    /// The first opcode that `weights_only` does not know: where, and its name.
    pub unknown_to_weights_only: Option<(u64, &'static str)>,
    /// Bytes behind its end that belong to its entry and are read by nobody.
    pub unread: u64,
}

/// Says with an error what the pickle that breaks off would have had imported before: Python runs it up to there.
pub(super) fn with_imports(mut error: Error, globals: &[Global]) -> Error {
    if let Some(global) = globals.iter().find(|global| weights_only(global) != WeightsOnly::Allowed) {
        let more = format!(" Before that, PyTorch would import {} (named at byte {}).", global.shown(), global.at);
        error.message.push_str(&more);
    }
    error
}

/// What a checkpoint holds.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Its form.
    pub form: Form,
    /// Its tensors, in the order of the pickle.
    pub tensors: Vec<Tensor>,
    /// The storages that they are views of.
    pub storages: Vec<Storage>,
    /// What its pickles would do.
    pub pickles: Vec<PickleUse>,
    /// The version of the archive's format, where it says.
    pub version: Option<u64>,
    /// Entries that were not read: code, storages of no tensor, whatever else there is.
    pub unread: Vec<String>,
    /// Bytes of the file that belong to no entry and to no record of its format: the first such spans.
    pub outside: Vec<Range<u64>>,
    /// How many bytes all such spans have.
    pub outside_bytes: u64,
    /// Of a file that may be partial: why tensors are left out that only Python could make.
    pub(super) left_out: Vec<Error>,
    pub(super) names: Names,
}

impl Checkpoint {
    /// Takes what was found in a pickle. The offsets of the storages are known by now.
    pub(super) fn add(&mut self, found: Vec<Found>, storages: Storages) -> Result<(), Error> {
        let first = u32::try_from(self.storages.len()).unwrap_or(u32::MAX);
        for Found { name, view, optimizer } in found {
            let field = || format!("tensor[\"{}\"]", escape(&name));
            match self.names.push(&name) {
                Ok(_) => {}
                Err(Refused::Duplicate(_)) => {
                    let message = format!("Two tensors have the name \"{}\".", escape(&name));
                    return Err(fault(Cause::Malformed, view.at, field(), message));
                }
                Err(Refused::Full) => {
                    let message = "The names of this file are too many or were made to collide.";
                    return Err(over_limit(view.at, field(), message));
                }
            }
            let base = storages.all.get(view.storage as usize).map_or(0, |storage| storage.offset);
            self.tensors.push(Tensor {
                dtype: view.dtype,
                shape: view.shape,
                strides: view.strides,
                storage: first.saturating_add(view.storage),
                offset: base.saturating_add(view.offset),
                bytes: view.bytes,
                contiguous: view.contiguous,
                optimizer,
                made_at: view.at,
                name,
            });
        }
        self.storages.extend(storages.all);
        Ok(())
    }

    /// Notes what a pickle would do; `end` is where its entry ends.
    pub(super) fn note(&mut self, label: &'static str, pickle: &Pickle, end: u64) {
        let script = self.form == Form::TorchScript;
        let findings = pickle.globals.iter().map(|global| {
            let verdict = weights_only(global);
            // What a program of TorchScript is made of is looked up in the archive.
            let own = script && (global.module.starts_with("__torch__.") || global.module == "torch.jit._pickle");
            Finding {
                global: global.clone(),
                weights_only: verdict,
                could_run_code: verdict != WeightsOnly::Allowed && !own,
            }
        });
        self.pickles.push(PickleUse {
            label,
            findings: findings.collect(),
            opcodes: pickle.opcodes.clone(),
            unknown_to_weights_only: pickle.unknown_to_weights_only,
            unread: end.saturating_sub(pickle.end),
        });
    }

    /// The first name whose import could run code in PyTorch, and the pickle that it is in.
    #[must_use]
    pub fn runs(&self) -> Option<(&'static str, &Finding)> {
        let all = self.pickles.iter().flat_map(|pickle| pickle.findings.iter().map(|finding| (pickle.label, finding)));
        all.into_iter().find(|(_, finding)| finding.could_run_code)
    }

    /// Whether the file could run code in PyTorch, in one line.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.runs() {
            None => "Could run code in PyTorch: no".to_owned(),
            Some((label, finding)) => format!(
                "Could run code in PyTorch: yes, by {} ({label}, byte {})",
                finding.global.shown(),
                finding.global.at
            ),
        }
    }

    /// Why `torch.load(weights_only=True)` would refuse the file, as far as its pickles go; none where it would not.
    #[must_use]
    pub fn weights_only_refusal(&self) -> Option<String> {
        if self.form == Form::TorchScript {
            return Some("it is a TorchScript archive, which weights_only does not load".to_owned());
        }
        self.pickles.iter().find_map(|pickle| {
            let name = pickle.findings.iter().find(|finding| finding.weights_only != WeightsOnly::Allowed);
            let name = name.map(|finding| (finding.global.at, finding.global.shown()));
            let opcode = pickle.unknown_to_weights_only.map(|(at, name)| (at, format!("the opcode {name}")));
            let first = [name, opcode].into_iter().flatten().min_by_key(|(at, _)| *at)?;
            Some(format!("{} at byte {} of {} is not on its list", first.1, first.0, pickle.label))
        })
    }
}

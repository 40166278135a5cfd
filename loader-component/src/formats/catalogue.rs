//! The whole model: the headers of all its files, checked against one another.
use super::Limits;
use super::assembly::{Assembly, File, Reconciled, Whole, no_model, reconcile};
use super::escape;
use super::fault::{misuse, unplaced};
use super::header::Header;
use super::metadata::MetadataIndex;
use super::names::{NameIndex, Refused};
use super::noticed::{Severity, listed, noticed};
use super::registry;
use super::table::{TensorRef, TensorTable, Unreadable};
use crate::api::{Finding, ModelSummary, TensorLayout};
use crate::types::{Cause, Error};
use std::collections::BTreeMap;

/// A tensor of the model and the file that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueTensor<'t> {
    /// What the header says.
    pub tensor: TensorRef<'t>,
    /// Index of the source that has it.
    pub source: u32,
}

/// Tensors and metadata of all files, in the order in which the files were given.
#[derive(Clone, Debug)]
pub struct Catalogue {
    files: Vec<(String, Header)>,
    /// First tensor of each file, and the number of all tensors at the end.
    firsts: Vec<u32>,
    /// Over all files. Empty where one file has all tensors: its own table finds them.
    names: NameIndex,
    /// The file that has all tensors, where one does.
    only: Option<u32>,
    /// Tensors that the index names and no file has.
    absent: Vec<String>,
    findings: Vec<Finding>,
}

/// Most findings that are kept.
const MOST_FINDINGS: usize = 4_096;

impl Catalogue {
    /// Puts the files of one model together, of at most `most` tensors. Files may be missing, which
    /// [`missing`](Self::missing) names; what is there has to agree.
    ///
    /// # Errors
    /// Phase `request`: no files, or files that are no parts of one model. Phase `parse`, with the source: shards that do
    /// not agree with one another or with their index, a tensor in two files, more tensors than the limit. The tensor, if
    /// any, has its number in the model.
    pub fn build(files: Vec<(String, Header)>, most: u32) -> Result<Self, Error> {
        Self::of(files, &Limits { tensors: most, ..Limits::default() })
    }

    /// As [`build`](Self::build); where a model may be `partial`, the files that are missing are a finding.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn of(mut files: Vec<(String, Header)>, limits: &Limits) -> Result<Self, Error> {
        let (most, partial) = (limits.tensors, limits.partial);
        let given = views(&files);
        let assembly = assembly(&given)?;
        (assembly.agree)(&given)?;
        let missing = (assembly.missing)(&given);
        let gap = match &missing {
            Ok(missing) if missing.is_empty() => None,
            Ok(missing) => Some(format!(
                "{} of the model's files are not here, or cannot be read: {}. Fetch them into the folder of the others.",
                missing.len(),
                listed(missing.iter().map(String::as_str))
            )),
            Err(error) if partial => Some(error.message.clone()),
            Err(error) => return Err(error.clone()),
        };
        drop(given);
        let complete = gap.is_none();
        let Reconciled { mut findings, absent } = reconcile(&mut files, complete || partial);
        if let Some(message) = gap.filter(|_| partial) {
            findings.push(noticed("missing-files", Severity::Error, message));
        }
        let mut firsts = vec![0u32];
        let mut total = 0u32;
        for ((_, header), source) in files.iter().zip(0u32..) {
            let sum = u32::try_from(header.tensors.len()).ok().and_then(|n| total.checked_add(n));
            total = sum.filter(|sum| *sum <= most).ok_or_else(|| {
                let message = format!("The model has more than {most} tensors, the limit of this session.");
                unplaced(Cause::LimitExceeded, "tensor_count", message).in_source(source)
            })?;
            firsts.push(total);
        }
        let mut with_tensors =
            (0u32..).zip(&files).filter(|(_, (_, header))| !header.tensors.is_empty()).map(|(s, _)| s);
        let only = with_tensors.next().filter(|_| with_tensors.next().is_none());
        drop(with_tensors);
        let mut catalogue = Self { files, firsts, names: NameIndex::default(), only, absent, findings };
        if catalogue.only.is_none() {
            catalogue.index()?;
        }
        if complete {
            (assembly.complete)(&views(&catalogue.files), &Whole { tensors: catalogue.len() })?;
        }
        catalogue.gather();
        Ok(catalogue)
    }

    /// Puts the findings of the files beside those of the model, in file order.
    fn gather(&mut self) {
        let mut all = std::mem::take(&mut self.findings);
        for ((source, (_, header)), first) in (0u32..).zip(&mut self.files).zip(&self.firsts) {
            for finding in std::mem::take(&mut header.findings) {
                let tensor = finding.tensor.and_then(|tensor| tensor.checked_add(*first));
                all.push(Finding { tensor, ..finding.in_source(source) });
            }
            // Tables know what they hold; only the model's numbers come from here.
            for (finding, tensor) in unloadable(&header.tensors) {
                all.push(Finding { tensor: tensor.checked_add(*first), ..finding.in_source(source) });
            }
        }
        all.sort_by_key(|finding| finding.source);
        let more = all.len().saturating_sub(MOST_FINDINGS);
        all.truncate(MOST_FINDINGS);
        if let Some(last) = all.last_mut().filter(|_| more > 0) {
            last.message.push_str(&format!(" There are {more} findings more."));
        }
        self.findings = all;
    }

    /// What was noticed of the files and of the model.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The tensors that the index names and no file has.
    #[must_use]
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// What the file says of a tensor's type, where it is not known.
    pub(crate) fn unknown_dtype(&self, index: u32) -> Option<&str> {
        let (source, local) = self.locate(index)?;
        self.files.get(source as usize)?.1.tensors.unknown(local)
    }

    /// Why a tensor cannot be read, where it cannot.
    pub(crate) fn unreadable(&self, index: u32) -> Option<&Unreadable> {
        let (source, local) = self.locate(index)?;
        self.files.get(source as usize)?.1.tensors.unreadable(local)
    }

    /// Names of the files that the model also consists of, given those that are there; plain file names only, and of very
    /// many the first 4,096.
    ///
    /// # Errors
    /// Files that are there and do not belong together, as [`build`](Self::build) says. Phase `request` where a part is
    /// missing and no file name tells what it is called.
    pub fn missing(files: &[(String, &Header)]) -> Result<Vec<String>, Error> {
        let assembly = assembly(files)?;
        (assembly.agree)(files)?;
        (assembly.missing)(files)
    }

    /// Files.
    #[must_use]
    pub fn files(&self) -> &[(String, Header)] {
        &self.files
    }

    /// Tensors in all files.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.firsts.last().copied().unwrap_or(0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A tensor, by its index over all files.
    #[must_use]
    pub fn tensor(&self, index: u32) -> Option<CatalogueTensor<'_>> {
        let (source, local) = self.locate(index)?;
        let (_, header) = self.files.get(source as usize)?;
        Some(CatalogueTensor { tensor: header.tensors.get(local as usize)?, source })
    }

    /// The file that has a tensor.
    pub(crate) fn source_of(&self, index: u32) -> Option<u32> {
        self.locate(index).map(|(source, _)| source)
    }

    /// Tensors in one file.
    pub(crate) fn tensors_in(&self, source: u32) -> Option<usize> {
        self.files.get(source as usize).map(|(_, header)| header.tensors.len())
    }

    /// All tensors, file by file.
    pub fn iter(&self) -> impl Iterator<Item = CatalogueTensor<'_>> {
        let files = (0u32..).zip(&self.files);
        files.flat_map(|(source, (_, header))| {
            header.tensors.iter().map(move |tensor| CatalogueTensor { tensor, source })
        })
    }

    /// The first of these tensors whose elements do not lie one after the other, and its strides.
    #[must_use]
    pub fn first_strided(&self, tensors: &[u32]) -> Option<(u32, &[u64])> {
        if self.files.iter().all(|(_, header)| header.tensors.is_contiguous()) {
            return None;
        }
        tensors.iter().find_map(|index| {
            let (source, local) = self.locate(*index)?;
            Some((*index, self.files.get(source as usize)?.1.tensors.strides(local)?))
        })
    }

    /// How a tensor's elements lie in its bytes; none for one whose type is not known.
    #[must_use]
    pub fn layout(&self, index: u32) -> Option<TensorLayout> {
        let (source, local) = self.locate(index)?;
        let (_, header) = self.files.get(source as usize)?;
        let (block_elements, block_bytes) = header.tensors.block(local)?;
        let strides = header.tensors.strides(local).unwrap_or_default().to_vec();
        Some(TensorLayout { fastest_first: header.format.fastest_first, block_elements, block_bytes, strides })
    }

    /// The index of a tensor, by its exact name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        match self.only {
            Some(source) => {
                let (_, header) = self.files.get(source as usize)?;
                self.firsts.get(source as usize)?.checked_add(header.tensors.find(name)?)
            }
            None => self.names.find(name, |index| self.name(index)),
        }
    }

    /// Metadata entries in all files.
    #[must_use]
    pub fn metadata_len(&self) -> u32 {
        let sum = self.files.iter().fold(0usize, |sum, (_, header)| sum.saturating_add(header.metadata.len()));
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    /// Source and index there of a metadata entry, by its index over all files.
    #[must_use]
    pub fn metadata(&self, index: u32) -> Option<(u32, usize)> {
        let mut left = index as usize;
        for (source, (_, header)) in (0u32..).zip(&self.files) {
            match left.checked_sub(header.metadata.len()) {
                None => return Some((source, left)),
                Some(rest) => left = rest,
            }
        }
        None
    }

    /// The metadata of the first file that has this key.
    pub(crate) fn metadata_with(&self, key: &str) -> Option<&MetadataIndex> {
        self.files.iter().map(|(_, header)| &header.metadata).find(|metadata| metadata.find(key).is_some())
    }

    /// The value of an integer entry that is not negative, in whichever file has it first.
    #[must_use]
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        self.metadata_with(key)?.get_u64(key)
    }

    /// The value of a short string entry, in whichever file has it first.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.metadata_with(key)?.get_text(key)
    }

    /// What the headers say of the model.
    #[must_use]
    pub fn summary(&self) -> ModelSummary {
        let headers = || self.files.iter().map(|(_, header)| header);
        // An index says nothing of the tensors themselves.
        let lead = headers().find(|header| header.index().is_none());
        ModelSummary {
            format: lead.or(headers().next()).map(|header| header.format.name).unwrap_or_default().into(),
            version: lead.map_or(0, |header| header.version),
            architecture: self.get_text("general.architecture").map(Into::into),
            sources: u32::try_from(self.files.len()).unwrap_or(u32::MAX),
            tensors: self.len(),
            metadata_entries: self.metadata_len(),
            tensor_bytes: headers().fold(0, |sum, header| sum.saturating_add(header.tensors.total_bytes())),
            alignment: headers().map(|header| header.alignment).max().unwrap_or(1),
        }
    }

    fn locate(&self, index: u32) -> Option<(u32, u32)> {
        // The last file that begins at or before it; files without tensors begin where the next one does.
        let source = self.firsts.partition_point(|first| *first <= index).checked_sub(1)?;
        let first = self.firsts.get(source)?;
        (index < self.len()).then_some((u32::try_from(source).ok()?, index.checked_sub(*first)?))
    }

    fn name(&self, index: u32) -> &str {
        name_in(&self.files, self.locate(index))
    }

    fn index(&mut self) -> Result<(), Error> {
        let mut names = NameIndex::default();
        for index in 0..self.len() {
            let name = self.name(index);
            names.insert(name, index, |other| self.name(other)).map_err(|why| {
                let source = self.locate(index).map_or(0, |(source, _)| source);
                let shown = escape(name);
                let error = match why {
                    Refused::Full => {
                        let message = "The tensors' names are too many or were made to collide.";
                        unplaced(Cause::LimitExceeded, "tensor_names", message)
                    }
                    Refused::Duplicate(first) => {
                        let first = self.locate(first).and_then(|(source, _)| self.files.get(source as usize));
                        let first = first.map(|(name, _)| escape(name)).unwrap_or_default();
                        let message = format!("Tensor \"{shown}\" is in this file and in \"{first}\" too.");
                        unplaced(Cause::Malformed, format!("tensor[\"{shown}\"]"), message).at_tensor(index)
                    }
                };
                error.in_source(source)
            })?;
        }
        self.names = names;
        Ok(())
    }
}

/// What is to be said of the tensors of a file that are listed and cannot be loaded, each with the first that it is about.
fn unloadable(tensors: &TensorTable) -> Vec<(Finding, u32)> {
    type Groups<'t> = BTreeMap<(u64, &'t str), Vec<u32>>;
    fn grouped<'t>(all: &mut dyn Iterator<Item = (u32, u64, &'t str)>) -> Groups<'t> {
        let mut groups = Groups::new();
        for (tensor, offset, why) in all {
            groups.entry((offset, why)).or_default().push(tensor);
        }
        groups
    }
    let names = |group: &[u32]| listed(group.iter().map(|tensor| tensors.name(*tensor)));
    let first = |group: &[u32]| group.first().copied().unwrap_or(0);
    let mut found = Vec::new();
    for ((_, said), group) in grouped(&mut tensors.unknowns().map(|(tensor, said)| (tensor, 0, said))) {
        let message = format!(
            "These tensors are of {said}, which is not known here; they are listed and cannot be loaded: {}.",
            names(&group)
        );
        found.push((noticed("unknown-dtype", Severity::Error, message), first(&group)));
    }
    let unreadable = tensors.unreadables().map(|(tensor, why)| (tensor, why.offset, why.why.as_str()));
    for ((offset, why), group) in grouped(&mut { unreadable }) {
        let message = match group.len() {
            1 => format!("Tensor {} {why}. The others can be loaded by name.", names(&group)),
            _ => format!("Each of the tensors {} {why}. The others can be loaded by name.", names(&group)),
        };
        found.push((noticed("unreadable-tensor", Severity::Error, message).at(offset), first(&group)));
    }
    let strided: Vec<u32> = tensors.all_strided().collect();
    if !strided.is_empty() {
        let message = format!(
            "The elements of these tensors do not lie one after the other in the file; they are listed and cannot be loaded as \
             they are: {}. Save them again with .contiguous(), or load the others by name.",
            names(&strided)
        );
        found.push((noticed("strided-tensors", Severity::Error, message), first(&strided)));
    }
    found
}

fn name_in(files: &[(String, Header)], at: Option<(u32, u32)>) -> &str {
    at.and_then(|(source, local)| Some(files.get(source as usize)?.1.tensors.name(local))).unwrap_or("")
}

fn views(files: &[(String, Header)]) -> Vec<File<'_>> {
    files.iter().map(|(name, header)| (name.clone(), header)).collect()
}

/// The rules that all of these files have, by their formats.
fn assembly(files: &[File<'_>]) -> Result<&'static Assembly, Error> {
    let Some((_, first)) = files.first() else { return Err(no_model("A model has at least one file.")) };
    if let Some((_, other)) = files.iter().find(|(_, header)| header.format != first.format) {
        let (one, two) = (first.format.title, other.format.title);
        return Err(no_model(format!("{one} and {two} files are no parts of one model.")));
    }
    let handler = registry::handler(first.format);
    handler.map(|handler| handler.assembly).ok_or_else(|| misuse("A header is of a format that nobody reads."))
}

//! Loads whose bytes go to a consumer: what the guest says of them is compared with what the consumer got.
use super::{Session, view::held};
use crate::{
    engine::Engine,
    table::Sink,
    types::{Cause, Error, LoadOptions, LoadReport, Phase, Place, Selection, TensorInfo, TensorState},
};
use std::collections::HashSet;

impl<E: Engine> Session<E> {
    /// As [`Self::load`] by `external-buffer`, with `sink` as the one that gets the bytes. That it went well means that the
    /// consumer got every tensor of the selection from its first byte to its last, or that its bytes were there before.
    ///
    /// # Errors
    /// As [`Self::load`]; the guest says of a tensor that it was moved, and its bytes never were.
    pub fn load_to(&mut self, selection: &Selection, options: &LoadOptions, sink: Sink) -> Result<LoadReport, Error> {
        self.set_sink(Some(sink));
        let report = self.load(selection, options);
        let sink = self.set_sink(None);
        let report = report?;
        let got = sink.as_ref().map(Sink::whole).ok_or_else(|| undelivered(None))?;
        self.delivered(selection, &report, got)?;
        Ok(report)
    }

    fn set_sink(&mut self, sink: Option<Sink>) -> Option<Sink> {
        self.host(|host| host.table().and_then(|table| table.set_sink(sink)))
    }

    /// Compares the guest's report with what the consumer got.
    fn delivered(&mut self, selection: &Selection, report: &LoadReport, got: &HashSet<u32>) -> Result<(), Error> {
        let infos = self.tensors()?;
        let bytes = |index: u32| infos.get(index as usize).map_or(0, |info| info.bytes);
        let (count, sum) = got
            .iter()
            .fold((0u32, 0u64), |(count, sum), &index| (count.saturating_add(1), sum.saturating_add(bytes(index))));
        // Tensors without bytes count, and nobody gets anything of them.
        if report.tensors < count || report.bytes != sum {
            return Err(undelivered(None));
        }
        let all = u32::try_from(infos.len()).unwrap_or(u32::MAX);
        let absent: Vec<u32> = match selection {
            Selection::All => (0..all).filter(|index| bytes(*index) > 0 && !got.contains(index)).collect(),
            Selection::Tensors(list) => {
                list.iter().copied().filter(|index| bytes(*index) > 0 && !got.contains(index)).collect()
            }
            // Which ones match is the guest's to say: those that it calls resident must be.
            Selection::Matching(_) if report.tensors > 0 => return Ok(()),
            Selection::Matching(_) => (0..all).filter(|index| bytes(*index) > 0).collect(),
        };
        if absent.is_empty() {
            return Ok(());
        }
        let infos = infos.to_vec();
        let states = self.states()?;
        let mut there = 0;
        for index in absent {
            let (Some(info), Some(state)) = (infos.get(index as usize), states.get(index as usize)) else {
                return Err(undelivered(Some(index)));
            };
            if self.is_there(index, info, *state) {
                there += 1;
            } else if !matches!(selection, Selection::Matching(_)) {
                return Err(undelivered(Some(index)));
            }
        }
        if there > 0 || infos.iter().any(|info| info.bytes == 0) { Ok(()) } else { Err(undelivered(None)) }
    }

    /// Whether the bytes of a tensor lie where the guest says, or went to a consumer before.
    fn is_there(&self, index: u32, info: &TensorInfo, state: TensorState) -> bool {
        let Some(location) = state.location else { return false };
        self.shared().engine.host(|host| {
            host.peek_table().is_some_and(|table| match location.place {
                Place::Target(id) if table.is_consumed(id) => table.is_delivered(id, index, info.bytes),
                _ => held(table, info, location).is_ok(),
            })
        })
    }
}

fn undelivered(tensor: Option<u32>) -> Error {
    let message = "the component says that the load went well, and the consumer did not get the bytes that it speaks of; \
                   please report it";
    let mut error = Error::new(Phase::Transfer, Cause::Internal, message);
    error.tensor = tensor;
    error
}

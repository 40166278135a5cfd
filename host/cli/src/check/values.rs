//! What the bytes of a model's tensors are: NaN, infinities, zeros.
use crate::failure::Result;
use weighbridge::model::{Finding, Rule, ValueCounter};
use weighbridge::{LoadOptions, Selection, Session, Tensor};

/// Bytes that are looked at at once.
const PIECE: usize = 1 << 20;

/// What is to be told of the values. A model that cannot be loaded says why by its rule; most of these are findings of its
/// headers already.
pub(super) fn findings(session: &mut Session) -> Result<Vec<Finding>> {
    if session.summary().tensors == 0 {
        return Ok(Vec::new());
    }
    if let Err(error) = session.load(&Selection::All, &LoadOptions::new()) {
        let rule = Rule::of_cause(error.cause).filter(|_| session.findings().is_ok_and(|found| found.is_empty()));
        return match rule {
            Some(rule) => Ok(vec![Finding::of(rule.id, error.message.clone())]),
            None if session.findings()?.is_empty() => Err(error.into()),
            None => Ok(Vec::new()),
        };
    }
    let mut found = Vec::new();
    for view in session.resident()? {
        found.extend(count(&view)?);
    }
    Ok(found)
}

fn count(view: &Tensor) -> Result<Vec<Finding>> {
    let mut counter = ValueCounter::new(view.dtype());
    let unit = counter.unit().max(1);
    let mut piece = vec![0; PIECE - PIECE % unit];
    let mut from = 0;
    while from < view.len() {
        let now = piece.len().min(view.len() - from);
        let Some(bytes) = piece.get_mut(..now) else { break };
        // Not `bytes()`: a page of a mapping that is gone would end the process.
        view.copy_to(from as u64, bytes)?;
        counter.add(bytes);
        from += now;
    }
    Ok(counter.finish().findings(view.info()))
}

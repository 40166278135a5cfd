//! An export by its record: what replaying a recording is made of.
use super::Guest;
use crate::{
    trace::{Export, Outcome},
    types::Error,
};
use serde_json::{Value, json};

impl Guest {
    /// Calls the export that a record says was called. Files get the numbers from `sources` on.
    pub(crate) fn perform(&mut self, export: &Export, sources: &mut u32) -> Outcome {
        let mut number = |names: &[String]| -> Vec<(String, u32)> {
            let first = *sources;
            *sources += u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.iter().cloned().zip(first..).collect()
        };
        let done: Result<Value, Error> = match export {
            Export::Open { sources, options } => {
                let sources = number(sources);
                self.open(&sources, *options).map(|()| Value::Null)
            }
            Export::Missing => self.missing().map(|names| json!(names)),
            Export::Provide { sources } => {
                let sources = number(sources);
                self.provide(&sources).map(|()| Value::Null)
            }
            Export::Summary => self.summary().map(|summary| json!(summary)),
            Export::Tensors { start, count } => self.tensors(*start, *count).map(|tensors| json!(tensors.len())),
            Export::Metadata { start, count, head } => {
                self.metadata(*start, *count, *head).map(|entries| json!(entries.len()))
            }
            Export::Load { selection, options } => self.load(selection, options).map(|report| json!(report)),
            Export::Release { selection } => self.release(selection).map(|count| json!(count)),
            Export::Evict { selection } => self.evict(selection).map(|count| json!(count)),
            Export::Advise { tensor, advice } => self.advise(*tensor, *advice).map(|effect| json!(effect)),
            Export::Observe { level } => self.observe(*level).map(|()| Value::Null),
            Export::Close => self.close().map(|()| Value::Null),
        };
        match done {
            Ok(value) => Outcome::Ok(value),
            Err(error) if self.is_dead() => Outcome::Trapped(error.message),
            Err(error) => Outcome::Failed(error),
        }
    }
}

//! Commands by name, as scripts write them: one a line, `#` begins a comment.
use crate::backend::{Breakpoint, Fault, FaultCall, FaultKind};
use crate::command::{Command, Export, Extent};
use crate::panel::Panel;
use weighbridge_core::types::{Advice, StorageError};

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{what} is a number, not {text:?}"))
}

/// The command of a line.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim();
    if let Some(command) = Command::catalog().into_iter().find(|c| c.info().name == line) {
        return Ok(command);
    }
    let (name, rest) = line.split_once(' ').map_or((line, ""), |(n, r)| (n, r.trim()));
    let path = || (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match name {
        "open" => Command::OpenPaths(vec![rest.to_owned()]),
        "diff" => Command::DiffPath(rest.to_owned()),
        "open-recording" => Command::OpenRecordingPath(rest.to_owned()),
        "save-recording" => Command::SaveRecording(path()),
        "export-perfetto" => Command::Export(Export::Perfetto, path()),
        "export-mermaid" => Command::Export(Export::Mermaid, path()),
        "export-csv" => Command::Export(Export::Csv, path()),
        "screenshot" => Command::Export(Export::Png, path()),
        "extent" => match rest.strip_prefix("window") {
            Some(mib) => Command::SetExtent(Extent::Window(number(mib, "the window in MiB")?)),
            None => return Err("extent is whole-file, per-tensor or window MIB".into()),
        },
        "chunk" => Command::SetChunk(number(rest, "the staging size in KiB")?),
        "slots" => Command::SetSlots(number(rest, "the number of slots")?),
        "deadline" => Command::SetDeadline(number(rest, "the deadline in ms")?),
        "select" => Command::SetSelection(rest.to_owned()),
        "query" => Command::Query(rest.to_owned()),
        "scrub" => Command::Scrub(Some(number(rest, "a row")?)),
        "tensor" => Command::SelectTensor(Some(number(rest, "a tensor")?)),
        "byte" => {
            let (file, at) = rest.split_once(' ').ok_or("byte FILE OFFSET")?;
            Command::ShowByte(number(file, "a file")?, number(at, "the byte")?)
        }
        "load-tensor" => Command::LoadTensor(number(rest, "a tensor")?),
        "release-tensor" => Command::ReleaseTensor(number(rest, "a tensor")?),
        "evict-tensor" => Command::EvictTensor(number(rest, "a tensor")?),
        "release-slot" => Command::ReleaseSlot(number(rest, "a slot")?),
        "borrow" => Command::Borrow(Some(number(rest, "a tensor")?)),
        "give-back" => Command::Borrow(None),
        "maximise" => {
            Command::Maximise(Some(Panel::named(rest).ok_or_else(|| format!("no panel is called {rest:?}"))?))
        }
        "advise" => {
            let (tensor, advice) = rest.split_once(' ').ok_or("advise TENSOR ADVICE")?;
            let advice = Advice::ALL.iter().copied().find(|a| a.name() == advice.trim());
            Command::Advise(
                number(tensor, "a tensor")?,
                advice.ok_or("advice is normal, sequential, random, will-need or dont-need")?,
            )
        }
        "compare-loads" => {
            let (a, b) = rest.split_once(' ').ok_or("compare-loads A B")?;
            Command::CompareLoads(number(a, "a load")?, number(b, "a load")?)
        }
        "break" => Command::ToggleBreak(breakpoint(rest)?),
        "fault" => Command::Arm(fault(rest)?),
        "disarm" => Command::Disarm(number(rest, "a fault")?),
        _ => return Err(format!("there is no command {name:?}")),
    })
}

fn breakpoint(text: &str) -> Result<Breakpoint, String> {
    let (machine, rest) = text.split_once(' ').ok_or("break MACHINE STATE or break MACHINE FROM>TO")?;
    let machine = machine.to_owned();
    Ok(match rest.split_once('>') {
        Some((from, to)) => Breakpoint::Edge { machine, from: from.trim().into(), to: to.trim().into() },
        None => Breakpoint::State { machine, state: rest.trim().into() },
    })
}

/// `CALL NTH KIND` or `truncate BYTES`.
fn fault(text: &str) -> Result<Fault, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["truncate", at] => Ok(Fault::Truncate { at: number(at, "the byte")? }),
        [call, nth, kind] => {
            let call = FaultCall::ALL.iter().copied().find(|c| c.name() == *call);
            let call = call.ok_or("call is map-range, unmap, read, read-into, allocate, advise or stat")?;
            Ok(Fault::Call { call, nth: number(nth, "which call")?, kind: kind_of(kind)? })
        }
        _ => Err("fault CALL NTH KIND, or fault truncate BYTES".into()),
    }
}

fn kind_of(word: &str) -> Result<FaultKind, String> {
    let error = match word {
        "short" => return Ok(FaultKind::Short),
        "unsupported" => StorageError::Unsupported,
        "access-denied" => StorageError::AccessDenied,
        "out-of-bounds" => StorageError::OutOfBounds,
        "busy" => StorageError::Busy,
        "exhausted" => StorageError::Exhausted,
        "changed" => StorageError::Changed,
        "end-of-source" => StorageError::EndOfSource,
        "cancelled" => StorageError::Cancelled,
        "deadline" => StorageError::Deadline,
        "io" => StorageError::Io(5),
        _ => return Err(format!("no fault is called {word:?}")),
    };
    Ok(FaultKind::Fail(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_catalogue_has_a_name_that_scripts_can_say() {
        for command in Command::catalog() {
            assert_eq!(parse(command.info().name).as_ref(), Ok(&command));
        }
        assert!(parse("fault unmap 1 busy").is_ok());
        assert!(parse("fault truncate 4096").is_ok());
        assert_eq!(parse("byte 1 4096"), Ok(Command::ShowByte(1, 4096)));
        assert_eq!(parse("diff b.gguf"), Ok(Command::DiffPath("b.gguf".into())));
        assert!(parse("break io/mmap ready>mapping").is_ok());
        assert!(parse("dance").is_err());
    }
}

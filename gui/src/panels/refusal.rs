//! A file that could not be opened: what it is, and what to do.
use crate::backend::Failure;
use crate::command::Command;
use crate::state::State;
use crate::text::{escape, sentence};
use crate::theme::{self, Tone};
use egui::{RichText, Stroke, Ui};
use weighbridge_core::types::{Cause, Error};

/// What is said first of an error.
pub(super) fn title(doing: &str, error: &Error) -> String {
    match (doing, error.cause) {
        ("open", Cause::NotAModel) => "This is not a model".to_owned(),
        ("open", Cause::EndOfSource) => "The file is cut off".to_owned(),
        _ => format!("{} failed: {}", escape(doing), error.cause.name()),
    }
}

/// A frame around what went wrong: the sentence, what to do, and what else there is to say.
pub(super) fn frame(ui: &mut Ui, doing: &str, error: &Error, more: impl FnOnce(&mut Ui)) {
    let dark = ui.visuals().dark_mode;
    let frame = egui::Frame::group(ui.style())
        .stroke(Stroke::new(1.5, Tone::Bad.color(dark)))
        .fill(ui.visuals().faint_bg_color);
    frame.inner_margin(10).show(ui, |ui| {
        ui.set_width(ui.available_width());
        theme::badge(ui, Tone::Bad, &title(doing, error));
        ui.label(RichText::new(sentence(&error.message)).size(15.0));
        ui.label(advice(error.cause));
        more(ui);
    });
}

/// Shows the card in a panel that has nothing else to show, because the file could not be opened. Answers whether it did.
pub(super) fn instead(ui: &mut Ui, state: &State, out: &mut Vec<Command>) -> bool {
    let Some(failure) = refused(state) else { return false };
    frame(ui, &failure.doing, &failure.error, |ui| {
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            for command in [Command::Open, Command::Show(super::Panel::Why)] {
                let info = command.info();
                if ui.button(info.label).on_hover_text(info.tip).clicked() {
                    out.push(command);
                }
            }
        });
    });
    true
}

/// The failure of the open, if nothing is open because of it.
fn refused(state: &State) -> Option<&Failure> {
    let run = &state.run;
    run.failure.as_ref().map(|(_, failure)| failure).filter(|_| run.opened.is_none())
}

/// What a person can do about it.
pub(super) fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::InvalidRequest => "Change the request: an option or a selection cannot be asked for like this.",
        Cause::NotFound => "Check the name or the glob against the Tensors panel, or whether the file is there.",
        Cause::Busy => "Something still uses it. Give views back (Model menu), then ask again.",
        Cause::Malformed => {
            "The file breaks the rules of its format. Fetch it again, or report it to whoever wrote it."
        }
        Cause::NotAModel => "Nothing of it was loaded.",
        Cause::UnsupportedFormat => "What the message names is not read here. Open another file, or convert this one.",
        Cause::UnsupportedDtype => "Load a selection without this tensor.",
        Cause::UnsupportedStrategy | Cause::StrategyUnavailable => "Choose the strategy auto, or another one.",
        Cause::LimitExceeded => "Raise the limit that is named, if you trust the file.",
        Cause::SlotsExhausted => "Open with more slots, release some tensors, or choose a coarser extent.",
        Cause::StaleHandle => "The slot has been given out again since; load the tensor anew.",
        Cause::AlreadyResident => "It is loaded already.",
        Cause::NotResident => "Load it first.",
        Cause::NotMapped => "Only mapped tensors can be released or advised; copied ones are evicted.",
        Cause::OutOfBounds => "The file is shorter than its header says. Fetch it again.",
        Cause::AccessDenied => "Check the permissions of the file.",
        Cause::SourceChanged => "The file changed while it was open. Close it and open it again.",
        Cause::EndOfSource => "A download or a copy has stopped, or is still under way.",
        Cause::OutOfMemory => "Load fewer tensors, or map instead of copying.",
        Cause::Cancelled => "It was cancelled; residency is as it was before.",
        Cause::Deadline => "Give it more time, or load less at once.",
        Cause::Io => "The operating system failed. Check the disk.",
        Cause::Internal => "This is a bug. Save the recording and report it.",
        Cause::Other => "See the message.",
    }
}

//! What menus, the palette, keys and scripts say of an action.
use egui::{Key, KeyboardShortcut, Modifiers};

/// What is said of an action.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// As scripts and tests name it.
    pub name: &'static str,
    /// As menus say it; `…` when more input follows.
    pub label: &'static str,
    /// One sentence.
    pub tip: &'static str,
    /// Its keys.
    pub keys: Option<KeyboardShortcut>,
}

/// Control, or Command on a Mac, with a key.
pub(crate) const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

/// The same with Shift.
pub(crate) const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

/// A key alone.
pub(crate) const fn bare(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

//! What a pickle would have Python look up and do, as a list.
use super::super::escape;
use super::super::names::{Names, Refused};
use super::opcodes::Opcode;
use std::collections::BTreeMap;

/// Something that Python would import, or look up in a registry. Never resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// The module, as the file names it. Empty for a number of the registry of extensions.
    pub module: String,
    /// The name in the module, dots included.
    pub name: String,
    /// Byte offset in the file of the opcode that first names it.
    pub at: u64,
    /// How often it would be called.
    pub calls: u64,
}

impl Global {
    /// Module and name with a dot between them, as `weights_only` compares them.
    #[must_use]
    pub fn path(&self) -> String {
        if self.module.is_empty() { self.name.clone() } else { format!("{}.{}", self.module, self.name) }
    }

    /// The path, fit to be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        escape(&self.path())
    }

    /// Whether it is exactly this.
    #[must_use]
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }
}

/// How often an opcode was met that names, calls or changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpcodeUse {
    /// The opcode's name.
    pub opcode: &'static str,
    /// How often.
    pub count: u64,
    /// Byte offset in the file of the first.
    pub first_at: u64,
}

/// The list as it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    names: Names,
    pub(super) globals: Vec<Global>,
    opcodes: BTreeMap<u8, OpcodeUse>,
    /// The first opcode that `weights_only` has no case for.
    pub(super) unknown_to_weights_only: Option<(u64, &'static str)>,
}

impl Uses {
    pub(super) fn note(&mut self, opcode: &'static Opcode, at: u64) {
        if !opcode.weights_only && self.unknown_to_weights_only.is_none() {
            self.unknown_to_weights_only = Some((at, opcode.name));
        }
        if opcode.matters() {
            let first = OpcodeUse { opcode: opcode.name, count: 0, first_at: at };
            let noted = self.opcodes.entry(opcode.code).or_insert(first);
            noted.count = noted.count.saturating_add(1);
        }
    }

    pub(super) fn opcodes(&self) -> Vec<OpcodeUse> {
        self.opcodes.values().copied().collect()
    }

    /// The number of a global. Neither part has a control character, which keeps them apart here.
    pub(super) fn name(&mut self, module: &str, name: &str, at: u64) -> Result<u32, Refused> {
        match self.names.push(&format!("{module}\0{name}")) {
            Ok(number) => {
                self.globals.push(Global { module: module.to_owned(), name: name.to_owned(), at, calls: 0 });
                Ok(number)
            }
            Err(Refused::Duplicate(number)) => Ok(number),
            Err(full) => Err(full),
        }
    }

    pub(super) fn call(&mut self, number: u32) {
        if let Some(global) = self.globals.get_mut(number as usize) {
            global.calls = global.calls.saturating_add(1);
        }
    }
}

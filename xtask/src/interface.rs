//! What a component asks of its host and what it offers, as text: read back from its bytes, not from what was meant.
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, TypeDefKind, WorldItem, WorldKey};

/// The package that imports and exports belong to.
const PACKAGE: &str = "weighbridge:loader/";

/// Makes a component of a core module that carries its WIT in a custom section.
pub(crate) fn encode(core: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(core).context("the core module carries no WIT")?;
    encoder.encode().context("the component could not be encoded")
}

/// A component's interface.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Imported interfaces with the functions that are really asked for.
    imports: Vec<Item>,
    /// Exported interfaces.
    exports: Vec<Item>,
}

/// An interface or a function of the world.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    name: String,
    resources: Vec<String>,
    functions: Vec<String>,
}

impl Interface {
    /// Reads it from a component's bytes.
    pub(crate) fn of(component: &[u8]) -> Result<Self> {
        let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
            bail!("the file is a WIT package, not a component");
        };
        let world = resolve.worlds.get(world).context("the component has no world")?;
        let items = |list: Vec<(&WorldKey, &WorldItem)>| {
            list.into_iter().map(|(key, item)| item_of(&resolve, key, item)).collect()
        };
        Ok(Self { imports: items(world.imports.iter().collect()), exports: items(world.exports.iter().collect()) })
    }

    /// The rule of the house: storage and observer are all that the guest can reach, and the loader is all that it
    /// offers. `types` may be imported because it has no function.
    pub(crate) fn check(&self) -> Result<()> {
        for item in &self.imports {
            match item.name.strip_prefix(PACKAGE).and_then(|name| name.split('@').next()) {
                Some("storage" | "observer") => {}
                Some("types") if item.functions.is_empty() => {}
                Some("types") => {
                    bail!("the component imports the function {}, but types must have none", item.functions.join(", "))
                }
                _ => bail!("the component imports {}, but storage and observer are all that it may reach", item.name),
            }
        }
        match self.exports.as_slice() {
            [only] if only.name.starts_with(&format!("{PACKAGE}loader@")) => Ok(()),
            [] => bail!("the component exports nothing: is the export macro of the guest called?"),
            items => bail!(
                "the component exports {}, but the loader is all that it may offer",
                items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// One name a line, for the golden file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (direction, items) in [("import", &self.imports), ("export", &self.exports)] {
            for item in items {
                // Writing to a String can't fail.
                writeln!(text, "{direction} {}", item.name).ok();
                for line in
                    item.resources.iter().map(|name| format!("resource {name}")).chain(item.functions.iter().cloned())
                {
                    writeln!(text, "  {line}").ok();
                }
            }
        }
        text
    }
}

fn item_of(resolve: &Resolve, key: &WorldKey, item: &WorldItem) -> Item {
    let name = resolve.name_world_key(key);
    let interface = match item {
        WorldItem::Interface { id, .. } => resolve.interfaces.get(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    };
    let Some(interface) = interface else {
        let functions = if matches!(item, WorldItem::Function(_)) { vec![name.clone()] } else { Vec::new() };
        return Item { name, resources: Vec::new(), functions };
    };
    let is_resource =
        |id: &wit_parser::TypeId| resolve.types.get(*id).is_some_and(|def| matches!(def.kind, TypeDefKind::Resource));
    let mut resources: Vec<_> =
        interface.types.iter().filter(|(_, id)| is_resource(id)).map(|(name, _)| name.clone()).collect();
    let mut functions: Vec<_> = interface.functions.keys().cloned().collect();
    resources.sort();
    functions.sort();
    Item { name, resources, functions }
}

/// Says in what two listings differ, a line each; empty when they don't.
pub(crate) fn difference(golden: &str, actual: &str) -> String {
    let qualified = |text: &str| -> Vec<String> {
        let mut head = "";
        let mut lines = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("  ") {
                Some(inner) => lines.push(format!("{head}: {inner}")),
                None => {
                    head = line;
                    lines.push(line.to_owned());
                }
            }
        }
        lines
    };
    let (old, new) = (qualified(golden), qualified(actual));
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
    let text: String = gone.chain(come).collect();
    if text.is_empty() && golden != actual { "the same lines in another order\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, functions: &[&str]) -> Item {
        Item {
            name: format!("{PACKAGE}{name}@0.1.0"),
            resources: Vec::new(),
            functions: functions.iter().map(ToString::to_string).collect(),
        }
    }

    fn whole() -> Interface {
        Interface {
            imports: vec![item("types", &[]), item("storage", &["allocate"]), item("observer", &["emit"])],
            exports: vec![item("loader", &["[constructor]session"])],
        }
    }

    #[test]
    fn storage_observer_and_bare_types_are_all_that_may_be_imported() {
        whole().check().unwrap();
        let mut wasi = whole();
        wasi.imports.push(Item {
            name: "wasi:clocks/wall-clock@0.2.0".into(),
            resources: vec![],
            functions: vec!["now".into()],
        });
        assert!(wasi.check().unwrap_err().to_string().contains("imports wasi:clocks/wall-clock@0.2.0"));
        let mut other = whole();
        other.imports.push(item("network", &["connect"]));
        assert!(other.check().is_err());
        let mut types = whole();
        types.imports[0].functions.push("now".into());
        assert!(types.check().unwrap_err().to_string().contains("types must have none"));
    }

    #[test]
    fn the_loader_is_all_that_may_be_exported() {
        let nothing = Interface { exports: vec![], ..whole() };
        assert!(nothing.check().unwrap_err().to_string().contains("exports nothing"));
        let more = Interface { exports: vec![item("loader", &[]), item("types", &[])], ..whole() };
        assert!(more.check().unwrap_err().to_string().contains("loader/types"));
    }

    #[test]
    fn a_difference_names_the_interface_and_the_function() {
        let golden = whole().text();
        assert_eq!(difference(&golden, &golden), "");
        let mut changed = whole();
        changed.imports[1].functions = vec!["registered".into()];
        let said = difference(&golden, &changed.text());
        assert_eq!(
            said,
            "- import weighbridge:loader/storage@0.1.0: allocate\n+ import weighbridge:loader/storage@0.1.0: registered\n"
        );
    }

    #[test]
    fn a_module_without_wit_is_refused() {
        assert!(
            encode(b"\0asm\x01\0\0\0").is_err()
                || Interface::of(&encode(b"\0asm\x01\0\0\0").unwrap()).unwrap().check().is_err()
        );
        assert!(encode(b"no wasm").is_err());
    }
}

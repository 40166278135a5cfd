//! Call k of the host fails with error e, for every k, every e, every strategy.
#![allow(clippy::panic, reason = "a test")]
use weighbridge_tests::faults::every_error;
use weighbridge_tests::native::Native;
use weighbridge_tests::sweep::{plans, sweep, sweep_open};

#[test]
fn natively() {
    let mut struck = 0;
    for plan in plans() {
        struck += sweep::<Native>(&plan, &every_error());
    }
    for model in ["gguf", "safetensors", "split", "sharded"] {
        struck += sweep_open::<Native>(model, &every_error(), || {});
    }
    println!("faults injected: {struck}");
}

#[cfg(feature = "component")]
#[test]
fn through_the_component() {
    use weighbridge_loader::storage::StorageError;
    use weighbridge_tests::component::Component;
    let errors =
        [StorageError::Busy, StorageError::Cancelled, StorageError::Io(5), StorageError::Other("no such luck".into())];
    let some =
        ["mapped per tensor", "read-copy", "staged", "external, then copied", "auto without mmap", "undone, mapped"];
    let mut struck = 0;
    for plan in plans().iter().filter(|plan| some.contains(&plan.name)) {
        struck += sweep::<Component>(plan, &errors);
    }
    println!("faults injected into the component's host: {struck}");
}

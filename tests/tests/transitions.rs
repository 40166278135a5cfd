//! Every row of every transition table is taken: by the scenarios, and by events straight into the actors.
#![allow(clippy::panic, reason = "a test")]
use weighbridge_tests::{dispatch, native::Native, rows, run::run_all};

#[test]
fn every_row_is_taken() {
    run_all::<Native>("native");
    for (module, _) in dispatch::MODULES {
        dispatch::run_all(module);
    }
    let (taken, all, never) = rows::coverage();
    println!("transitions taken: {taken} of {all}");
    assert!(never.is_empty(), "never taken:\n{}", never.join("\n"));
}

//! Every scenario, on the component through wasmtime, over real files.
#![cfg(feature = "component")]
use weighbridge_tests::{component::Component, run::run_all};

#[test]
fn every_scenario_holds() {
    run_all::<Component>("component");
}

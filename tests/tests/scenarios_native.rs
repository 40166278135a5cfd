//! Every scenario, on the driver as plain Rust over the double.
use weighbridge_tests::{native::Native, run::run_all};

#[test]
fn every_scenario_holds() {
    run_all::<Native>("native");
}

//! Every line of the references is decided, and every test that is named exists.
#![allow(clippy::panic, reason = "a test")]
use weighbridge_tests::decisions::{Verdict, complaints, rows};

#[test]
fn every_line_of_the_references_is_decided() {
    let wrong = complaints();
    assert!(wrong.is_empty(), "docs/decisions.md:\n{}", wrong.join("\n"));
    let count = |verdict| rows().iter().filter(|row| row.verdict == verdict).count();
    println!(
        "scenarios: {} covered, {} decided differently, {} not applicable",
        count(Verdict::Covered),
        count(Verdict::Differently),
        count(Verdict::NotApplicable)
    );
}

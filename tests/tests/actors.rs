//! Events straight into the actors.
use weighbridge_tests::dispatch::run_all;

#[test]
fn io_buffer() {
    run_all("io_buffer");
}

#[test]
fn io_loader() {
    run_all("io_loader");
}

#[test]
fn io_mmap() {
    run_all("io_mmap");
}

#[test]
fn io_read() {
    run_all("io_read");
}

#[test]
fn io_staged_read() {
    run_all("io_staged_read");
}

#[test]
fn model_loader() {
    run_all("model_loader");
}

#[test]
fn model_tensor() {
    run_all("model_tensor");
}

#[test]
fn spans() {
    run_all("spans");
}

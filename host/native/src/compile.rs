//! From a component that may be a stranger's to machine code, within bounds: a compiler does a lot for a few bytes.
use crate::guest::out_of_resources;
use std::{
    ops::Range,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};
use wasmparser::{Parser, Payload};
use wasmtime::{Engine, component::Component};
use weighbridge_core::{Cause, Error, Phase, limit};

/// Bounds on what is compiled of a component that is not part of this library. What takes time and memory out of all
/// proportion to its bytes are functions that are long, or have many variables; so those are looked at before the compiler is
/// started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileLimits {
    /// Most bytes of the component. Default 16 MiB.
    pub bytes: usize,
    /// Most bytes of code, all its functions together. Default 8 MiB.
    pub code_bytes: usize,
    /// Most functions. Default 32,768.
    pub functions: usize,
    /// Most bytes of one function. Default 256 KiB.
    pub function_bytes: usize,
    /// Most variables of one function. Default 4,096.
    pub locals: u32,
    /// Most modules and components, one in the other. Default 64.
    pub modules: usize,
    /// Longest that the compiler may take. After it the answer is an error; the compiler, which cannot be stopped, comes to its
    /// end on a thread of its own. Default 60 s.
    pub time: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            code_bytes: 8 << 20,
            functions: 1 << 15,
            function_bytes: 256 << 10,
            locals: 4096,
            modules: 64,
            time: Duration::from_secs(60),
        }
    }
}

/// Compiles a stranger's component.
///
/// # Errors
/// It is none, or more than the limits allow.
pub(crate) fn compile(engine: &Engine, bytes: &[u8], limits: &CompileLimits) -> Result<Component, Error> {
    check(bytes, limits)?;
    let (engine, bytes) = (engine.clone(), bytes.to_vec());
    let (send, receive) = mpsc::sync_channel(1);
    let compiler = std::thread::Builder::new().name("weighbridge-compile".to_owned());
    let compiler = compiler.spawn(move || {
        // Nobody waits any more where it took too long.
        let _ = send.send(Component::new(&engine, bytes));
    });
    compiler.map_err(|error| {
        let message = format!("the system has no thread to compile the component on ({error}); try again");
        Error::new(Phase::Request, Cause::OutOfMemory, message)
    })?;
    match receive.recv_timeout(limits.time) {
        Ok(compiled) => compiled.map_err(|error| not_compiled(&error)),
        Err(RecvTimeoutError::Timeout) => Err(limit(format!(
            "the component took longer to compile than the {:?} that it may; raise `time` of the compile limits if you trust it",
            limits.time
        ))),
        Err(RecvTimeoutError::Disconnected) => Err(no_component("the compiler gave up on it")),
    }
}

/// Why a component was not compiled: the system had nothing left for it, or it is none.
fn not_compiled(error: &wasmtime::Error) -> Error {
    out_of_resources(error).map_or_else(|| no_component(&format!("{error:#}")), Error::from)
}

fn no_component(why: &str) -> Error {
    let message = format!("this is no component that can be run: {why}");
    Error::new(Phase::Request, Cause::UnsupportedFormat, message)
}

fn more(what: &str, most: impl std::fmt::Display, field: &str) -> Error {
    limit(format!(
        "the component has {what} than the {most} that are compiled; raise `{field}` of the compile limits if you trust it"
    ))
}

/// Looks at a component from outside.
fn check(bytes: &[u8], limits: &CompileLimits) -> Result<(), Error> {
    if bytes.len() > limits.bytes {
        return Err(more("more bytes", limits.bytes, "bytes"));
    }
    let (mut functions, mut code, mut modules) = (0usize, 0usize, 0usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| no_component(&error.to_string()))? {
            Payload::Version { .. } => {
                modules += 1;
                if modules > limits.modules {
                    return Err(more("more modules", limits.modules, "modules"));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let Range { start, end } = body.range();
                let len = end.saturating_sub(start);
                functions += 1;
                code = code.saturating_add(len);
                if functions > limits.functions {
                    return Err(more("more functions", limits.functions, "functions"));
                }
                if code > limits.code_bytes {
                    return Err(more("more bytes of code", limits.code_bytes, "code_bytes"));
                }
                if len > limits.function_bytes {
                    return Err(more("a function of more bytes", limits.function_bytes, "function_bytes"));
                }
                let mut locals = 0u32;
                for local in body.get_locals_reader().map_err(|error| no_component(&error.to_string()))? {
                    let (count, _) = local.map_err(|error| no_component(&error.to_string()))?;
                    locals = locals.saturating_add(count);
                }
                if locals > limits.locals {
                    return Err(more("a function of more variables", limits.locals, "locals"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str, limits: CompileLimits, says: &str) {
        let bytes = wat::parse_str(text).unwrap();
        let error = compile(&crate::clock::engine().unwrap(), &bytes, &limits).unwrap_err();
        assert_eq!(error.cause, Cause::LimitExceeded, "{error:?}");
        assert!(error.message.contains(says), "{error:?}");
    }

    fn module(functions: &str) -> String {
        format!("(component (core module {functions}))")
    }

    #[test]
    fn what_would_take_a_compiler_long_is_not_compiled() {
        let limits = CompileLimits::default();
        refused(&module(&"(func)".repeat(limits.functions + 1)), limits, "more functions");
        refused(
            &module(&format!("(func {})", "nop ".repeat(limits.function_bytes))),
            limits,
            "a function of more bytes",
        );
        refused(&module(&format!("(func (local {}))", "i64 ".repeat(5000))), limits, "more variables");
        refused(&format!("(component {})", "(core module)".repeat(64)), limits, "more modules");
        let large = format!("(func {})", "nop ".repeat(limits.function_bytes - 100)).repeat(33);
        refused(&module(&large), limits, "more bytes of code");
        let data = format!("(memory 1) (data (i32.const 0) \"{}\")", "x".repeat(1000));
        refused(&module(&data), CompileLimits { bytes: 1000, ..limits }, "more bytes than");
    }

    #[test]
    fn a_compiler_that_takes_too_long_is_not_waited_for() {
        let limits = CompileLimits { time: Duration::from_nanos(1), ..CompileLimits::default() };
        let body = format!("(func (result i32) i32.const 1 {})", "i32.const 3 i32.mul ".repeat(20_000));
        refused(&module(&body.repeat(10)), limits, "longer to compile");
    }

    #[test]
    fn the_loader_is_far_from_the_bounds() {
        let limits = CompileLimits::default();
        let half = CompileLimits {
            bytes: limits.bytes / 4,
            code_bytes: limits.code_bytes / 4,
            functions: limits.functions / 4,
            function_bytes: limits.function_bytes / 2,
            locals: limits.locals / 4,
            ..limits
        };
        check(crate::runtime::COMPONENT, &half).unwrap();
    }

    #[test]
    fn bytes_that_are_no_component_are_refused_with_a_sentence() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x0a\xff", &[0xff; 100]] {
            let error = compile(&crate::clock::engine().unwrap(), bytes, &CompileLimits::default()).unwrap_err();
            assert_eq!(error.cause, Cause::UnsupportedFormat, "{error:?}");
        }
    }
}

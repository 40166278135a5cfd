//! Runs a scenario on a host.
use crate::double::Leaks;
use crate::faults::{Fault, Instead, Kind, error_named};
use crate::files::{self, Model};
use crate::harness::{Harness, Setup};
use crate::script::{Scenario, Step};
use std::fmt::Debug;
use weighbridge_loader::api::{BufferState, LoadOptions, LoadReport, Selection, Validation};
use weighbridge_loader::types::{Advice, Error, ExtentPolicy, Strategy, StrategyPolicy};

/// The contract's spelling of a case: `MmapResident` is `mmap-resident`.
#[must_use]
pub fn kebab(case: &impl Debug) -> String {
    let debug = format!("{case:?}");
    let name = debug.split_once("::").map_or(debug.as_str(), |(_, name)| name);
    let name = name.split(['(', ' ']).next().unwrap();
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn strategy(name: &str) -> Strategy {
    match name {
        "mapped-file" => Strategy::MappedFile,
        "read-copy" => Strategy::ReadCopy,
        "staged-read" => Strategy::StagedRead,
        "external-buffer" => Strategy::ExternalBuffer,
        _ => panic!("no strategy {name}"),
    }
}

fn policy(text: &str) -> StrategyPolicy {
    match text {
        "auto" => StrategyPolicy::Auto,
        "none" => StrategyPolicy::FirstAvailable(Vec::new()),
        list if list.contains(',') => StrategyPolicy::FirstAvailable(list.split(',').map(strategy).collect()),
        one => StrategyPolicy::Only(strategy(one)),
    }
}

/// `all`, `none`, `0,2`, or a glob.
#[must_use]
pub fn selection(text: &str) -> Selection {
    match text {
        "all" => Selection::All,
        "none" => Selection::Tensors(Vec::new()),
        list if list.bytes().all(|b| b.is_ascii_digit() || b == b',') => {
            Selection::Tensors(list.split(',').map(|index| index.parse().unwrap()).collect())
        }
        glob => Selection::Matching(glob.trim_start_matches("glob:").into()),
    }
}

/// A load's options from the words of a step: `mapped-file per-tensor chunk=4096 check=structure`.
#[must_use]
pub fn options(words: &[String]) -> LoadOptions {
    let mut options = LoadOptions {
        policy: policy(&words[0]),
        extent: ExtentPolicy::WholeFile,
        staging_bytes: 0,
        validate: Validation { structure: false, architecture: false },
    };
    for word in &words[1..] {
        match word.split_once('=').unwrap_or((word, "")) {
            ("whole-file", _) => options.extent = ExtentPolicy::WholeFile,
            ("fitting", _) => options.extent = ExtentPolicy::Auto,
            ("per-tensor", _) => options.extent = ExtentPolicy::PerTensor,
            ("window", bytes) => options.extent = ExtentPolicy::Window(bytes.parse().unwrap()),
            ("chunk", bytes) => options.staging_bytes = bytes.parse().unwrap(),
            ("check", checks) => {
                options.validate.structure = checks.contains("structure");
                options.validate.architecture = checks.contains("architecture");
            }
            _ => panic!("no option {word}"),
        }
    }
    options
}

fn setup(scenario: &Scenario) -> Setup {
    let mut setup = Setup::default();
    if let Some(slots) = scenario.head("slots") {
        setup.options.slots = slots.parse().unwrap();
    }
    for word in scenario.head("host").unwrap_or_default().split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("no-mmap", _) => setup.mmap = false,
            ("no-advice", _) => setup.advise = false,
            ("max-batch", spans) => setup.max_batch = spans.parse().unwrap(),
            ("max-read", bytes) => setup.max_read = bytes.parse().unwrap(),
            ("granularity", bytes) => setup.granularity = bytes.parse().unwrap(),
            _ => panic!("no host {word}"),
        }
    }
    for word in scenario.head("registered").unwrap_or_default().split_whitespace() {
        let (name, bytes) = word.split_once('=').expect("registered NAME=BYTES");
        setup.registered.push((name.to_owned(), bytes.parse().unwrap()));
    }
    setup
}

fn fault(words: &[String]) -> Fault {
    let kind = (words[0] != "any").then(|| Kind::named(&words[0]).unwrap_or_else(|| panic!("no call {}", words[0])));
    let mut fault = Fault { kind, at: words[1].parse().unwrap(), times: 1, instead: Instead::Short(0) };
    let mut span = 0;
    for word in &words[3..] {
        match word.split_once('=') {
            Some(("times", times)) => fault.times = times.parse().unwrap(),
            Some(("span", number)) => span = number.parse().unwrap(),
            _ => panic!("no {word}"),
        }
    }
    fault.instead = match words[2].strip_prefix("short:") {
        Some(bytes) => Instead::Short(bytes.parse().unwrap()),
        None => Instead::Error(error_named(&words[2]).unwrap_or_else(|| panic!("no error {}", words[2])), span),
    };
    fault
}

fn advice(name: &str) -> Advice {
    match name {
        "normal" => Advice::Normal,
        "sequential" => Advice::Sequential,
        "random" => Advice::Random,
        "will-need" => Advice::WillNeed,
        "dont-need" => Advice::DontNeed,
        _ => panic!("no advice {name}"),
    }
}

/// Runs one scenario on a host of this kind; says where it went wrong, and panics.
pub fn run<H: Harness>(scenario: &Scenario) {
    let model = files::named(scenario.head("model").expect("a model")).expect("a sample");
    let faults: Vec<Fault> = scenario
        .head("open-fault")
        .map(|words| fault(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()))
        .into_iter()
        .collect();
    let opened = H::open(&model, &setup(scenario), &faults);
    if let Some(expected) = scenario.head("open") {
        let words: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
        let at = At { scenario: &scenario.name, line: 0, step: "open" };
        at.check_error(&opened.err().expect("an error"), &words);
        return;
    }
    let mut host = opened.unwrap_or_else(|error| panic!("{}: open: {error:?}", scenario.name));
    for step in &scenario.steps {
        perform(&mut host, &model, scenario, step);
    }
    host.unview();
    host.disarm();
    host.close().unwrap_or_else(|error| panic!("{}: close at the end: {error:?}", scenario.name));
    assert_eq!(host.leaks(), Leaks::default(), "{}: at the end", scenario.name);
}

struct At<'s> {
    scenario: &'s str,
    line: usize,
    step: &'s str,
}

impl At<'_> {
    #[track_caller]
    fn same<T: PartialEq + Debug>(&self, actual: &T, expected: &T) {
        assert_eq!(actual, expected, "{} line {} ({})", self.scenario, self.line, self.step);
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{} line {} ({}): {what}", self.scenario, self.line, self.step)
    }

    /// `error PHASE CAUSE [strategy=S] [tensor=N] [os=N]`, of which what is not named must not be there, and
    /// `[source=N] [field=F] [words=a_b]`.
    fn check_error(&self, error: &Error, expected: &[String]) {
        if expected[0] != "error" {
            self.fail(&format!("{error:?} instead of {expected:?}"));
        }
        let mut actual = vec!["error".to_owned(), kebab(&error.phase), kebab(&error.cause)];
        let fields = [
            ("strategy", error.strategy.map(|strategy| kebab(&strategy))),
            ("tensor", error.tensor.map(|n| n.to_string())),
            (
                "source",
                error.source.map(|n| n.to_string()).filter(|_| expected.iter().any(|w| w.starts_with("source="))),
            ),
            ("os", error.os_code.map(|n| n.to_string())),
        ];
        let present = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        actual.extend(present);
        let wanted: Vec<String> = expected
            .iter()
            .filter(|word| !word.starts_with("words=") && !word.starts_with("field="))
            .cloned()
            .collect();
        assert_eq!(actual, wanted, "{} line {} ({}): {error:?}", self.scenario, self.line, self.step);
        assert!(error.message.len() > 10, "{}: {error:?} says nothing", self.scenario);
        for word in expected {
            if let Some(words) = word.strip_prefix("words=") {
                let words = words.replace('_', " ");
                assert!(error.message.contains(&words), "{} line {}: {error:?}", self.scenario, self.line);
            }
            if let Some(field) = word.strip_prefix("field=") {
                assert_eq!(error.field.as_deref(), Some(field), "{} line {}: {error:?}", self.scenario, self.line);
            }
        }
    }

    /// `used S`, `tensors=N`, `refused S:cause …`.
    fn check_report(&self, report: &LoadReport, expected: &[Vec<String>]) {
        let refused: Vec<String> = report
            .refused
            .iter()
            .map(|refusal| {
                assert_eq!(refusal.reason.strategy, Some(refusal.strategy), "{}", self.scenario);
                format!("{}:{}", kebab(&refusal.strategy), kebab(&refusal.reason.cause))
            })
            .collect();
        let mut refusals_named = false;
        for words in expected {
            match words[0].as_str() {
                "used" => {
                    let used = report.used.map_or("nothing".to_owned(), |used| kebab(&used));
                    self.same(&used, &words[1]);
                    for word in &words[2..] {
                        let (name, number) = word.split_once('=').expect("name=number");
                        let actual = match name {
                            "tensors" => u64::from(report.tensors),
                            "bytes" => report.bytes,
                            "moved" => report.moved,
                            "mapped" => report.mapped,
                            "extents" => u64::from(report.extents),
                            "peak" => u64::from(report.slots_peak),
                            _ => self.fail(word),
                        };
                        self.same(&format!("{name}={actual}"), word);
                        let _ = number;
                    }
                }
                "refused" => {
                    refusals_named = true;
                    self.same(&refused, &words[1..].to_vec());
                }
                "reason" => {
                    let words = words[1..].join(" ");
                    if !report.refused.iter().any(|refusal| refusal.reason.message.contains(&words)) {
                        self.fail(&format!("{:?}", report.refused));
                    }
                }
                _ => self.fail(&format!("{report:?} instead of {words:?}")),
            }
        }
        assert!(refusals_named || refused.is_empty(), "{} line {}: {refused:?}", self.scenario, self.line);
    }

    /// `mmap-resident*3`, `owned:2`.
    fn check_list(&self, actual: &[String], expected: &[Vec<String>]) {
        let mut wanted = Vec::new();
        for word in expected.iter().flat_map(|words| words.iter()) {
            let (word, times) = word.split_once('*').unwrap_or((word, "1"));
            wanted.extend(std::iter::repeat_n(word.to_owned(), times.parse().unwrap()));
        }
        self.same(&actual.to_vec(), &wanted);
    }
}

fn perform<H: Harness>(host: &mut H, model: &Model, scenario: &Scenario, step: &Step) {
    let words = &step.words;
    let text = words.join(" ");
    let at = At { scenario: &scenario.name, line: step.line, step: &text };
    let verb = words[0].as_str();
    match verb {
        "load" => match host.load(&selection(&words[1]), &options(&words[2..])) {
            Ok(report) => at.check_report(&report, &step.expected),
            Err(error) => at.check_error(&error, expected(&at, step)),
        },
        "release" | "evict" => {
            let selection = selection(&words[1]);
            let result = if verb == "release" { host.release(&selection) } else { host.evict(&selection) };
            match result {
                Ok(count) => at.same(&vec![count.to_string()], expected(&at, step)),
                Err(error) => at.check_error(&error, expected(&at, step)),
            }
        }
        "advise" => match host.advise(words[1].parse().unwrap(), advice(&words[2])) {
            Ok(effect) => {
                let wanted = expected(&at, step);
                assert!(wanted[0] == "any" || wanted[0] == kebab(&effect), "{text}: {effect:?}");
            }
            Err(error) => at.check_error(&error, expected(&at, step)),
        },
        "provide" => {
            let files: Vec<usize> = words[1].split(',').map(|number| number.parse().unwrap()).collect();
            match (host.provide(&files), step.expected.first()) {
                (Ok(()), None) => {}
                (Ok(()), Some(expected)) => at.fail(&format!("done, instead of {expected:?}")),
                (Err(error), _) => at.check_error(&error, expected(&at, step)),
            }
        }
        "close" => match (host.close(), step.expected.first()) {
            (Ok(()), None) => {}
            (Ok(()), Some(expected)) => at.fail(&format!("done, instead of {expected:?}")),
            (Err(error), _) => at.check_error(&error, expected(&at, step)),
        },
        "missing" => at.check_list(&host.missing(), &step.expected),
        "states" => {
            let states: Vec<String> = host.states().iter().map(|state| kebab(&state.lifecycle)).collect();
            at.check_list(&states, &step.expected);
        }
        "slots" => {
            let slots = host.slots();
            let shown: Vec<String> =
                slots.iter().map(|slot| format!("{}:{}", kebab(&slot.status), slot.tensors)).collect();
            at.check_list(&shown, &step.expected);
        }
        "buffers" => {
            let buffers = host.buffers();
            let shown = |buffer: &BufferState| {
                let whose = if buffer.external { "external:" } else { "" };
                format!("{whose}{}:{}", kebab(&buffer.status), buffer.tensors)
            };
            at.check_list(&buffers.iter().map(shown).collect::<Vec<_>>(), &step.expected);
        }
        "generations" => {
            let generations: Vec<String> = host.slots().iter().map(|slot| slot.generation.to_string()).collect();
            at.check_list(&generations, &step.expected);
        }
        "machines" => {
            let machines: Vec<String> =
                host.machines().iter().map(|machine| format!("{}={}", machine.machine, machine.state)).collect();
            at.check_list(&machines, &step.expected);
        }
        "tensors" => {
            let infos = host.tensors();
            let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
            let wanted: Vec<&str> = model.tensors.iter().map(|(name, _)| name.as_str()).collect();
            at.same(&names, &wanted);
        }
        "bytes" => {
            let which: Vec<u32> = match words.get(1).map(String::as_str) {
                None | Some("all") => (0..u32::try_from(model.tensors.len()).unwrap()).collect(),
                Some(list) => list.split(',').map(|index| index.parse().unwrap()).collect(),
            };
            for tensor in which {
                let (name, data) = &model.tensors[tensor as usize];
                let bytes = host.bytes(tensor).unwrap_or_else(|| at.fail(&format!("{name} has no bytes")));
                if bytes != *data {
                    let first = bytes.iter().zip(data).position(|(a, b)| a != b);
                    at.fail(&format!("{name} differs: {} bytes, first at {first:?}", bytes.len()));
                }
            }
        }
        "no-bytes" => {
            for tensor in words[1].split(',') {
                assert!(host.bytes(tensor.parse().unwrap()).is_none(), "{text} in {}", scenario.name);
            }
        }
        "view" => host.view(words[1].parse().unwrap()),
        "unview" => host.unview(),
        "fault" => host.arm(fault(&words[1..])),
        "disarm" => host.disarm(),
        "change" => host.change(words[1].parse().unwrap(), words[2].parse().unwrap()),
        "calls" => at.same(&vec![host.calls(Kind::named(&words[1])).to_string()], expected(&at, step)),
        "held" => {
            let leaks = host.leaks();
            let shown = [format!("mappings={}", leaks.mappings), format!("buffers={}", leaks.buffers)];
            at.same(&shown.to_vec(), expected(&at, step));
        }
        _ => at.fail("no such step"),
    }
}

fn expected<'s>(at: &At<'_>, step: &'s Step) -> &'s Vec<String> {
    step.expected.first().unwrap_or_else(|| at.fail("nothing is expected"))
}

/// Runs every scenario of a host, and fails with all that failed.
pub fn run_all<H: Harness>(host: &str) {
    let scenarios = crate::script::scenarios();
    let (mut ran, mut failed) = (0, Vec::new());
    for scenario in scenarios.iter().filter(|scenario| scenario.runs_on(host)) {
        let result = std::panic::catch_unwind(|| run::<H>(scenario));
        ran += 1;
        if result.is_err() {
            failed.push(scenario.name.as_str());
        }
    }
    assert!(failed.is_empty(), "{} of {ran} scenarios failed on {host}: {failed:?}", failed.len());
    println!("scenarios on {host}: {ran} of {}", scenarios.len());
}

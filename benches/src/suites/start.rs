//! From the entry of `main` to a guest that is ready, in processes of their own.
use super::Setting;
use crate::{
    Report, Result, child,
    contest::{quantile, table, time},
    files,
};
use std::time::{Duration, Instant};

/// Most time to a guest that is ready.
const READY: f64 = 1e-3;

pub(super) fn run(setting: &Setting) -> Result<Vec<Report>> {
    let path = setting.folder.write("start.gguf", &files::gguf(723))?;
    let (mut component, mut guest, mut opened, mut whole, mut nothing) = (vec![], vec![], vec![], vec![], vec![]);
    let began = Instant::now();
    while component.len() < 15 || began.elapsed() < setting.time.max(Duration::from_millis(500)) {
        let start = Instant::now();
        let times: Vec<f64> = child::run("start", &path)?.into_iter().map(|ns| ns as f64 / 1e9).collect();
        whole.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        child::run("nothing", &path)?;
        nothing.push(start.elapsed().as_secs_f64());
        let [first, second, third] = times[..] else { return Err("the child printed something else".into()) };
        component.push(first);
        guest.push(second);
        opened.push(third);
    }
    let row = |name: &str, times: &[f64], goal: Option<f64>| {
        let median = quantile(times, 0.5);
        let met = goal.is_none_or(|goal| median <= goal);
        let said = goal
            .map_or_else(String::new, |goal| format!("≤ {}: {}", time(goal), if met { "met" } else { "**missed**" }));
        let spread = format!("{} – {}", time(quantile(times, 0.25)), time(quantile(times, 0.75)));
        (vec![name.to_owned(), time(median), spread, said], met)
    };
    let rows = [
        row("entry of main → component ready", &component, None),
        row("entry of main → guest ready", &guest, Some(READY)),
        row("entry of main → 723 tensors open", &opened, None),
        row("the whole process, as its parent sees it", &whole, None),
        row("a process that does nothing, as its parent sees it", &nothing, None),
    ];
    let title = format!("start: a process of its own, {} processes", component.len());
    Ok(vec![table(&title, &["", "median", "middle half", "goal"], &rows)])
}

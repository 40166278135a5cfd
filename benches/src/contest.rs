//! Entrants that take turns, and the ratios of their times.
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

/// Least rounds of a contest, whatever the time.
const ROUNDS: usize = 15;

/// The pause before a turn.
const REST: Duration = Duration::from_micros(200);

/// A number by chance, the same in every run (xorshift64, Marsaglia 2003).
const fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// What an entrant must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most so many times the time of its peer.
    Ratio(f64),
    /// At most this time.
    Time(Duration),
}

/// One turn of an entrant; it answers what it took, so that what it prepares does not count.
type Turn<'a> = Box<dyn FnMut() -> crate::Result<Duration> + 'a>;

struct Entrant<'a> {
    name: String,
    turn: Turn<'a>,
    /// The entrant that it is measured by.
    peer: Option<usize>,
    goal: Option<Goal>,
    times: Vec<f64>,
}

/// Entrants that do the same work.
pub struct Contest<'a> {
    title: String,
    entrants: Vec<Entrant<'a>>,
}

/// The time of one piece of work.
pub fn timed<T>(work: impl FnOnce() -> crate::Result<T>) -> crate::Result<Duration> {
    let began = Instant::now();
    let done = work()?;
    let took = began.elapsed();
    std::hint::black_box(done);
    Ok(took)
}

impl<'a> Contest<'a> {
    /// A contest without entrants.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), entrants: Vec::new() }
    }

    /// An entrant that others are measured by.
    #[must_use]
    pub fn peer(self, name: &str, turn: impl FnMut() -> crate::Result<Duration> + 'a) -> Self {
        self.entrant(name, None, None, turn)
    }

    /// An entrant that is measured by the peer before it.
    #[must_use]
    pub fn ours(self, name: &str, goal: Option<Goal>, turn: impl FnMut() -> crate::Result<Duration> + 'a) -> Self {
        let peer = self.entrants.iter().rposition(|entrant| entrant.peer.is_none());
        self.entrant(name, peer, goal, turn)
    }

    fn entrant(
        mut self,
        name: &str,
        peer: Option<usize>,
        goal: Option<Goal>,
        turn: impl FnMut() -> crate::Result<Duration> + 'a,
    ) -> Self {
        self.entrants.push(Entrant { name: name.to_owned(), turn: Box::new(turn), peer, goal, times: Vec::new() });
        self
    }

    /// Lets the entrants take turns for about `time`, in another order each round.
    ///
    /// # Errors
    /// That of the first entrant that fails.
    pub fn run(mut self, time: Duration) -> crate::Result<Report> {
        // One round to warm up: page cache, compiled code, allocator.
        for entrant in &mut self.entrants {
            (entrant.turn)()?;
        }
        let (began, count, mut seed) = (Instant::now(), self.entrants.len(), 0x9e37_79b9_7f4a_7c15);
        for round in 0.. {
            if round >= ROUNDS && began.elapsed() >= time {
                break;
            }
            let mut order: Vec<usize> = (0..count).collect();
            for place in (1..count).rev() {
                order.swap(place, chance(&mut seed) as usize % (place + 1));
            }
            for at in order {
                // Who has just worked is the first to be interrupted on a busy machine; so each begins rested.
                std::thread::sleep(REST);
                if let Some(entrant) = self.entrants.get_mut(at) {
                    let took = (entrant.turn)()?;
                    entrant.times.push(took.as_secs_f64());
                }
            }
        }
        Ok(self.report())
    }

    fn report(&self) -> Report {
        let mut text = format!("### {}\n\n", self.title);
        let mut missed = 0;
        let _ = writeln!(text, "| | median | best tenth | ratio | middle half | goal |\n|---|--:|--:|--:|--:|---|");
        for entrant in &self.entrants {
            let median = quantile(&entrant.times, 0.5);
            let base = entrant.peer.and_then(|peer| self.entrants.get(peer));
            let ratios = base.map(|base| {
                let pairs = entrant.times.iter().zip(&base.times);
                pairs.map(|(own, peer)| own / peer.max(1e-12)).collect::<Vec<f64>>()
            });
            let ratio = ratios.as_deref().map(|ratios| quantile(ratios, 0.5));
            let (shown, spread) = match (&ratios, ratio) {
                (Some(all), Some(ratio)) => {
                    (format!("{ratio:.2}"), format!("{:.2} – {:.2}", quantile(all, 0.25), quantile(all, 0.75)))
                }
                _ => ("1".to_owned(), String::new()),
            };
            let (goal, met) = verdict(entrant.goal, median, ratio);
            missed += usize::from(!met);
            // What the machine does when others leave it alone.
            let best = time(quantile(&entrant.times, 0.1));
            let _ = writeln!(text, "| {} | {} | {best} | {shown} | {spread} | {goal} |", entrant.name, time(median));
        }
        let rounds = self.entrants.first().map_or(0, |entrant| entrant.times.len());
        let _ = writeln!(text, "\n{rounds} rounds.");
        Report { text, missed }
    }
}

fn verdict(goal: Option<Goal>, median: f64, ratio: Option<f64>) -> (String, bool) {
    let (text, met) = match goal {
        None => return (String::new(), true),
        Some(Goal::Ratio(most)) => (format!("≤ {most}"), ratio.is_some_and(|ratio| ratio <= most)),
        Some(Goal::Time(most)) => (format!("≤ {}", time(most.as_secs_f64())), median <= most.as_secs_f64()),
    };
    (format!("{text}: {}", if met { "met" } else { "**missed**" }), met)
}

/// A part of a report, ready to be printed.
#[derive(Debug, Default)]
pub struct Report {
    /// Markdown.
    pub text: String,
    /// Goals that were not reached.
    pub missed: usize,
}

/// A table of numbers that are no times, such as bytes; a row whose goal is false missed it.
#[must_use]
pub fn table(title: &str, head: &[&str], rows: &[(Vec<String>, bool)]) -> Report {
    let mut text = format!("### {title}\n\n| {} |\n|---|{}\n", head.join(" | "), "--:|".repeat(head.len() - 1));
    for (cells, _) in rows {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    Report { text, missed: rows.iter().filter(|(_, met)| !met).count() }
}

/// A quantile of numbers in any order.
#[must_use]
pub fn quantile(numbers: &[f64], at: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * at).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// A time for people.
#[must_use]
pub fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.1} µs", s * 1e6),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ratios_are_to_the_peer_before() {
        let turn = |millis| move || Ok(Duration::from_millis(millis));
        let report = Contest::new("t")
            .peer("floor", turn(10))
            .ours("good", Some(Goal::Ratio(2.0)), turn(15))
            .ours("bad", Some(Goal::Time(Duration::from_millis(19))), turn(20))
            .run(Duration::ZERO)
            .unwrap();
        assert!(
            report.text.contains("| good | 15.00 ms | 15.00 ms | 1.50 | 1.50 – 1.50 | ≤ 2: met |"),
            "{}",
            report.text
        );
        assert!(report.text.contains("| bad | 20.00 ms | 20.00 ms | 2.00 | 2.00 – 2.00 | ≤ 19.00 ms: **missed** |"));
        assert_eq!(report.missed, 1);
    }

    #[test]
    fn an_entrant_that_fails_ends_the_contest() {
        assert!(Contest::new("t").peer("x", || Err("no".into())).run(Duration::ZERO).is_err());
    }
}

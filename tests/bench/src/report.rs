//! The table of medians and ratios.

use std::fmt::Write as _;

use crate::machine::Machine;
use crate::peer::{Kind, Peer};
use crate::run::{Measured, Outcome, Started};
use crate::sample::{Sample, median};

/// What the issue asks of Berth's peak memory, against distribution's: at most this part.
const MEMORY_TARGET: f64 = 0.5;

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// The limits of the machine.
    pub machine: Machine,
    /// The registries, and their versions.
    pub peers: Vec<(Peer, String)>,
    /// Rounds of each measurement.
    pub rounds: u32,
    /// How each registry started.
    pub started: Vec<Started>,
    /// The measurements.
    pub outcomes: Vec<Outcome>,
}

/// What a ratio has to be.
#[derive(Clone, Copy, Debug)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn verdict(self, ratio: f64) -> String {
        let (sign, bound, met) = match self {
            Self::AtLeast(bound) => ('≥', bound, ratio >= bound),
            Self::AtMost(bound) => ('≤', bound, ratio <= bound),
        };
        format!("{sign} {bound} {}", if met { "met" } else { "MISSED" })
    }
}

impl Report {
    /// Renders the tables as Markdown.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.preamble();
        let mut table = self.table("rate");
        for outcome in &self.outcomes {
            let value = |sample: &Sample| sample.rate(outcome.unit);
            let values = self.medians(outcome, value);
            let bound = outcome.target.map(|target| Bound::AtLeast(target.rate));
            table.row(&outcome.title, outcome.unit.rate_name(), &values, bound);
        }
        table.render(&mut text);

        let mut table = self.table("server's processor time");
        for outcome in &self.outcomes {
            let value = |sample: &Sample| sample.server_cost(outcome.unit);
            let values = self.medians(outcome, value);
            let bound = outcome.target.map(|target| Bound::AtMost(target.processor));
            table.row(&outcome.title, outcome.unit.processor_name(), &values, bound);
        }
        table.render(&mut text);

        let mut table = self.table("client's processor time");
        for outcome in &self.outcomes {
            let value = |sample: &Sample| sample.client_cost(outcome.unit);
            let values = self.medians(outcome, value);
            table.row(&outcome.title, outcome.unit.processor_name(), &values, None);
        }
        table.render(&mut text);

        let mut table = self.table("memory and start");
        if !self.started.is_empty() {
            let seconds = |kind| {
                let started = self.started.iter().find(|started| started.kind == kind)?;
                median(started.times.iter().map(|time| time.as_secs_f64() * 1000.0))
            };
            table.row("start, to the first answer", "ms", &self.of_each(seconds), None);
            let memory = |kind| {
                let started = self.started.iter().find(|started| started.kind == kind)?;
                median(started.memory.iter().copied().map(mebibytes))
            };
            table.row("resident memory at rest", "MiB", &self.of_each(memory), None);
        }
        for outcome in &self.outcomes {
            let peak = |kind| median(measured(outcome, kind)?.peaks.iter().copied().map(mebibytes));
            let title = format!("peak memory: {}", outcome.title);
            table.row(&title, "MiB", &self.of_each(peak), None);
        }
        if !self.outcomes.is_empty() {
            let bound = Some(Bound::AtMost(MEMORY_TARGET));
            let peaks = |kind| self.peak(kind);
            table.row("peak memory: the most of all", "MiB", &self.of_each(peaks), bound);
        }
        table.render(&mut text);
        text
    }

    fn preamble(&self) -> String {
        let Machine { description, load, sha256, disk, sync } = &self.machine;
        let mut text = format!(
            "Machine: {description}; load before the run {load}.\n\
             SHA-256 on one core: {sha256:.0} MiB/s. Disk: {disk:.0} MiB/s written and synced; \
             4 KiB appended and synced in {:.2} ms.\n\
             Medians of {} rounds, turn about. Client and server share the machine.\n\n",
            sync.as_secs_f64() * 1000.0,
            self.rounds,
        );
        for (peer, version) in &self.peers {
            let _ = writeln!(text, "- {}: {version}", peer.kind);
        }
        text.push('\n');
        text
    }

    fn table(&self, title: &str) -> Table {
        let kinds: Vec<Kind> = self.peers.iter().map(|(peer, _)| peer.kind).collect();
        Table::new(title, kinds)
    }

    fn of_each(&self, value: impl Fn(Kind) -> Option<f64>) -> Vec<Option<f64>> {
        self.peers.iter().map(|(peer, _)| value(peer.kind)).collect()
    }

    fn medians(&self, outcome: &Outcome, value: impl Fn(&Sample) -> f64) -> Vec<Option<f64>> {
        self.of_each(|kind| median(measured(outcome, kind)?.samples.iter().map(&value)))
    }

    fn peak(&self, kind: Kind) -> Option<f64> {
        let measured = self.outcomes.iter().filter_map(|outcome| measured(outcome, kind));
        measured.flat_map(|measured| &measured.peaks).max().copied().map(mebibytes)
    }
}

fn measured(outcome: &Outcome, kind: Kind) -> Option<&Measured> {
    outcome.peers.iter().find(|measured| measured.kind == kind)
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// A table of Markdown, its columns aligned for a terminal.
#[derive(Debug)]
struct Table {
    kinds: Vec<Kind>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(title: &str, kinds: Vec<Kind>) -> Self {
        let mut head = vec![title.to_owned(), "unit".to_owned()];
        head.extend(kinds.iter().map(Kind::to_string));
        let others = kinds.iter().filter(|kind| **kind != Kind::Berth);
        head.extend(others.map(|kind| format!("berth ÷ {kind}")));
        head.push("target".to_owned());
        Self { kinds, rows: vec![head] }
    }

    fn row(&mut self, title: &str, unit: &str, values: &[Option<f64>], bound: Option<Bound>) {
        let missing = || "–".to_owned();
        let mut row = vec![title.to_owned(), unit.to_owned()];
        row.extend(values.iter().map(|value| value.map_or_else(missing, four_digits)));
        let find = |kind| {
            let index = self.kinds.iter().position(|other| *other == kind)?;
            *values.get(index)?
        };
        let berth = find(Kind::Berth);
        let mut verdict = None;
        for kind in self.kinds.iter().filter(|kind| **kind != Kind::Berth) {
            let ratio = berth.zip(find(*kind)).map(|(berth, other)| berth / other);
            row.push(ratio.map_or_else(missing, |ratio| format!("{ratio:.2}")));
            if *kind == Kind::Distribution {
                verdict = bound.zip(ratio).map(|(bound, ratio)| bound.verdict(ratio));
            }
        }
        row.push(verdict.unwrap_or_default());
        self.rows.push(row);
    }

    fn render(&self, text: &mut String) {
        if self.rows.len() == 1 {
            return;
        }
        let columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Writing to a string cannot fail.
                let _ = match column {
                    0 | 1 => write!(text, "| {cell:<width$} "),
                    _ => write!(text, "| {cell:>width$} "),
                };
            }
            text.push_str("|\n");
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let rule = "-".repeat(width + 1);
                    let end = if column < 2 { '-' } else { ':' };
                    let _ = write!(text, "|{rule}{end}");
                }
                text.push_str("|\n");
            }
        }
        text.push('\n');
    }
}

fn four_digits(value: f64) -> String {
    match value {
        _ if value >= 1000.0 => format!("{value:.0}"),
        _ if value >= 100.0 => format!("{value:.1}"),
        _ if value >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_judges_ratios() {
        let mut table = Table::new("rate", vec![Kind::Berth, Kind::Distribution, Kind::Zot]);
        table.row("push", "MiB/s", &[Some(2000.0), Some(1000.0), None], Some(Bound::AtLeast(2.0)));
        table.row("peak", "MiB", &[Some(60.0), Some(100.0), None], Some(Bound::AtMost(0.5)));
        let mut text = String::new();
        table.render(&mut text);
        let expected = "\
| rate | unit  | berth | distribution | zot | berth ÷ distribution | berth ÷ zot |       target |
|------|-------|------:|-------------:|----:|---------------------:|------------:|-------------:|
| push | MiB/s |  2000 |         1000 |   – |                 2.00 |           – |      ≥ 2 met |
| peak | MiB   | 60.00 |        100.0 |   – |                 0.60 |           – | ≤ 0.5 MISSED |

";
        assert_eq!(text, expected);
    }
}

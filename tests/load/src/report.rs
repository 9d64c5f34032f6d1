//! The table, and the plot of how the latencies grow.

use std::fmt::Write as _;

use crate::measure::{Latencies, Rounds, Row};

/// The most that the 99th percentile of the fullest registry may be of the emptiest's.
pub(crate) const MOST: f64 = 2.0;

/// Size of the plot, and the margins around its lines.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 260.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

/// Colours of the lines, which people tell apart who see few colours.
const COLOURS: [&str; 10] = [
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f",
    "#bcbd22", "#17becf",
];

/// Returns the ratio that is judged: of the last server's typical 99th percentile to the first one's.
pub(crate) fn ratio(row: &Row) -> f64 {
    match (row.servers.first(), row.servers.last()) {
        (Some(first), Some(last)) => last.typical().p99 / first.typical().p99,
        _ => f64::NAN,
    }
}

/// Returns the least and the most of what that ratio was in a round.
fn ratios(row: &Row) -> (f64, f64) {
    let (Some(first), Some(last)) = (row.servers.first(), row.servers.last()) else {
        return (f64::NAN, f64::NAN);
    };
    let rounds = first.0.iter().zip(&last.0).map(|(first, last)| last.p99 / first.p99);
    rounds.fold((f64::INFINITY, 0.0), |(least, most), ratio| (least.min(ratio), most.max(ratio)))
}

/// Renders the table in Markdown: medians and 99th percentiles in microseconds.
pub(crate) fn table(images: &[usize], rows: &[Row]) -> String {
    let mut text = "| median / 99th percentile, µs |".to_owned();
    for images in images {
        // Writing to a string cannot fail.
        let _ = write!(text, " {} images |", grouped(*images));
    }
    text.push_str(" growth of the 99th | in the rounds |\n|---|");
    text.push_str(&"--:|".repeat(images.len() + 2));
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} |", row.title);
        for rounds in &row.servers {
            let Latencies { median, p99 } = rounds.typical();
            let _ = write!(text, " {median:.0} / {p99:.0} |");
        }
        let (ratio, (least, most)) = (ratio(row), ratios(row));
        let verdict = if ratio <= MOST { "met" } else { "MISSED" };
        let _ = writeln!(text, " {ratio:.2} (≤ {MOST} {verdict}) | {least:.2} to {most:.2} |");
    }
    text
}

/// Draws the 99th percentiles over the number of images, both axes logarithmic.
pub(crate) fn plot(images: &[usize], rows: &[Row]) -> String {
    let all = rows.iter().flat_map(|row| row.servers.iter().map(|rounds| rounds.typical().p99));
    let (least, most) =
        all.fold((f64::MAX, 1.0_f64), |(least, most), p99| (least.min(p99), most.max(p99)));
    let (least, most) = (least.max(1.0).log10().floor(), most.log10().ceil());
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    #[expect(clippy::cast_precision_loss, reason = "a handful of columns")]
    let x = |column: usize| LEFT + width * column as f64 / (images.len().max(2) - 1) as f64;
    let y = |p99: f64| TOP + height * (1.0 - (p99.log10() - least) / (most - least).max(1.0));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"18\">99th percentile of a request's time, by images in the registry</text>\n"
    );
    let mut exponent = least;
    let lines = std::iter::from_fn(|| {
        let ten = 10_f64.powf(exponent);
        exponent += 1.0;
        Some([ten, 2.0 * ten, 5.0 * ten])
    });
    for value in lines.flatten().take_while(|value| value.log10() < most + 1e-9) {
        let at = y(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT + width,
            LEFT - 6.0,
            at + 4.0,
            duration(value),
        );
    }
    for (column, images) in images.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(column),
            HEIGHT - BOTTOM + 20.0,
            grouped(*images),
        );
    }
    for ((number, row), colour) in rows.iter().enumerate().zip(COLOURS.iter().cycle()) {
        let points = row.servers.iter().enumerate();
        let point =
            |(column, at): (_, &Rounds)| format!("{:.1},{:.1}", x(column), y(at.typical().p99));
        let points: Vec<_> = points.map(point).collect();
        let legend = TOP + 10.0 + 20.0 * f64::from(u32::try_from(number).unwrap_or(0));
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <rect x=\"{}\" y=\"{}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>\n\
             <text x=\"{}\" y=\"{}\">{} (× {:.2})</text>",
            points.join(" "),
            WIDTH - RIGHT + 16.0,
            legend - 6.0,
            WIDTH - RIGHT + 34.0,
            legend,
            row.title,
            ratio(row),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn duration(microseconds: f64) -> String {
    match microseconds {
        _ if microseconds >= 1000.0 => format!("{:.0} ms", microseconds / 1000.0),
        _ => format!("{microseconds:.0} µs"),
    }
}

/// Writes a number with a comma before each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_plots() {
        let rounds =
            |p99s: [f64; 3]| Rounds(p99s.map(|p99| Latencies { median: 90.0, p99 }).to_vec());
        let empty = || rounds([100.0, 200.0, 100.0]);
        let rows = [
            Row { title: "a", servers: vec![empty(), rounds([150.0, 150.0, 130.0])] },
            Row { title: "b", servers: vec![empty(), rounds([2100.0, 2000.0, 2200.0])] },
        ];
        let expected = "\
| median / 99th percentile, µs | 0 images | 1,000,000 images | growth of the 99th | in the rounds |
|---|--:|--:|--:|--:|
| a | 90 / 100 | 90 / 150 | 1.50 (≤ 2 met) | 0.75 to 1.50 |
| b | 90 / 100 | 90 / 2100 | 21.00 (≤ 2 MISSED) | 10.00 to 22.00 |
";
        assert_eq!(table(&[0, 1_000_000], &rows), expected);
        let svg = plot(&[0, 1_000_000], &rows);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">1 ms<") && svg.contains(">200 µs<"), "{svg}");
    }
}

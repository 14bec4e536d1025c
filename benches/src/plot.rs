//! Curves of latency as SVG: which share of all (towards 100 %, each step ten times closer) took at most how long.

use std::fmt::Write as _;

use crate::quantiles::Quantiles;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;

/// Steps to the right: 90 %, 99 %, 99.9 %.
const NINES: f64 = 3.0;
/// Times from 0.1 ms to 10 s.
const DECADES: (f64, f64) = (-1.0, 4.0);
const COLOURS: [&str; 6] = ["#1b6ca8", "#d1495b", "#3a7d44", "#8e5ea2", "#c17817", "#444444"];

/// A curve for each of `named`.
pub(crate) fn latencies(title: &str, named: &[(String, &Quantiles)]) -> String {
    let mut svg = String::new();
    // Writing into a text cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>",
        escaped(title)
    );
    axes(&mut svg);
    for (index, (name, quantiles)) in named.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> = (0..=60)
            .map(|step| {
                let nines = NINES * f64::from(step) / 60.0;
                let milliseconds = quantiles.at(1.0 - 10_f64.powf(-nines)).as_secs_f64() * 1e3;
                format!("{:.1},{:.1}", x(nines), y(milliseconds))
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - RIGHT + 10.0,
            TOP + 16.0 * (index as f64 + 1.0),
            escaped(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String) {
    let line = |svg: &mut String, from: (f64, f64), to: (f64, f64)| {
        let _ = writeln!(
            svg,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
            from.0, from.1, to.0, to.1
        );
    };
    for (nines, label) in [(0.0, "0 %"), (0.301, "50 %"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %")] {
        line(svg, (x(nines), TOP), (x(nines), HEIGHT - BOTTOM));
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            x(nines),
            HEIGHT - BOTTOM + 18.0
        );
    }
    let (first, last) = (DECADES.0 as i32, DECADES.1 as i32);
    for decade in first..=last {
        let milliseconds = 10_f64.powi(decade);
        line(svg, (LEFT, y(milliseconds)), (WIDTH - RIGHT, y(milliseconds)));
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{milliseconds} ms</text>",
            LEFT - 6.0,
            y(milliseconds) + 4.0
        );
    }
}

fn x(nines: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * nines.clamp(0.0, NINES) / NINES
}

fn y(milliseconds: f64) -> f64 {
    let decade = milliseconds.max(1e-9).log10().clamp(DECADES.0, DECADES.1);
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (decade - DECADES.0) / (DECADES.1 - DECADES.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_curve_rises_from_left_to_right() {
        let times = Quantiles::new((1..=1_000).map(Duration::from_millis).collect());
        let svg = latencies("a < b", &[("idle".to_owned(), &times)]);
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"), "{svg}");
        let points = svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a curve");
        let heights: Vec<f64> = points
            .split(' ')
            .map(|point| point.split_once(',').expect("x,y").1.parse().expect("a number"))
            .collect();
        assert_eq!(heights.len(), 61);
        assert!(heights.is_sorted_by(|a, b| a >= b) && heights[0] > heights[60], "{heights:?}");
    }
}

//! How a number or a state was lately, as a small picture (SVG). It has a text beside it, for those who do not see it.

use std::fmt::Write as _;

use super::html::Html;
use super::model::Tone;

/// A number's values, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// What it is.
    pub name: &'static str,
    /// None: it was not known.
    pub values: Vec<Option<u32>>,
}

/// A state's values, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// None: it was not known.
    pub values: Vec<Option<(Tone, &'static str)>>,
}

/// A picture's size in its own units; the style sheet says how large it is shown.
const WIDTH: usize = 120;
const HEIGHT: usize = 24;

impl Course {
    pub(super) fn write(&self, html: &mut Html) {
        let known = || self.values.iter().flatten().copied();
        let Some(most) = known().max() else {
            return html.leaf("span", &[("class", "unknown")], "no figures yet");
        };
        let last = self.values.last().copied().flatten();
        let now = last.map_or_else(|| "not known".to_owned(), |now| now.to_string());
        let least = known().min().unwrap_or(0);
        let label = format!("{}: now {now}, between {least} and {most} lately", self.name);
        picture(html, &label, |html| {
            for line in self.lines(most) {
                html.element("polyline", &[("points", &line)], |_| {});
            }
        });
    }

    /// Points of what is known without a gap; a single value is a short line.
    fn lines(&self, most: u32) -> Vec<String> {
        let steps = self.values.len().saturating_sub(1).max(1);
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut points = 0;
        for (at, value) in self.values.iter().enumerate() {
            let Some(value) = value else {
                end(&mut line, &mut points, &mut lines);
                continue;
            };
            let x = at.saturating_mul(WIDTH).checked_div(steps).unwrap_or(0);
            // One unit of space above and below, so that the line is seen at its full width.
            let room = u64::try_from(HEIGHT.saturating_sub(2)).unwrap_or(0);
            let up =
                u64::from(*value).saturating_mul(room).checked_div(u64::from(most)).unwrap_or(0);
            let y = room.saturating_sub(up).saturating_add(1);
            // Writing to a String cannot fail.
            let _ = write!(line, "{}{x},{y}", if points > 0 { " " } else { "" });
            points = points.saturating_add(1);
        }
        end(&mut line, &mut points, &mut lines);
        lines
    }
}

fn end(line: &mut String, points: &mut usize, lines: &mut Vec<String>) {
    if *points == 1
        && let Some((x, y)) = line.split_once(',').map(|(x, y)| (x.to_owned(), y.to_owned()))
    {
        let next = x.parse::<usize>().unwrap_or(0).saturating_add(1);
        let _ = write!(line, " {next},{y}");
    }
    *points = 0;
    if !line.is_empty() {
        lines.push(std::mem::take(line));
    }
}

impl Strip {
    pub(super) fn write(&self, html: &mut Html) {
        let runs = self.runs();
        let Some(last) = runs.last() else {
            return html.leaf("span", &[("class", "unknown")], "no figures yet");
        };
        let now = last.state.map_or("not known", |(_, word)| word);
        let changes = runs.len().saturating_sub(1);
        let changed = match changes {
            0 => "as long as is known".to_owned(),
            1 => "changed once lately".to_owned(),
            changes => format!("changed {changes} times lately"),
        };
        picture(html, &format!("State: {now}, {changed}"), |html| {
            for Run { from, to, state } in runs {
                let Some((tone, word)) = state else { continue };
                let (x, width) = (from.to_string(), to.saturating_sub(from).to_string());
                let place = [
                    ("x", &*x),
                    ("y", "8"),
                    ("width", &*width),
                    ("height", "8"),
                    ("class", tone.class()),
                ];
                html.element("rect", &place, |html| html.leaf("title", &[], word));
            }
        });
    }

    /// Stretches of one state.
    fn runs(&self) -> Vec<Run> {
        let all = self.values.len().max(1);
        let x = |at: usize| at.saturating_mul(WIDTH).checked_div(all).unwrap_or(0);
        let mut runs: Vec<Run> = Vec::new();
        for (at, state) in self.values.iter().enumerate() {
            let to = x(at.saturating_add(1));
            match runs.last_mut() {
                Some(run) if run.state == *state => run.to = to,
                _ => runs.push(Run { from: x(at), to, state: *state }),
            }
        }
        runs
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    from: usize,
    to: usize,
    state: Option<(Tone, &'static str)>,
}

fn picture(html: &mut Html, label: &str, inside: impl FnOnce(&mut Html)) {
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    let frame = [
        ("class", "course"),
        ("viewBox", &*view),
        ("preserveAspectRatio", "none"),
        ("role", "img"),
        ("aria-label", label),
    ];
    html.element("svg", &frame, |html| {
        html.leaf("title", &[], label);
        inside(html);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.end()
    }

    #[test]
    fn a_course_is_drawn_to_its_own_scale_and_told_in_words() {
        let course = Course { name: "sessions", values: vec![Some(0), Some(5), None, Some(10)] };
        let svg = written(|html| course.write(html));
        assert!(svg.contains("aria-label=\"sessions: now 10, between 0 and 10 lately\""), "{svg}");
        assert!(
            svg.contains("points=\"0,23 40,12\"") && svg.contains("points=\"120,1 121,1\""),
            "{svg}"
        );
        let flat = Course { name: "x", values: vec![Some(0); 3] };
        assert!(written(|html| flat.write(html)).contains("points=\"0,23 60,23 120,23\""));
        let none = Course { name: "x", values: vec![None] };
        assert!(written(|html| none.write(html)).contains("no figures yet"));
    }

    #[test]
    fn a_strip_has_a_stretch_for_each_state() {
        let (up, down) = (Some((Tone::Good, "up")), Some((Tone::Bad, "down")));
        let strip = Strip { values: vec![up, up, None, down] };
        let svg = written(|html| strip.write(html));
        assert!(svg.contains("aria-label=\"State: down, changed 2 times lately\""), "{svg}");
        assert!(
            svg.contains("<rect x=\"0\" y=\"8\" width=\"60\" height=\"8\" class=\"good\">"),
            "{svg}"
        );
        assert!(
            svg.contains("<rect x=\"90\" y=\"8\" width=\"30\" height=\"8\" class=\"bad\">"),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}

//! A chart of a film: a lane a track, as the page draws it.

use fervor::prediction::adjective;
use fervor::timeline::{EpisodeOptions, FaceView, State, Timeline, TrackSummary};

use crate::chart::svg::{Anchor, Svg, Text, num};
use crate::chart::text::{fit, text_width};
use crate::color;

const WIDTH: f32 = 1100.0;
const LEFT: f32 = 156.0;
const RIGHT: f32 = 24.0;
/// Of a lane: the episodes, the areas, the quality below them, and what parts it from the next.
const STRIP: f32 = 24.0;
const AREA: f32 = 70.0;
const FOOT: f32 = 6.0;
const GAP: f32 = 18.0;
/// Lanes at most; those of the faces that are seen longest.
const MOST: usize = 12;
/// Columns of an area: as many as can be seen.
const COLUMNS: usize = 466;
const FLAGGED: &str = "#d9a92c";

/// The film as SVG: for each face, at most twelve, the smoothed probabilities of all classes over time, its episodes above them;
/// uncertain times are hatched, and a line below tells of poor pictures.
pub fn chart(timeline: &Timeline, options: &EpisodeOptions) -> String {
    let mut tracks = timeline.tracks();
    tracks.sort_by(|a, b| b.seen_s.total_cmp(&a.seen_s));
    let left_out = tracks.len().saturating_sub(MOST);
    tracks.truncate(MOST);
    let lanes = tracks.len().max(1) as f32;
    let top = 84.0;
    let height = top + lanes * (STRIP + AREA + FOOT + GAP) + 40.0;
    let mut svg = Svg::new(WIDTH, height);
    svg.push(
        r##"<defs><pattern id="doubt" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="7" height="7" fill="#ffffff" fill-opacity="0.5"/><line x1="0" y1="0" x2="0" y2="7" stroke="#5d6a79" stroke-width="1.6"/></pattern></defs>"##,
    );
    let name = timeline.source().rsplit(['/', '\\']).next().unwrap_or_default();
    svg.title(&fit(name, 16.0, true, WIDTH - 48.0), 24.0);
    legend(&mut svg, timeline);
    let scale = Scale { start: timeline.start(), end: timeline.end().max(timeline.start() + 1e-3) };
    let order = order(&tracks, timeline.labels().len());
    let episodes = timeline.episodes(options);
    for (index, track) in tracks.iter().enumerate() {
        let y = top + index as f32 * (STRIP + AREA + FOOT + GAP);
        lane(&mut svg, timeline, track, &order, &scale, y);
        for episode in episodes.iter().filter(|episode| episode.track == track.track) {
            let (from, to) = (scale.x(episode.onset_s), scale.x(episode.offset_s));
            let (width, apex) = ((to - from - 1.0).max(2.0), scale.x(episode.apex_s));
            let fill = color::of_label(&episode.label);
            svg.push(format_args!(
                r##"<rect x="{}" y="{}" width="{}" height="17" rx="4" fill="{fill}"/><path d="M{} {}h7l-3.5 4z" fill="#17212e"/>"##,
                num(from),
                num(y),
                num(width),
                num(apex - 3.5),
                num(y + 19.0)
            ));
            let word = adjective(&episode.label);
            if text_width(&word, 11.5, true) + 10.0 <= width {
                svg.text(&word, Text { fill: "#0d1520", ..Text::ink(from + 5.0, y + 8.5, 11.5).bold() });
            }
        }
    }
    if tracks.is_empty() {
        svg.text("No face was found in this film.", Text::muted(LEFT, top + 40.0, 14.0));
    }
    axis(&mut svg, &scale, top, height - 40.0);
    if left_out > 0 {
        svg.text(&format!("and {left_out} more faces"), Text::muted(24.0, height - 26.0, 12.0));
    }
    svg.finish()
}

/// From times to the width of a lane.
struct Scale {
    start: f64,
    end: f64,
}

impl Scale {
    fn x(&self, time: f64) -> f32 {
        LEFT + (WIDTH - LEFT - RIGHT) * ((time - self.start) / (self.end - self.start)) as f32
    }
}

/// Classes by how much of the film they are: the most of it lies at the bottom.
fn order(tracks: &[TrackSummary], classes: usize) -> Vec<usize> {
    let share = |class: usize| tracks.iter().map(|track| track.classes[class].mean * track.seen_s).sum::<f64>();
    let mut order: Vec<usize> = (0..classes).collect();
    order.sort_by(|&a, &b| share(b).total_cmp(&share(a)));
    order
}

fn legend(svg: &mut Svg, timeline: &Timeline) {
    let mut x = 24.0;
    let mut key = |svg: &mut Svg, fill: &str, name: &str, height: f32| {
        svg.push(format_args!(
            r#"<rect x="{}" y="{}" width="14" height="{height}" rx="2" fill="{fill}"/>"#,
            num(x),
            num(54.0 - height / 2.0)
        ));
        svg.text(name, Text::muted(x + 20.0, 54.0, 12.0));
        x += 40.0 + text_width(name, 12.0, false);
    };
    for label in timeline.labels().names() {
        key(svg, color::of_label(label), &adjective(label), 10.0);
    }
    key(svg, "url(#doubt)", "uncertain", 10.0);
    key(svg, FLAGGED, "poor picture", 3.0);
}

fn lane(svg: &mut Svg, timeline: &Timeline, track: &TrackSummary, order: &[usize], scale: &Scale, y: f32) {
    let (left, bottom) = (LEFT, y + STRIP + AREA);
    svg.text(&format!("Face {}", track.track), Text::ink(24.0, y + STRIP + 12.0, 14.0).bold());
    let mostly = track.dominant.as_deref().map_or("never certain".into(), |label| format!("mostly {}", adjective(label)));
    svg.text(&mostly, Text::muted(24.0, y + STRIP + 31.0, 12.0));
    svg.text(&format!("seen {:.0} %", 100.0 * track.seen), Text::muted(24.0, y + STRIP + 48.0, 12.0));
    svg.push(format_args!(
        r##"<rect x="{left}" y="{}" width="{}" height="{AREA}" fill="#eef1f5"/>"##,
        num(y + STRIP),
        num(WIDTH - LEFT - RIGHT)
    ));
    let columns = columns(timeline, track.track);
    let step = (WIDTH - LEFT - RIGHT) / COLUMNS as f32;
    let mut base = vec![0.0f32; COLUMNS];
    for &class in order {
        // One outline a run of columns in which the face is seen.
        let mut path = String::new();
        let mut from = 0;
        while from < COLUMNS {
            let to = (from..COLUMNS).find(|&x| columns[x].is_none()).unwrap_or(COLUMNS);
            if to > from {
                let share = |x: usize| columns[x].as_ref().map_or(0.0, |column| column.p[class]);
                let edge = |x: usize, value: f32| format!("{} {}", num(left + x as f32 * step), num(bottom - AREA * value));
                let upper = (from..to).flat_map(|x| [x, x + 1].map(|end| edge(end, base[x] + share(x))));
                let lower = (from..to).rev().flat_map(|x| [x + 1, x].map(|end| edge(end, base[x])));
                path += &format!("M{}z", upper.chain(lower).collect::<Vec<_>>().join("L"));
                (from..to).for_each(|x| base[x] += share(x));
            }
            from = to + 1;
        }
        let fill = color::of_label(timeline.labels().name(class));
        svg.push(format_args!(r#"<path d="{path}" fill="{fill}"/>"#));
    }
    for stretch in timeline.states(track.track).iter().filter(|stretch| stretch.state == State::Uncertain) {
        let (from, to) = (scale.x(stretch.start_s), scale.x(stretch.end_s));
        svg.push(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{AREA}" fill="url(#doubt)"/>"#,
            num(from),
            num(y + STRIP),
            num(to - from)
        ));
    }
    for (x, _) in columns.iter().enumerate().filter(|(_, column)| column.as_ref().is_some_and(|column| column.flagged)) {
        let at = num(left + x as f32 * step);
        svg.push(format_args!(
            r#"<rect x="{at}" y="{}" width="{}" height="3" fill="{FLAGGED}"/>"#,
            num(bottom + 2.5),
            num(step + 0.2)
        ));
    }
}

/// What a track shows in a part of the film.
struct Column {
    p: Vec<f32>,
    flagged: bool,
}

/// The film in equal parts: the mean of what is shown in each, nothing where the face is not seen.
fn columns(timeline: &Timeline, track: u64) -> Vec<Option<Column>> {
    let (start, span) = (timeline.start(), (timeline.end() - timeline.start()).max(1e-3));
    let mut sums: Vec<(f32, Vec<f32>, bool)> = vec![(0.0, vec![0.0; timeline.labels().len()], false); COLUMNS];
    for frame in timeline.frames() {
        let seen: Option<FaceView> = frame.faces().find(|face| face.track == track);
        let Some(face) = seen else { continue };
        let column = |time: f64| (COLUMNS as f64 * (time - start) / span) as usize;
        // At least the part in which it begins; all that it covers where frames are longer than parts.
        let (from, to) = (column(frame.time() + 1e-6), column(frame.end() - 1e-6));
        for sum in &mut sums[from.min(COLUMNS - 1)..=to.clamp(from.min(COLUMNS - 1), COLUMNS - 1)] {
            sum.0 += 1.0;
            sum.1.iter_mut().zip(face.smoothed).for_each(|(sum, p)| *sum += p);
            sum.2 |= face.flags().next().is_some();
        }
    }
    let whole = |(count, mut p, flagged): (f32, Vec<f32>, bool)| {
        p.iter_mut().for_each(|p| *p /= count.max(1.0));
        (count > 0.0).then_some(Column { p, flagged })
    };
    sums.into_iter().map(whole).collect()
}

fn axis(svg: &mut Svg, scale: &Scale, top: f32, bottom: f32) {
    let span = scale.end - scale.start;
    let steps = [0.04, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0];
    let step = steps.into_iter().find(|step| span / step <= 11.0).unwrap_or(3600.0);
    let mut tick = (scale.start / step).ceil() * step;
    while tick <= scale.end + 1e-9 {
        let x = scale.x(tick);
        svg.push(format_args!(
            r##"<line x1="{0}" y1="{1}" x2="{0}" y2="{2}" stroke="#17212e" stroke-opacity="0.13" stroke-width="1"/>"##,
            num(x),
            num(top),
            num(bottom)
        ));
        let (minutes, seconds) = ((tick / 60.0 + 1e-9).floor(), tick % 60.0);
        let digits = if step < 0.1 { 2 } else { usize::from(step < 1.0) };
        let seconds = if seconds > 60.0 - 1e-6 { 0.0 } else { seconds };
        let width = if digits > 0 { digits + 3 } else { 2 };
        svg.text(&format!("{minutes}:{seconds:0width$.digits$}"), Text::muted(x, bottom + 14.0, 12.0).anchor(Anchor::Middle));
        tick += step;
    }
    svg.text(
        "minutes : seconds of the film",
        Text::muted(LEFT + (WIDTH - LEFT - RIGHT) / 2.0, bottom + 31.0, 12.0).anchor(Anchor::Middle),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use fervor::LabelSet;
    use fervor::prediction::ModelInfo;

    #[test]
    fn a_film_without_faces_or_frames_is_drawn() {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        let mut timeline = Timeline::of_labels("a.gif", ModelInfo { name: "m".into(), sha256: "0".into() }, labels);
        for frames in 0..2u32 {
            let svg = chart(&timeline, &EpisodeOptions::default());
            assert!(svg.contains("No face was found"));
            crate::chart::png(&svg, 1.0).unwrap();
            timeline.push(frames.into(), f64::from(frames), &[], &[]).unwrap();
        }
    }
}

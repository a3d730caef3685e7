//! Boxes, labels and bars over a picture.

use std::borrow::Cow;

use super::canvas::{Canvas, Rect, enlarge};
use super::color::of_label;
use super::face::FaceDrawing;
use super::layout::Room;
use super::panel::{Detail, Panel};
use crate::chart::svg::num;
use fervor::error::Result;
use fervor::face::Landmarks;
use fervor::picture::Picture;

/// A picture whose shorter side is below this grows by a whole factor, until that side has at least `GROWN` pixels: no text fits on less.
const SMALL: u32 = 256;
const GROWN: u32 = 384;
/// A place of at most this cost covers nothing that matters.
const FREE: f32 = 0.12;
/// Above this cost the bars are left out, even of a face alone, and only the label is written.
const CROWDED: f32 = 0.4;
/// Text size in pixels below which nobody reads.
const LEAST_TEXT: f32 = 10.5;
/// A face with a shorter side than this is lost under anything but its box.
const LEAST_LABELLED: f32 = 20.0;
/// A face with a shorter side than this is lost under its five points.
const LEAST_DOTTED: f32 = 72.0;

/// Draws faces with their expressions: a box, the five points, and a panel with the label and bars of the highest probabilities.
/// An uncertain answer has a dashed box and a dark label.
///
/// Panels stay inside the picture and keep off the faces; where faces stand too close for bars, only the label is written, where
/// they stand too close for that, only the number, and small faces have their box alone.
/// A face that fills its picture (a crop) gets its panel in a strip below the picture. The result has the picture's size,
/// but for that strip, and but for pictures with a side under 256 pixels, which are enlarged by a whole factor.
///
/// # Errors
/// Only when a drawing of ours cannot be rasterised, for example of a picture at the edge of memory.
pub fn annotate(picture: &Picture, faces: &[FaceDrawing]) -> Result<Picture> {
    let factor = growth(picture.width(), picture.height());
    let picture = &match factor {
        1 => Cow::Borrowed(picture),
        _ => Cow::Owned(enlarge(picture, factor)?),
    };
    let faces: Vec<FaceDrawing> = faces.iter().filter(|face| face.is_drawable()).map(|face| face.scaled(factor as f32)).collect();
    match &faces[..] {
        [face] if is_crop(face, picture) => with_strip(picture, face),
        _ => with_panels(picture, &faces),
    }
}

/// The same for a frame of a film: every frame of one size gives a picture of one size, even if a face fills it.
///
/// # Errors
/// As [`annotate`].
pub fn annotate_frame(picture: &Picture, faces: &[FaceDrawing]) -> Result<Picture> {
    let factor = growth(picture.width(), picture.height());
    let picture = &match factor {
        1 => Cow::Borrowed(picture),
        _ => Cow::Owned(enlarge(picture, factor)?),
    };
    let faces: Vec<FaceDrawing> = faces.iter().filter(|face| face.is_drawable()).map(|face| face.scaled(factor as f32)).collect();
    with_panels(picture, &faces)
}

/// By which factor a small picture grows; the longer side of a strip bounds it.
fn growth(width: u32, height: u32) -> u32 {
    let (short, long) = (width.min(height), width.max(height));
    if short < SMALL { GROWN.div_ceil(short).min((4 * GROWN / long).max(1)) } else { 1 }
}

/// A face that leaves no room beside it: a crop.
fn is_crop(face: &FaceDrawing, picture: &Picture) -> bool {
    share(face, picture) > 0.5
}

/// The share of the picture that a face's box covers.
fn share(face: &FaceDrawing, picture: &Picture) -> f32 {
    let picture = Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32);
    face.rect().overlap(&picture) / picture.area()
}

fn with_strip(picture: &Picture, face: &FaceDrawing) -> Result<Picture> {
    let (width, height) = (picture.width(), picture.height());
    let unit = (width as f32 / 18.0).clamp(9.0, 0.05 * height as f32 + 9.0);
    let mut panel = Panel::of(face, unit, Detail::Bars);
    panel.width = width as f32;
    let strip = panel.height.ceil();
    let mut canvas = Canvas::blank(width, height + strip as u32, [18, 26, 38]);
    canvas.place(picture, 0, 0);
    if share(face, picture) < 0.98 {
        mark(&mut canvas, face)?;
    }
    let rect = Rect::new(0.0, height as f32, width as f32, strip);
    canvas.paint(&panel.svg(face, &rect, true), &[rect])?;
    canvas.into_picture()
}

/// The box and the points.
fn mark(canvas: &mut Canvas, face: &FaceDrawing) -> Result<()> {
    let stroke = stroke_of(face);
    canvas.paint(&outline(face, stroke), &face.rect().rim(stroke * 2.0 + 2.0))?;
    match &face.landmarks {
        Some(points) if side_of(face) >= LEAST_DOTTED => {
            let (dots, region) = dots(points, face, stroke);
            canvas.paint(&dots, &[region])
        }
        _ => Ok(()),
    }
}

fn with_panels(picture: &Picture, faces: &[FaceDrawing]) -> Result<Picture> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let mut canvas = Canvas::of(picture);
    for face in faces {
        mark(&mut canvas, face)?;
    }
    for (face, panel, place) in laid_out(faces, width, height) {
        canvas.paint(&panel.svg(face, &place, false), &[place.grown(panel.unit)])?;
    }
    canvas.into_picture()
}

/// Each face's panel and its place; small faces have none. Where bars would cover something at many faces, all go without: one
/// look a picture.
fn laid_out(faces: &[FaceDrawing], width: f32, height: f32) -> Vec<(&FaceDrawing, Panel, Rect)> {
    let unit = common_unit(faces, width, height);
    // The largest faces choose first; what remains for the small ones is less room, which is what they need.
    let mut order: Vec<usize> =
        (0..faces.len()).filter(|&index| faces.len() == 1 || side_of(&faces[index]) >= LEAST_LABELLED).collect();
    order.sort_by(|&a, &b| faces[b].bounds.area().total_cmp(&faces[a].bounds.area()));
    let attempt = |bars: bool| {
        let mut room = Room { width, height, faces: faces.iter().map(FaceDrawing::rect).collect(), panels: Vec::new() };
        let mut laid = Vec::with_capacity(order.len());
        for &index in &order {
            let face = &faces[index];
            let panel = bars.then(|| with_bars(face, index, &room, &Panel::of(face, unit, Detail::Bars))).flatten();
            if let Some((panel, place)) = panel.or_else(|| label_only(face, index, &room, unit)) {
                room.panels.push(place);
                laid.push((face, panel, place));
            }
        }
        laid
    };
    let laid = attempt(true);
    let with_bars = laid.iter().filter(|(_, panel, _)| panel.detail == Detail::Bars).count();
    if order.len() > 3 && 4 * with_bars < 3 * order.len() { attempt(false) } else { laid }
}

fn with_bars(face: &FaceDrawing, index: usize, room: &Room, panel: &Panel) -> Option<(Panel, Rect)> {
    // Rather a little smaller than over a face; over a neighbour, never.
    let bearable = if room.faces.len() == 1 { CROWDED } else { FREE };
    [(1.0, FREE), (0.85, FREE), (0.7, FREE), (0.7, bearable)].into_iter().find_map(|(shrink, limit)| {
        let panel = panel.at((panel.unit * shrink).max(LEAST_TEXT.min(panel.unit)));
        let gap = gap_of(face, panel.unit);
        let fits = panel.width < room.width - 2.0 * gap && panel.height < room.height - 2.0 * gap;
        let place = room.place(index, panel.width, panel.height, gap);
        (fits && place.cost <= limit).then_some((panel, place.rect))
    })
}

/// The label where it covers nothing, else the number alone; a face alone has its label in any case.
fn label_only(face: &FaceDrawing, index: usize, room: &Room, unit: f32) -> Option<(Panel, Rect)> {
    let fitted = |mut panel: Panel| {
        panel.width = panel.width.min((room.width - 2.0).max(1.0));
        let place = room.place_chip(index, panel.width, panel.height, 1.5 * stroke_of(face));
        (panel, place)
    };
    let label = Panel::of(face, unit, Detail::Label);
    if room.faces.len() == 1 {
        let (panel, place) = fitted(label);
        return Some((panel, place.rect));
    }
    let least = LEAST_TEXT.min(unit);
    let labels = [1.0, 0.85, 0.7].into_iter().map(|shrink| label.at((unit * shrink).max(least)));
    let number = face.number.map(|_| Panel::of(face, least, Detail::Number));
    labels.chain(number).map(fitted).find(|(_, place)| place.cost <= FREE).map(|(panel, place)| (panel, place.rect))
}

/// The shorter side of a face's box.
fn side_of(face: &FaceDrawing) -> f32 {
    face.bounds.width.min(face.bounds.height)
}

fn gap_of(face: &FaceDrawing, unit: f32) -> f32 {
    stroke_of(face) * 1.5 + 0.35 * unit
}

/// The text size of a picture: as its middle-sized face asks for, inside what the picture's size makes readable.
fn common_unit(faces: &[FaceDrawing], width: f32, height: f32) -> f32 {
    let mut sizes: Vec<f32> = faces.iter().map(|face| face.bounds.height.min(face.bounds.width * 1.3)).collect();
    sizes.sort_by(f32::total_cmp);
    let size = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    let readable = (width.min(height) / 42.0).clamp(LEAST_TEXT + 1.5, 80.0);
    (0.13 * size).clamp(0.8 * readable, 1.4 * readable).max(LEAST_TEXT)
}

fn stroke_of(face: &FaceDrawing) -> f32 {
    (side_of(face) / 72.0).clamp(1.4, 14.0)
}

fn outline(face: &FaceDrawing, stroke: f32) -> String {
    let Rect { x, y, width, height } = face.rect();
    let radius = num(0.07 * width.min(height));
    let dashes = match face.uncertain {
        true => format!(r#" stroke-dasharray="{} {}""#, num(4.0 * stroke), num(2.5 * stroke)),
        false => String::new(),
    };
    let frame = |color: &str, opacity: f32, stroke: f32| {
        format!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{radius}" fill="none" stroke="{color}" stroke-opacity="{opacity}" stroke-width="{}"{dashes}/>"#,
            num(x),
            num(y),
            num(width),
            num(height),
            num(stroke)
        )
    };
    // A dark rim under the colour keeps the box visible on bright skin and on white walls.
    frame("#0a1018", 0.35, stroke * 1.9) + &frame(of_label(&face.label), 1.0, stroke)
}

fn dots(points: &Landmarks, face: &FaceDrawing, stroke: f32) -> (String, Rect) {
    let radius = (stroke * 1.05).max(1.5);
    let mut svg = String::new();
    let (mut lo, mut hi) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for &[x, y] in points.iter().filter(|point| point.iter().all(|v| v.is_finite())) {
        lo = [lo[0].min(x), lo[1].min(y)];
        hi = [hi[0].max(x), hi[1].max(y)];
        svg += &format!(
            r##"<circle cx="{}" cy="{}" r="{}" fill="#fff" fill-opacity="0.92" stroke="{}" stroke-width="{}"/>"##,
            num(x),
            num(y),
            num(radius),
            of_label(&face.label),
            num(radius * 0.6)
        );
    }
    (svg, Rect::new(lo[0], lo[1], hi[0] - lo[0], hi[1] - lo[1]).grown(radius * 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fervor::face::BoundingBox;

    fn grey(width: u32, height: u32) -> Picture {
        Picture::from_gray(width, height, &vec![128; (width * height) as usize]).unwrap()
    }

    fn face(x: f32, y: f32, side: f32) -> FaceDrawing {
        FaceDrawing {
            number: None,
            bounds: BoundingBox { x, y, width: side, height: side },
            landmarks: Some(
                [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]].map(|[u, v]| [x + u * side, y + v * side]),
            ),
            label: "happy".into(),
            words: "happy".into(),
            uncertain: false,
            confidence: 0.9,
            probabilities: vec![("happy".into(), 0.9), ("sad".into(), 0.1)],
            flags: vec!["small".into()],
        }
    }

    fn changed(before: &Picture, after: &Picture) -> usize {
        before.rgb().as_chunks::<3>().0.iter().zip(after.rgb().as_chunks::<3>().0).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn a_picture_without_faces_stays_as_it_is() {
        assert_eq!(annotate(&grey(300, 260), &[]).unwrap(), grey(300, 260));
    }

    #[test]
    fn a_face_gets_a_box_and_a_panel_and_its_middle_stays_free() {
        let picture = grey(640, 480);
        let drawn = annotate(&picture, &[face(200.0, 150.0, 160.0)]).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (640, 480));
        assert!(changed(&picture, &drawn) > 5000);
        let at = |x: u32, y: u32| drawn.rgb()[3 * (y * 640 + x) as usize];
        assert_eq!(at(280, 170), 128, "the forehead is not covered");
        assert_ne!(at(200, 230), 128, "the box has a left edge");
    }

    #[test]
    fn a_small_picture_grows_until_text_fits() {
        let drawn = annotate(&grey(48, 48), &[]).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (384, 384));
    }

    #[test]
    fn a_crop_has_its_panel_below_it() {
        let crop = FaceDrawing { landmarks: None, ..face(0.0, 0.0, 300.0) };
        let drawn = annotate(&grey(300, 300), &[crop]).unwrap();
        assert_eq!(drawn.width(), 300);
        assert!(drawn.height() > 350);
        assert!(drawn.rgb()[..300 * 300 * 3].iter().all(|&v| v == 128), "the crop itself stays as it is");
    }

    /// Rows of faces with so many pixels between them.
    fn crowd(count: usize, side: f32, step: f32) -> Vec<FaceDrawing> {
        let place = |i: usize| face(10.0 + (i % 8) as f32 * step, 30.0 + (i / 8) as f32 * step, side);
        (0..count).map(|i| FaceDrawing { number: Some(i + 1), ..place(i) }).collect()
    }

    #[test]
    fn a_crowd_has_labels_that_cover_no_face_or_numbers_or_boxes_alone() {
        let details = |faces: &[FaceDrawing]| -> Vec<Detail> {
            laid_out(faces, 700.0, 700.0).iter().map(|(_, panel, _)| panel.detail).collect()
        };
        assert!(details(&crowd(64, 60.0, 82.0)).iter().all(|&detail| detail != Detail::Bars));
        let dense = crowd(64, 30.0, 56.0);
        let found = details(&dense);
        assert!(!found.is_empty() && found.contains(&Detail::Number) && !found.contains(&Detail::Bars));
        for (own, _, place) in laid_out(&dense, 700.0, 700.0) {
            assert!(dense.iter().all(|other| other == own || other.rect().overlap(&place) < 0.15 * other.rect().area()));
        }
        assert!(details(&crowd(64, 12.0, 40.0)).is_empty(), "small faces");
        assert_eq!(details(&crowd(1, 12.0, 40.0)).len(), 1, "a face alone");
    }

    #[test]
    fn an_uncertain_answer_looks_uncertain() {
        let picture = grey(640, 480);
        let sure = annotate(&picture, &[face(200.0, 150.0, 160.0)]).unwrap();
        let unsure = annotate(&picture, &[FaceDrawing { uncertain: true, ..face(200.0, 150.0, 160.0) }]).unwrap();
        assert!(changed(&picture, &unsure) > 5000 && changed(&sure, &unsure) > 1000);
    }

    #[test]
    fn strange_boxes_and_labels_do_no_harm() {
        let odd = |bounds: BoundingBox| FaceDrawing {
            bounds,
            label: "<&\u{0}>".into(),
            words: "<&\u{0}>".into(),
            confidence: f32::NAN,
            ..face(0.0, 0.0, 50.0)
        };
        let faces = [
            odd(BoundingBox { x: f32::NAN, y: 0.0, width: 10.0, height: 10.0 }),
            odd(BoundingBox { x: -500.0, y: -500.0, width: 5000.0, height: 5000.0 }),
            odd(BoundingBox { x: 1e5, y: 1e5, width: 10.0, height: 10.0 }),
            odd(BoundingBox { x: 20.0, y: 20.0, width: 0.01, height: 0.01 }),
            odd(BoundingBox { x: 20.0, y: 20.0, width: -5.0, height: 5.0 }),
        ];
        for (width, height) in [(1, 1), (3, 400), (400, 300), (2000, 20)] {
            annotate(&grey(width, height), &faces).unwrap();
            annotate(&grey(width, height), &faces[1..2]).unwrap();
        }
    }
}

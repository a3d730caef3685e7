//! Pictures and faces become chips.

use fervor::face::Landmarks;
use fervor::preprocess::{Color, Filter, Framing, Standardize};
use fervor::{BoundingBox, Chip, Face, Picture, Preprocess};

fn preprocess(size: usize, color: Color, framing: Framing) -> Preprocess {
    Preprocess { size, color, framing, filter: Filter::Bilinear, standardize: None }
}

const TIGHT: Framing = Framing::Margin { margin: 0.0, shift_y: 0.0 };
const ALIGNED: Framing = Framing::Aligned { eye_distance: 0.4, eye_y: 0.35 };

/// A picture whose colours follow from the place.
fn painted(width: u32, height: u32, color: impl Fn(f32, f32) -> [f32; 3]) -> Picture {
    let pixel = |i: u32| color((i % width) as f32 + 0.5, (i / width) as f32 + 0.5).map(|v| v.round() as u8);
    Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

/// Slowly changing colours, different in every direction.
fn slopes(width: u32, height: u32) -> Picture {
    painted(width, height, |x, y| [255.0 * x / width as f32, 255.0 * y / height as f32, 128.0 + 100.0 * ((x + y) / 40.0).sin()])
}

fn face(x: f32, y: f32, width: f32, height: f32, landmarks: Option<Landmarks>) -> Face {
    Face { bounds: BoundingBox { x, y, width, height }, score: None, landmarks }
}

/// Landmarks with the template's proportions, eyes `distance` apart around (x, y), turned by `degrees` clockwise.
fn landmarks(x: f32, y: f32, distance: f32, degrees: f32) -> Landmarks {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [[-0.5, 0.0], [0.5, 0.0], [0.0, 0.5715], [-0.414, 1.1546], [0.414, 1.1546]]
        .map(|[u, v]: [f32; 2]| [x + distance * (cos * u - sin * v), y + distance * (sin * u + cos * v)])
}

fn value(chip: &Chip, channel: usize, x: usize, y: usize) -> u8 {
    chip.pixels()[(channel * chip.size() + y) * chip.size() + x]
}

/// The largest and the mean difference.
fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (differences.clone().max().unwrap(), differences.map(f64::from).sum::<f64>() / a.len() as f64)
}

#[test]
fn a_grey_crop_of_the_chips_size_is_taken_byte_for_byte() {
    let gray: Vec<u8> = (0..48 * 48_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let picture = Picture::from_gray(48, 48, &gray).unwrap();
    for framing in [TIGHT, ALIGNED] {
        let chip = preprocess(48, Color::Gray, framing).chip(&picture, &Face::whole(&picture));
        assert_eq!(chip.pixels(), gray);
    }
}

#[test]
fn a_colour_chip_holds_its_channels_one_after_the_other() {
    let picture = Picture::from_rgb(8, 8, [10, 20, 30].repeat(64)).unwrap();
    let chip = preprocess(8, Color::Rgb, TIGHT).chip(&picture, &Face::whole(&picture));
    assert_eq!((chip.channels(), chip.size()), (3, 8));
    assert_eq!(chip.pixels(), [[10; 64], [20; 64], [30; 64]].concat());
    assert_eq!(chip.to_picture(), picture);
}

#[test]
fn a_grey_chip_is_pillows_luma() {
    // Pillow: Image.new("RGB", (1, 1), c).convert("L").
    for (color, luma) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([10, 20, 30], 18), ([200, 100, 7], 119)] {
        assert_eq!(Picture::from_rgb(1, 1, color.to_vec()).unwrap().luma(), [luma], "{color:?}");
    }
    assert!((0..=255).all(|v| Picture::from_rgb(1, 1, vec![v; 3]).unwrap().luma() == [v]));
}

#[test]
fn a_picture_without_landmarks_is_stretched_to_the_square() {
    let picture = slopes(200, 100);
    let chip = preprocess(10, Color::Rgb, ALIGNED).chip(&picture, &Face::whole(&picture));
    // The outermost values lean inwards, where half of the filter finds no pixels.
    for i in 1..9 {
        let expected = 255.0 * (i as f32 + 0.5) / 10.0;
        assert!((f32::from(value(&chip, 0, i, 5)) - expected).abs() <= 2.0, "column {i}");
        assert!((f32::from(value(&chip, 1, 5, i)) - expected).abs() <= 2.0, "row {i}");
    }
}

#[test]
fn a_margin_widens_the_square_around_the_box() {
    let picture = slopes(300, 300);
    // 80 wide and 100 high around (150, 140): the square is 150 wide, from (75, 65 + 15).
    let face = face(110.0, 90.0, 80.0, 100.0, Some(landmarks(150.0, 130.0, 40.0, 0.0)));
    let chip = preprocess(15, Color::Rgb, Framing::Margin { margin: 0.5, shift_y: 0.1 }).chip(&picture, &face);
    for i in 0..15 {
        let (x, y) = (75.0 + 10.0 * (i as f32 + 0.5), 80.0 + 10.0 * (i as f32 + 0.5));
        assert!((f32::from(value(&chip, 0, i, 7)) - 255.0 * x / 300.0).abs() <= 1.5, "column {i}");
        assert!((f32::from(value(&chip, 1, 7, i)) - 255.0 * y / 300.0).abs() <= 1.5, "row {i}");
    }
}

#[test]
fn beyond_the_pictures_edge_its_border_goes_on() {
    let picture = painted(40, 40, |x, _| if x < 20.0 { [200.0, 10.0, 10.0] } else { [10.0, 10.0, 200.0] });
    let at_the_corner = face(-40.0, -40.0, 80.0, 80.0, Some(landmarks(0.0, 0.0, 30.0, 0.0)));
    let chip = preprocess(16, Color::Rgb, TIGHT).chip(&picture, &at_the_corner);
    // The chip shows -40..40: three quarters of its columns are red.
    assert!((0..16).all(|y| (0..11).all(|x| [0, 1, 2].map(|c| value(&chip, c, x, y)) == [200, 10, 10])));
    assert!((0..16).all(|y| (13..16).all(|x| [0, 1, 2].map(|c| value(&chip, c, x, y)) == [10, 10, 200])));
}

#[test]
fn a_frame_far_larger_than_its_chip_looks_the_same_beside_the_picture_as_inside_it() {
    let scene = |x: f32, y: f32| [100.0 + 60.0 * (x / 70.0).sin(), 100.0 + 60.0 * (y / 50.0).cos(), 90.0];
    let inner = painted(600, 500, scene);
    // What the frame sees, with the inner picture's edge repeated by hand.
    let outer = painted(1800, 1800, |x, y| scene((x - 600.0).clamp(0.5, 599.5), (y - 600.0).clamp(0.5, 499.5)));
    // At 24 the picture is shrunk before its border is laid on, so an edge is the mean of some pixels.
    for (size, largest_allowed, mean_allowed) in [(24, 5, 1.0), (200, 1, 0.1)] {
        let preprocess = preprocess(size, Color::Rgb, Framing::Margin { margin: 1.0, shift_y: 0.0 });
        let beside = preprocess.chip(&inner, &face(-110.0, -190.0, 800.0, 800.0, Some(landmarks(300.0, 250.0, 100.0, 0.0))));
        let inside = preprocess.chip(&outer, &face(490.0, 410.0, 800.0, 800.0, Some(landmarks(900.0, 850.0, 100.0, 0.0))));
        let (largest, mean) = difference(beside.pixels(), inside.pixels());
        assert!(largest <= largest_allowed && mean < mean_allowed, "{size}: {largest}, {mean}");
    }
}

#[test]
fn an_aligned_chip_has_its_eyes_where_the_card_says() {
    // Dark discs for eyes on a bright field; 0.4 of 48 apart at 0.35 of 48, whatever the face's size, place and tilt.
    for (distance, degrees) in [(12.0, 0.0), (40.0, 0.0), (40.0, 25.0), (40.0, -60.0), (160.0, 180.0)] {
        let points = landmarks(300.0, 260.0, distance, degrees);
        let picture = painted(600, 600, |x, y| {
            let eye = points[..2].iter().any(|p| (x - p[0]).hypot(y - p[1]) < distance * 0.15);
            [if eye { 0.0 } else { 240.0 }; 3]
        });
        let chip = preprocess(48, Color::Gray, ALIGNED).chip(&picture, &face(200.0, 160.0, 200.0, 200.0, Some(points)));
        let mut eyes = [[0.0_f32; 3]; 2];
        for (i, &v) in chip.pixels().iter().enumerate() {
            let (x, y, dark) = ((i % 48) as f32 + 0.5, (i / 48) as f32 + 0.5, 240.0 - f32::from(v));
            let eye = &mut eyes[usize::from(x > 24.0)];
            *eye = [eye[0] + dark * x, eye[1] + dark * y, eye[2] + dark];
        }
        for (eye, x) in eyes.iter().zip([0.3 * 48.0, 0.7 * 48.0]) {
            let (at_x, at_y) = (eye[0] / eye[2], eye[1] / eye[2]);
            assert!(
                (at_x - x).abs() < 0.15 && (at_y - 0.35 * 48.0).abs() < 0.15,
                "{distance} px, {degrees} degrees: {at_x}, {at_y}"
            );
        }
    }
}

#[test]
fn an_aligned_chip_of_a_large_face_is_free_of_aliasing() {
    // Stripes one pixel wide: shrunk sixteenfold only their mean may be left.
    let picture = painted(1200, 1200, |x, _| [if (x as u32).is_multiple_of(2) { 0.0 } else { 200.0 }; 3]);
    let large = face(200.0, 200.0, 800.0, 800.0, Some(landmarks(600.0, 500.0, 300.0, 7.0)));
    let chip = preprocess(48, Color::Gray, ALIGNED).chip(&picture, &large);
    assert!(chip.pixels().iter().all(|v| (95..=105).contains(v)), "{:?}", &chip.pixels()[..48]);
}

#[test]
fn a_widened_frame_shows_more_around_the_same_picture() {
    let picture = slopes(600, 600);
    let seen = face(250.0, 220.0, 120.0, 120.0, Some(landmarks(310.0, 270.0, 48.0, 12.0)));
    for framing in [TIGHT, ALIGNED] {
        let narrow = preprocess(48, Color::Gray, framing).chip(&picture, &seen);
        let wide = preprocess(72, Color::Gray, framing.widened(0.5)).chip(&picture, &seen);
        let middle: Vec<u8> = (0..48).flat_map(|y| wide.pixels()[(y + 12) * 72 + 12..][..48].to_vec()).collect();
        let (largest, mean) = difference(narrow.pixels(), &middle);
        assert!(largest <= 2 && mean < 0.3, "{framing:?}: {largest}, {mean}");
    }
}

#[test]
fn any_face_gives_a_chip() {
    let picture = slopes(60, 40);
    let nan = f32::NAN;
    let boxes = [
        [0.0, 0.0, 0.0, 0.0],
        [nan, 0.0, 5.0, 5.0],
        [1e30, -1e30, 1e30, 1e-30],
        [-500.0, 90.0, 10.0, 1.0],
        [59.9, 39.9, 9.0, 1e9],
    ];
    let points: [Option<Landmarks>; 6] = [
        None,
        Some([[7.0, 7.0]; 5]),
        Some([[nan, 1.0]; 5]),
        Some([[1e30, 1.0], [-1e30, 1.0], [0.0, 0.0], [0.0, 1e30], [3.0, 3.0]]),
        Some(landmarks(9000.0, -9000.0, 10.0, 10.0)),
        Some(landmarks(30.0, 20.0, 1e-3, 10.0)),
    ];
    for [x, y, width, height] in boxes {
        for points in points {
            for framing in
                [Framing::Margin { margin: 4.0, shift_y: 1.0 }, Framing::Margin { margin: -0.5, shift_y: 0.0 }, ALIGNED]
            {
                for filter in [Filter::Bilinear, Filter::Bicubic] {
                    let preprocess = Preprocess { size: 16, color: Color::Gray, framing, filter, standardize: None };
                    assert_eq!(preprocess.chip(&picture, &face(x, y, width, height, points)).pixels().len(), 256);
                }
            }
        }
    }
    let dot = Picture::from_rgb(1, 1, vec![9, 9, 9]).unwrap();
    let chip = preprocess(8, Color::Gray, ALIGNED).chip(&dot, &face(-3.0, -3.0, 7.0, 7.0, Some(landmarks(0.5, 0.5, 3.0, 0.0))));
    assert_eq!(chip.pixels(), [9; 64]);
}

const LIGHT: Standardize = Standardize { mean: 129.5, deviation: 54.0 };

fn standardizing(color: Color) -> Preprocess {
    Preprocess { standardize: Some(LIGHT), ..preprocess(48, color, TIGHT) }
}

fn mean_and_deviation(pixels: &[u8]) -> (f64, f64) {
    let n = pixels.len() as f64;
    let mean = pixels.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    (mean, (pixels.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// The picture in another light: `contrast * (value - 127.5) + 127.5 + brightness`.
fn in_light(picture: &Picture, contrast: f32, brightness: f32) -> Picture {
    let changed = picture.rgb().iter().map(|v| (contrast * (f32::from(*v) - 127.5) + 127.5 + brightness).round() as u8);
    Picture::from_rgb(picture.width(), picture.height(), changed.collect()).unwrap()
}

#[test]
fn a_standardised_chip_has_the_asked_mean_and_deviation_over_all_its_values() {
    let faces = [None, Some(landmarks(60.0, 40.0, 30.0, 10.0))];
    for (color, landmarks) in [Color::Gray, Color::Rgb].into_iter().flat_map(|color| faces.map(|face| (color, face))) {
        for (contrast, brightness) in [(0.5, 0.0), (0.3, -70.0), (0.2, 90.0)] {
            let picture = in_light(&slopes(120, 90), contrast, brightness);
            let chip = standardizing(color).chip(&picture, &face(10.0, 5.0, 90.0, 80.0, landmarks));
            let (mean, deviation) = mean_and_deviation(chip.pixels());
            assert!((mean - 129.5).abs() < 1.0 && (deviation - 54.0).abs() < 1.0, "{color:?} {contrast}: {mean} {deviation}");
        }
    }
}

#[test]
fn pictures_in_different_light_become_the_same_chip_but_for_rounding() {
    let standardizing = standardizing(Color::Gray);
    let expected = standardizing.whole(&slopes(96, 96));
    for (contrast, brightness) in [(0.6, 0.0), (0.4, 60.0), (0.4, -60.0)] {
        let chip = standardizing.whole(&in_light(&slopes(96, 96), contrast, brightness));
        let (most, mean) = difference(chip.pixels(), expected.pixels());
        assert!(most <= 6 && mean < 1.0, "{contrast} {brightness}: {most} {mean}");
    }
}

#[test]
fn a_chip_standardised_twice_is_as_if_once_but_for_rounding() {
    for contrast in [0.2, 0.7] {
        let once = standardizing(Color::Rgb).whole(&in_light(&slopes(96, 96), contrast, 20.0));
        let (most, _) = difference(standardizing(Color::Rgb).standardized(once.clone()).pixels(), once.pixels());
        assert!(most <= 1, "{contrast}: {most}");
    }
}

#[test]
fn the_last_step_alone_makes_of_a_bare_chip_what_all_steps_make_of_its_picture() {
    let (bare, standardizing) = (preprocess(48, Color::Gray, TIGHT), standardizing(Color::Gray));
    let picture = in_light(&slopes(70, 50), 0.3, 40.0);
    assert_eq!(standardizing.standardized(bare.whole(&picture)), standardizing.whole(&picture));
    assert_eq!(bare.standardized(bare.whole(&picture)), bare.whole(&picture), "nothing is done that was not asked for");
    assert_ne!(standardizing.whole(&picture), bare.whole(&picture));
}

#[test]
fn a_chip_of_one_shade_is_moved_and_its_noise_not_made_larger() {
    for shade in [0, 77, 255] {
        let chip = standardizing(Color::Gray).whole(&Picture::from_gray(48, 48, &[shade; 48 * 48]).unwrap());
        assert!(chip.pixels().iter().all(|v| *v == 130), "{shade}: {}", chip.pixels()[0]);
    }
    let noise: Vec<u8> = (0..48 * 48).map(|i| 20 + (i % 4) as u8).collect();
    let chip = standardizing(Color::Gray).whole(&Picture::from_gray(48, 48, &noise).unwrap());
    let (mean, deviation) = mean_and_deviation(chip.pixels());
    assert!((mean - 129.5).abs() < 0.6 && deviation < 2.0, "{mean} {deviation}");
}

#[test]
fn the_golden_chip_is_the_same_with_and_without_standardisation() {
    let chip = standardizing(Color::Gray).golden_chip();
    assert_eq!(chip, standardizing(Color::Gray).golden_chip());
    assert_eq!(chip, preprocess(48, Color::Gray, TIGHT).golden_chip());
}

#[test]
fn standardisation_is_written_only_where_it_is_asked_for() {
    let plain = preprocess(48, Color::Gray, TIGHT);
    let text = serde_json::to_string(&plain).unwrap();
    assert!(!text.contains("standardize"), "{text}");
    assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), plain, "cards of before read as they did");
    let text = serde_json::to_string(&standardizing(Color::Gray)).unwrap();
    assert!(text.contains(r#""standardize":{"mean":129.5,"deviation":54.0}"#), "{text}");
    assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), standardizing(Color::Gray));
}

#[test]
fn light_that_bytes_cannot_have_is_refused() {
    for (mean, deviation) in [(-1.0, 54.0), (256.0, 54.0), (129.5, 0.0), (129.5, 128.0), (f32::NAN, 54.0), (129.5, f32::NAN)] {
        let asked = Preprocess { standardize: Some(Standardize { mean, deviation }), ..preprocess(48, Color::Gray, TIGHT) };
        assert!(asked.check().unwrap_err().message().contains("brought to a mean"), "{mean} {deviation}");
    }
    assert!(standardizing(Color::Gray).check().is_ok());
}

/// A network that knows upright faces is shown one that lies on its side, or stands on its head, as if it were upright.
#[test]
fn the_chip_of_a_turned_face_is_that_of_the_upright_one() {
    let (width, height) = (120, 90);
    let (mut picture, mut bounds) = (slopes(width, height), [30.0, 15.0, 40.0, 50.0]);
    let mut landmarks = [[40.0, 30.0], [60.0, 30.0], [50.0, 42.0], [43.0, 52.0], [57.0, 52.0]];
    let framings = [Framing::Margin { margin: 0.1, shift_y: 0.05 }, ALIGNED];
    let chips = |picture: &Picture, [x, y, width, height]: [f32; 4], landmarks| {
        let face = face(x, y, width, height, Some(landmarks));
        framings.map(|framing| preprocess(32, Color::Rgb, framing).chip(picture, &face))
    };
    let upright = chips(&picture, bounds, landmarks);
    for turns in 1..4 {
        // A quarter turn against the clock.
        let wide = picture.width() as f32;
        let rows = (0..picture.width()).rev().map(|x| (0..picture.height()).map(move |y| (x, y)));
        let at = |(x, y): (u32, u32)| 3 * (y * picture.width() + x) as usize;
        let turned = rows.flatten().flat_map(|place| picture.rgb()[at(place)..][..3].to_vec()).collect();
        picture = Picture::from_rgb(picture.height(), picture.width(), turned).unwrap();
        landmarks = landmarks.map(|[x, y]| [y, wide - x]);
        bounds = [bounds[1], wide - bounds[0] - bounds[2], bounds[3], bounds[2]];
        for (turned, upright) in chips(&picture, bounds, landmarks).iter().zip(&upright) {
            let (apart, _) = difference(turned.pixels(), upright.pixels());
            assert!(apart <= 1, "{turns} turns: {apart} levels apart");
        }
    }
}

//! Animated GIF, WebP and PNG through the image crate, on a thread of their own.

use std::io::BufReader;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use fervor::{Limits, Picture, Result};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, ImageError, ImageResult, RgbaImage};

use super::{Frames, GiveFrames, unknown};
use crate::clip::{Clip, Decoder, Frame};
use crate::input::{Bytes, File, damaged, too_large};
use crate::options::{Chooser, Options, Passed};
use crate::sniff::Kind;

/// A frame without a length of its own, or with one that no browser follows, lasts so many seconds.
const UNSAID: f64 = 0.1;

/// GIFs are often made with lengths of 0 or 1 hundredths that nobody means.
const LEAST: f64 = 0.02;

/// What a decoder may take beyond the frames themselves.
const WORKING_MEMORY: u64 = 64 << 20;

type Drawn = ImageResult<image::Frame>;

/// The frames of an animation.
struct Animation {
    drawn: Receiver<Drawn>,
    chooser: Chooser,
    least: f64,
    index: u64,
    time: f64,
    ended: bool,
}

/// Opens an animation; a still picture is one of a single frame.
pub(super) fn open(file: File, kind: Kind, options: &Options) -> Result<(Clip, Frames)> {
    let (codec, least) = match kind {
        Kind::Gif => ("gif", LEAST),
        Kind::WebP => ("webp", 0.0),
        _ => ("apng", 0.0),
    };
    if !is_animated(BufReader::new(file.clone().into_reader()?), kind) {
        return still(&file, codec, options);
    }
    let reader = BufReader::new(file.into_reader()?);
    let (sender, drawn) = sync_channel(2);
    let (told, size) = sync_channel(1);
    let limits = options.limits.picture;
    // The image crate's frames cannot be handed from thread to thread, so they stay on one.
    thread::spawn(move || {
        let frames = match decoder(reader, kind) {
            Ok((size, frames)) => {
                let fits = fits(size, &limits);
                if told.send(Ok(size)).is_err() || !fits {
                    return;
                }
                frames
            }
            Err(error) => return drop(told.send(Err(error))),
        };
        for frame in frames {
            if sender.send(frame).is_err() {
                return;
            }
        }
    });
    let size = size.recv().map_err(|_| damaged("the animation cannot be decoded"))?;
    let (width, height) = size.map_err(refused)?;
    if !fits((width, height), &limits) {
        return Err(too_large(format!("the animation is too large: {width} x {height}")));
    }
    let mut clip = unknown(codec, Decoder::Own);
    (clip.width, clip.height) = (width, height);
    let animation = Animation { drawn, chooser: Chooser::new(options), least, index: 0, time: 0.0, ended: false };
    Ok((clip, Box::new(animation)))
}

fn fits((width, height): (u32, u32), limits: &Limits) -> bool {
    width.max(height) <= limits.side && u64::from(width) * u64::from(height) <= limits.pixels
}

/// Whether a file moves, as far as its header can be read.
fn is_animated(reader: BufReader<impl Bytes>, kind: Kind) -> bool {
    match kind {
        Kind::Gif => true,
        Kind::WebP => WebPDecoder::new(reader).is_ok_and(|decoder| decoder.has_animation()),
        _ => PngDecoder::with_limits(reader, memory()).and_then(|decoder| decoder.is_apng()).unwrap_or(false),
    }
}

/// A clip of one picture.
fn still(file: &File, codec: &str, options: &Options) -> Result<(Clip, Frames)> {
    let limits = options.limits.picture;
    let mut bytes = Vec::new();
    file.read(0, limits.bytes as u64 + 1, &mut bytes)?;
    let picture = Picture::decode(&bytes, &limits)?;
    let mut chooser = Chooser::new(options);
    let picture = chooser.takes(0.0).then_some(picture);
    Ok((unknown(codec, Decoder::Own), Box::new(Still { picture, passed: chooser.passed() })))
}

/// The only frame of a picture that does not move.
struct Still {
    picture: Option<Picture>,
    passed: Passed,
}

impl GiveFrames for Still {
    fn passed(&self) -> Passed {
        self.passed
    }
}

impl Iterator for Still {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        self.picture.take().map(|picture| Ok(Frame { index: 0, time: 0.0, picture: Ok(picture) }))
    }
}

/// What a decoder may take.
fn memory() -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(WORKING_MEMORY + (1 << 30));
    limits
}

type Opened = ((u32, u32), image::Frames<'static>);

/// The size and the frames.
fn decoder(reader: BufReader<impl Bytes + 'static>, kind: Kind) -> ImageResult<Opened> {
    Ok(match kind {
        Kind::Gif => {
            let mut decoder = GifDecoder::new(reader)?;
            decoder.set_limits(memory())?;
            (decoder.dimensions(), decoder.into_frames())
        }
        Kind::WebP => {
            let decoder = WebPDecoder::new(reader)?;
            (decoder.dimensions(), decoder.into_frames())
        }
        _ => {
            let decoder = PngDecoder::with_limits(reader, memory())?;
            (decoder.dimensions(), decoder.apng()?.into_frames())
        }
    })
}

fn refused(error: ImageError) -> fervor::Error {
    damaged("the animation is damaged").with_source(error)
}

/// Transparent pixels lie over white, as in a [`Picture`] that is decoded.
fn picture(drawn: &RgbaImage) -> Result<Picture> {
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels = drawn.as_raw().as_chunks::<4>().0;
    let rgb = pixels.iter().flat_map(|&[r, g, b, a]| [over(r, a), over(g, a), over(b, a)]).collect();
    Picture::from_rgb(drawn.width(), drawn.height(), rgb)
}

impl GiveFrames for Animation {
    fn passed(&self) -> Passed {
        self.chooser.passed()
    }
}

impl Iterator for Animation {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let frame = match self.drawn.recv() {
                Ok(Ok(frame)) => frame,
                // What follows builds upon the frame that is damaged.
                Ok(Err(error)) => {
                    self.ended = true;
                    return Some(Err(refused(error)));
                }
                Err(_) => break,
            };
            let (index, time) = (self.index, self.time);
            let (thousandths, parts) = frame.delay().numer_denom_ms();
            let lasts = f64::from(thousandths) / f64::from(parts.max(1)) / 1000.0;
            self.index += 1;
            self.time += if lasts <= 0.0 || lasts < self.least { UNSAID } else { lasts };
            if self.chooser.is_over(time) {
                break;
            }
            if self.chooser.takes(time) {
                return Some(Ok(Frame { index, time, picture: picture(frame.buffer()) }));
            }
        }
        self.ended = true;
        None
    }
}

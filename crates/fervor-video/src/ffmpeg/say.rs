//! What `ffmpeg` says on standard error, line by line.

/// What a line tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// A frame is about to come.
    Frame(Announced),
    /// The frames that follow count their times in steps of so many seconds: a numerator and a denominator.
    TimeBase(f64, f64),
    /// The source lasts so many seconds.
    Duration(f64),
    /// The codec of a video stream, and its frames a second.
    Video(String, Option<f64>),
    /// Its pictures are turned by so many degrees, counter-clockwise.
    Rotation(f64),
    /// Something went wrong.
    Error(String),
    /// Something else.
    Other,
}

/// A frame that is about to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Announced {
    /// Its time in steps of the time base, if it has one.
    pub steps: Option<i64>,
    /// The same in seconds, rounded to six digits.
    pub seconds: Option<f64>,
    pub width: u32,
    pub height: u32,
}

impl Line {
    pub(super) fn read(line: &str) -> Self {
        let line = line.trim_end();
        let Some((level, words)) = level(line) else { return Self::Other };
        if line.starts_with("[Parsed_showinfo_") {
            return frame(words).or_else(|| time_base(words)).unwrap_or(Self::Other);
        }
        match level {
            "info" => Self::told(words.trim()),
            // What the writer of raw pictures complains of concerns nobody.
            "error" | "fatal" | "panic"
                if !line.starts_with("[rawvideo @") && !words.contains("non monotonically increasing dts") =>
            {
                Self::Error(words.to_owned())
            }
            _ => Self::Other,
        }
    }

    /// What it says of the source.
    fn told(line: &str) -> Self {
        if let Some(rest) = line.strip_prefix("Duration: ") {
            return rest.split(',').next().and_then(clock).map_or(Self::Other, Self::Duration);
        }
        if let Some(rest) = line.strip_prefix("displaymatrix: rotation of ") {
            return rest.split(' ').next().and_then(|degrees| degrees.parse().ok()).map_or(Self::Other, Self::Rotation);
        }
        match line.split_once(": Video: ") {
            Some((stream, rest)) if stream.starts_with("Stream #0") => {
                let codec = rest.split([' ', ',']).next().unwrap_or(rest);
                let rate = rest.split(", ").find_map(|part| part.strip_suffix(" fps")?.trim().parse().ok());
                Self::Video(codec.to_owned(), rate)
            }
            _ => Self::Other,
        }
    }
}

/// A line's level and its words: first stands who speaks, if anyone, as `[h264 @ 0x55] [error] words`. What follows may be a
/// file's own words, such as its title.
fn level(mut line: &str) -> Option<(&str, &str)> {
    loop {
        let (tag, rest) = line.strip_prefix('[')?.split_once("] ")?;
        if !tag.contains(" @ ") {
            return Some((tag, rest));
        }
        line = rest;
    }
}

/// Of `showinfo`: `n:   0 pts:      0 pts_time:0       ... s:640x360 ...`; its other lines describe no frame.
fn frame(line: &str) -> Option<Line> {
    line.strip_prefix("n:")?;
    let value = |key: &str| {
        let at = line.find(key)? + key.len();
        line[at..].split_whitespace().next()
    };
    let (width, height) = value(" s:")?.split_once('x')?;
    let steps = value(" pts:").and_then(|steps| steps.parse().ok());
    let seconds = value(" pts_time:").and_then(|time| time.parse().ok()).filter(|time: &f64| time.is_finite());
    Some(Line::Frame(Announced { steps, seconds, width: width.parse().ok()?, height: height.parse().ok()? }))
}

/// Of `showinfo`, before the first frame: `config in time_base: 1/12288, frame_rate: 24/1`.
fn time_base(line: &str) -> Option<Line> {
    let (steps, _) = line.strip_prefix("config in time_base: ")?.split_once(',')?;
    let (seconds, parts) = steps.split_once('/')?;
    let (seconds, parts): (u32, u32) = (seconds.parse().ok()?, parts.parse().ok()?);
    (seconds > 0 && parts > 0).then(|| Line::TimeBase(seconds.into(), parts.into()))
}

/// Seconds of `00:01:02.40`.
fn clock(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ffmpeg_5_1_are_understood() {
        let line = "[Parsed_showinfo_0 @ 0x5581] [info] n:   3 pts:   1536 pts_time:0.125   duration:    512 \
                    duration_time:0.0416667 fmt:yuv420p cl:left sar:1/1 s:360x640 i:P iskey:0 type:B ";
        let announced = Announced { steps: Some(1536), seconds: Some(0.125), width: 360, height: 640 };
        assert_eq!(Line::read(line), Line::Frame(announced));
        let timeless = line.replace("pts:   1536 pts_time:0.125", "pts:   NOPTS pts_time:NOPTS");
        assert_eq!(Line::read(&timeless), Line::Frame(Announced { steps: None, seconds: None, ..announced }));
        let config = "[Parsed_showinfo_0 @ 0x5581] [info] config in time_base: 1/12288, frame_rate: 24/1";
        assert_eq!(Line::read(config), Line::TimeBase(1.0, 12288.0));
        for config in ["config out time_base: 0/0, frame_rate: 0/0", "config in time_base: 0/0, frame_rate: 0/0"] {
            assert_eq!(Line::read(&format!("[Parsed_showinfo_0 @ 0x5581] [info] {config}")), Line::Other);
        }
        let duration = "[info]   Duration: 00:01:02.50, start: 0.000000, bitrate: 362 kb/s";
        assert_eq!(Line::read(duration), Line::Duration(62.5));
        let video = "[info]   Stream #0:0[0x1](und): Video: vp9 (Profile 0), yuv420p(tv, bt709), 640x360, 30 fps";
        assert_eq!(Line::read(video), Line::Video("vp9".into(), Some(30.0)));
        assert_eq!(Line::read("[info]       displaymatrix: rotation of -90.00 degrees"), Line::Rotation(-90.0));
        let error = "[h264 @ 0x55] [error] error while decoding MB 3 7";
        assert_eq!(Line::read(error), Line::Error("error while decoding MB 3 7".into()));
        assert_eq!(Line::read("[rawvideo @ 0x55] [error] whatever"), Line::Other);
        assert_eq!(Line::read("[info]   Duration: N/A, bitrate: N/A"), Line::Other);
    }

    #[test]
    fn a_title_is_not_taken_for_ffmpegs_own_words() {
        let titles = [
            "Parsed_showinfo s:32x32 x",
            "[Parsed_showinfo_0 @ 0x5581] [info] n: 0 pts_time:0 s:32x32 x",
            "[h264 @ 0x55] [error] all is lost",
            "[error] all is lost",
        ];
        for title in titles {
            let line = format!("[info]     title           : {title}");
            assert_eq!(Line::read(&line), Line::Other, "{line}");
            // So a line break within a value goes on.
            assert_eq!(Line::read(&format!("                    : {title}")), Line::Other, "{title}");
        }
        let side_data = "[Parsed_showinfo_0 @ 0x5581] [info]   side data - of a camera s:32x32";
        assert_eq!(Line::read(side_data), Line::Other);
    }
}

//! Writes the seeds that each target starts from into `corpus/`: drawn pictures, a tiny network, tables of a few rows. Nothing
//! of them is kept in the repository, and no person is in them.
//!
//!     cargo run --release --bin seeds

use std::fs;
use std::io::Cursor;
use std::path::Path;

use fervor_fuzz::tiny::{self, Kind};
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, RgbaImage};

/// A drawn face of a few pixels: an oval, two eyes, a mouth.
fn drawn() -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let (dx, dy) = (x as f32 - 11.5, y as f32 - 11.5);
        let skin = dx * dx / 64.0 + dy * dy / 100.0 < 1.0;
        let eyes = (7..10).contains(&y) && (6..9).contains(&(if x > 11 { 23 - x } else { x }));
        let mouth = y == 17 && (8..16).contains(&x);
        let value = if eyes || mouth { 30 } else { 200 };
        image::Rgba([value, value - 20, value / 2, if skin { 255 } else { 90 }])
    };
    DynamicImage::ImageRgba8(RgbaImage::from_fn(24, 24, pixel))
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture can be written");
    bytes.into_inner()
}

fn moving() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for _ in 0..2 {
        encoder.encode_frame(Frame::new(drawn().to_rgba8())).expect("a frame can be written");
    }
    drop(encoder);
    bytes
}

/// A JPEG with an Exif block that says "turn a quarter".
fn turned() -> Vec<u8> {
    let jpeg = encoded(&DynamicImage::ImageRgb8(drawn().to_rgb8()), ImageFormat::Jpeg);
    let mut exif = b"\xFF\xE1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.splice(0..0, jpeg[..2].iter().copied());
    [exif, jpeg[2..].to_vec()].concat()
}

fn row(emotion: u8, usage: &str) -> String {
    let pixels: Vec<String> = (0..16u32).map(|i| ((i * 37 + u32::from(emotion)) % 256).to_string()).collect();
    format!("{emotion},{},{usage}\n", pixels.join(" "))
}

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(root.join(target))?;
        fs::write(root.join(target).join(name), bytes)
    };

    let (rgba, rgb, gray) = (drawn(), DynamicImage::ImageRgb8(drawn().to_rgb8()), DynamicImage::ImageLuma8(drawn().to_luma8()));
    let deep = DynamicImage::ImageRgb16(drawn().to_rgb16());
    let pictures = [
        ("rgb.jpg", encoded(&rgb, ImageFormat::Jpeg)),
        ("gray.jpg", encoded(&gray, ImageFormat::Jpeg)),
        ("turned.jpg", turned()),
        ("rgba.png", encoded(&rgba, ImageFormat::Png)),
        ("gray.png", encoded(&gray, ImageFormat::Png)),
        ("deep.png", encoded(&deep, ImageFormat::Png)),
        ("rgb.bmp", encoded(&rgb, ImageFormat::Bmp)),
        ("rgba.webp", encoded(&rgba, ImageFormat::WebP)),
        ("moving.gif", moving()),
        ("rgb.tiff", encoded(&rgb, ImageFormat::Tiff)),
        ("deep.tiff", encoded(&deep, ImageFormat::Tiff)),
    ];
    for (name, bytes) in &pictures {
        write("picture", name, bytes)?;
    }

    let clips = root.join("../../crates/fervor-video/tests/clips");
    for clip in fs::read_dir(clips)?.flatten().filter(|clip| clip.path().extension().is_some_and(|ending| ending != "txt")) {
        write("video", &clip.file_name().to_string_lossy(), &fs::read(clip.path())?)?;
    }
    write("video", "moving.gif", &moving())?;
    write("video", "two.mjpeg", &[turned(), turned()].concat())?;

    // Orders: tables, a frame of 8 x 8 in grey, a scan, a few coded bits; then with an orientation and restarts; then three components.
    write("jpeg", "gray", &[0, 0, 1, 0, 1, 0x10, 3, 0, 0, 8, 0, 8, 0, 0, 6, 0, 0, 11, 4, 0, 0, 0, 0])?;
    write(
        "jpeg",
        "turned",
        &[8, 6, 0, 0, 1, 0, 1, 0x10, 10, 0, 1, 3, 0, 0, 8, 0, 16, 0, 0, 6, 0, 0, 11, 2, 0, 0, 12, 0, 11, 2, 0, 0],
    )?;
    write(
        "jpeg",
        "color",
        &[9, 1, 0, 0, 1, 0, 1, 0x10, 5, 2, 0, 0, 8, 0, 8, 0x22, 0, 0x11, 0, 0x11, 0, 6, 2, 0, 0, 0, 11, 4, 0, 0, 0, 0],
    )?;
    write(
        "jpeg",
        "progressive",
        &[0, 0, 1, 0, 1, 0x10, 4, 0, 0, 8, 0, 8, 0, 0, 7, 0, 0, 0, 0, 0, 11, 2, 0, 0, 7, 0, 0, 1, 63, 0, 11, 2, 0, 0],
    )?;

    for (name, kind) in [("own", Kind::Own), ("general", Kind::General)] {
        write("bundle", name, &tiny::unsealed(kind))?;
        write("bundle", &format!("{name}-sealed"), tiny::bundle(kind).bytes())?;
    }

    let table = format!("emotion,pixels,Usage\n{}{}{}", row(3, "Training"), row(4, "PublicTest"), row(6, "PrivateTest"));
    let votes = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n\
                 Training,a.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,b.png,6,0,1,1,0,0,0,0,2,0\nPrivateTest,,0,0,0,0,0,0,0,0,0,10\n";
    write("table", "plain", format!("\0{table}").as_bytes())?;
    write("table", "packed", format!("\u{1}{table}").as_bytes())?;
    write("table", "votes", format!("\0{table}\n%%%\n{votes}").as_bytes())?;
    let mut xz = Vec::new();
    let mut packer = lzma_rust2::XzWriter::new(&mut xz, lzma_rust2::XzOptions::with_preset(1)).map_err(std::io::Error::other)?;
    std::io::Write::write_all(&mut packer, table.as_bytes())?;
    packer.finish()?;
    write("table", "xz", &[&[2], &xz[..]].concat())?;

    let line = |id: &str, label: &str| {
        format!(r#"{{"id":"{label}/{id}","label":"{label}","split":"train","hash":"{}"}}"#, "ab".repeat(32))
    };
    let manifest = format!(
        r#"{{"schema":"fervor.manifest/1","name":"faces","source":{{"path":"faces","kind":"folder"}},"labels":["happy","sad"],"samples":[{},{}]}}"#,
        line("a.png", "happy"),
        line("a.png", "sad")
    );
    write("manifest", "manifest", manifest.as_bytes())?;
    let of_table =
        manifest.replace("\"faces\",\"kind\":\"folder\"", "\"table.csv\",\"kind\":\"table\"").replace("happy/a.png", "row:0");
    write("manifest", "of-table", of_table.as_bytes())?;
    let decisions = "id,action,to,label,split,reason\nhappy/a.png,relabel,sad,happy,,\"a, b\"\nsad/a.png,move,test,sad,train,\n";
    for (name, bytes) in &pictures {
        write("manifest", name, &[b"\n%%%\n", decisions.as_bytes(), b"\n%%%\n", bytes].concat())?;
    }

    let chips = r#"{"id":"7","inputs":[{"name":"chip","datatype":"UINT8","shape":[1,1,8,8],"data":[DATA]}],"outputs":[{"name":"logits","parameters":{"binary_data":true}}]}"#
        .replace("DATA", &vec!["9"; 64].join(","));
    write("service", "chips", &[&[0, 0], chips.as_bytes()].concat())?;
    let mut head =
        r#"{"inputs":[{"name":"chip","datatype":"FP32","shape":[1,1,8,8],"parameters":{"binary_data_size":256}}]}"#.to_owned();
    head += &" ".repeat((4 - head.len() % 4) % 4);
    write("service", "raw", &[&[0, (head.len() / 4) as u8], head.as_bytes(), &[0; 256]].concat())?;
    let png = &pictures[4].1;
    let mut head = format!(
        r#"{{"inputs":[{{"name":"picture","datatype":"BYTES","shape":[1],"parameters":{{"binary_data_size":{}}}}}]}}"#,
        png.len() + 4
    );
    head += &" ".repeat((4 - head.len() % 4) % 4);
    let length = (png.len() as u32).to_le_bytes();
    write("service", "pictures", &[&[2, (head.len() / 4) as u8], head.as_bytes(), &length, png].concat())?;
    let form = b"--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n";
    write("service", "form", &[&[3, 0], &form[..], png, b"\r\n--edge--\r\n"].concat())?;
    write("service", "whole", &[&[5, 0], &png[..]].concat())?;
    write("service", "json", b"\x04\0{\"image\":\"aGVsbG8=\"}")
}

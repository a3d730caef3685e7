//! JPEG files put together from markers: mutation alone seldom gets the lengths and tables right that lead to the decoder's depths.

use crate::picture;

/// Tables of the standard (ITU T.81, annex K), shortened to what a grey block needs: few codes, but valid ones.
const QUANTISATION: [u8; 65] = {
    let mut table = [8; 65];
    table[0] = 0;
    table
};

/// A Huffman table of four codes of two bits, for class and place `place`.
fn codes(place: u8, values: [u8; 3]) -> Vec<u8> {
    let mut table = vec![place & 0x11, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    table.extend(values);
    table
}

/// Reads the bytes as orders for segments, and decodes what comes out. An order is a byte, then what it needs; missing bytes are 0.
pub fn jpeg(bytes: &[u8]) {
    let mut orders = bytes.iter().copied();
    let mut file = vec![0xFF, 0xD8];
    while let Some(order) = orders.next() {
        let mut next = || orders.next().unwrap_or_default();
        let (marker, content) = match order % 16 {
            0 => (0xDB, [&[next() & 0x13], &QUANTISATION[1..]].concat()),
            1 => (0xC4, codes(next(), [0, 1, 2])),
            2 => (0xC4, codes(next(), [next(), next(), next()])),
            3..=5 => {
                let components = 1 + next() % 4;
                let mut frame = vec![8, next() & 1, next(), next() & 1, next(), components];
                for id in 1..=components {
                    frame.extend([id, if order % 16 == 5 { next() } else { 0x11 }, next() & 3]);
                }
                (if order % 16 == 4 { 0xC2 } else { 0xC0 + next() % 3 }, frame)
            }
            6 | 7 => {
                let components = 1 + next() % 4;
                let mut scan = vec![components];
                for id in 1..=components {
                    scan.extend([id, next() & 0x33]);
                }
                scan.extend(if order % 16 == 6 { [0, 63, 0] } else { [next() & 63, next() & 63, next() & 0x11] });
                (0xDA, scan)
            }
            8 => {
                // An Exif block with one entry, the orientation.
                let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
                exif.extend([next(), 0, 0, 0, 0, 0, 0, 0]);
                (0xE1, exif)
            }
            9 => (0xEE, [&b"Adobe\0\x64\0\0\0\0"[..], &[next()]].concat()),
            10 => (0xDD, vec![next() & 1, next()]),
            11 => {
                // Coded data: no marker, no length.
                let count = next();
                for _ in 0..count {
                    let byte = next();
                    file.push(byte);
                    if byte == 0xFF {
                        file.push(0);
                    }
                }
                continue;
            }
            12 => {
                file.extend([0xFF, 0xD0 + next() % 8]);
                continue;
            }
            13 => {
                file.extend([0xFF, 0xD9]);
                continue;
            }
            // Anything: a marker, a length that may lie, bytes.
            14 => {
                let (marker, lie, count) = (next(), next(), next());
                file.extend([0xFF, marker, 0, lie]);
                file.extend((0..count).map(|_| next()));
                continue;
            }
            _ => {
                let (marker, count) = (next(), next());
                (marker, (0..count).map(|_| next()).collect())
            }
        };
        file.extend([0xFF, marker]);
        file.extend((content.len() as u16 + 2).to_be_bytes());
        file.extend(content);
        if file.len() > 1 << 16 {
            break;
        }
    }
    picture(&file);
    // With an end, whatever the orders said.
    file.extend([0xFF, 0xD9]);
    picture(&file);
}

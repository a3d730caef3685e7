//! The log of a run as TensorBoard reads it: a file of records, each an `Event` of TensorFlow's protocol buffers.
//!
//! Written by hand, since it is a handful of fields: the framing is that of TFRecord (length, data, masked CRC-32C of both), the
//! messages are `tensorflow/core/util/event.proto` and `tensorflow/core/framework/summary.proto`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::log::EpochLog;

/// TensorBoard looks for `tfevents` in a file's name.
pub const FILE: &str = "events.out.tfevents.fervor";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// Adds the log's last row to the run's file, or all rows where there is no file yet; the first row begins a new one. What stands in
/// the file stays, so that a TensorBoard that looks at it sees it grow.
///
/// # Errors
/// The file system refuses.
pub fn append(path: &Path, log: &[EpochLog]) -> io::Result<()> {
    let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let begins = log.len() <= 1 || !path.exists();
    let mut bytes = Vec::new();
    if begins {
        record(&mut bytes, &Event { wall_time, step: 0, what: Some(What::FileVersion("brain.Event:2".to_owned())) });
    }
    let rows = if begins { log } else { &log[log.len() - 1..] };
    for row in rows {
        record(&mut bytes, &Event { wall_time, step: row.epoch as i64, what: Some(What::Summary(summary(row))) });
    }
    let mut options = OpenOptions::new();
    let mut file = if begins { options.write(true).create(true).truncate(true) } else { options.append(true) }.open(path)?;
    file.write_all(&bytes)?;
    file.sync_data()
}

/// Curves of the same name before the `/` share a section of TensorBoard's page.
fn summary(row: &EpochLog) -> Summary {
    let values = [
        ("loss/training", row.train_loss),
        ("loss/validation", row.val_loss),
        ("accuracy/training", row.train_accuracy),
        ("accuracy/validation", row.val_accuracy),
        ("macro_f1/training", row.train_macro_f1),
        ("macro_f1/validation", row.val_macro_f1),
        ("training/learning_rate", row.learning_rate),
        ("training/pictures_per_second", row.pictures_per_second),
    ];
    let value = values.map(|(tag, value)| Value { tag: tag.to_owned(), simple_value: Some(value as f32) });
    Summary { value: value.into() }
}

/// One record: its length, the length's checksum, the data, the data's checksum.
fn record(out: &mut Vec<u8>, event: &Event) {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(&data);
    out.extend(masked(crc32c(&data)).to_le_bytes());
}

/// A checksum of data that may hold checksums itself, as TFRecord masks it.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: a few hundred bytes an epoch.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & 0u32.wrapping_sub(crc & 1));
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, appendix B.4, and the check value of every catalogue of checksums.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    fn row(epoch: usize) -> EpochLog {
        let value = epoch as f64 / 10.0;
        EpochLog {
            epoch,
            train_loss: 1.0 - value,
            train_accuracy: value,
            train_macro_f1: value,
            val_loss: 1.5 - value,
            val_accuracy: value,
            val_macro_f1: value,
            learning_rate: 0.01,
            seconds: 1.0,
            pictures_per_second: 100.0,
        }
    }

    /// Reads a file back, checksums checked.
    fn events(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let check = |data: &[u8], sum: &[u8]| assert_eq!(masked(crc32c(data)).to_le_bytes(), sum);
            check(&bytes[..8], &bytes[8..12]);
            check(&bytes[12..12 + length], &bytes[12 + length..16 + length]);
            events.push(Event::decode(&bytes[12..12 + length]).unwrap());
            bytes = &bytes[16 + length..];
        }
        events
    }

    #[test]
    fn a_file_grows_by_a_record_an_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let log: Vec<EpochLog> = (1..=3).map(row).collect();
        for epochs in 1..=3 {
            append(&path, &log[..epochs]).unwrap();
        }
        let found = events(&std::fs::read(&path).unwrap());
        assert_eq!(found.iter().map(|event| event.step).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(found[0].what, Some(What::FileVersion("brain.Event:2".to_owned())));
        let Some(What::Summary(summary)) = &found[2].what else { panic!("{:?}", found[2]) };
        assert_eq!(summary.value[1], Value { tag: "loss/validation".to_owned(), simple_value: Some(1.3) });

        std::fs::remove_file(&path).unwrap();
        append(&path, &log).unwrap();
        assert_eq!(events(&std::fs::read(&path).unwrap()).len(), 4, "a run from before has its earlier epochs, too");
        append(&path, &log[..1]).unwrap();
        assert_eq!(events(&std::fs::read(&path).unwrap()).len(), 2, "a run that begins again begins its file again");
    }
}

//! Whether all lengths in an ONNX file stay inside the messages that state them.
//!
//! Our own messages are read by prost, which checks that. But it passes over what they leave out (tensors and graphs in
//! attributes, for one), and the general engine, which reads more of them, takes lengths on trust: one near 2^64 sends it
//! backwards, and round in circles.

/// What stands in a length-delimited field.
#[derive(Clone, Copy)]
enum Content {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    Sequence,
    TensorType,
    Shape,
    /// A message without messages.
    Flat,
    /// Packed integers.
    Varints,
    /// Packed numbers of so many bytes.
    Fixed(usize),
    /// Text, bytes, or something that nobody reads.
    Opaque,
}

/// Graphs within graphs, and types within types, go no deeper.
const DEEPEST: usize = 64;

impl Content {
    /// By the field numbers of onnx.proto.
    fn of(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph | Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::ValueInfo, 2) | (Self::Sequence, 1) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::Type, 4) => Self::Sequence,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Flat,
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) => Self::Varints,
            (Self::Tensor, 4) | (Self::Attribute, 7) => Self::Fixed(4),
            (Self::Tensor, 10) => Self::Fixed(8),
            _ => Self::Opaque,
        }
    }
}

/// Whether the file may be given to an engine that takes its lengths on trust.
pub(super) fn hold(onnx: &[u8]) -> bool {
    walk(onnx, Content::Model, 0).is_some()
}

fn walk(mut bytes: &[u8], content: Content, depth: usize) -> Option<()> {
    match content {
        Content::Opaque => return Some(()),
        Content::Fixed(size) => return bytes.len().is_multiple_of(size).then_some(()),
        Content::Varints => {
            while !bytes.is_empty() {
                varint(&mut bytes)?;
            }
            return Some(());
        }
        _ if depth > DEEPEST => return None,
        _ => {}
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let length = match key & 7 {
            0 => {
                varint(&mut bytes)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)?).ok()?,
            5 => 4,
            // Groups, which ONNX has none of.
            _ => return None,
        };
        let (field, rest) = bytes.split_at_checked(length)?;
        if key & 7 == 2 {
            walk(field, content.of(key >> 3), depth + 1)?;
        }
        bytes = rest;
    }
    Some(())
}

/// The next number, seven bits a byte, the least first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            // The tenth byte holds the last of 64 bits.
            return (place < 9 || *byte <= 1).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::onnx::{GraphBuilder, ModelProto, int_list};

    fn tiny() -> ModelProto {
        let mut g = GraphBuilder::new("tiny", "pixels", [1, 8, 8]);
        let x = g.conv("pixels", &[0.1; 36], [4, 1, 3, 3], None, 1, 1);
        let axes = g.integers(&[2, 3]);
        let x = g.node("ReduceSum", &[&x, &axes], vec![int_list("unknown", &[1, -1])]);
        g.finish(&x, "logits", 4)
    }

    /// The model with one more attribute of these bytes, which our own messages pass over, in its first node.
    fn with_attribute(attribute: &[u8]) -> Vec<u8> {
        let delimited = |field: u8, content: &[u8]| {
            let mut bytes = vec![field << 3 | 2];
            prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
            [&bytes, content].concat()
        };
        let node = delimited(5, attribute);
        [tiny().encode_to_vec(), delimited(7, &delimited(1, &node))].concat()
    }

    #[test]
    fn files_of_ours_hold() {
        assert!(hold(&tiny().encode_to_vec()));
        // A tensor of two packed floats and dims in an attribute.
        assert!(hold(&with_attribute(b"\x2a\x0f\x0a\x01\x02\x10\x01\x22\x08\0\0\x80\x3f\0\0\0\0")));
    }

    /// An engine went round in circles at the first of them, and past the end of an array at the others.
    #[test]
    fn lengths_that_leave_their_message_do_not() {
        struct Case {
            attribute: &'static [u8],
            what: &'static str,
        }
        let cases = [
            Case { attribute: b"\x2a\x0b\x4a\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01", what: "almost 2^64 bytes in a tensor" },
            Case { attribute: b"\x2a\x02\x4a\x05", what: "more than the tensor holds" },
            Case { attribute: b"\x2a\x04\x22\x02\0\0", what: "half a float" },
            Case { attribute: b"\x2a\x03\x0a\x01\x80", what: "a number without an end" },
            Case { attribute: b"\x3a\x05\0\0\0\0\0", what: "a float and a quarter" },
            Case { attribute: b"\x0b\x0c", what: "a group" },
        ];
        for Case { attribute, what } in cases {
            assert!(!hold(&with_attribute(attribute)), "{what}");
        }
        // Graphs in graphs without an end.
        let deep = (0..500).fold(Vec::new(), |inner: Vec<u8>, _| {
            let wrap = |field: u8, content: Vec<u8>| {
                let mut bytes = vec![field << 3 | 2];
                prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
                [bytes, content].concat()
            };
            wrap(6, wrap(1, wrap(5, inner)))
        });
        assert!(!hold(&with_attribute(&deep)));
    }
}

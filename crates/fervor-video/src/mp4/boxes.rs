//! Boxes: a length, a name, a content.

use fervor::Result;

use crate::input::File;

/// A box of the file's top level.
pub(super) struct Header {
    pub name: [u8; 4],
    /// Where its content begins.
    pub content: u64,
    /// Where the next box begins; past the file's end if it was cut off.
    pub end: u64,
}

impl Header {
    /// The box that begins at `at`; none where what is there is too short for one or has a length that cannot be.
    pub(super) fn at(file: &File, at: u64) -> Result<Option<Self>> {
        let mut bytes = Vec::with_capacity(16);
        file.read(at, 16, &mut bytes)?;
        let mut reader = Fields(&bytes);
        let (Some(size), Some(name)) = (reader.u32(), reader.name()) else { return Ok(None) };
        let (head, size) = match size {
            0 => (8, file.length.max(at + 8) - at),
            1 => match reader.u64() {
                Some(size) => (16, size),
                None => return Ok(None),
            },
            size => (8, u64::from(size)),
        };
        let whole = size >= head && at.checked_add(size).is_some();
        Ok(whole.then(|| Self { name, content: at + head, end: at + size }))
    }
}

/// The boxes of a content, as far as they are whole.
pub(super) fn boxes(mut content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let mut reader = Fields(content);
        let (size, name) = (reader.u32()?, reader.name()?);
        let (head, size) = match size {
            0 => (8, content.len()),
            1 => (16, usize::try_from(reader.u64()?).ok()?),
            size => (8, size as usize),
        };
        let inner = content.get(head..size)?;
        content = &content[size..];
        Some((name, inner))
    })
}

/// The first box of this name.
pub(super) fn child<'a>(content: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(content).find(|(found, _)| found == name).map(|(_, content)| content)
}

/// Big-endian numbers, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn name(&mut self) -> Option<[u8; 4]> {
        self.take()
    }

    /// A number of 64 bits where `wide`, else of 32.
    pub(super) fn sized(&mut self, wide: bool) -> Option<u64> {
        if wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// Leaves out so many bytes.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Version and flags: how a full box begins.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        self.u32().map(|both| ((both >> 24) as u8, both & 0xFF_FFFF))
    }
}

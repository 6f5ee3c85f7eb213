//! Reads the container that Marian keeps models in.
//!
//! All numbers are little-endian:
//!
//! ```text
//! version u64 = 1, count u64
//! for each tensor:  name length u64, kind u64, dimensions u64, data length u64
//! for each tensor:  name, ended with zeros
//! for each tensor:  dimensions, i32 each
//! length of a gap u64, gap
//! for each tensor:  data
//! ```
//!
//! Nothing in a file is believed: a length is used only where so many bytes
//! are there, and what is allocated is never more than a few times the file.

use std::collections::BTreeMap;

use super::InferenceError;

const VERSION: u64 = 1;
const FLOAT32: u64 = 0x404;
const INT8: u64 = 0x101;
/// Bytes with the scale after them, in the order that products want.
const INTGEMM8: u64 = 0x4101;
/// More than this is a mistake, and would not be multiplied exactly.
const DIMENSION_MAX: usize = 1 << 20;
const HEADER_BYTES: usize = 32;

/// The tensors of a file.
pub(super) struct Container<'a> {
    tensors: BTreeMap<&'a str, Tensor<'a>>,
}

/// One tensor, as it is in the file.
#[derive(Clone, Copy)]
pub(super) struct Tensor<'a> {
    kind: u64,
    // Invariant: whole numbers of four bytes each, none over `DIMENSION_MAX`.
    dimensions: &'a [u8],
    data: &'a [u8],
}

/// Weights as bytes that stand for signed numbers.
pub(super) struct Weights<'a> {
    /// As the model is described: inputs, then outputs.
    pub(super) shape: [usize; 2],
    pub(super) bytes: &'a [u8],
    /// What the numbers were multiplied with.
    pub(super) scale: f32,
}

struct Header {
    name_bytes: usize,
    kind: u64,
    dimensions: usize,
    data_bytes: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Container<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, InferenceError> {
        let mut reader = Reader { rest: bytes };
        let version = reader.number()?;
        if version != VERSION {
            return Err(InferenceError::Version(version));
        }
        let count = reader.length()?;
        if reader.rest.len() / HEADER_BYTES < count {
            return Err(InferenceError::Truncated);
        }
        let headers = (0..count).map(|_| reader.header()).collect::<Result<Vec<_>, _>>()?;
        let names = headers.iter().map(|header| reader.name(header));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let dimensions = headers.iter().map(|header| reader.dimensions(header));
        let dimensions = dimensions.collect::<Result<Vec<_>, _>>()?;
        let gap = reader.length()?;
        reader.take(gap)?;

        let mut tensors = BTreeMap::new();
        for ((header, name), dimensions) in headers.iter().zip(names).zip(dimensions) {
            let data = reader.take(header.data_bytes)?;
            let tensor = Tensor { kind: header.kind, dimensions, data };
            if DIMENSION_MAX < tensor.shape().max().unwrap_or(0) {
                return Err(InferenceError::Shape { tensor: name.to_owned() });
            }
            if tensors.insert(name, tensor).is_some() {
                return Err(InferenceError::Twice { tensor: name.to_owned() });
            }
        }
        Ok(Self { tensors })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.tensors.keys().copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The text in `name`, which ends with a zero.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, InferenceError> {
        let data = self.tensor(name)?.data;
        let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
        str::from_utf8(&data[..end]).map_err(|_| InferenceError::Kind { tensor: name.to_owned() })
    }

    /// The numbers in `name`, however many they are.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, InferenceError> {
        let tensor = self.tensor(name)?;
        if tensor.kind != FLOAT32 {
            return Err(InferenceError::Kind { tensor: name.to_owned() });
        }
        let bytes = tensor.bytes(size_of::<f32>()).ok_or_else(|| bad_shape(name))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// The one number in `name`, which may be a float or a byte with a scale.
    pub(super) fn scalar(&self, name: &str) -> Result<f32, InferenceError> {
        if self.tensor(name)?.kind == FLOAT32 {
            let values = self.floats(name)?;
            return usable(name, *values.first().ok_or_else(|| bad_shape(name))?);
        }
        let (bytes, scale) = self.scaled(name)?;
        let byte = bytes.first().ok_or_else(|| bad_shape(name))?;
        usable(name, f32::from(byte.cast_signed()) / scale)
    }

    pub(super) fn weights(&self, name: &str) -> Result<Weights<'a>, InferenceError> {
        let (bytes, scale) = self.scaled(name)?;
        let shape: Vec<usize> = self.tensor(name)?.shape().collect();
        let shape: [usize; 2] = shape.try_into().map_err(|_| bad_shape(name))?;
        if bytes.is_empty() {
            return Err(bad_shape(name));
        }
        Ok(Weights { shape, bytes, scale: usable(name, scale)? })
    }

    fn scaled(&self, name: &str) -> Result<(&'a [u8], f32), InferenceError> {
        let tensor = self.tensor(name)?;
        if !matches!(tensor.kind, INT8 | INTGEMM8) {
            return Err(InferenceError::Kind { tensor: name.to_owned() });
        }
        let bytes = tensor.bytes(1).ok_or_else(|| bad_shape(name))?;
        let scale = tensor.data[bytes.len()..].first_chunk().ok_or_else(|| bad_shape(name))?;
        Ok((bytes, f32::from_le_bytes(*scale)))
    }

    fn tensor(&self, name: &str) -> Result<Tensor<'a>, InferenceError> {
        let tensor = self.tensors.get(name).copied();
        tensor.ok_or_else(|| InferenceError::Missing { tensor: name.to_owned() })
    }
}

impl<'a> Tensor<'a> {
    fn shape(self) -> impl Iterator<Item = usize> {
        let dimensions = self.dimensions.as_chunks().0.iter();
        // What is negative is too large as well.
        dimensions.map(|bytes| usize::try_from(u32::from_le_bytes(*bytes)).unwrap_or(usize::MAX))
    }

    // The data without what only fills it up.
    fn bytes(self, element_bytes: usize) -> Option<&'a [u8]> {
        let len = self.shape().try_fold(element_bytes, usize::checked_mul)?;
        self.data.get(..len)
    }
}

impl<'a> Reader<'a> {
    fn header(&mut self) -> Result<Header, InferenceError> {
        Ok(Header {
            name_bytes: self.length()?,
            kind: self.number()?,
            dimensions: self.length()?,
            data_bytes: self.length()?,
        })
    }

    fn name(&mut self, header: &Header) -> Result<&'a str, InferenceError> {
        let name = self.take(header.name_bytes)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        str::from_utf8(&name[..end]).map_err(|_| InferenceError::Name)
    }

    fn dimensions(&mut self, header: &Header) -> Result<&'a [u8], InferenceError> {
        self.take(header.dimensions.checked_mul(4).ok_or(InferenceError::Truncated)?)
    }

    fn length(&mut self) -> Result<usize, InferenceError> {
        usize::try_from(self.number()?).map_err(|_| InferenceError::Truncated)
    }

    fn number(&mut self) -> Result<u64, InferenceError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(InferenceError::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], InferenceError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(InferenceError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn bad_shape(name: &str) -> InferenceError {
    InferenceError::Shape { tensor: name.to_owned() }
}

// Something to multiply or divide with.
fn usable(name: &str, value: f32) -> Result<f32, InferenceError> {
    if value.is_normal() && value.is_sign_positive() {
        return Ok(value);
    }
    Err(InferenceError::Scale { tensor: name.to_owned() })
}

#[cfg(test)]
pub(super) mod testing {
    //! Containers made for tests.

    struct Item {
        name: String,
        kind: u64,
        shape: Vec<u32>,
        data: Vec<u8>,
    }

    /// A file that can be changed before it is written.
    #[derive(Default)]
    pub(in super::super) struct File(Vec<Item>);

    impl File {
        pub(in super::super) fn add(
            &mut self,
            name: &str,
            kind: u64,
            shape: &[usize],
            data: Vec<u8>,
        ) {
            let shape = shape.iter().map(|size| u32::try_from(*size).unwrap()).collect();
            self.0.push(Item { name: name.to_owned(), kind, shape, data });
        }

        pub(in super::super) fn floats(&mut self, name: &str, values: &[f32]) {
            let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.add(name, super::FLOAT32, &[1, values.len()], data);
        }

        pub(in super::super) fn remove(&mut self, name: &str) {
            self.0.retain(|item| item.name != name);
        }

        pub(in super::super) fn bytes(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            let mut number = |number: usize| bytes.extend((number as u64).to_le_bytes());
            number(1);
            number(self.0.len());
            for item in &self.0 {
                number(item.name.len() + 1);
                number(usize::try_from(item.kind).unwrap());
                number(item.shape.len());
                number(item.data.len());
            }
            for item in &self.0 {
                bytes.extend(item.name.bytes().chain([0]));
            }
            bytes.extend(
                self.0.iter().flat_map(|item| &item.shape).flat_map(|size| size.to_le_bytes()),
            );
            bytes.extend(3_u64.to_le_bytes());
            bytes.extend([0; 3]);
            bytes.extend(self.0.iter().flat_map(|item| &item.data));
            bytes
        }
    }

    /// Weights that differ from name to name, and their scale.
    pub(in super::super) fn int8(name: &str, count: usize) -> Vec<u8> {
        let mut state = name.bytes().fold(7_u32, |sum, byte| sum * 31 % 65_521 + u32::from(byte));
        let bytes = (0..count).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        });
        let mut bytes: Vec<u8> = bytes.collect();
        bytes.extend(100.0_f32.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{File, int8};
    use super::*;

    fn file() -> File {
        let mut file = File::default();
        file.floats("bias", &[1.5, -2.0]);
        file.add("W", INTGEMM8, &[2, 3], int8("W", 6));
        file.add("alpha", INTGEMM8, &[1, 1], [&[127], 2.0_f32.to_le_bytes().as_slice()].concat());
        file.add("text", 0x101, &[5], b"abc\0\0".to_vec());
        file
    }

    #[test]
    fn tensors_are_read() {
        let bytes = file().bytes();
        let container = Container::parse(&bytes).unwrap();
        assert_eq!(container.floats("bias").unwrap(), [1.5, -2.0]);
        let weights = container.weights("W").unwrap();
        assert_eq!((weights.shape, weights.bytes.len(), weights.scale), ([2, 3], 6, 100.0));
        assert_eq!(container.scalar("alpha"), Ok(63.5));
        assert_eq!(container.scalar("bias"), Ok(1.5));
        assert_eq!(container.text("text").unwrap(), "abc");
        assert_eq!(container.names().collect::<Vec<_>>(), ["W", "alpha", "bias", "text"]);

        let missing = InferenceError::Missing { tensor: "x".to_owned() };
        assert_eq!(container.floats("x"), Err(missing));
        let kind = InferenceError::Kind { tensor: "W".to_owned() };
        assert_eq!(container.floats("W"), Err(kind));
    }

    #[test]
    fn what_is_no_container_is_refused() {
        let bytes = file().bytes();
        for len in 0..bytes.len() {
            let cut = Container::parse(&bytes[..len]).err();
            assert_eq!(cut, Some(InferenceError::Truncated), "{len}");
        }
        let refused = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at..at + 8].fill(byte);
            Container::parse(&bytes).err()
        };
        assert_eq!(refused(0, 2), Some(InferenceError::Version(0x0202_0202_0202_0202)));
        // The count, a name's length, the dimensions and the length of data.
        for at in [8, 16, 32, 40] {
            for byte in [1, 0x7F, 0xFF] {
                assert_eq!(refused(at, byte), Some(InferenceError::Truncated), "{at}");
            }
        }
        let mut twice = file();
        twice.floats("bias", &[1.0]);
        let error = InferenceError::Twice { tensor: "bias".to_owned() };
        assert_eq!(Container::parse(&twice.bytes()).err(), Some(error));
        let mut huge = file();
        huge.add("huge", FLOAT32, &[1 << 31, 1 << 31], Vec::new());
        let error = InferenceError::Shape { tensor: "huge".to_owned() };
        assert_eq!(Container::parse(&huge.bytes()).err(), Some(error));
    }
}
